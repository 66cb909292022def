import type { Streams } from './log/streams.js';

/** What is inside a manager over an engine. */
export interface Inside {
  readonly streams: Streams;
  /** How many bytes a chunk may have. */
  readonly maxChunkBytes: number;
  /** Whether chunks are kept by reference, and need be neither text nor bytes. */
  readonly byReference: boolean;
}
