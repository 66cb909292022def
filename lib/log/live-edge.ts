import type { Entry, Payload } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import { Line } from '../line.js';
import { ANY_TAG, misfit, regrown, undecodable } from './continuity.js';
import type { StreamEnd } from './outcome.js';
import type { Place } from './place.js';
import type { FollowerContext, LogReader, LogSource } from './reading.js';

/**
 * The live edge of a stream: the position that all live readers share, and their line. It is brought forward entry by
 * entry, by one dispatch loop: what is written inside a callback only appends, and the outermost call delivers it, to
 * all, after all before it. Entries have to continue each other; what does not join is `DATA_LOSS`.
 */
export class LiveEdge {
  /** The tag after the chunk that is being told. */
  tellingTag: number;
  /** Set once there is nothing more to come. */
  end: StreamEnd<never> | undefined;
  readonly #line = new Line<LogReader>();
  /** Entries that join the edge, and where they end. */
  readonly #entries: Entry[] = [];
  #joinedTo: number;
  #position: number;
  #tag: number;
  #delivering = false;
  /** Whether live readers may be ahead of the edge. */
  #awaited = false;

  constructor(
    private readonly source: LogSource & { readonly id: string; lost(error: StreamError): void },
    { position, tag }: Place,
    private readonly context: Pick<FollowerContext, 'decode' | 'report'>,
    /** Told when the first reader has come, and when the last one is gone. */
    private readonly observed: (observed: boolean) => void,
  ) {
    this.#position = position;
    this.#joinedTo = position;
    this.#tag = tag;
    this.tellingTag = tag;
  }

  get position(): number {
    return this.#position;
  }

  get tag(): number {
    return this.#tag;
  }

