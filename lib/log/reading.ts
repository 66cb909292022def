import type { Entry, Hint, Payload, StreamEngine } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import type { Offset } from '../offset.js';
import type { Persistence } from './clock.js';
import type { Head, StoredOutcome } from './head.js';
import type { StreamEnd } from './outcome.js';
import type { Precision } from './time.js';

/**
 * Who reads: a position, and somebody to tell. `target.next` is called directly, because that call is the hot path.
 */
export interface LogReader {
  /** How many chunks are behind it. Advanced while it replays; where it is live, what it wants begins there. */
  start: number;
  /** The tag at `start`; below 0 if it is not known. */
  tag: number;
  live: boolean;
  liveFrom: number;
  source: LogSource | undefined;
  readonly target: { next?: ((chunk: never) => void) | undefined };
  /** What was read for it and not given to it yet, because it left; kept only where reading again would cost. */
  page?: readonly Entry[] | undefined;
  /** Whether nobody is there any more to be told. */
  readonly closed: boolean;
  attached(open: boolean): void;
  end(end: StreamEnd<never>): void;
}

/** What a reader reads. */
export interface LogSource {
  readonly position: number;
  attach(reader: LogReader): void;
  detach(reader: LogReader): void;
  offsetAt(position: number): Offset;
}

/** Who writes, and has to hear of what others do to the stream. */
export interface LogWriter {
  /** The stream may have changed. */
  hinted(hint: Hint): void;
  /** The stream as it is; `undefined` if its life is over. */
  seen(head: Head | undefined): void;
  /** It can't be told any more how the stream is. */
  lost(error: StreamError): void;
}

/** What a {@link Follower} needs. */
export interface FollowerContext extends Precision, Persistence {
  readonly engine: StreamEngine;
  /** Bounds of what is read at once. */
  readonly maxPageBytes: number;
  readonly maxPageChunks: number;
  readonly decode: (payload: Payload) => unknown;
  /** The outcome as readers are told it. */
  readonly endOf: (outcome: StoredOutcome) => StreamEnd<never>;
  /** Takes what a reader threw. */
  readonly report: (error: unknown) => void;
  /** A reader comes back to a stream that it has read before. */
  readonly lookUp: (reader: LogReader, life: Life) => void;
  /** Called when a reader goes on with what was read for it before. */
  readonly used: (life: Life) => void;
  /** Called when the first reader comes, and when the last one has gone. */
  readonly observed: (life: Life, observed: boolean) => void;
  /** Called when neither readers nor writers are left. */
  readonly left: (life: Life) => void;
}

/** One life of a stream, as its readers know it. */
export interface Life {
  readonly id: string;
  readonly generation: number;
  readonly head: Head;
  /** The error of a reader to whom a life that is over has not given all. */
  whyGone(start: number): StreamError;
}

/** No writers: most streams that are read have none here. */
export const NOBODY = new Set<never>();
