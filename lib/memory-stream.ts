import { invalid, notFound, printed, StreamError } from './errors.js';
import type { Expiring, ExpiryQueue } from './expiry.js';
import type { StreamEnd } from './log/outcome.js';
import type { MemoryInput } from './memory-input.js';
import { type Offset, positionIn } from './offset.js';
import type { Reader } from './reader.js';
import type { StreamHead, StreamLifetime } from './stream-manager.js';
import { StreamSubject } from './stream-subject.js';
import { demand } from './validation.js';

/** A lifetime with nothing left out. */
export type FullLifetime = { readonly [K in keyof StreamLifetime]-?: number };

/** What the streams of one manager share. */
export interface MemoryStreams {
  /** Whoever keeps ids that are free here puts another map in the place of this one, which refuses them. */
  byId: Map<string, MemoryStream<unknown, unknown>>;
  readonly expiry: ExpiryQueue;
  readonly limits: Readonly<Record<'maxStreams' | 'maxChunks' | 'maxBytes', number>>;
  readonly sizeOf: ((chunk: unknown) => number) | undefined;
  /** Whether there is a limit to what a stream may have. */
  readonly limited: boolean;
  /** Told that the manager is closed, before its streams are. */
  closing?: (error: StreamError) => void;
}

/** The slot of a stream that will never be in the queue again. */
const GONE = -2;

/** An end that comes by itself unless the stream ends before. */
interface DueEnd {
  readonly at: number;
  readonly error: StreamError;
}

/** A stream of an in-memory manager: a subject with a writer and a lifetime. */
export class MemoryStream<C, O> extends StreamSubject<C, O> implements Expiring {
  deadline = Infinity;
  slot = -1;
  /** The input that may write, if there is one. */
  writer: MemoryInput<C, O> | undefined;
  /** Most streams share their manager's. */
  lifetime: FullLifetime;
  /** When it was last used, where that matters. */
  usedAt: number | undefined;
  /** How many bytes it has, where they are counted. */
  bytes = 0;
  readonly #streams: MemoryStreams;
  readonly #createdAt: number;
  #endedAt: number | undefined;
  /** The end of a stop's grace; or that of the lease, while there is no writer. */
  #due: DueEnd | undefined;

  constructor(streams: MemoryStreams, id: string, generation: number, lifetime: FullLifetime) {
    super(id, generation);
    this.#streams = streams;
    this.lifetime = lifetime;
    this.#createdAt = streams.expiry.now();
  }

  /** Whether it was evicted or removed: the id is no longer its own. */
  get gone(): boolean {
    return this.slot === GONE;
  }

  /** Of a stream with a writer: why it was asked to end soon. */
  get stopping(): StreamError | undefined {
    return this.#due?.error;
  }

  /** Makes true by the clock what is due, in case that the sweep has not run yet. Cheap where nothing can expire. */
  settle(): void {
    if (this.deadline === Infinity) return;
    const now = this.#streams.expiry.now();
    if (now >= this.deadline) this.expire(now);
  }

