import { ChunkObservable, DurableStream } from './durable-stream.js';
import { ended, toStreamError } from './errors.js';
import { Line } from './line.js';
import type { StreamEnd } from './log/outcome.js';
import { encodeOffset, type Offset } from './offset.js';
import { done, NO_CHUNK, type Reader, reportUnhandled } from './reader.js';
import type { StreamStatus } from './stream-manager.js';

// What a stream has before it has any: shared, because most streams are small, and so never added to.
const NO_CHUNKS: never[] = [];
const NOBODY = new Line<never>();

/**
 * A subject that replays everything to everybody, like a `ReplaySubject` without a limit, and knows its status and
 * its output. What differs from `ReplaySubject`:
 *
 * - Order is kept whatever callbacks do. A write made inside a callback is appended and returns; the outermost
 *   write or subscription delivers it, after everything before it, to everybody. So the stack never grows with
 *   nested writes.
 * - Subscribing and unsubscribing cost the same however many chunks or subscribers there are.
 * - Writing after the end throws `FAILED_PRECONDITION` instead of being ignored.
 *
 * Use it alone, or through a manager, which adds ids, lifetimes and inputs.
 */
export class StreamSubject<C, O = void> extends ChunkObservable<C, O> {
  /** @internal The one log; subscribers have positions in it. An empty one is not to be added to. */
  log: C[] = NO_CHUNKS;
  /** How many chunks of the log were given to the live readers. What is beyond waits for the outermost call. */
  #delivered = 0;
  /** In the order they came; `undefined` once the end has been told. */
  #readers: Line<Reader<C, O>> | undefined = NOBODY;
  #end: StreamEnd<O> | undefined;
  /** Whether some call below us on the stack delivers what is written. */
  #delivering = false;

  constructor(
    /** The name, for messages; a manager's id of the stream. */
    readonly id = 'stream',
    /** Which life of the id this is. */
    readonly generation = 0,
  ) {
    super();
  }

  /** @internal */
  override get reads(): this {
    return this;
  }

  /** What the stream is now, also while the end is still being delivered. */
  get status(): StreamStatus {
    return this.#end === undefined ? 'open' : this.#end.type === 'done' ? 'done' : 'error';
  }

  /** @internal How it has ended, also while that is still being delivered. */
  get end(): StreamEnd<O> | undefined {
    return this.#end;
  }

  /** How many chunks were written. */
  get length(): number {
    return this.log.length;
  }

  /** @internal How many chunks the live readers have been given. */
  get position(): number {
    return this.#delivered;
  }

  /** Whether anybody is subscribed. */
  get observed(): boolean {
    return this.#readers !== undefined && this.#readers.size > 0;
  }

  /** Writes a chunk. Throws `FAILED_PRECONDITION` after the end. */
  next(chunk: C): void {
    if (this.#end !== undefined) this.#refuse();
    if (this.log.length === 0) {
      // A literal has room for one chunk, the first push to an empty array makes room for seventeen.
      this.log = [chunk];
    } else {
      this.log.push(chunk);
    }
    if (!this.#delivering) this.deliver();
  }

  /** Ends the stream with an output, or with none. Throws `FAILED_PRECONDITION` after the end. */
  complete(...output: [output?: O]): void {
    this.seal(done(output));
    this.deliver();
  }

  /** Ends the stream with an error, as {@link toStreamError} makes it one. Throws `FAILED_PRECONDITION` after the end. */
  error(error: unknown): void {
    this.seal({ type: 'error', error: toStreamError(error) });
    this.deliver();
  }

  /** The stream, to read only, with all its views. */
  asObservable(): DurableStream<C, O> {
    return new DurableStream<C, O>(this);
  }

  /** The offset after so many chunks. */
  offsetAt(position: number): Offset {
    return encodeOffset(this.generation, position);
  }

  /** @internal */
  attach(reader: Reader<C, O>): void {
    const outermost = !this.#delivering;
    this.#delivering = true;
    reader.source = this;
    reader.liveFrom = this.log.length;
    if (this.#readers === NOBODY) this.#readers = new Line();
    if (this.#readers?.add(reader).size === 1) this.observedChanged();
    this.#replay(reader);
    if (this.#readers === undefined && this.#end !== undefined && reader.source === this)
      reader.end(this.#end);
    if (outermost) {
      this.#delivering = false;
      this.deliver();
    }
  }

  /** @internal */
  detach(reader: Reader<C, O>): void {
    reader.start = NO_CHUNK;
    if (this.#readers?.delete(reader) === true && this.#readers.size === 0) this.observedChanged();
  }

  /** Called when `observed` has changed. */
  protected observedChanged(): void {
    // For managers.
  }

  /** Sets the end without telling anybody yet. */
  protected seal(end: StreamEnd<O>): void {
    if (this.#end !== undefined) this.#refuse();
    this.#end = end;
  }

  /** Lets go of the chunks: whoever reads now or later gets this end and nothing else. */
  protected cut(end: StreamEnd<O>): void {
    this.log = NO_CHUNKS;
    this.#delivered = 0;
    this.#end = end;
    for (const reader of this.#readers ?? []) reader.start = NO_CHUNK;
    this.deliver();
  }

  /** @internal Gives what was written, then the end if there is one, to the live readers; unless a call below does so anyway. */
  deliver(): void {
    if (this.#delivering) return;
    const readers = this.#readers;
    if (readers === undefined) return;
    this.#delivering = true;
    while (this.#delivered < this.log.length) {
      const index = this.#delivered++;
      const chunk = this.log[index] as C;
      // Who comes meanwhile gets this chunk from the replay; who leaves, or is cut off, wants none any more.
      const line = readers.inOrder;
      for (let i = 0; i < line.length; i++) {
        try {
          for (; i < line.length; i++) {
            const reader = line[i] as Reader<C, O>;
            if (reader.start <= index) reader.target.next?.(chunk);
          }
        } catch (error) {
          reportUnhandled(error);
        }
      }
    }
    if (this.#end !== undefined) {
      this.#readers = undefined;
      if (readers.size > 0) this.observedChanged();
      for (const reader of readers) if (reader.source === this) reader.end(this.#end);
    }
    this.#delivering = false;
  }

  /** Gives a reader what the live readers have had. Whatever is written meanwhile comes to all by `deliver`. */
  #replay(reader: Reader<C, O>): void {
    try {
      reader.attached(this.#end === undefined);
    } catch (error) {
      reportUnhandled(error);
    }
    const log = this.log;
    reader.live = false;
    while (reader.start < this.#delivered) {
      try {
        while (reader.start < this.#delivered) {
          const chunk = log[reader.start++] as C;
          reader.target.next?.(chunk);
        }
      } catch (error) {
        reportUnhandled(error);
      }
    }
    reader.live = true;
  }

  #refuse(): never {
    throw ended(this.id);
  }
}
