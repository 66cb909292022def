import type { Observable } from 'rxjs';

import { attachDispose } from './dispose.js';
import { ended, type StreamError, toStreamError } from './errors.js';
import { InputFailure } from './input-failure.js';
import type { StreamEnd } from './log/outcome.js';
import type { MemoryStream } from './memory-stream.js';
import type { Offset } from './offset.js';
import { done } from './reader.js';
import type { StreamInput, StreamStatus } from './stream-manager.js';

/** Writes a stream in memory, where everything is durable as soon as it is written. */
export class MemoryInput<C, O> implements StreamInput<C, O> {
  static {
    attachDispose(this.prototype);
  }

  readonly #stream: MemoryStream<C, O>;
  readonly #failure = new InputFailure(() => this.closed);
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
    return this.#failure.failed;
  }

  get signal(): AbortSignal {
    return this.#failure.signal(() => (this.closed ? this.#failure.error : this.#stream.stopping));
  }

  next(chunk: C): void {
    const refusal = this.#put(chunk);
    if (refusal !== undefined) this.#refused(refusal);
  }

  write(chunk: C): Promise<Offset> {
    // Taken before: callbacks may write more before the write returns.
    const offset = this.#stream.offsetAt(this.#stream.length + 1);
    const refusal = this.#put(chunk);
    return refusal === undefined ? Promise.resolve(offset) : this.#failure.reject(refusal);
  }

  complete(...output: [output?: O]): void {
    this.#finish(done(output));
  }

  error(error: unknown): void {
    this.#finish({ type: 'error', error: toStreamError(error) });
  }

  flush(): Promise<void> {
    this.#stream.settle();
    const { error } = this.#failure;
    return error === undefined ? Promise.resolve() : this.#failure.reject(error);
  }

  close(): void {
    if (!this.closed) this.#stream.abandon();
  }

  /** Told by the stream when this input can write no more; `failure` unless it ended the stream, or left, itself. */
  released(failure: StreamError | undefined): void {
    this.#releasedAt = this.#stream.length;
    if (failure !== undefined) this.#failure.set(failure);
    this.#failure.over();
  }

  /** Told by the stream when it is to end soon. */
  stopRequested(error: StreamError): void {
    this.#failure.abort(error);
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
    return this.#failure.error ?? ended(this.id);
  }

  /** A call failed that has no other way to say so. */
  #refused(error: StreamError): void {
    if (this.#stream.writer === this) {
      // A chunk is missing, so the stream can't go on, and its readers should not wait.
      this.#stream.finish({ type: 'error', error }, error);
    } else {
      this.#failure.set(error);
    }
    this.#failure.report(error);
  }
}
