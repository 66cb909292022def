import { type Observer, Subscription, throwError } from 'rxjs';

import type { StreamError } from './errors.js';
import type { Offset } from './offset.js';
import type { StreamEvent, StreamStatus } from './stream-manager.js';

/** How a reader's stream ends: with an outcome, or without one because it was lost to the reader. */
export type StreamEnd<O> =
  | { readonly type: 'done'; readonly output?: O }
  | { readonly type: 'error'; readonly error: StreamError }
  | { readonly type: 'lost'; readonly error: StreamError };

/** Where a reader goes to read. */
export interface Readable<C, O> {
  /** Delivers to the reader all that it wants, then the end, until it is detached. Throws what it refuses. */
  attach(reader: Reader<C, O>): void;
}

/** The stream itself, which reads from a reader's `start`. */
export interface StreamSource<C, O> extends Readable<C, O> {
  /** Delivers nothing more to the reader. */
  detach(reader: Reader<C, O>): void;
  /** The offset after so many chunks. */
  offsetAt(position: number): Offset;
}

/** The `start` of a reader that wants no chunk; a small integer in every JavaScript engine's sense. */
export const NO_CHUNK = 0x3fffffff;

const IDLE = { next: (): void => undefined };

/** Gives an error to RxJS's `config.onUnhandledError`, on the timer and by the rules of RxJS itself. */
export const reportUnhandled = (error: unknown): void => {
  throwError(() => error).subscribe();
};

/**
 * One subscription to one stream: a position, and somebody to tell. Sources call `target.next` directly, without a
 * method of the reader in between, because that call is the hot path.
 */
export abstract class Reader<C, O> extends Subscription {
  /** Index of the first chunk wanted. A source advances it during replay only. */
  start = 0;
  /** How many chunks the stream had when this reader came. */
  liveFrom = 0;
  /** Whether the source's list has this reader; it may be detached and listed until the list is next compacted. */
  listed = false;
  source: StreamSource<C, O> | undefined = undefined;
  target: Pick<Observer<C>, 'next'> = IDLE;

  /** Called when it is attached to the stream itself; `open` if the stream has no end yet. May call user code. */
  attached(_open: boolean): void {
    // Most views have nothing to do here.
  }

  /** Starts to read; what is refused is told as an error. */
  read(stream: Readable<C, O>): void {
    try {
      stream.attach(this);
    } catch (error) {
      this.end({ type: 'lost', error: error as StreamError });
    }
  }

  /** Tells the end. May call user code. */
  protected abstract ended(end: StreamEnd<O>): void;

  /** Tells the end, and finishes the subscription. Never throws. */
  end(end: StreamEnd<O>): void {
    try {
      this.ended(end);
      this.unsubscribe();
    } catch (error) {
      reportUnhandled(error);
      this.unsubscribe();
    }
  }

  override unsubscribe(): void {
    if (this.closed) return;
    this.pause();
    this.target = IDLE;
    super.unsubscribe();
  }

  /** Detaches without finishing. */
  protected pause(): void {
    const { source } = this;
    this.source = undefined;
    source?.detach(this);
  }
}

/** Reads chunks, for plain observers and for RxJS subscribers alike. */
export class ChunkReader<C, O> extends Reader<C, O> {
  #observer: Partial<Observer<C>>;

  constructor(observer: Partial<Observer<C>>) {
    super();
    this.#observer = observer;
    if (observer.next) this.target = observer as Observer<C>;
  }

  protected ended(end: StreamEnd<O>): void {
    const observer = this.#observer;
    if (end.type === 'done') observer.complete?.();
    else if (observer.error) observer.error(end.error);
    else reportUnhandled(end.error);
  }

  override unsubscribe(): void {
    // Whoever keeps the subscription, or the source's list, should not keep the observer.
    this.#observer = IDLE;
    super.unsubscribe();
  }
}

/** Reads events. */
export class EventReader<C, O> extends Reader<C, O> {
  #position = 0;

  constructor(private readonly observer: Observer<StreamEvent<C, O>>) {
    super();
    this.target = this;
  }

  override attached(): void {
    this.#position = this.start;
  }

  next(chunk: C): void {
    const position = ++this.#position;
    this.observer.next({ type: 'chunk', chunk, offset: this.#offset(), replay: position <= this.liveFrom });
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type === 'lost') {
      this.observer.error(end.error);
    } else {
      this.observer.next({ ...end, offset: this.#offset() });
      this.observer.complete();
    }
  }

  #offset(): Offset {
    // A reader that is being told something is attached.
    return (this.source as StreamSource<C, O>).offsetAt(this.#position);
  }
}

/** Reads the final output. */
export class OutputReader<C, O> extends Reader<C, O> {
  constructor(private readonly observer: Observer<O>) {
    super();
  }

  override attached(): void {
    this.start = NO_CHUNK;
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type !== 'done') {
      this.observer.error(end.error);
    } else {
      if ('output' in end) this.observer.next(end.output);
      this.observer.complete();
    }
  }
}

/** Reads the status. */
export class StatusReader<C, O> extends Reader<C, O> {
  constructor(private readonly observer: Observer<StreamStatus>) {
    super();
  }

  override attached(open: boolean): void {
    this.start = NO_CHUNK;
    if (open) this.observer.next('open');
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type === 'lost') {
      this.observer.error(end.error);
    } else {
      this.observer.next(end.type);
      this.observer.complete();
    }
  }
}

interface Pull<C> {
  resolve: (result: IteratorResult<C, undefined>) => void;
  reject: (error: StreamError) => void;
}

/**
 * Reads one chunk per pull. Between pulls it is attached to nothing, so the stream is its only buffer; once attached
 * it keeps its stream, so that eviction takes nothing from it.
 */
export class PullReader<C, O> extends Reader<C, O> {
  readonly #pulls: Pull<C>[] = [];
  #stream: Readable<C, O>;
  #position = 0;

  constructor(stream: Readable<C, O>) {
    super();
    this.#stream = stream;
    this.target = this;
  }

  pull(): Promise<IteratorResult<C, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        resolve({ done: true, value: undefined });
      } else if (this.#pulls.push({ resolve, reject }) === 1) {
        this.start = this.#position;
        this.read(this.#stream);
      }
    });
  }

  override attached(): void {
    this.#position = this.start;
    if (this.source !== undefined) this.#stream = this.source;
  }

  next(chunk: C): void {
    this.#position++;
    const pull = this.#pulls.shift();
    if (this.#pulls.length === 0) this.pause();
    pull?.resolve({ done: false, value: chunk });
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type !== 'done') this.#pulls.shift()?.reject(end.error);
  }

  override unsubscribe(): void {
    super.unsubscribe();
    for (const { resolve } of this.#pulls.splice(0)) resolve({ done: true, value: undefined });
  }
}
