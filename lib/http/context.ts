import type { Loaded } from '../engines/engine.js';
import { notFound, type StreamError } from '../errors.js';
import type { Clock } from '../log/clock.js';
import type { Command } from '../log/command.js';
import type { Answer } from '../log/group.js';
import type { StoredOutcome } from '../log/head.js';
import type { Place } from '../log/place.js';
import type { Range } from '../log/range.js';
import type { Streams } from '../log/streams.js';
import { readBody } from './body.js';
import { JSON_TYPE } from './content.js';
import type { HttpRequest } from './exchange.js';
import type { Attempt, Operation, Settings } from './options.js';
import { ProcessWriter } from './process-writer.js';
import { Refusal, refusal } from './refusal.js';
import { Turn } from './turn.js';

/** The codes that no request can bring about. */
const FAILURES = new Set(['DATA_LOSS', 'INTERNAL', 'UNAVAILABLE', 'UNKNOWN']);

/** What all requests of a handler share: the streams, as promises, and the settings. */
export class Context {
  readonly streams: Streams;
  readonly clock: Clock;
  readonly writer: ProcessWriter;
  /** What ends the answers that are live. */
  readonly live = new Set<() => void>();
  draining = false;
  /** When what is live tells of what has come, and what has not come at once is waited for. */
  readonly turn = new Turn((error) => {
    this.failed(error);
  });
  #encoded: { readonly key: string; readonly bytes: Uint8Array } | undefined;

  constructor(readonly settings: Settings) {
    this.streams = settings.streams;
    this.clock = settings.streams.clock;
    this.writer = new ProcessWriter(this.streams);
  }

  /** The events that were made last, which others who read the same are given too. */
  encoded(key: string, make: () => Uint8Array): Uint8Array {
    if (this.#encoded?.key !== key) this.#encoded = { key, bytes: make() };
    return this.#encoded.bytes;
  }

  /** Tells of a failure of the server. What a client is answered is none. */
  failed(error: unknown): void {
    const { code, name } = Object(error) as Partial<StreamError>;
    if (error instanceof Refusal || (name === 'StreamError' && code !== undefined && !FAILURES.has(code)))
      return;
    try {
      this.settings.onError(error);
    } catch {
      // Whoever is told has failed too, and nobody is left to be told of that.
    }
  }

  /** The whole body of a request. */
  body(request: HttpRequest): Promise<Uint8Array> {
    return readBody(request, this.settings, this.clock, this.turn);
  }

  /** Throws, or gives the answer to send, if a request may not do something. */
  async authorize(
    request: HttpRequest,
    streamId: string,
    operation: Operation,
  ): Promise<Response | undefined> {
    const { authorize } = this.settings;
    if (authorize === undefined) return undefined;
    // A hook that says nothing has not said yes.
    const verdict: unknown = await authorize(attemptOf(request, streamId, operation));
    if (verdict instanceof Response) return verdict;
    if (verdict === true) return undefined;
    throw refusal(403, 'PERMISSION_DENIED', `The request may not ${operation} this stream.`);
  }

  /** Throws if there are too many requests. */
  async limitRate(request: HttpRequest, streamId: string, operation: Operation): Promise<void> {
    const seconds = await this.settings.rateLimit?.(attemptOf(request, streamId, operation));
    if (seconds === undefined) return;
    throw refusal(429, 'RESOURCE_EXHAUSTED', 'There are too many requests.', {
      'retry-after': String(Math.max(0, Math.ceil(seconds))),
    });
  }

  /** A stream as the clock has it, also one that is only kept for its forks; `undefined` if there is none. */
  find(id: string): Promise<Loaded | undefined> {
    return new Promise((resolve, reject) => {
      this.streams.begin();
      this.streams.log.look(id, resolve, reject);
    });
  }

  /** A stream. Rejects with `NOT_FOUND` if there is none, which tells whether it is deleted and kept for its forks. */
  async look(id: string): Promise<Loaded> {
    const loaded = await this.find(id);
    if (loaded === undefined) throw notFound(id);
    if (loaded.head.facts.deleted) throw notFound(id, { details: { deleted: true } });
    return loaded;
  }

  /** Carries out a command. */
  submit(id: string, command: Command): Promise<Answer> {
    return new Promise((done, failed: (error: StreamError) => void) => {
      this.streams.begin();
      this.streams.log.submit({ id, command, done, failed });
    });
  }

  /** Chunks after a place. */
  read(id: string, loaded: Loaded, place: Place, maxBytes: number): Promise<Range> {
    return new Promise((done, failed) => {
      this.streams.read(id, loaded, place, maxBytes, { done, failed });
    });
  }

  /** The outcome of a stream that has ended, if it is to be told and is more than that. */
  outcome(id: string, { head }: Pick<Loaded, 'head'>): Promise<StoredOutcome | undefined> {
    return new Promise((resolve, reject) => {
      this.tellOutcome(id, head.generation, resolve, reject);
    });
  }

  /** The same for whoever can't wait where it is known at once. */
  tellOutcome(
    id: string,
    generation: number,
    done: (outcome: StoredOutcome | undefined) => void,
    failed: (error: StreamError) => void,
  ): void {
    if (this.settings.outcomes) this.streams.outcome(id, generation, { done, failed });
    else done(undefined);
  }

  /** A part of a stream. */
  async part(id: string, name: string): Promise<unknown> {
    const [loaded] = await this.streams.engine.load([{ id, parts: [name] }]);
    return loaded?.parts[name];
  }
}

/** What hooks are asked about. The `Request` is made for the first that looks at it. */
const attemptOf = (request: HttpRequest, streamId: string, operation: Operation): Attempt => ({
  get request() {
    return request.toRequest();
  },
  streamId,
  operation,
});

/** The media type of a stream. */
export const typeOf = ({ head }: Pick<Loaded, 'head'>): string => head.facts.contentType ?? JSON_TYPE;

/** A random name. */
export const randomName = (): string =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))));

/** The outcome of a stream that is closed. */
export const CLOSED = { type: 'done' } as const;
