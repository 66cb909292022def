import type { Hint, Loaded, Page } from '../engines/engine.js';
import { notFound, type StreamError } from '../errors.js';
import type { Awaitable } from '../maybe-promise.js';
import type { Offset } from '../offset.js';
import { backoff, persist } from './clock.js';
import { ANY_TAG, expiredUnread, hole, regrown } from './continuity.js';
import { type Head, PART, type StoredOutcome } from './head.js';
import { type Asked, Known } from './known.js';
import { LiveEdge } from './live-edge.js';
import { type FollowerContext, type Life, type LogReader, type LogWriter, NOBODY } from './reading.js';
import { type Edge, give, replay } from './replay.js';
import { LastOffset, readSegment, type Segment } from './segments.js';
import { goneAt } from './time.js';

/**
 * THE place where replay becomes live, for every engine: follows one life of a stream for all its readers in this
 * process. The read is the truth; a push is a hint.
 *
 * The live edge is a position that all live readers share. A reader that comes replays pages up to that edge, by
 * itself, and then stands in line. The edge advances by entries that hints carry, if they join it, and else by reading;
 * and it rests only when it has reached every tail hinted and no end was hinted. Positions have to be dense, and tags
 * have to agree, from each entry to the next: what does not join is `DATA_LOSS`, never skipped over.
 *
 * A write that is made inside a callback only appends: the outermost call delivers it, to all, after all before it.
 */
export class Follower implements Edge, Life {
  readonly #edge: LiveEdge;
  readonly #context: FollowerContext;
  readonly #segments: readonly Segment[];
  #writers: Set<LogWriter> = NOBODY;
  /** The stream as it was last read, for what seldom changes. */
  #loaded: Loaded;
  readonly #known: Known;
  /** How many answers are awaited that bring the edge forward; meanwhile it rests. */
  #awaited = 0;
  /** How many of them say how the stream is. */
  #looking = 0;
  #confirmed: boolean;
  /** How often reads were behind hints in a row. */
  #doubts = 0;
  readonly #offsets = new LastOffset();

