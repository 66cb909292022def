import { asyncScheduler, type SchedulerLike } from 'rxjs';

import type { MaybePromise } from '../maybe-promise.js';
import { isMendable, retryDelays, type RetryOptions } from '../operators/retry.js';
import type { SubscribeOptions } from '../stream-manager.js';
import { checkInteger, demand } from '../validation.js';
import type { OffsetMemory } from './remember.js';

/** What a function is told that gives headers. */
export interface HeadersContext {
  /** Whether the server has just answered 401 to what was given before: a kept token is to be renewed. */
  readonly refresh: boolean;
}

/** The value of a header; `undefined` leaves it out. */
export type HeaderValue =
  string | undefined | ((context: HeadersContext) => MaybePromise<string | undefined>);

/** Headers by name, each a value or a function; or a function that gives them all. Functions are called per request. */
export type HeadersOption =
  | Readonly<Record<string, HeaderValue>>
  | ((context: HeadersContext) => MaybePromise<Readonly<Record<string, HeaderValue>>>);

/** How a server is asked: what reading and writing have in common. */
export interface ConnectionOptions {
  /**
   * Headers of every request, beside those of the protocol. After a 401 they are asked for once more, and the request is
   * repeated; a second 401 is `UNAUTHENTICATED`.
   */
  headers?: HeadersOption | undefined;
  /** What asks. Default: the platform's `fetch`. */
  fetch?: typeof fetch | undefined;
  /** Whether cookies are sent, as `fetch` has it. Default: the platform's, to the own origin. */
  credentials?: RequestCredentials | undefined;
  /**
   * How to try again what failed. By default for ever, for whatever a later try can mend: a server that can't be
   * reached, breaks off, or answers 408, 425, 429 or 5xx. `Retry-After` is kept to.
   */
  retry?: RetryOptions | undefined;
  /** Where all delays run. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /** Ends everything, with `CANCELLED`. */
  signal?: AbortSignal | undefined;
  /**
   * ms after which a connection is given up on which nothing is heard; one that waits for what comes is given
   * 60,000 more. Default: 15,000.
   */
  silence?: number | undefined;
}

/** Options of `durableStream`. */
export interface DurableStreamOptions extends ConnectionOptions, SubscribeOptions {
  /** How to follow a stream: by server-sent events, and by long-polling where they fail; or only so. Default: `'sse'`. */
  live?: 'sse' | 'long-poll' | undefined;
  /** ms in which the first event has to come, else long-polling takes over. Default: 5,000. */
  sseTimeout?: number | undefined;
  /** Whether to hold no connection while the page is hidden. Default: `false`. */
  pauseWhenHidden?: boolean | undefined;
  /** How many bytes one answer, or one event, may have; more is `RESOURCE_EXHAUSTED`. Default: 64 MiB. */
  maxResponseBytes?: number | undefined;
  /** Keeps the last offset, and begins after it where neither `after` nor `from` is given. See `remember`. */
  remember?: OffsetMemory | undefined;
  /**
   * Whether all tabs of the origin read the stream by one connection, where the platform has `BroadcastChannel` and Web
   * Locks. Default: `false`.
   */
  shareTabs?: boolean | undefined;
}

/** {@link ConnectionOptions}, checked and whole. */
export interface ConnectionSettings {
  readonly headers: HeadersOption;
  readonly fetch: typeof fetch;
  readonly credentials: RequestCredentials | undefined;
  readonly delayAfter: (failures: number) => number | undefined;
  readonly when: (error: unknown) => boolean;
  readonly scheduler: SchedulerLike;
  readonly signal: AbortSignal | undefined;
  readonly silence: number;
}

/** {@link DurableStreamOptions}, checked and whole. */
export interface ReadSettings extends ConnectionSettings {
  readonly live: 'sse' | 'long-poll';
  readonly sseTimeout: number;
  readonly pauseWhenHidden: boolean;
  readonly shareTabs: boolean;
  readonly maxResponseBytes: number;
  readonly wait: number;
}

/** Checks what reading and writing have in common. */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  const { headers = {}, retry = {}, scheduler = asyncScheduler } = options;
  const ask: unknown = options.fetch ?? globalThis.fetch;
  demand(typeof ask === 'function', 'fetch', 'given where the platform has none', ask);
  return {
    headers,
    // Called as a function: browsers refuse to be called as a method of something else.
    fetch: (input, init) => (ask as typeof fetch)(input, init),
    credentials: options.credentials,
    delayAfter: retryDelays(retry),
    when: retry.when ?? isMendable,
    scheduler,
    signal: options.signal,
    silence: checkInteger('silence', options.silence, 15_000),
  };
}

/** Checks options. */
export function readSettings(options: DurableStreamOptions): ReadSettings {
  const { live = 'sse', pauseWhenHidden = false, after, from } = options;
  demand(['sse', 'long-poll'].includes(live), 'live', "'sse' or 'long-poll'", live);
  const holds = from === undefined || (after === undefined && ['start', 'now'].includes(from));
  demand(holds, 'from', "'start' or 'now', and left out where after is given", from);
  return {
    ...connectionSettings(options),
    live,
    sseTimeout: checkInteger('sseTimeout', options.sseTimeout, 5_000),
    pauseWhenHidden,
    shareTabs: options.shareTabs ?? false,
    maxResponseBytes: checkInteger('maxResponseBytes', options.maxResponseBytes, 2 ** 26),
    wait: checkInteger('wait', options.wait, 0),
  };
}

/** The URL of a stream, which may be relative where there is a page. */
export function urlOf(url: string | URL): URL {
  let target: URL | undefined;
  try {
    target = new URL(url, (globalThis.location as Location | undefined)?.href);
  } catch {
    // Said below.
  }
  demand(target?.protocol.startsWith('http') === true, 'url', 'a URL of http: or https:', String(url));
  return target as URL;
}