  head(): StreamHead {
    const goneAt = this.#goneAt();
    return {
      id: this.id,
      status: this.status,
      tail: this.offsetAt(this.length),
      chunks: this.length,
      createdAt: this.#createdAt,
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt }),
      ...(goneAt !== Infinity && { expiresAt: goneAt }),
    };
  }

  /** Appends a chunk. Throws what is refused. */
  append(chunk: C): void {
    if (this.#streams.limited) this.count(chunk);
    this.use();
    this.next(chunk);
  }

  /** How many chunks precede an offset. Throws what `positionIn` does. */
  positionOf(offset: Offset): number {
    return positionIn(offset, this.generation, this.length);
  }

  /** Ends the stream, now or at a moment that has passed. A `failure` is told to the writer. */
  finish(end: StreamEnd<O>, failure?: StreamError, at = this.#streams.expiry.now()): void {
    this.seal(end);
    this.#endedAt = at;
    this.#due = undefined;
    this.schedule();
    this.#release(failure);
    this.deliver();
  }

  /** Ends the stream `CANCELLED`, after a grace if it has a writer to use it; an earlier one that was granted stands. */
  stop(error: StreamError, grace: number): void {
    if (this.status !== 'open') return;
    const { writer } = this;
    const at = this.#streams.expiry.now() + (writer === undefined ? 0 : grace);
    if (this.#due !== undefined && this.#due.at <= at) return;
    this.#due = { at, error };
    this.schedule();
    if (grace > 0) writer?.stopRequested(error);
    this.settle();
  }

  /** Lets the writer go, and starts the lease; a stop that waited for the writer is due. */
  abandon(): void {
    const { lease } = this.lifetime;
    const now = this.#streams.expiry.now();
    this.#due =
      this.#due === undefined
        ? {
            at: now + lease,
            error: new StreamError('DEADLINE_EXCEEDED', `The producer was gone for ${lease} ms.`),
          }
        : { ...this.#due, at: now };
    this.schedule();
    this.#release();
    this.settle();
  }

  /** Gives the stream to a writer, its first or another. */
  handOver(writer: MemoryInput<C, O>, lifetime: FullLifetime): void {
    const former = this.writer;
    this.writer = writer;
    this.lifetime = lifetime;
    if (former === undefined) this.#due = undefined;
    this.use();
    this.schedule();
    former?.released(
      new StreamError('ABORTED', `Another producer has taken over the stream ${printed(this.id)}.`),
    );
  }

  /** Takes the stream, with its chunks, away from everybody who has it. */
  remove(error: StreamError): void {
    this.#forget();
    this.#release(error);
    this.cut({ type: 'lost', error });
  }

  /** Does what is due. */
  expire(now: number): void {
    const due = this.#due;
    // An end that was due comes first: the TTL runs from it.
    if (due !== undefined && due.at <= now && due.at < this.#goneAt()) {
      this.finish({ type: 'error', error: due.error }, due.error, due.at);
    }
    if (now < this.#goneAt()) {
      this.schedule();
      return;
    }
    this.#forget();
    if (this.status === 'open') {
      const error = notFound(this.id);
      this.finish({ type: 'lost', error }, error, now);
    }
  }

  /** Notes a use, which renews `idleTtl`. The queue is not told: it finds out when the former deadline comes. */
  use(): void {
    if (this.lifetime.idleTtl !== Infinity) this.usedAt = this.#streams.expiry.now();
  }

  /** Tells the queue when to look next, unless the stream is gone. */
  schedule(): void {
    if (this.gone) return;
    this.#streams.expiry.set(this, Math.min(this.#due?.at ?? Infinity, this.#goneAt()));
  }

  override attach(reader: Reader<C, O>): void {
    // An iterator comes here without a look-up.
    this.settle();
    this.use();
    super.attach(reader);
  }

  protected override observedChanged(): void {
    if (this.lifetime.idleTtl === Infinity) return;
    this.use();
    this.schedule();
  }

  #release(failure?: StreamError): void {
    const { writer } = this;
    this.writer = undefined;
    writer?.released(failure);
  }

  #forget(): void {
    const { byId, expiry } = this.#streams;
    if (!this.gone) byId.delete(this.id);
    expiry.set(this, Infinity);
    this.slot = GONE;
  }

  #goneAt(): number {
    const { ttl, idleTtl, expiresAt } = this.lifetime;
    return Math.min(
      expiresAt,
      this.#endedAt === undefined ? Infinity : this.#endedAt + ttl,
      this.observed ? Infinity : (this.usedAt ?? Infinity) + idleTtl,
    );
  }

  /** Counts a chunk that is to be appended. Throws what is refused. */
  count(chunk: C): void {
    const { limits, sizeOf } = this.#streams;
    if (this.length >= limits.maxChunks) this.#full('maxChunks', limits.maxChunks);
    if (sizeOf === undefined) return;
    let bytes: number;
    try {
      bytes = sizeOf(chunk);
      demand(bytes >= 0, 'sizeOf(chunk)', 'a number of bytes', bytes);
    } catch (cause) {
      throw invalid('sizeOf failed on the chunk.', { cause });
    }
    if (this.bytes + bytes > limits.maxBytes) this.#full('maxBytes', limits.maxBytes);
    this.bytes += bytes;
  }

  #full(name: string, limit: number): never {
    throw new StreamError(
      'RESOURCE_EXHAUSTED',
      `The stream ${printed(this.id)} is full: ${name} is ${limit}.`,
    );
  }
}
