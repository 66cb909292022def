import type { StreamError } from '../errors.js';
import type { StreamEnd } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { NO_CHUNK, type Reader, reportUnhandled, type StreamSource } from '../reader.js';
import type { Batch } from './batch.js';
import type { ReadSettings } from './options.js';
import type { Listener } from './reading.js';
import type { OffsetMemory } from './remember.js';
import { after } from './timing.js';

/** What reads for a source. */
export interface Supply {
  stop(): void;
  park(parked: boolean): void;
}

/** For how long, in ms, a connection is held for an iterator that pulls nothing. */
const PARK_AFTER = 30_000;

/**
 * What one subscription reads: the chunks of the last answer that it has not been given yet, and nothing more, so that
 * one who pulls slowly lets the server wait.
 */
export class ClientSource<C, O> implements StreamSource<C, O>, Listener {
  /** How many chunks were given. */
  position = 0;
  #reader: Reader<C, O> | undefined;
  #supply: Supply | undefined;
  #batch: Batch | undefined;
  /** How many chunks of the batch were given. */
  #given = 0;
  /** The offset before the batch, or after the last one. */
  #offset: Offset = '-1';
  #isKept = true;
  #room: (() => void) | undefined;
  #end: StreamEnd<O> | undefined;
  /** How many chunks were there when it began; all, until that is known. */
  #liveFrom = NO_CHUNK;
  #delivering = false;
  #unpark: (() => void) | undefined;

  constructor(
    private readonly settings: Pick<ReadSettings, 'scheduler'>,
    private readonly memory: OffsetMemory | undefined,
  ) {}

  /** Begins to read. */
  begin(reader: Reader<C, O>, offset: Offset, supply: (listener: Listener) => Supply): void {
    this.#offset = offset;
    reader.add(() => {
      this.stop();
    });
    this.#join(reader);
    this.#supply = supply(this);
  }

  attach(reader: Reader<C, O>): void {
    this.#join(reader);
    this.#unpark?.();
    this.#unpark = undefined;
    this.#supply?.park(false);
    this.#deliver();
  }

  detach(reader: Reader<C, O>): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#keep();
    if (this.#end !== undefined) return;
    this.#unpark = after(this.settings.scheduler, PARK_AFTER, () => {
      this.#supply?.park(true);
    });
  }

  /** The offset after what was given, which few want to know of every chunk. */
  offsetAt(): Offset {
    return this.#batch === undefined || this.#given === 0
      ? this.#offset
      : this.#batch.offsetAt(this.#given - 1);
  }

  /** Reads no more. */
  stop(): void {
    this.#unpark?.();
    this.#supply?.stop();
  }

  /** Ends the reading for a reason that is not the stream's. */
  lose(error: StreamError): void {
    this.stop();
    this.end({ type: 'lost', error });
  }

  found(open: boolean): void {
    try {
      this.#reader?.attached(open);
    } catch (error) {
      reportUnhandled(error);
    }
  }

  caughtUp(): void {
    this.#liveFrom = this.position;
    if (this.#reader === undefined) return;
    this.#reader.liveFrom = this.#liveFrom;
    this.#reader.caughtUp?.();
  }

  chunks(batch: Batch): Promise<void> | undefined {
    this.#batch = batch;
    this.#given = 0;
    this.#deliver();
    if (this.#isEmpty) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  end(end: StreamEnd<unknown>): void {
    if (this.#end !== undefined) return;
    this.#end = end as StreamEnd<O>;
    // It would be refused again and again.
    const { code } = Object('error' in end && end.type === 'lost' && end.error) as Partial<StreamError>;
    if (code === 'OUT_OF_RANGE' || code === 'NOT_FOUND') this.memory?.save(undefined);
    if (end.type === 'lost') this.#drop();
    this.#deliver();
  }

  #join(reader: Reader<C, O>): void {
    this.#reader = reader;
    reader.source = this;
    reader.live = true;
    reader.liveFrom = this.#liveFrom;
  }

  /** Whether all that was read is given. */
  get #isEmpty(): boolean {
    return this.#batch === undefined;
  }

  #deliver(): void {
    // Whoever pulls in a callback is given the next one by the call below.
    if (this.#delivering) return;
    this.#delivering = true;
    for (let batch = this.#batch; batch !== undefined && this.#reader !== undefined; batch = this.#batch) {
      const index = this.#given++;
      this.position++;
      this.#isKept = false;
      try {
        this.#reader.target.next?.(batch.chunks[index] as C);
      } catch (error) {
        reportUnhandled(error);
      }
      if (this.#given >= batch.chunks.length) {
        this.#drop();
        this.#keep();
      }
    }
    this.#delivering = false;
    if (!this.#isEmpty) return;
    const room = this.#room;
    this.#room = undefined;
    room?.();
    if (this.#end !== undefined) this.#reader?.end(this.#end);
  }

  /** Gives no more of the batch. */
  #drop(): void {
    this.#offset = this.offsetAt();
    this.#batch = undefined;
  }

  #keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    this.memory?.save(this.offsetAt());
  }
}
