import type { Injector, Signal } from '@angular/core';

import type { DurableStreamOptions, StopStreamOptions } from '../client/index.js';
import type { StreamError } from '../errors.js';
import type { StreamStatus } from '../log/outcome.js';

/** `idle`: there is no id. `loading`: it is not known yet whether there is a stream. */
export type DurableResourceStatus = 'idle' | 'loading' | StreamStatus;

/** Options of `durableResource`: those of `durableStream` too, in the place of what `provideDurableStreams` was given. */
export interface DurableResourceOptions extends DurableStreamOptions {
  /**
   * The id of the stream; `undefined` for none. It may read signals: whenever the id becomes another one, that stream is
   * read instead, from its start, and the former one no more.
   */
  id: () => string | undefined;
  /** Where it belongs: it ends with that. Default: what injects where `durableResource` is called. */
  injector?: Injector | undefined;
}

/** Options of `durableResource` where chunks are folded into something. */
export interface ReducedResourceOptions<C, A> extends DurableResourceOptions {
  /**
   * Folds a chunk into what was accumulated before, once for each chunk, as RxJS's `scan` does: it gives a new value, and
   * leaves the former one as it is. If it throws, `error` is what it throws, and the stream is read no more.
   */
  reduce: (accumulated: A, chunk: C) => A;
  /** What is accumulated before the first chunk. */
  initial: A;
}

/** A stream as signals. */
export interface DurableResource<C, O = void, A = readonly C[]> {
  /**
   * What has come of the stream, also after an error: all chunks, or what `reduce` made of them.
   *
   * Without `reduce` it is an array that never changes. It is the same array until more chunks have come, and another
   * one then, whatever they are, so that `computed`, `effect`, inputs and templates notice. It is made when somebody looks, and
   * so once for all chunks that have come since the last look.
   */
  readonly chunks: Signal<A>;
  /** How the stream is. */
  readonly status: Signal<DurableResourceStatus>;
  /** The final output, once `status` is `'done'`; `undefined` before, and where there is none. */
  readonly output: Signal<O | undefined>;
  /** What the stream has ended with, or why it can't be read, once `status` is `'error'`; `undefined` before. */
  readonly error: Signal<StreamError | undefined>;
  /**
   * Stops the stream itself, for everybody: its producer is told. See `stopStream`, also for what it rejects with. Without
   * an id it does nothing. To only read no more, let `id` give `undefined`.
   */
  stop(options?: StopStreamOptions): Promise<void>;
  /** Reads the stream again from its start (or from `after` or `from`), and forgets what has come. */
  reload(): void;
}