  constructor(
    readonly id: string,
    loaded: Loaded,
    segments: readonly Segment[],
    context: FollowerContext,
  ) {
    const { head } = loaded;
    this.#context = context;
    this.#segments = segments;
    this.#loaded = loaded;
    this.#edge = new LiveEdge(this, { position: head.tail, tag: head.tag }, context, (observed) => {
      context.observed(this, observed);
      this.leave();
    });
    this.#known = new Known(head);
    this.#confirmed = !context.engine.features.staleReads;
  }

  get generation(): number {
    return this.#loaded.head.generation;
  }

  /** The live edge. */
  get position(): number {
    return this.#edge.position;
  }

  /** The tag after the chunk that is being told. */
  get tellingTag(): number {
    return this.#edge.tellingTag;
  }

  set tellingTag(tag: number) {
    this.#edge.tellingTag = tag;
  }

  /** The stream as it was last read. */
  get head(): Head {
    return this.#loaded.head;
  }

  /** Whether the stream was taken from its readers before its end. */
  get cut(): boolean {
    return this.#edge.end?.type === 'lost';
  }

  /** Whether nobody reads or writes here. */
  get idle(): boolean {
    return this.#edge.size === 0 && this.#writers.size === 0;
  }

  get observed(): boolean {
    return this.#edge.size > 0;
  }

  /** The offset after so many chunks, of which the last is being told. */
  offsetAt(position: number): Offset {
    return this.#offsets.of(this.#loaded.head, position, this.tellingTag);
  }

  /** A reader comes back: what it had read is given to it, then it is looked whether the stream is still there. */
  attach(reader: LogReader): void {
    const { page } = reader;
    if (page !== undefined) {
      reader.page = undefined;
      this.#context.used(this);
      reader.source = this;
      reader.live = false;
      give(this, reader, page, Infinity, this.#context);
      if (reader.source !== this) return;
      reader.source = undefined;
    }
    this.#context.lookUp(reader, this);
  }

  /** Takes a reader in, whose `start` and `tag` are set. */
  join(reader: LogReader, tail: number): void {
    reader.source = this;
    reader.live = false;
    reader.liveFrom = Math.max(tail, this.#known.tail);
    const outermost = this.#edge.admit(reader, () => {
      try {
        reader.attached(!this.#known.ended);
      } catch (error) {
        this.#context.report(error);
      }
      // Who wants no chunks is not at any place.
      if (reader.start > tail) reader.tag = ANY_TAG;
      replay(this, reader, this.#context);
    });
    if (outermost) this.#advance();
  }

  detach(reader: LogReader): void {
    // It may come back, to behind the last chunk that it was told here.
    if (reader.live && reader.start <= this.#edge.position) reader.tag = this.#edge.tag;
    reader.start = Infinity;
    reader.live = false;
    this.#edge.dismiss(reader);
  }

  /** Takes a writer in. */
  write(writer: LogWriter): void {
    if (this.#writers === NOBODY) this.#writers = new Set();
    this.#writers.add(writer);
  }

  /** Lets a writer go. */
  release(writer: LogWriter): void {
    if (this.#writers.delete(writer)) this.leave();
  }

  /** Takes a hint. */
  hinted(hint: Hint): void {
    if (hint.n === 0 && hint.generation === 0) {
      this.#confirmed = !this.#context.engine.features.staleReads;
      this.lookAgain();
      return;
    }
    if (hint.generation < this.generation) return;
    if (hint.generation > this.generation || hint.gone) {
      this.gone();
      return;
    }
    for (const writer of this.#writers) writer.hinted(hint);
    if (hint.entries !== undefined) this.#edge.join(hint.entries);
    // Where hints may have been lost, versions may have been too, and have come anew.
    if (!this.#known.hinted(hint) && this.#looking > 0) this.#confirmed = false;
    // One of both is lost, the hint's or what was told.
    if (hint.tail === this.#edge.position && hint.tag !== this.#edge.tag) this.lookAgain();
    this.#advance();
  }

  /** For whoever begins to look at the stream: what the look may not fall behind. */
  get asked(): Asked {
    return { ...this.#edge.furthest, n: this.#known.n };
  }

  /**
   * Takes what the stream is, by a look that is not stale and began when {@link asked} was as it is given: a reader's, a
   * poll, or after hints may have been lost.
   */
  seen(loaded: Loaded | undefined, asked: Asked): void {
    if (loaded?.head.generation !== this.generation || loaded.head.facts.deleted) {
      this.gone();
      return;
    }
    const { head } = loaded;
    if (this.#edge.end !== undefined) {
      this.#tellWriters(head);
      return;
    }
    if (head.tail < asked.position || (head.tail === asked.position && head.tag !== asked.tag)) {
      this.lost(regrown(this.id));
      return;
    }
    const untold = this.#known.n === asked.n;
    this.#learn(loaded);
    // Also back: what was hinted at may have been lost before anybody read it. But what was hinted since is there.
    if (untold) {
      const { position } = this.#edge;
      // What was read meanwhile, or is being read, may be from before: then it is looked at once more.
      if (head.n < this.#known.n && (head.tail < position || this.#awaited > 0)) this.#confirmed = false;
      this.#known.set(head, position);
    }
    this.#tellWriters(head);
    this.#advance();
  }

  /** Looks at the store, because a hint may have been lost. */
  lookAgain(): void {
    this.#look(() => this.#context.engine.load([{ id: this.id }]));
  }

  /** This life of the stream is over: it was deleted, or has expired. */
  gone(): void {
    if (this.cut) return;
    for (const writer of [...this.#writers]) writer.seen(undefined);
    this.#edge.cut((start) => this.whyGone(start));
  }

  /** It was deleted, or has expired unread. */
  whyGone(start: number): StreamError {
    // Readers of ours that have left are none.
    const soft = this.observed ? this.#loaded.soft : { ...this.#loaded.soft, readers: 0 };
    const expired = goneAt(this.#loaded.head, soft, this.#context) <= this.#context.clock.now();
    return expired && start < this.#known.tail ? expiredUnread(this.id) : notFound(this.id);
  }

  /** Nothing more can be read; also not what is being replayed. */
  lost(error: StreamError): void {
    if (this.cut) return;
    for (const writer of [...this.#writers]) writer.lost(error);
    this.#edge.cut(() => error);
  }

  /** Called when somebody does not stay. */
  leave(): void {
    if (this.idle) this.#context.left(this);
  }

  #tellWriters(head: Head): void {
    for (const writer of [...this.#writers]) writer.seen(head);
  }

  /** Takes what a look shows, which may be more than hints have told. */
  #learn(loaded: Loaded): void {
    this.#loaded = loaded;
    this.#known.seen(loaded.head);
  }

  /** Brings the edge forward as far as it can go now; what has to be waited for goes on by itself. */
  #advance(): void {
    this.#edge.advance(this.#goOn);
  }

  /** Does what is next to bring the edge forward; gives whether it has come. */
  readonly #goOn = (): boolean => {
    if (this.#awaited > 0) return false;
    const { tail, tag, ended } = this.#known;
    if (this.#edge.position < tail) {
      if (this.#edge.nobodyWants(tail)) this.#edge.jump({ position: tail, tag });
      else this.#readOn();
    } else if (ended) {
      this.#readEnd();
    } else if (!this.#confirmed) {
      this.#confirm();
    } else {
      return false;
    }
    return this.#awaited === 0;
  };

  #readOn(): void {
    const { position } = this.#edge;
    this.#ask(
      () => this.page(position),
      (page) => {
        this.#take(page, position);
      },
    );
  }

  /** Takes a page that was asked for when the edge was at a position. */
  #take(page: Page, asked: number): void {
    const { current, entries } = page;
    if (entries.length > 0) {
      if (this.isThere(page) && this.#edge.join(entries)) this.#doubts = 0;
    } else if (this.#edge.position > asked) {
      // Hints have brought more meanwhile.
    } else if (this.#context.engine.features.staleReads || current?.head.tail === asked) {
      // The hint was ahead of what this read shows, or what it told of is lost.
      this.#doubt();
    } else if (this.isThere(page)) {
      this.lost((current as Loaded).head.tail < asked ? regrown(this.id) : hole(this.id, asked));
    }
  }

  /** A read gave less than a hint has told of: after a moment, the stream is looked at for sure. */
  #doubt(): void {
    this.#awaited++;
    const { clock } = this.#context;
    clock.after(backoff(++this.#doubts, 5, 500, clock), () => {
      this.#awaited--;
      this.#confirm();
    });
  }

  #confirm(): void {
    const { engine } = this.#context;
    this.#confirmed = true;
    this.#look(() => engine.confirm?.([this.id]) ?? engine.load([{ id: this.id }]));
  }

  #look(call: () => Awaitable<readonly (Loaded | undefined)[]>): void {
    const { asked } = this;
    this.#looking++;
    this.#ask(call, ([loaded]) => {
      this.#looking--;
      this.seen(loaded, asked);
    });
  }

  #readEnd(): void {
    this.#ask(
      () => this.#context.engine.load([{ id: this.id, parts: [PART.outcome] }]),
      ([loaded]) => {
        if (loaded?.head.generation !== this.generation) {
          this.gone();
          return;
        }
        this.#learn(loaded);
        const { head } = loaded;
        const outcome = loaded.parts[PART.outcome] as StoredOutcome | undefined;
        if (head.tail > this.#edge.position) {
          this.#known.tail = head.tail;
          this.#known.tag = head.tag;
        } else if (
          head.status === 'open' &&
          head.tail === this.#edge.position &&
          head.tag === this.#edge.tag
        ) {
          // The end that was hinted at is lost, but nothing that was told.
          this.#known.set(head, this.#edge.position);
        } else if (head.tail < this.#edge.position || head.tag !== this.#edge.tag || outcome === undefined) {
          this.lost(regrown(this.id));
        } else {
          this.#edge.end = this.#context.endOf(outcome);
        }
      },
    );
  }

  /** Asks the engine, until it answers or has failed for too long. While it is asked, the edge rests. */
  #ask<T>(call: () => Awaitable<T>, done: (value: T) => void): void {
    this.#awaited++;
    persist(
      this.#context,
      call,
      (value) => {
        this.#awaited--;
        done(value);
        this.#advance();
      },
      (error) => {
        this.lost(error);
      },
      () => this.#edge.end === undefined,
    );
  }

  /** A page after a position. */
  page(position: number): Awaitable<Page> {
    const { engine, maxPageBytes: maxBytes, maxPageChunks: maxChunks } = this.#context;
    const { id, generation } = this;
    return readSegment(engine, this.#segments, { id, generation, position, maxBytes, maxChunks });
  }

  /** Whether a page is of this life of the stream; else its readers are told. */
  isThere(page: Page): page is Page & { current: Loaded } {
    const { current } = page;
    if (current?.head.generation !== this.generation || current.head.facts.deleted) {
      this.gone();
      return false;
    }
    this.#learn(current);
    return true;
  }

  /** A reader has been given everything before the edge. */
  arrived(reader: LogReader): void {
    this.#edge.arrive(reader);
    this.#advance();
  }
}
