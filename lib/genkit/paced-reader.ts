import type { DurableStream } from '../durable-stream.js';
import type { StreamEnd } from '../log/outcome.js';
import { type Readable, Reader } from '../reader.js';

/** Who is given a stream at their own pace. */
export interface Taker {
  /** Takes a chunk; gives whether there is room for more. */
  take(chunk: unknown): boolean;
  /** The stream has ended, or is lost. */
  end(end: StreamEnd<unknown>): void;
}

/**
 * Reads a stream for somebody who takes what they have room for. Otherwise it is attached to nothing: it is a position,
 * from which it goes on when it is asked to.
 */
export class PacedReader extends Reader<unknown, unknown> {
  override readonly target = this;
  #stream: Readable<unknown, unknown>;
  #position = 0;
  #reading = false;

  constructor(
    stream: DurableStream<unknown, unknown>,
    private readonly taker: Taker,
  ) {
    super();
    this.#stream = stream.reads;
  }

  /** Reads from where it is, until there is no room. */
  resume(): void {
    if (this.#reading || this.closed) return;
    this.#reading = true;
    this.start = this.#position;
    this.read(this.#stream);
  }

  next(chunk: unknown): void {
    this.#position = this.position;
    // Kept, so that eviction takes nothing from it, and another life of the id is not taken for this one.
    this.#stream = this.source ?? this.#stream;
    if (this.taker.take(chunk)) return;
    this.#reading = false;
    this.pause();
  }

  protected ended(end: StreamEnd<unknown>): void {
    this.taker.end(end);
  }
}
