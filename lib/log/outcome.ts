import type { StreamError } from '../errors.js';

/** What a stream is: being written, ended with an output (or none), or ended with an error. */
export type StreamStatus = 'open' | 'done' | 'error';

/** How a stream has ended. */
export type StreamOutcome<O> =
  { readonly type: 'done'; readonly output?: O } | { readonly type: 'error'; readonly error: StreamError };

/** How a stream ends for a reader: with its outcome, or without because it was lost to the reader. */
export type StreamEnd<O> = StreamOutcome<O> | { readonly type: 'lost'; readonly error: StreamError };
