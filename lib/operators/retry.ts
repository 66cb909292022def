import { type StreamErrorCode, toStreamError } from '../errors.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { checkInteger, demand } from '../validation.js';

/** How something that can fail is tried again. What is out of range is `INVALID_ARGUMENT`, as an error notification. */
export interface RetryOptions {
  /** How many failures in a row, without anything that came in between, are retried. Default: `Infinity`. */
  count?: number | undefined;
  /** ms before the first retry; doubled with each failure in a row. Default: 250. */
  delay?: number | undefined;
  /** The longest delay, in ms; timers take no more than 2^31 - 1. Default: 30,000. */
  maxDelay?: number | undefined;
  /** The share of a delay, from 0 to 1, that is left to chance, so that many clients don't come at once. Default: 0.5. */
  jitter?: number | undefined;
  /**
   * Which errors are retried. Default: those that a later try can mend: `UNAVAILABLE`, `UNKNOWN` (every foreign
   * error), `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED` and `ABORTED`.
   */
  when?: ((error: unknown) => boolean) | undefined;
}

const MENDABLE: readonly StreamErrorCode[] = [
  'UNAVAILABLE',
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
];

/** Whether a later try can mend an error. */
export const isMendable = (error: unknown): boolean => MENDABLE.includes(toStreamError(error).code);

/** {@link RetryOptions}, checked: how long to wait after so many failures in a row; `undefined` to give up. */
export function retryDelays(retry: RetryOptions): (failures: number) => number | undefined {
  const { jitter = 0.5 } = retry;
  const count = checkInteger('retry.count', retry.count, Infinity);
  const delay = checkInteger('retry.delay', retry.delay, 250);
  const maxDelay = checkInteger('retry.maxDelay', retry.maxDelay, 30_000);
  demand(jitter >= 0 && jitter <= 1, 'retry.jitter', 'a number from 0 to 1', jitter);
  return (failures) => {
    if (failures > count) return undefined;
    const longest = Math.min(delay * 2 ** Math.min(failures - 1, 31), maxDelay, LONGEST_DELAY);
    return Math.round(longest * (1 - jitter * Math.random()));
  };
}
