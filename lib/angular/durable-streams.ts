import { inject } from '@angular/core';

import type { DurableStreamOptions, OpenStreamOptions, StopStreamOptions } from '../client/index.js';
import type { DurableStream } from '../durable-stream.js';
import type { StreamInput } from '../stream-manager.js';

/**
 * The streams of a server, by their ids; and what Angular injects it by. A test may provide a manager in its place, such
 * as a `TestStreamManager`: `{ provide: DurableStreams, useValue: streams }`.
 *
 * Requests and delays run outside the `NgZone`, where there is one, so that nothing that waits keeps the application
 * from being stable.
 */
export abstract class DurableStreams {
  /** A stream, to read: see `durableStream`. Options that are given replace those of `provideDurableStreams`. */
  abstract subscribe<C, O = void>(id: string, options?: DurableStreamOptions): DurableStream<C, O>;

  /**
   * An input that writes a stream: see `openStream`. It is nobody's: whoever opens it ends it, or closes it. Throws
   * `INVALID_ARGUMENT` for an id or an option that breaks a rule.
   */
  abstract open<C, O = void>(id: string, options?: OpenStreamOptions): StreamInput<C, O>;

  /** Stops a stream, whoever writes it: see `stopStream`. */
  abstract stop(id: string, options?: StopStreamOptions): Promise<void>;
}

/**
 * The streams that `provideDurableStreams` provides, to read, write and stop them in services. To be called where Angular
 * injects; throws Angular's own error where it does not, or where nothing is provided.
 */
export const injectDurableStreams = (): DurableStreams => inject(DurableStreams);
