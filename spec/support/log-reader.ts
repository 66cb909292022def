import type { Entry } from '../../lib/engines/engine.js';
import type { StreamEnd } from '../../lib/log/outcome.js';
import type { LogReader, LogSource } from '../../lib/log/reading.js';
import type { Offset } from '../../lib/offset.js';

/** Past the end of every stream. */
const NO_CHUNK = 0x3fffffff;

/** Called with each chunk, once it is noted. */
export type OnNext = (chunk: string, reader: LogReaderStub) => void;

/** A reader that notes what it is told: chunks, then `'|'`, `'| output'`, or `'# CODE'`. */
export class LogReaderStub implements LogReader {
  start = 0;
  tag = -1;
  live = false;
  liveFrom = 0;
  source: LogSource | undefined;
  page?: readonly Entry[] | undefined;
  closed = false;
  readonly target = this;
  readonly told: string[] = [];
  /** The offset of each chunk, and that of the end. */
  readonly offsets: Offset[] = [];
  /** How many of the chunks were told as written before it came. */
  replayed = 0;
  #former: LogSource | undefined;
  #position = 0;

  constructor(
    private readonly onNext?: OnNext,
    private readonly wantsChunks = true,
  ) {}

  attached(open: boolean): void {
    if (this.wantsChunks) return;
    this.start = NO_CHUNK;
    if (open) this.told.push('open');
  }

  next(chunk: string): void {
    const source = this.source as LogSource;
    this.#former = source;
    this.#position = this.live ? source.position : this.start;
    this.told.push(chunk);
    this.offsets.push(source.offsetAt(this.#position));
    if (this.#position <= this.liveFrom) this.replayed++;
    this.onNext?.(chunk, this);
  }

  end(end: StreamEnd<never>): void {
    if (end.type !== 'lost' && this.source !== undefined) {
      this.offsets.push(this.source.offsetAt(this.live ? this.source.position : this.start));
    }
    this.told.push(toldOf(end));
    this.leave();
  }

  /** Leaves for good. */
  leave(): void {
    this.closed = true;
    this.pause();
  }

  /** Leaves, and may come back. */
  pause(): void {
    const { source } = this;
    this.source = undefined;
    source?.detach(this);
  }

  /** Comes back to where it was. */
  resume(): void {
    this.start = this.#position;
    this.#former?.attach(this);
  }
}

function toldOf(end: StreamEnd<never>): string {
  if (end.type !== 'done') return `# ${end.error.code}`;
  return 'output' in end ? `| ${String(end.output)}` : '|';
}
