import type { Streams } from './log/streams.js';

/** Where a manager over an engine shows other entry points of this package its inside. */
export const INSIDE: unique symbol = Symbol.for('rxjs-durable-streams.inside') as never;

/** What is inside a manager over an engine. */
export interface Inside {
  readonly streams: Streams;
  /** How many bytes a chunk may have. */
  readonly maxChunkBytes: number;
  /** Whether chunks are kept by reference, and need be neither text nor bytes. */
  readonly byReference: boolean;
}
