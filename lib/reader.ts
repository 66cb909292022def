import { type Observer, Subscription, throwError } from 'rxjs';

import type { StreamError } from './errors.js';
import type { StreamEnd, StreamOutcome, StreamStatus } from './log/outcome.js';
import type { Offset } from './offset.js';
import type { StreamEvent } from './stream-manager.js';

const WITHOUT_OUTPUT: StreamOutcome<never> = { type: 'done' };

/** The outcome that `complete(...output)` means. */
export const done = <O>(output: [output?: O]): StreamOutcome<O> =>
  output.length === 0 ? WITHOUT_OUTPUT : { type: 'done', output: output[0] as O };

/** Where a reader goes to read. */
export interface Readable<C, O> {
  /** Delivers to the reader all that it wants, then the end, until it is detached. Throws what it refuses. */
  attach(reader: Reader<C, O>): void;
}

/** The stream itself, which reads from a reader's `start`. */
export interface StreamSource<C, O> extends Readable<C, O> {
  /** Delivers nothing more to the reader. */
  detach(reader: Reader<C, O>): void;
  /** How many chunks the live readers have been given. */
  readonly position: number;
  /** The offset after so many chunks. */
  offsetAt(position: number): Offset;
}

/** The `start` of a reader that wants no chunk; a small integer in every JavaScript engine's sense. */
export const NO_CHUNK = 0x3fffffff;

const IDLE = {};

/** Gives an error to RxJS's `config.onUnhandledError`, on the timer and by the rules of RxJS itself. */
export const reportUnhandled = (error: unknown): void => {
  throwError(() => error).subscribe();
};

/**
 * One subscription to one stream: a position, and somebody to tell. Sources call `target.next` directly, without a
 * method of the reader in between, because that call is the hot path.
 */
export abstract class Reader<C, O> extends Subscription {
  /** Index of the first chunk wanted. The source advances it during the replay. */
  start = 0;
  /** Whether the replay is over. */
  live = false;
  /** How many chunks the stream had when this reader came. */
  liveFrom = 0;
  /** Of a stream on an engine: the tag at `start`, below 0 if it is not known. */
  tag = -1;
  source: StreamSource<C, O> | undefined = undefined;
  target: Partial<Observer<C>> = IDLE;

  /** Called when it is attached to the stream itself; `open` if the stream has no end yet. May call user code. */
  attached(_open: boolean): void {
    // Most views have nothing to do here.
  }

  /** Called, where there is one, by a source over HTTP once it has told all that was there when it began. */
  caughtUp?(): void;

  /** Starts to read; what is refused is told as an error. */
  read(stream: Readable<C, O>): void {
    try {
      stream.attach(this);
    } catch (error) {
      this.end({ type: 'lost', error: error as StreamError });
    }
  }

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
    // Whoever keeps the subscription should not keep the observer.
    this.target = IDLE;
    super.unsubscribe();
  }

  /** How many chunks are behind, that which is being told included. */
  protected get position(): number {
    return this.live && this.source !== undefined ? this.source.position : this.start;
  }

  /** Tells the end. May call user code. */
  protected abstract ended(end: StreamEnd<O>): void;

  /** Detaches without finishing. */
  protected pause(): void {
    const { source } = this;
    this.source = undefined;
    source?.detach(this);
  }
}

/** Reads chunks, for plain observers and for RxJS subscribers alike. */
export class ChunkReader<C, O> extends Reader<C, O> {
  constructor(observer: Partial<Observer<C>>) {
    super();
    this.target = observer;
  }

  protected ended(end: StreamEnd<O>): void {
    const observer = this.target;
    if (end.type === 'done') observer.complete?.();
    else if (observer.error) observer.error(end.error);
    else reportUnhandled(end.error);
  }
}

/** Reads something else than chunks, for an RxJS subscriber. */
abstract class ViewReader<C, O, V> extends Reader<C, O> {
  constructor(protected readonly observer: Observer<V>) {
    super();
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type === 'lost') {
      this.observer.error(end.error);
    } else {
      this.outcome(end);
      this.observer.complete();
    }
  }

  /** Tells a stored outcome. */
  protected abstract outcome(end: StreamOutcome<O>): void;
}

/** Reads events. */
export class EventReader<C, O> extends ViewReader<C, O, StreamEvent<C, O>> {
  override readonly target = this;

  next(chunk: C): void {
    const replay = this.position <= this.liveFrom;
    this.observer.next({ type: 'chunk', chunk, offset: this.#offset(), replay });
  }

  protected override outcome(end: StreamOutcome<O>): void {
    this.observer.next({ ...end, offset: this.#offset() });
  }

  #offset(): Offset {
    // A reader that is being told something is attached.
    return (this.source as StreamSource<C, O>).offsetAt(this.position);
  }
}

/** Reads the final output. */
export class OutputReader<C, O> extends ViewReader<C, O, O> {
  override attached(): void {
    this.start = NO_CHUNK;
  }

  protected override outcome(end: StreamOutcome<O>): void {
    if (end.type === 'error') this.observer.error(end.error);
    else if ('output' in end) this.observer.next(end.output);
  }
}

/** Reads the status. */
export class StatusReader<C, O> extends ViewReader<C, O, StreamStatus> {
  override attached(open: boolean): void {
    this.start = NO_CHUNK;
    if (open) this.observer.next('open');
  }

  protected override outcome(end: StreamOutcome<O>): void {
    this.observer.next(end.type);
  }
}

interface Pull<C> {
  resolve: (result: IteratorResult<C, undefined>) => void;
  reject: (error: StreamError) => void;
}

/**
 * Reads one chunk per pull. Between pulls it is attached to nothing, so the stream is its only buffer; once it has
 * read it keeps its stream, so that eviction takes nothing from it.
 */
export class PullReader<C, O> extends Reader<C, O> {
  override readonly target = this;
  readonly #pulls: Pull<C>[] = [];
  #stream: Readable<C, O>;
  #position = 0;

  constructor(stream: Readable<C, O>) {
    super();
    this.#stream = stream;
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

  next(value: C): void {
    this.#position = this.position;
    this.#stream = this.source ?? this.#stream;
    const pull = this.#pulls.shift();
    if (this.#pulls.length === 0) this.pause();
    pull?.resolve({ done: false, value });
  }

  override unsubscribe(): void {
    super.unsubscribe();
    for (const { resolve } of this.#pulls.splice(0)) resolve({ done: true, value: undefined });
  }

  protected ended(end: StreamEnd<O>): void {
    if (end.type !== 'done') this.#pulls.shift()?.reject(end.error);
  }
}
