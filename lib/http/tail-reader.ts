import type { Payload } from '../engines/engine.js';
import type { Streams } from '../log/streams.js';
import { notFound, type StreamError } from '../errors.js';
import type { StreamEnd } from '../log/outcome.js';
import type { Place } from '../log/place.js';
import type { LogReader, LogSource } from '../log/reading.js';

/** Who reads what comes at the tail of a stream. */
export interface TailTarget {
  /** A chunk, and how many chunks are behind it with it. */
  chunk(payload: Payload, position: number): void;
  /** The stream is closed, or (`lost`) can't be read any more. */
  over(lost: StreamError | undefined): void;
}

/** Reads a life of a stream from a place on, as it is stored, until it is let go of. */
export class TailReader implements LogReader {
  start = 0;
  tag = -1;
  live = false;
  liveFrom = 0;
  source: LogSource | undefined = undefined;
  closed = false;
  readonly target = this;

  constructor(private readonly to: TailTarget) {}

  /** Begins to read. */
  read(streams: Streams, id: string, generation: number, place: Place): void {
    streams.begin();
    streams.raw.read(
      this,
      id,
      ({ head }) => {
        if (head.generation !== generation) throw notFound(id);
        return place;
      },
      () => {
        this.end({ type: 'lost', error: notFound(id) });
      },
    );
  }

  /** Whether everything that there is has been told. */
  get upToDate(): boolean {
    return this.live;
  }

  next(payload: Payload): void {
    this.to.chunk(payload, this.live && this.source !== undefined ? this.source.position : this.start);
  }

  /** The offset of the chunk that is being told. */
  offsetAt(position: number): string {
    return (this.source as LogSource).offsetAt(position);
  }

  attached(): void {
    // Nothing to do.
  }

  end(end: StreamEnd<never>): void {
    if (this.closed) return;
    this.leave();
    this.to.over(end.type === 'lost' ? end.error : undefined);
  }

  /** Reads no more. */
  leave(): void {
    this.closed = true;
    const { source } = this;
    this.source = undefined;
    source?.detach(this);
  }
}
