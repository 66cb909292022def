import type { Observable, Observer } from 'rxjs';

import type { DurableStream } from './durable-stream.js';
import type { StreamError } from './errors.js';
import type { StreamStatus } from './log/outcome.js';
import type { MaybePromise } from './maybe-promise.js';
import type { Offset } from './offset.js';

export type { StreamStatus, MaybePromise };

/**
 * How long a stream lives. All are non-negative integers or `Infinity`, on the manager's scheduler; anything else
 * is `INVALID_ARGUMENT`. What a manager was given holds for each of its streams that was not given its own.
 */
export interface StreamLifetime {
  /** ms that a finished stream stays readable after its end. Default: 300,000 (5 minutes). */
  ttl?: number | undefined;
  /**
   * ms that any stream stays, open or finished, after it was last used: opened, written, ended by its producer,
   * subscribed to or pulled from.
   * Suspended while a live subscriber is there; `head` and `list` don't count. Default: `Infinity`.
   */
  idleTtl?: number | undefined;
  /** The moment, as ms of the scheduler's `now()`, from which the stream is gone. Default: `Infinity`. */
  expiresAt?: number | undefined;
  /**
   * ms after which a stream whose producer is gone ends with `DEADLINE_EXCEEDED`. On memory an input that was not
   * closed is alive, so the time runs from its `close()`. Default: `Infinity`, so that the stream stays open for
   * another producer.
   */
  lease?: number | undefined;
}

/** Options of {@link StreamManager.open}. */
export interface OpenOptions extends StreamLifetime {
  /**
   * Take over an open stream that exists: its former input fails with `ABORTED`, and writing goes on at its tail.
   * An unknown stream is `NOT_FOUND`, a finished one `FAILED_PRECONDITION`. Lifetimes given replace the stream's.
   */
  resume?: boolean | undefined;
}

/** Options of {@link StreamManager.subscribe}. */
export interface SubscribeOptions {
  /** Deliver only what comes after this offset. Not together with `from`. */
  after?: Offset | undefined;
  /** Deliver everything (`'start'`, the default), or only what is written from now on. */
  from?: 'start' | 'now' | undefined;
  /** ms to wait for a stream that is not open yet, else `NOT_FOUND`; `Infinity` is allowed. Default: 0. */
  wait?: number | undefined;
}

/** Options of {@link StreamManager.stop}. */
export interface StopOptions {
  /** Becomes the message of the `CANCELLED` error. On an engine it may have 256 bytes as JSON in UTF-8. */
  reason?: string | undefined;
  /** ms in which the producer, told by its input's `signal`, may still end the stream itself. Default: 0. */
  grace?: number | undefined;
}

/** Options of {@link StreamManager.list}. */
export interface ListOptions {
  /** Only ids that begin with this. Default: all. */
  prefix?: string | undefined;
  /** Only ids that sort after this one: the last of the page before. Default: from the first. */
  after?: string | undefined;
  /** At most so many: a non-negative integer or `Infinity`. Default: 1,000. */
  limit?: number | undefined;
}

/** What {@link StreamManager.head} and {@link StreamManager.list} tell of a stream. */
export interface StreamHead {
  readonly id: string;
  readonly status: StreamStatus;
  /** The end position: subscribing after it gives only what comes later. */
  readonly tail: Offset;
  /** How many chunks were written. */
  readonly chunks: number;
  /** When it was opened, as ms of the scheduler's `now()`. */
  readonly createdAt: number;
  /** When it ended, likewise. */
  readonly endedAt?: number;
  /** When it will be gone unless it is used before, likewise; absent if nothing known now will remove it. */
  readonly expiresAt?: number;
}

/** A chunk, as {@link DurableStream.events} gives it. */
export interface StreamChunkEvent<C> {
  readonly type: 'chunk';
  readonly chunk: C;
  /** Resume after this chunk with it. */
  readonly offset: Offset;
  /** Whether the chunk had been written before the subscription. */
  readonly replay: boolean;
}

/** The outcome of a `done` stream, as {@link DurableStream.events} gives it. */
export interface StreamDoneEvent<O> {
  readonly type: 'done';
  /** What the producer gave to `complete(output)`; the key is absent after `complete()`. */
  readonly output?: O;
  /** The tail. */
  readonly offset: Offset;
}

/** The outcome of an `error` stream, as {@link DurableStream.events} gives it. */
export interface StreamErrorEvent {
  readonly type: 'error';
  readonly error: StreamError;
  /** The tail. */
  readonly offset: Offset;
}

/** One thing that happened to a stream. */
export type StreamEvent<C, O = void> = StreamChunkEvent<C> | StreamDoneEvent<O> | StreamErrorEvent;

