import { toStreamError } from '../errors.js';
import { withLease } from '../producer-lease.js';
import type { StreamInput, StreamLifetime, StreamManager } from '../stream-manager.js';
import { genkitError, type GenkitErrorClasses, outcomeOf } from './errors.js';

/**
 * Options of {@link genkitStreamManager}. Lifetimes are those of the streams that it opens; what is left out is as the
 * manager has it, but for `lease`: 15,000 ms where a producer can be gone without notice.
 */
export interface GenkitStreamManagerOptions extends GenkitErrorClasses, StreamLifetime {}

/** Genkit's `ActionStreamInput`: writes a stream. */
export interface GenkitStreamInput<S, O> {
  /** Resolves once the chunk is durable. */
  write(chunk: S): Promise<void>;
  /** Ends the stream with an output. Resolves once that, and all before it, is durable. */
  done(output: O): Promise<void>;
  /**
   * Ends the stream with an error. Resolves once that is durable; also for what this input has rejected with, because
   * Genkit's handlers give that back and leave what comes of it unhandled.
   */
  error(error: unknown): Promise<void>;
}

/** Genkit's `ActionStreamSubscriber`. What it throws goes to RxJS's `config.onUnhandledError`, and hurts nobody else. */
export interface GenkitStreamSubscriber<S, O> {
  onChunk: (chunk: S) => void;
  onDone: (output: O) => void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- As Genkit has it: whoever handles it may want more.
  onError: (error: any) => void;
}

/** Genkit's `StreamManager`, for the `streamManager` of its handlers. Rejections are Genkit's errors. */
export interface GenkitStreamManager {
  /** Claims an id. Rejects with `ALREADY_EXISTS`, `INVALID_ARGUMENT`, `RESOURCE_EXHAUSTED` or `UNAVAILABLE`. */
  open<S, O>(streamId: string): Promise<GenkitStreamInput<S, O>>;
  /**
   * Gives everything from the start, then what comes, then the end. Rejects with `NOT_FOUND` (`StreamNotFoundError`) if
   * there is no such stream, or no more.
   */
  subscribe<S, O>(
    streamId: string,
    subscriber: GenkitStreamSubscriber<S, O>,
  ): Promise<{ unsubscribe: () => void }>;
}

/**
 * Streams as Genkit's handlers want them: `expressHandler(flow, { streamManager: genkitStreamManager(streams, {
 * StreamNotFoundError, GenkitError }) })`.
 *
 * Throws nothing; a lifetime out of range is `INVALID_ARGUMENT` at `open`.
 */
export function genkitStreamManager(
  streams: StreamManager,
  options: GenkitStreamManagerOptions = {},
): GenkitStreamManager {
  const { ttl, idleTtl, expiresAt, lease } = options;
  const lifetime = withLease(streams, { ttl, idleTtl, expiresAt, lease });
  const failure = (error: unknown): Error => genkitError(toStreamError(error), options);
  return {
    async open<S, O>(streamId: string) {
      try {
        const input = streams.open<S, O>(streamId, lifetime);
        await input.opened;
        return new Input(input, failure);
      } catch (error) {
        throw failure(error);
      }
    },
    async subscribe<S, O>(streamId: string, subscriber: GenkitStreamSubscriber<S, O>) {
      try {
        await streams.head(streamId);
      } catch (error) {
        throw failure(error);
      }
      const subscription = streams
        .subscribe<S, O>(streamId)
        .events()
        .subscribe({
          next: (event) => {
            if (event.type === 'chunk') subscriber.onChunk(event.chunk);
            else if (event.type === 'done') subscriber.onDone(event.output as O);
            else subscriber.onError(failure(event.error));
          },
          error: (error: unknown) => {
            subscriber.onError(failure(error));
          },
        });
      return {
        unsubscribe: () => {
          subscription.unsubscribe();
        },
      };
    },
  };
}

class Input<S, O> implements GenkitStreamInput<S, O> {
  /** What was rejected with. */
  readonly #refusals = new WeakSet();

  constructor(
    private readonly input: StreamInput<S, O>,
    private readonly failure: (error: unknown) => Error,
  ) {}

  write(chunk: S): Promise<void> {
    return this.#stored(this.input.write(chunk));
  }

  done(output: O): Promise<void> {
    this.input.complete(output);
    return this.#stored(this.input.flush());
  }

  error(error: unknown): Promise<void> {
    if (this.#refusals.has(Object(error) as object)) return Promise.resolve();
    this.input.error(outcomeOf(error));
    return this.#stored(this.input.flush());
  }

  async #stored(answer: Promise<unknown>): Promise<void> {
    try {
      await answer;
    } catch (error) {
      const refusal = this.failure(error);
      this.#refusals.add(refusal);
      throw refusal;
    }
  }
}
