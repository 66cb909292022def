import { config, Observable, type Observer, Subscriber, type Subscription } from 'rxjs';

import {
  ChunkReader,
  EventReader,
  OutputReader,
  PullReader,
  type Readable,
  type Reader,
  StatusReader,
} from './reader.js';
import type { StreamEvent, StreamStatus } from './stream-manager.js';

// The reader joins the subscriber before the replay, so that `take(1)` ends the replay.
function read<C, O, T>(stream: Readable<C, O>, subscriber: Subscriber<T>, reader: Reader<C, O>): void {
  subscriber.add(reader);
  if (!reader.closed) reader.read(stream);
}

// One function for all, not a closure each: RxJS calls it on the observable.
function readChunks<C, O>(this: ChunkObservable<C, O>, subscriber: Subscriber<C>): void {
  read(this.reads, subscriber, new ChunkReader(subscriber));
}

/**
 * An `Observable` of a stream's chunks that serves plain observers without RxJS's wrapping of each: half the cost
 * of a chunk. RxJS's rules hold on both paths: nothing after the end, and what an observer throws goes to
 * `config.onUnhandledError`.
 */
export abstract class ChunkObservable<C, O> extends Observable<C> {
  /** @internal */
  abstract readonly reads: Readable<C, O>;

  constructor() {
    super(readChunks as unknown as (this: Observable<C>, subscriber: Subscriber<C>) => void);
  }

  override subscribe(observerOrNext?: Partial<Observer<C>> | ((value: C) => void) | null): Subscription;
  /** @deprecated Pass an observer, as in RxJS. */
  override subscribe(
    next?: ((value: C) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  /* eslint-disable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer -- what RxJS still has, its own path serves. */
  override subscribe(
    observerOrNext?: Partial<Observer<C>> | ((value: C) => void) | null,
    ...callbacks: [error?: ((error: unknown) => void) | null, complete?: (() => void) | null]
  ): Subscription {
    const observer = typeof observerOrNext === 'function' ? { next: observerOrNext } : (observerOrNext ?? {});
    if (
      callbacks.length > 0 ||
      // A Subscriber of any copy of RxJS, which expects the producer's subscription to be added to it.
      'add' in observer ||
      config.useDeprecatedSynchronousErrorHandling ||
      config.useDeprecatedNextContext
    ) {
      return super.subscribe(observerOrNext as (value: C) => void, ...callbacks);
    }
    /* eslint-enable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer */
    const reader = new ChunkReader<C, O>(observer);
    reader.read(this.reads);
    return reader;
  }
}

/**
 * A stream, to read. It is an `Observable` of its chunks, cold and then hot: everything written after the position
 * asked for, then live; it completes when the stream is done and errors with the stream's error. Each subscription
 * looks the stream up anew and has its own position; there is no buffer of its own to overflow.
 *
 * Errors, in every view: the stream's own error; `NOT_FOUND` (unknown, deleted or expired); `OUT_OF_RANGE` (an
 * offset of another generation); `INVALID_ARGUMENT` (a malformed id, offset or option); `UNAVAILABLE` (manager closed).
 */
export class DurableStream<C, O = void> extends ChunkObservable<C, O> {
  /** @internal */
  override readonly reads: Readable<C, O>;

  /** @internal Made by managers. */
  constructor(stream: Readable<C, O>) {
    super();
    this.reads = stream;
  }

  /**
   * Everything that happens, with offsets: each chunk, then `done` or `error` as a value; completes after it. What
   * is not an outcome of the stream (`NOT_FOUND`, `OUT_OF_RANGE`, `UNAVAILABLE`, …) is an error notification.
   */
  events(): Observable<StreamEvent<C, O>> {
    return new Observable((subscriber) => read(this.reads, subscriber, new EventReader(subscriber)));
  }

  /** The final output, once the stream is done. Completes empty if it was completed without one. */
  output(): Observable<O> {
    return new Observable((subscriber) => read(this.reads, subscriber, new OutputReader(subscriber)));
  }

  /** The status, the current one first; completes after `done` or `error`. */
  status(): Observable<StreamStatus> {
    return new Observable((subscriber) => read(this.reads, subscriber, new StatusReader(subscriber)));
  }

  /**
   * Pulls chunks at the consumer's own pace, by `for await`. Between pulls the iterator is a position and nothing
   * else: nothing is buffered for it, and nothing is dropped. Throws what the chunks would error with.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<C, undefined> {
    const reader = new PullReader(this.reads);
    return {
      next: () => reader.pull(),
      return: () => {
        reader.unsubscribe();
        return reader.pull();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
