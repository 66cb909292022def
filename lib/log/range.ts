import type { Entry, Loaded, Page, Payload, StreamEngine } from '../engines/engine.js';
import { notFound } from '../errors.js';
import { payloadBytes } from './bytes.js';
import { backoff, MAX_DOUBTS, persist, type Persistence } from './clock.js';
import { hole, misfit } from './continuity.js';
import type { Continuation } from './forks.js';
import type { Head } from './head.js';
import type { Place } from './place.js';
import { findSegments, readSegment, type Segment } from './segments.js';

/** Chunks that follow a place. */
export interface Range {
  /** The stream as it was at the last look. */
  readonly head: Head;
  readonly chunks: readonly Payload[];
  /** How many bytes they have. */
  readonly bytes: number;
  /** The place after them. */
  readonly place: Place;
  /** The tag after one of them, by the position there. */
  readonly tagAt: (position: number) => number;
}

const MAX_PAGE_CHUNKS = 8_192;

/**
 * Reads what follows a place of a stream, as it is stored, for whoever takes it all at once: as many chunks as have so
 * many bytes together, and one at least where there is one. At the tail nothing is read. Fails with `NOT_FOUND` if the
 * life of the stream is over meanwhile, and `DATA_LOSS` where chunks are missing.
 */
export function readRange(
  persistence: Persistence & { readonly engine: StreamEngine },
  id: string,
  { head }: Loaded,
  place: Place,
  maxBytes: number,
  { done, failed }: Continuation<Range>,
): void {
  if (place.position >= head.tail) {
    const { tail: position, tag } = head;
    done({ head, chunks: [], bytes: 0, place: { position, tag }, tagAt: () => tag });
    return;
  }
  findSegments(
    persistence,
    id,
    head,
    (segments) => {
      new RangeReader(persistence, id, head, segments, place, maxBytes, { done, failed }).read();
    },
    failed,
  );
}

class RangeReader {
  readonly #chunks: Payload[] = [];
  /** Up to which positions there is which tag. */
  readonly #tags: Place[] = [];
  #bytes = 0;
  #doubts = 0;
  #full = false;

  constructor(
    private readonly persistence: Persistence & { readonly engine: StreamEngine },
    private readonly id: string,
    private head: Head,
    private readonly segments: readonly Segment[],
    private place: Place,
    private readonly maxBytes: number,
    private readonly continuation: Continuation<Range>,
  ) {}

  read(): void {
    const { persistence, id, head, segments, place, maxBytes, continuation } = this;
    const { engine } = persistence;
    const most = Math.max(maxBytes - this.#bytes, 1);
    persist(
      persistence,
      () =>
        readSegment(engine, segments, {
          id,
          generation: head.generation,
          position: place.position,
          maxBytes: most,
          maxChunks: MAX_PAGE_CHUNKS,
        }),
      (page) => {
        this.#take(page);
      },
      (error) => {
        // What is before it is given; whoever asks for what follows is told.
        if (this.#chunks.length > 0) this.#over();
        else continuation.failed(error);
      },
    );
  }

  #take({ current, entries }: Page): void {
    const { id, persistence, continuation } = this;
    if (current?.head.generation !== this.head.generation || current.head.facts.deleted) {
      continuation.failed(notFound(id));
      return;
    }
    this.head = current.head;
    const before = this.place.position;
    for (const entry of entries) {
      const error = misfit(id, entry, this.place.position, this.place.tag);
      if (error !== undefined) {
        continuation.failed(error);
        return;
      }
      const isWhole = this.#add(entry);
      this.#tags.push(this.place);
      if (!isWhole) break;
    }
    const { position } = this.place;
    if (position > before) {
      if (position >= this.head.tail || this.#full) this.#over();
      else this.read();
    } else if (position >= this.head.tail || this.#full) {
      this.#over();
    } else if (persistence.engine.features.staleReads && this.#doubts < MAX_DOUBTS) {
      persistence.clock.after(backoff(++this.#doubts, 5, 500, persistence.clock), () => {
        this.read();
      });
    } else {
      continuation.failed(hole(id, position));
    }
  }

  /** Takes the chunks of an entry that there is room for; gives whether that was all. */
  #add({ position, chunks, bytes, tag }: Entry): boolean {
    const from = this.place.position - position;
    if (from === 0 && this.#bytes + bytes <= this.maxBytes) {
      for (const chunk of chunks) this.#chunks.push(chunk);
      this.#bytes += bytes;
      this.place = { position: position + chunks.length, tag };
      return true;
    }
    for (let i = from; i < chunks.length; i++) {
      const chunk = chunks[i] as Payload;
      const size = payloadBytes(chunk);
      this.#full = this.#chunks.length > 0 && this.#bytes + size > this.maxBytes;
      if (this.#full) return false;
      this.#chunks.push(chunk);
      this.#bytes += size;
      this.place = { position: position + i + 1, tag };
    }
    return true;
  }

  #over(): void {
    const { head, place } = this;
    const tags = this.#tags;
    this.continuation.done({
      head,
      chunks: this.#chunks,
      bytes: this.#bytes,
      place,
      tagAt: (wanted) => (tags.find(({ position }) => wanted <= position) ?? place).tag,
    });
  }
}
