import type { Payload } from './engines/engine.js';
import type { StreamError } from './errors.js';
import type { InputLimits } from './input-room.js';
import type { StoredOutcome } from './log/head.js';
import type { Streams } from './log/streams.js';

/** What the inputs of one manager share. */
export interface InputContext extends InputLimits {
  readonly streams: Streams;
  readonly encode: (chunk: unknown) => Payload;
  /** The outcome of an error as it is stored. */
  readonly outcomeOf: (error: StreamError) => StoredOutcome;
  /** The error of a stored outcome. */
  readonly errorOf: (outcome: StoredOutcome) => StreamError | undefined;
  /** Called once, when the input is of no use any more. */
  readonly released: (input: Losing) => void;
}

/** What can be told that nothing is known any more. */
export interface Losing {
  lost(error: StreamError): void;
}
