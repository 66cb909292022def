import type { DurableStreamManager } from '../durable-manager.js';
import type { InMemoryStreamManager } from '../in-memory-manager.js';
import type { Inside } from '../inside.js';
import type { MaybePromise } from '../maybe-promise.js';
import { checkInteger, demand } from '../validation.js';
import { insideOfMemory } from './in-memory/inside.js';

/**
 * What a request wants to do with a stream. `close` is an append, perhaps of nothing, that also ends it. `stop` is a
 * `close` of nobody's, that appends nothing and can only end it `CANCELLED`.
 */
export type Operation = 'create' | 'append' | 'close' | 'stop' | 'read' | 'head' | 'delete';

/** What a hook is asked about. */
export interface Attempt {
  /** The request; its body is not to be read. */
  readonly request: Request;
  readonly streamId: string;
  readonly operation: Operation;
}

/** Who may read answers from other origins. */
export interface CorsOptions {
  /** The origins, or `'*'`. Default: `'*'`. */
  origin?: '*' | readonly string[] | undefined;
  /** Request headers to allow beside those of the protocol, such as `Authorization`. Default: all, by `'*'`. */
  allowHeaders?: readonly string[] | undefined;
}

/** Options of `createHandler`. What is out of range is `INVALID_ARGUMENT`. */
export interface HandlerOptions {
  /** Whose streams are served. Its clock is the handler's. */
  streams: DurableStreamManager | InMemoryStreamManager;
  /** What the paths of streams begin with. Default: `/v1/stream`. */
  basePath?: string | undefined;
  /**
   * Asked before anything is read or touched, for each request, and for the source of a fork too (`read`). What is not
   * `true` refuses: `false` with 403, a `Response` with that. A `StreamError` that it throws is answered by its code
   * (`UNAUTHENTICATED`: 401); everything else that it throws with 500. Default: everybody may do everything.
   */
  authorize?: ((attempt: Attempt) => MaybePromise<boolean | Response>) | undefined;
  /** Asked before `authorize`; a number refuses with 429, and asks the client to wait for so many seconds. */
  rateLimit?: ((attempt: Attempt) => MaybePromise<number | undefined>) | undefined;
  /** How many bytes the body of a request may have; more is 413. Default: 8 MiB. */
  maxBodyBytes?: number | undefined;
  /** How many bytes the header fields of a request may have together; more is 431. Default: 16 KiB. */
  maxHeaderBytes?: number | undefined;
  /** How long, in ms, the body of a request may take; longer is 408. Default: 30,000. */
  bodyMs?: number | undefined;
  /**
   * About how many bytes one answer, or one event of a live one, has at most: a chunk that is longer is given alone.
   * What follows is asked for by `Stream-Next-Offset`. Default: 1 MiB.
   */
  maxResponseBytes?: number | undefined;
  /** How long, in ms, a long-poll waits. Default: 25,000. */
  longPollMs?: number | undefined;
  /** After how long, in ms, a server-sent event stream is ended, for its reader to come again. Default: 60,000. */
  sseMs?: number | undefined;
  /**
   * How long, in ms, a stream that was created here is kept after it was closed. Default: `Infinity`, whatever the
   * manager has, because the protocol knows no such end.
   */
  ttl?: number | undefined;
  /** Who may keep answers: `private` where there is an `authorize`, else `public`. */
  cache?: 'public' | 'private' | 'no-store' | undefined;
  /**
   * Whether readers are given the outputs and errors that streams end with, in `Stream-Outcome`. If not, a stream that
   * has ended is closed, and nothing else is said. Default: `true`.
   */
  outcomes?: boolean | undefined;
  /** `false` for none. Default: every origin, without credentials. */
  cors?: boolean | CorsOptions | undefined;
  /** Told of failures of the server, of which clients are told nothing. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** {@link HandlerOptions}, checked and whole. */
export interface Settings extends Inside {
  readonly basePath: string;
  readonly authorize: HandlerOptions['authorize'];
  readonly rateLimit: HandlerOptions['rateLimit'];
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly bodyMs: number;
  readonly maxResponseBytes: number;
  readonly longPollMs: number;
  readonly sseMs: number;
  readonly ttl: number;
  readonly cache: 'public' | 'private' | 'no-store';
  readonly outcomes: boolean;
  readonly cors: CorsOptions | undefined;
  readonly onError: (error: unknown) => void;
}

const BASE_PATH = /^(\/[\w.~-]+)*$/;
const CACHES = ['public', 'private', 'no-store'];

/** Checks options. */
export function settingsOf(options: HandlerOptions): Settings {
  const { streams, basePath = '/v1/stream', authorize, rateLimit, cors = true } = options;
  const cache = options.cache ?? (authorize === undefined ? 'public' : 'private');
  const inside = insideOf(streams);
  demand(!inside.byReference, 'streams', "a manager with a codec, not with 'none'", streams);
  demand(
    BASE_PATH.test(basePath),
    'basePath',
    'a path such as /v1/stream, without a slash at its end',
    basePath,
  );
  demand(CACHES.includes(cache), 'cache', "'public', 'private' or 'no-store'", cache);
  for (const name of ['authorize', 'rateLimit', 'onError'] as const) {
    const hook = options[name];
    demand(hook === undefined || typeof hook === 'function', name, 'a function', hook);
  }
  const positive = (
    name: 'maxBodyBytes' | 'maxHeaderBytes' | 'maxResponseBytes',
    byDefault: number,
  ): number => {
    const value = checkInteger(name, options[name], byDefault);
    demand(value > 0, name, 'a positive integer or Infinity', value);
    return value;
  };
  return {
    ...inside,
    basePath,
    authorize,
    rateLimit,
    maxBodyBytes: positive('maxBodyBytes', 2 ** 23),
    maxHeaderBytes: positive('maxHeaderBytes', 2 ** 14),
    bodyMs: checkInteger('bodyMs', options.bodyMs, 30_000),
    maxResponseBytes: positive('maxResponseBytes', 2 ** 20),
    longPollMs: checkInteger('longPollMs', options.longPollMs, 25_000),
    sseMs: checkInteger('sseMs', options.sseMs, 60_000),
    ttl: checkInteger('ttl', options.ttl, Infinity),
    cache,
    outcomes: options.outcomes ?? true,
    cors: corsOf(cors),
    onError:
      options.onError ??
      ((error) => {
        console.error(error);
      }),
  };
}

/** Checks who may read: of a text in the place of the list of origins, every part would be one. */
function corsOf(cors: boolean | CorsOptions): CorsOptions | undefined {
  if (typeof cors === 'boolean') return cors ? {} : undefined;
  demand(
    Object(cors) === cors && !Array.isArray(cors),
    'cors',
    'true, false or { origin, allowHeaders }',
    cors,
  );
  const { origin = '*', allowHeaders = [] } = cors;
  demand(origin === '*' || isTexts(origin), 'cors.origin', "'*' or an array of origins", origin);
  demand(isTexts(allowHeaders), 'cors.allowHeaders', 'an array of names', allowHeaders);
  return cors;
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** What is inside a manager, whichever it is. */
function insideOf(streams: HandlerOptions['streams']): Inside {
  const { inside } = Object(streams) as Partial<HandlerOptions['streams']>;
  demand(inside !== undefined, 'streams', 'a DurableStreamManager or an InMemoryStreamManager', streams);
  return 'streams' in (inside as object)
    ? (inside as Inside)
    : insideOfMemory(streams as InMemoryStreamManager);
}
