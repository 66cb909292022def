import type { Loaded, Payload } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import { payloadBytes } from '../log/bytes.js';
import type { StoredOutcome } from '../log/head.js';
import type { Place } from '../log/place.js';
import type { Range } from '../log/range.js';
import { offsetOf } from '../log/segments.js';
import { decodeOffset, START } from '../offset.js';
import type { Kind } from './content.js';
import type { Context } from './context.js';
import { cursorAfter, intervalAt } from './cursor.js';
import { type LiveBody, MAX_WAITING_BYTES, type Sink } from './exchange.js';
import { shortOutcome } from './outcome.js';
import { controlEvent, dataEvent, MAX_HELD, unfinished } from './sse-format.js';
import { TailReader, type TailTarget } from './tail-reader.js';

/** How many bytes are read at once, unless an answer is to have less. */
const MAX_PAGE_BYTES = 262_144;

const encoder = new TextEncoder();

/** How many bytes are read at once for a client. */
export const pageBytes = ({ settings }: Context): number =>
  Math.min(settings.maxResponseBytes, MAX_PAGE_BYTES);

/**
 * One client that reads: page by page up to the tail, then chunk by chunk as they come, and page by page again where it
 * has not kept up. While it takes nothing, nothing is read for it.
 */
export class Session implements LiveBody, TailTarget {
  #sink: Sink | undefined;
  /** What was read and not told, with the offset after each: at least after the last few. */
  #chunks: Payload[] = [];
  #offsets: string[] = [];
  #bytes = 0;
  /** After what was read. */
  #place: Place;
  /** The first page, until it is taken. */
  #first: Range | undefined;
  /** After what was told. */
  #told: string;
  #toldUpToDate: boolean | undefined;
  /** The stream as it was last looked at; `undefined` where that is long ago. */
  #loaded: Loaded | undefined;
  #reader: TailReader | undefined;
  #reading = false;
  #flushing = false;
  #over = false;
  #cursor: string;
  /** The interval that it was made in. */
  #interval: number;
  readonly #generation: number;
  readonly #cancels: (() => void)[] = [];

  constructor(
    private readonly context: Context,
    private readonly id: string,
    private readonly kind: Kind,
    { loaded, place, first }: { readonly loaded: Loaded; readonly place: Place; readonly first: Range },
    cursor: string | null,
    private readonly signal: AbortSignal,
  ) {
    const { head } = loaded;
    const { clock } = context;
    this.#loaded = loaded;
    this.#place = place;
    this.#first = first;
    this.#generation = head.generation;
    this.#told = place.tag < 0 ? START : offsetOf(head, place.position, place.tag);
    this.#interval = intervalAt(clock.now());
    this.#cursor = cursorAfter(cursor, clock.now(), () => clock.random());
  }

