import { StreamError, printed } from '../errors.js';
import { type Awaitable, settle } from '../maybe-promise.js';

/** Time, and chance, as the log needs them. A manager makes it of an RxJS scheduler. */
export interface Clock {
  /** ms. */
  now(): number;
  /** Calls back once after so many ms, unless what it gives back is called before. It keeps a process alive. */
  after(ms: number, callback: () => void): () => void;
  /** The same, for what nobody waits for: it keeps no process alive. */
  inBackground(ms: number, callback: () => void): () => void;
  /** Calls back once, after what is running now. */
  soon(callback: () => void): void;
  /** From 0, to less than 1. */
  random(): number;
}

/** A delay that doubles with each try up to a limit, of which half is left to chance. */
export const backoff = (tries: number, first: number, longest: number, clock: Clock): number =>
  Math.min(first * 2 ** Math.min(tries - 1, 30), longest) * (0.5 + clock.random() / 2);

/** What an engine threw, as an error with a code: its own, or `UNAVAILABLE`. */
export function asStreamError(error: unknown, engine: string): StreamError {
  const { name, message } = Object(error) as Partial<Error>;
  if (name === 'StreamError') return error as StreamError;
  return new StreamError('UNAVAILABLE', `The ${engine} engine failed: ${message ?? printed(error)}`, {
    cause: error,
  });
}

/** How often a read that can be stale is asked again for what is there. */
export const MAX_DOUBTS = 20;

/** How long an engine that fails is asked again. */
export interface Persistence {
  readonly clock: Clock;
  readonly engine: { readonly name: string };
  /** In ms. */
  readonly retryFor: number;
}

/**
 * Asks an engine, and asks again with growing delays while it is `UNAVAILABLE`, up to a time. Whoever is not waiting
 * any more is not told.
 */
export function persist<T>(
  { clock, engine, retryFor }: Persistence,
  ask: () => Awaitable<T>,
  done: (value: T) => void,
  failed: (error: StreamError) => void,
  isWaiting: () => boolean = () => true,
): void {
  let tries = 0;
  let since = 0;
  const attempt = (): void => {
    settle(
      ask,
      (value) => {
        if (isWaiting()) done(value);
      },
      (thrown) => {
        if (!isWaiting()) return;
        const error = asStreamError(thrown, engine.name);
        const now = clock.now();
        if (tries++ === 0) since = now;
        if (error.code !== 'UNAVAILABLE' || now - since >= retryFor) {
          failed(error);
          return;
        }
        clock.after(backoff(tries, 10, 1_000, clock), () => {
          if (isWaiting()) attempt();
        });
      },
    );
  };
  attempt();
}
