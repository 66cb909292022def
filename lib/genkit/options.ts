import { asyncScheduler, type SchedulerLike } from 'rxjs';

import { ExpiryQueue } from '../expiry.js';
import type { BodyLimits } from '../http/body.js';
import type { Clock } from '../log/clock.js';
import type { MaybePromise } from '../maybe-promise.js';
import { schedulerClock } from '../scheduler-clock.js';
import type { StreamLifetime } from '../stream-manager.js';
import { checkInteger, demand } from '../validation.js';

/** What a request wants: to run the flow, to read the stream of a run, or to stop the run. */
export type GenkitOperation = 'run' | 'subscribe' | 'stop';

/** What `authorize` is asked about. */
export interface GenkitAttempt {
  /** The request; its body is not to be read. */
  readonly request: Request;
  /** The stream; of a run, the one that it is going to have. */
  readonly streamId: string;
  readonly operation: GenkitOperation;
}

/** What Genkit's context providers are given: its `RequestData`. */
export interface GenkitRequestData {
  readonly method: 'POST' | 'DELETE';
  /** By names in lower case. */
  readonly headers: Record<string, string>;
  /** The input of the flow; `undefined` for a stop. */
  readonly input: unknown;
}

/**
 * Options of {@link genkitHandler}. What is out of range is `INVALID_ARGUMENT`. Lifetimes are those of the streams that it
 * opens; what is left out is as the manager has it, but for `lease`: 15,000 ms where a producer can be gone without
 * notice.
 */
export interface GenkitHandlerOptions<C = object> extends StreamLifetime {
  /**
   * Asked before anything is read or touched. What is not `true` refuses: `false` with 403, a `Response` with that; what
   * it throws is answered by its status, as what `contextProvider` throws is. Default: whoever knows a stream's id may
   * read and stop it.
   */
  authorize?: ((attempt: GenkitAttempt) => MaybePromise<boolean | Response>) | undefined;
  /**
   * Makes the flow's context, as the option of Genkit's own handlers does, and may refuse: a `StreamError` or an error of
   * Genkit's that it throws is answered by its status, anything else with 500. Asked for each request. Default: an empty
   * context.
   */
  contextProvider?: ((request: GenkitRequestData) => MaybePromise<C>) | undefined;
  /**
   * Makes the id of a run's stream, in characters of ASCII that can be seen; with the caller in it, `authorize` need keep
   * nothing. Default: a random UUID.
   */
  newId?: ((request: Request) => MaybePromise<string>) | undefined;
  /** ms in which a flow that is stopped may still end its stream itself. Default: 0. */
  grace?: number | undefined;
  /** How many bytes the body of a request may have; more is 413. Default: 8 MiB. */
  maxBodyBytes?: number | undefined;
  /** How long, in ms, the body of a request may take; longer is 408. Default: 30,000. */
  bodyMs?: number | undefined;
  /** Where `bodyMs` runs. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /**
   * Given the promise of each run, which never rejects, so that a platform that ends with its answers keeps the process:
   * `after` of Next.js, `waitUntil` of others. Default: nobody is given it.
   */
  waitUntil?: ((run: Promise<void>) => void) | undefined;
  /**
   * Told of what clients are not: what a flow threw that Genkit would not tell them, what could not be stored, failures
   * of the engine. Default: `console.error`.
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** {@link GenkitHandlerOptions}, checked and whole. */
export interface Settings<C> extends BodyLimits {
  readonly authorize: GenkitHandlerOptions['authorize'];
  readonly contextProvider: (request: GenkitRequestData) => MaybePromise<C>;
  readonly newId: GenkitHandlerOptions['newId'];
  readonly lifetime: StreamLifetime;
  readonly grace: number;
  readonly clock: Clock;
  readonly waitUntil: (run: Promise<void>) => void;
  /** Never throws. */
  readonly onError: (error: unknown) => void;
}

/** Checks options. */
export function settingsOf<C>(options: GenkitHandlerOptions<C>): Settings<C> {
  const { authorize, contextProvider, newId, scheduler = asyncScheduler, waitUntil } = options;
  const { ttl, idleTtl, expiresAt, lease, onError = console.error } = options;
  const maxBodyBytes = checkInteger('maxBodyBytes', options.maxBodyBytes, 2 ** 23);
  demand(maxBodyBytes > 0, 'maxBodyBytes', 'a positive integer or Infinity', maxBodyBytes);
  return {
    authorize,
    contextProvider: contextProvider ?? (() => ({}) as C),
    newId,
    lifetime: { ttl, idleTtl, expiresAt, lease },
    grace: checkInteger('grace', options.grace, 0),
    maxBodyBytes,
    bodyMs: checkInteger('bodyMs', options.bodyMs, 30_000),
    clock: schedulerClock(scheduler, new ExpiryQueue(scheduler)),
    waitUntil: waitUntil ?? (() => undefined),
    onError: (error) => {
      try {
        onError(error);
      } catch {
        // Whoever is told has failed too, and nobody is left to be told of that.
      }
    },
  };
}
