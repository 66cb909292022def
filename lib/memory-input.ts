import { Observable, type Subscriber } from 'rxjs';

import { attachDispose } from './dispose.js';
import { ended, type StreamError, toStreamError } from './errors.js';
import type { MemoryStream } from './memory-stream.js';
import type { Offset } from './offset.js';
import { done, reportUnhandled, type StreamEnd } from './reader.js';
import type { StreamInput, StreamStatus } from './stream-manager.js';

/** Writes a stream in memory, where everything is durable as soon as it is written. */
export class MemoryInput<C, O> implements StreamInput<C, O> {
  static {
    attachDispose(this.prototype);
  }

  readonly #stream: MemoryStream<C, O>;
  /** Why it can write no more, unless that is its own end or `close()`. */
  #failure: StreamError | undefined;
  /** Whether somebody was given the failure: a watcher, or else RxJS. */
  #told = false;
  #watchers: Set<Subscriber<StreamError>> | undefined;
  #abort: AbortController | undefined;
  /** The length of the stream when it was released; from then on the stream is not ours to tell of. */
  #releasedAt: number | undefined;

  constructor(stream: MemoryStream<C, O>) {
    this.#stream = stream;
  }

  get id(): string {
    return this.#stream.id;
  }

  get status(): StreamStatus {
    this.#stream.settle();
    return this.#stream.status;
  }

  get tail(): Offset {
    return this.#stream.offsetAt(this.#releasedAt ?? this.#stream.length);
  }

  get closed(): boolean {
    this.#stream.settle();
    return this.#stream.writer !== this;
  }

  get opened(): Promise<void> {
    return Promise.resolve();
  }

  get failed(): Observable<StreamError> {
    return new Observable((subscriber) => {
      if (this.closed) this.#tell(subscriber);
      else (this.#watchers ??= new Set()).add(subscriber);
      return () => this.#watchers?.delete(subscriber);
    });
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const reason = this.closed ? this.#failure : this.#stream.stopping;
      if (reason !== undefined) this.#abortWith(reason);
    }
    return this.#abort.signal;
  }

  next(chunk: C): void {
    const refusal = this.#put(chunk);
    if (refusal !== undefined) this.#refused(refusal);
  }

  write(chunk: C): Promise<Offset> {
    // Taken before: callbacks may write more before the write returns.
    const offset = this.#stream.offsetAt(this.#stream.length + 1);
    const refusal = this.#put(chunk);
    if (refusal === undefined) return Promise.resolve(offset);
    if (refusal === this.#failure) this.#told = true;
    return Promise.reject(refusal);
  }

  complete(...output: [output?: O]): void {
    this.#finish(done(output));
  }

  error(error: unknown): void {
    this.#finish({ type: 'error', error: toStreamError(error) });
  }

  flush(): Promise<void> {
    this.#stream.settle();
    if (this.#failure === undefined) return Promise.resolve();
    this.#told = true;
    return Promise.reject(this.#failure);
  }

  close(): void {
    if (!this.closed) this.#stream.abandon();
  }

  /** Told by the stream when this input can write no more; `failure` unless it ended the stream, or left, itself. */
  released(failure: StreamError | undefined): void {
    this.#releasedAt = this.#stream.length;
    if (failure !== undefined) this.#fail(failure);
    for (const watcher of this.#watchers ?? []) {
      try {
        this.#tell(watcher);
      } catch (error) {
        // Of a finalizer of the watcher's.
        reportUnhandled(error);
      }
    }
  }

  /** Told by the stream when it is to end soon. */
  stopRequested(error: StreamError): void {
    if (this.#abort !== undefined) this.#abortWith(error);
  }

  /** Appends a chunk, or gives the reason why not. */
  #put(chunk: C): StreamError | undefined {
    if (this.closed) return this.#refusal();
    try {
      this.#stream.append(chunk);
      return undefined;
    } catch (error) {
      return toStreamError(error);
    }
  }

  #finish(end: StreamEnd<O>): void {
    if (this.closed) {
      this.#refused(this.#refusal());
    } else {
      this.#stream.use();
      this.#stream.finish(end);
    }
  }

  #refusal(): StreamError {
    return this.#failure ?? ended(this.id);
  }

  /** A call failed that has no other way to say so. */
  #refused(error: StreamError): void {
    if (this.#stream.writer === this) {
      // A chunk is missing, so the stream can't go on, and its readers should not wait.
      this.#stream.finish({ type: 'error', error }, error);
    } else {
      this.#fail(error);
    }
    if (this.#told) return;
    // As for rejected promises: whoever takes `flush()` or `failed` right after the call is in time.
    queueMicrotask(() => {
      if (this.#told) return;
      this.#told = true;
      reportUnhandled(error);
    });
  }

  #fail(failure: StreamError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    if (this.#abort !== undefined) this.#abortWith(failure);
  }

  #tell(watcher: Subscriber<StreamError>): void {
    if (this.#failure !== undefined) {
      this.#told = true;
      watcher.next(this.#failure);
    }
    watcher.complete();
  }

  #abortWith(error: StreamError): void {
    this.#told = true;
    this.#abort?.abort(error);
  }
}
