import type { DurableStream } from '../durable-stream.js';
import type { StreamEnd } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { type Readable, Reader, type StreamSource } from '../reader.js';

/** A chunk, and the offset after it. */
export interface Placed<C> {
  readonly chunk: C;
  readonly offset: Offset;
}

/** So many chunks are read ahead of whoever takes them. */
const MOST_AHEAD = 512;

interface Taking<C> {
  resolve: (placed: readonly Placed<C>[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads a stream for somebody who takes what is there, at their own pace. It stays with the stream, since coming back
 * costs an engine a look, but is never further ahead than a bound: then it leaves, and comes back to where it was.
 * Begins with the first {@link take}.
 */
export class ReadAhead<C> extends Reader<C, unknown> {
  override readonly target = this;
  #stream: Readable<C, unknown>;
  #position = 0;
  #reading = false;
  #ahead: Placed<C>[] = [];
  #end: StreamEnd<unknown> | undefined;
  #taking: Taking<C> | undefined;

  constructor(stream: DurableStream<C, unknown>) {
    super();
    this.#stream = stream.reads;
  }

  /**
   * What has come since, at least one chunk; none once the stream is done, or after `unsubscribe()`. Rejects with what
   * the stream errors with. To be called again only when it has settled.
   */
  take(): Promise<readonly Placed<C>[]> {
    return new Promise((resolve, reject) => {
      this.#taking = { resolve, reject };
      this.#give();
      if (this.#reading || this.closed) return;
      this.#reading = true;
      this.start = this.#position;
      this.read(this.#stream);
    });
  }

  next(chunk: C): void {
    // Whoever is told something is attached.
    const source = this.source as StreamSource<C, unknown>;
    // Kept, so that eviction takes nothing from it.
    this.#stream = source;
    this.#position = this.position;
    this.#ahead.push({ chunk, offset: source.offsetAt(this.#position) });
    if (this.#ahead.length >= MOST_AHEAD) {
      this.#reading = false;
      this.pause();
    }
    this.#give();
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.#give();
  }

  protected ended(end: StreamEnd<unknown>): void {
    this.#end = end;
  }

  #give(): void {
    const taking = this.#taking;
    if (taking === undefined || (this.#ahead.length === 0 && !this.closed)) return;
    this.#taking = undefined;
    const placed = this.#ahead;
    this.#ahead = [];
    const end = this.#end;
    if (placed.length === 0 && end !== undefined && end.type !== 'done') taking.reject(end.error);
    else taking.resolve(placed);
  }
}