  start(sink: Sink): void {
    this.#sink = sink;
    const { clock, settings, live, draining } = this.context;
    const finish = (): void => {
      this.#finish();
    };
    this.#cancels.push(clock.inBackground(settings.sseMs, finish));
    live.add(finish);
    this.signal.addEventListener('abort', finish);
    this.#cancels.push(() => {
      live.delete(finish);
      this.signal.removeEventListener('abort', finish);
    });
    if (this.signal.aborted || draining) finish();
  }

  /** The client has room. */
  pull(): void {
    if (this.#reading || this.#over || this.#reader !== undefined) return;
    this.#reading = true;
    this.#read().then(
      () => {
        this.#reading = false;
        // Nothing was told of what was read: whoever waits would not ask again.
        if (this.#hasRoom && this.#reader === undefined) this.pull();
      },
      (error: unknown) => {
        this.context.failed(error);
        this.#finish();
      },
    );
  }

  cancel(): void {
    this.#finish();
  }

  /** A chunk that has come at the tail. */
  chunk(payload: Payload, position: number): void {
    const reader = this.#reader as TailReader;
    this.#chunks.push(payload);
    this.#offsets.push(reader.offsetAt(position));
    this.#bytes += payloadBytes(payload);
    if (this.#bytes > MAX_WAITING_BYTES) this.#leave();
    this.#flushSoon();
  }

  /** The stream is closed, or gone. */
  over(lost: StreamError | undefined): void {
    this.#follow();
    this.#reader = undefined;
    if (lost !== undefined) {
      this.#tell(false, false);
      this.#finish();
      return;
    }
    // Nothing is read meanwhile.
    this.#reading = true;
    this.context.tellOutcome(
      this.id,
      this.#generation,
      (outcome) => {
        this.#tell(false, true, outcome);
        this.#finish();
      },
      (error) => {
        this.context.failed(error);
        this.#finish();
      },
    );
  }

  get #hasRoom(): boolean {
    return !this.#over && (this.#sink?.desiredSize ?? 0) > 0;
  }

  /** Reads a page, and tells of it; at the tail, begins to follow. */
  async #read(): Promise<void> {
    const { context, id } = this;
    const loaded = this.#loaded ?? (await context.look(id));
    if (loaded.head.generation !== this.#generation) {
      this.#finish();
      return;
    }
    const range = this.#first ?? (await context.read(id, loaded, this.#place, pageBytes(context)));
    this.#first = undefined;
    if (this.#over) return;
    this.#take(range);
    const { head } = range;
    this.#loaded = { ...loaded, head };
    const isAtTail = this.#place.position >= head.tail;
    const isClosed = isAtTail && head.status !== 'open';
    const outcome = isClosed ? await context.outcome(id, { head }) : undefined;
    this.#tell(isAtTail, isClosed, outcome);
    if (isClosed) this.#finish();
    else if (isAtTail) this.#followTail();
  }

  #take({ head, chunks, bytes, place, tagAt }: Range): void {
    const first = place.position - chunks.length;
    // What ends with text is told whole. Nobody asks for the offsets of others.
    const kept = this.kind !== 'text' || typeof chunks.at(-1) === 'string' ? 1 : MAX_HELD + 1;
    for (const [i, chunk] of chunks.entries()) {
      const position = first + i + 1;
      this.#chunks.push(chunk);
      this.#offsets.push(chunks.length - i <= kept ? offsetOf(head, position, tagAt(position)) : '');
    }
    this.#bytes += bytes;
    this.#place = place;
    if (chunks.length === 0 && this.#toldUpToDate === undefined) {
      this.#told = offsetOf(head, place.position, place.tag);
    }
  }

  #followTail(): void {
    const reader = new TailReader(this);
    this.#reader = reader;
    this.#loaded = undefined;
    reader.read(this.context.streams, this.id, this.#generation, this.#place);
  }

  /** Follows no more: what comes is read when there is room. */
  #leave(): void {
    this.#follow();
    this.#reader?.leave();
    this.#reader = undefined;
  }

  /** Goes to where the reader is. */
  #follow(): void {
    const last = this.#offsets.at(-1);
    const place = last === undefined ? undefined : decodeOffset(last);
    if (place !== undefined && this.#reader !== undefined) this.#place = place;
  }

  /** Tells all that comes at once in one event: one to be made and sent, however many appends it was. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.context.turn.atEnd(() => {
      this.#flushing = false;
      if (this.#over) return;
      this.#follow();
      this.#tell(this.#reader?.live === true, false);
      if (this.#hasRoom) this.pull();
      else this.#leave();
    });
  }

  /** Tells what was read, but for what ends in the middle of a character, and how far that is. */
  #tell(isAtTail: boolean, isClosed: boolean, outcome?: StoredOutcome): void {
    if (this.#over) return;
    const chunks = this.#chunks;
    const held = isClosed || this.kind !== 'text' ? 0 : unfinished(chunks);
    const count = chunks.length - held;
    const from = this.#told;
    if (count > 0) this.#told = this.#offsets[count - 1] as string;
    const upToDate = isAtTail && held === 0;
    const isNews = this.#toldUpToDate === undefined ? isAtTail : upToDate && !this.#toldUpToDate;
    if (count === 0 && !isNews && !isClosed) return;
    this.#toldUpToDate = upToDate;
    this.#chunks = held === 0 ? [] : chunks.splice(count);
    this.#offsets = held === 0 ? [] : this.#offsets.slice(count);
    this.#bytes = this.#chunks.reduce<number>((sum, chunk) => sum + payloadBytes(chunk), 0);
    this.#moveCursor();
    const next = this.#told;
    const cursor = isClosed ? undefined : this.#cursor;
    // Those who read the same are told in a row. What it is closed with is the same for all of them.
    const key = `${this.id} ${from} ${next} ${upToDate} ${cursor}`;
    const bytes = this.context.encoded(key, () => {
      const tail = controlEvent({
        streamNextOffset: next,
        ...(!isClosed && { streamCursor: this.#cursor }),
        ...((upToDate || isClosed) && { upToDate: true }),
        ...(isClosed && { streamClosed: true, streamOutcome: shortOutcome(outcome) }),
      });
      return encoder.encode(chunks.length === 0 ? tail : dataEvent(this.kind, chunks) + tail);
    });
    this.#sink?.enqueue(bytes);
  }

  /** The cursor is that of the interval, unless it is ahead of it. */
  #moveCursor(): void {
    const now = this.context.clock.now();
    const interval = intervalAt(now);
    if (interval === this.#interval) return;
    this.#interval = interval;
    if (BigInt(interval) > BigInt(this.#cursor)) this.#cursor = String(interval);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    for (const cancel of this.#cancels) cancel();
    this.#leave();
    this.#chunks = [];
    this.#offsets = [];
    try {
      this.#sink?.close();
    } catch {
      // The client has ended it.
    }
  }
}