  /** The furthest place that anybody here was given: the edge, or that of a live reader ahead of it. */
  get furthest(): Place {
    let furthest = { position: this.#position, tag: this.#tag };
    if (!this.#awaited) return furthest;
    for (const { live, start, tag } of this.#line) {
      if (live && tag !== ANY_TAG && start > furthest.position) furthest = { position: start, tag };
    }
    return furthest;
  }

  /** How many readers are in line. */
  get size(): number {
    return this.#line.size;
  }

  /** Whether no reader wants any of the chunks before a position, so that they need not be read. */
  nobodyWants(until: number): boolean {
    for (const { start, live } of this.#line) if (!live || start < until) return false;
    return true;
  }

  /** Lets a reader into line, and does what brings it up to the edge; what is written meanwhile comes after that. */
  admit(reader: LogReader, bringUp: () => void): boolean {
    const outermost = !this.#delivering;
    this.#delivering = true;
    if (this.#line.add(reader).size === 1) this.observed(true);
    bringUp();
    if (outermost) this.#delivering = false;
    return outermost;
  }

  /** Lets a reader go. Gives whether it was in line. */
  dismiss(reader: LogReader): boolean {
    const left = this.#line.delete(reader);
    if (left && this.#line.size === 0) this.observed(false);
    return left;
  }

  /** Lets a reader that has been given everything before the edge be told what comes. */
  arrive(reader: LogReader): void {
    reader.live = true;
    if (this.#isAhead(reader)) this.#awaited = true;
  }

  /** Queues those of some entries that join the edge, and gives whether there were any. */
  join(entries: readonly Entry[]): boolean {
    const before = this.#joinedTo;
    for (const entry of entries) {
      const end = entry.position + entry.chunks.length;
      if (entry.position > this.#joinedTo || end <= this.#joinedTo) continue;
      this.#entries.push(entry);
      this.#joinedTo = end;
    }
    return this.#joinedTo > before;
  }

  /** Goes to a place without telling anybody what is before it. */
  jump({ position, tag }: Place): void {
    this.#position = position;
    this.#joinedTo = position;
    this.#tag = tag;
    if (this.#awaited) this.#meet();
  }

  /**
   * Delivers what is queued, and what `more` brings as long as it does, then the end if there is one; unless a call below
   * does so anyway.
   */
  advance(more: () => boolean): void {
    if (this.#delivering) return;
    this.#delivering = true;
    const entries = this.#entries;
    do {
      // Also what is queued meanwhile.
      for (const entry of entries) this.#deliver(entry);
      // For one, which it nearly always is, that takes a fraction of setting the length.
      if (entries.length === 1) entries.pop();
      else entries.length = 0;
    } while (this.end === undefined && (more() || entries.length > 0));
    this.#delivering = false;
    if (this.end !== undefined) this.#finish(this.end);
  }

  /** Ends all readers now, each with its error: nobody is given a chunk any more. */
  cut(errorFor: (start: number) => StreamError): void {
    if (this.end?.type === 'lost') return;
    this.end = { type: 'lost', error: errorFor(Infinity) };
    const errors = new Map<LogReader, StreamError>();
    for (const reader of this.#line) {
      errors.set(reader, errorFor(reader.live ? this.#position : reader.start));
    }
    this.#tell([...errors.keys()], (reader) => ({ type: 'lost', error: errors.get(reader) as StreamError }));
  }

  /** Gives an entry to all who are live. */
  #deliver(entry: Entry): void {
    const { position, chunks } = entry;
    if (this.end !== undefined || position + chunks.length <= this.#position) return;
    const error = misfit(this.source.id, entry, this.#position, this.#tag);
    if (error !== undefined) {
      this.source.lost(error);
      return;
    }
    this.#tag = entry.tag;
    for (let i = this.#position - position; i < chunks.length; i++) {
      const index = this.#position++;
      if (this.#line.size > 0) this.#dispatch(index, chunks[i] as Payload);
      if (this.#awaited) this.#meet();
      // It may have been deleted in a callback. TypeScript takes the field for what it was above.
      if ((this.end as StreamEnd<never> | undefined) !== undefined) return;
    }
  }

  /** The edge may have come to readers that were ahead of it. */
  #meet(): void {
    this.#awaited = false;
    for (const reader of this.#line.inOrder) if (this.#isAhead(reader)) this.#awaited = true;
  }

  /** Whether a live reader is ahead of the edge. Where they meet it has to have been given what is there. */
  #isAhead(reader: LogReader): boolean {
    const { live, start, tag } = reader;
    if (!live || tag === ANY_TAG || start < this.#position) return false;
    if (start > this.#position) return true;
    if (tag !== this.#tag) reader.end({ type: 'lost', error: regrown(this.source.id) });
    return false;
  }

  #dispatch(index: number, payload: Payload): void {
    const { decode, report } = this.context;
    let chunk: unknown;
    try {
      chunk = decode(payload);
    } catch (cause) {
      const error = undecodable(this.source.id, index, cause);
      this.cut(() => error);
      return;
    }
    // Who comes meanwhile gets this chunk from the replay.
    const line = this.#line.inOrder;
    this.tellingTag = this.#tag;
    for (let i = 0; i < line.length; i++) {
      try {
        for (; i < line.length; i++) {
          const reader = line[i] as LogReader;
          if (reader.live && reader.start <= index) reader.target.next?.(chunk as never);
        }
      } catch (error) {
        report(error);
      }
    }
  }

  /** Tells the end to all who have been given everything before it. */
  #finish(end: StreamEnd<never>): void {
    this.tellingTag = this.#tag;
    this.#tell(
      this.#line.inOrder.filter(({ live }) => live),
      () => end,
    );
  }

  /** Ends some readers. Out of the line first: whoever comes in a callback finds it without them. */
  #tell(readers: readonly LogReader[], endFor: (reader: LogReader) => StreamEnd<never>): void {
    if (readers.length === 0) return;
    for (const reader of readers) {
      this.#line.delete(reader);
      reader.start = Infinity;
    }
    for (const reader of readers) if (reader.source === this.source) reader.end(endFor(reader));
    if (this.#line.size === 0) this.observed(false);
  }
}