/**
 * Writes one stream. It is an `Observer`, so `source$.subscribe(input)` works; `next`, `complete` and `error` never
 * throw. What they can't do fails the input: {@link failed} emits, {@link flush} and {@link write} reject, and if nobody
 * watches any of these (or {@link signal}) by the next microtask, RxJS's `config.onUnhandledError` gets the error, once.
 */
export interface StreamInput<C, O = void> extends Observer<C> {
  /** The stream's id. */
  readonly id: string;
  /**
   * The stream's status; `'opening'` until an engine has answered whether the id is ours. On an engine it stays as it
   * was when the input was released.
   */
  readonly status: StreamStatus | 'opening';
  /** The position after the last chunk that is durable; after the input was released, where it was then. */
  readonly tail: Offset;
  /** Whether this input can write no more, for whatever reason. */
  readonly closed: boolean;
  /** Resolves once the id is ours; rejects with `ALREADY_EXISTS` if it is not. Writes queue behind it. */
  readonly opened: Promise<void>;
  /**
   * Emits once when the input can write no more for a reason other than its own end, then completes; at its own end
   * or `close()` it only completes. Codes: `CANCELLED` (stopped), `ABORTED` (taken over), `DEADLINE_EXCEEDED` (lease
   * lost), `NOT_FOUND` (deleted or expired), `FAILED_PRECONDITION` (written to after its end or `close()`),
   * `INVALID_ARGUMENT` and `RESOURCE_EXHAUSTED` (a chunk given to `next` was refused; the stream ends with that
   * error, since a chunk is missing), `UNAVAILABLE` (manager closed).
   */
  readonly failed: Observable<StreamError>;
  /**
   * Aborted, with the error as its reason, when a stop is requested (also with grace, while writing is still
   * allowed) and whenever {@link failed} emits. For `fetch` and the like.
   */
  readonly signal: AbortSignal;
  /** Writes a chunk after all before it. */
  next(chunk: C): void;
  /**
   * Writes a chunk and resolves with its offset once it is durable. Rejects with the codes of {@link failed}; a
   * chunk refused here rejects this call alone, and the input goes on.
   */
  write(chunk: C): Promise<Offset>;
  /** Ends the stream with an output, or with none. */
  complete(...output: [output?: O]): void;
  /**
   * Ends the stream with an error. A code it has is kept if it is a canonical one, else it is `UNKNOWN`; memory
   * keeps the original as `cause`.
   */
  error(error: unknown): void;
  /**
   * Resolves once everything written so far is durable, whatever is written or refused after it; rejects with the first
   * failure of the input.
   */
  flush(): Promise<void>;
  /**
   * Releases the input and leaves the stream without an outcome: open for another producer (`resume`), or ended with
   * `DEADLINE_EXCEEDED` after its `lease`. Calling it again, or after the end, changes nothing.
   */
  close(): void;
}

/**
 * Holds streams by id. `open` and `subscribe` are synchronous everywhere; the rest gives plain values on memory and
 * promises on an engine. Ids are non-empty, well-formed strings of at most 1,024 bytes in UTF-8, else
 * `INVALID_ARGUMENT`. After `close()` everything is `UNAVAILABLE`.
 */
export interface StreamManager {
  /**
   * Whether a producer can be gone without this process noticing, and no lease was given to the manager: then `durable`
   * requires one.
   */
  readonly needsLease?: boolean;
  /**
   * Claims an id and returns what writes its stream. A taken id is `ALREADY_EXISTS`, a full manager
   * `RESOURCE_EXHAUSTED`: thrown on memory, on an engine through the input.
   */
  open<C, O = void>(id: string, options?: OpenOptions): StreamInput<C, O>;
  /**
   * The stream of an id, to read: everything after `after` (default: the start), then live. Never throws: the id is
   * looked up, and the options are checked, at each subscription.
   */
  subscribe<C, O = void>(id: string, options?: SubscribeOptions): DurableStream<C, O>;
  /** Status, tail and times of a stream. `NOT_FOUND` if there is none. */
  head(id: string): MaybePromise<StreamHead>;
  /** The heads of streams in order of their ids (by code point). */
  list(options?: ListOptions): MaybePromise<StreamHead[]>;
  /** Removes a stream now: its subscribers and its input get `NOT_FOUND`. `NOT_FOUND` if there is none. */
  delete(id: string): MaybePromise<void>;
  /**
   * Ends a stream `CANCELLED`, now or after a grace, unless its producer ends it before. Changes nothing on a stream
   * that has ended. `NOT_FOUND` if there is none.
   */
  stop(id: string, options?: StopOptions): MaybePromise<void>;
  /** Gives everything back: subscribers and inputs get `UNAVAILABLE`. Calling it again changes nothing. */
  close(): MaybePromise<void>;
}
