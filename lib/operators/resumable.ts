import {
  asyncScheduler,
  concat,
  defer,
  filter,
  Observable,
  type ObservableInput,
  retry as retryWhenTold,
  type SchedulerLike,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';

import { StreamError, type StreamErrorCode, toStreamError } from '../errors.js';
import { LONGEST_DELAY } from '../expiry.js';
import { decodeOffset, type Offset } from '../offset.js';
import type { StreamEvent } from '../stream-manager.js';
import { checkInteger, demand } from '../validation.js';

/** How {@link resumable} tries again. What is out of range is `INVALID_ARGUMENT`, as an error notification. */
export interface RetryOptions {
  /** How many failures in a row, without an event in between, are retried. Default: `Infinity`. */
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

/** Options of {@link resumable}. */
export interface ResumableOptions {
  /** How to try again. */
  retry?: RetryOptions | undefined;
  /** Where delays run. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

const MENDABLE: readonly StreamErrorCode[] = [
  'UNAVAILABLE',
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
];

/**
 * Reads a stream through connections that break: connects, and connects again after the last offset seen whenever
 * the connection errors, or completes without an outcome, with exponential backoff. An event that a connection
 * repeats is dropped by its offset. Completes after the outcome.
 *
 * Errors with what is not to be retried, with the last error once `count` is used up, and with `OUT_OF_RANGE` where
 * a connection gives events that can't come after those seen: the id was reused.
 */
export function resumable<C, O = void>(
  connect: (after?: Offset) => ObservableInput<StreamEvent<C, O>>,
  { retry = {}, scheduler = asyncScheduler }: ResumableOptions = {},
): Observable<StreamEvent<C, O>> {
  return defer(() => {
    const { when = (error) => MENDABLE.includes(toStreamError(error).code), jitter = 0.5 } = retry;
    const count = checkInteger('retry.count', retry.count, Infinity);
    const delay = checkInteger('retry.delay', retry.delay, 250);
    const maxDelay = checkInteger('retry.maxDelay', retry.maxDelay, 30_000);
    demand(jitter >= 0 && jitter <= 1, 'retry.jitter', 'a number from 0 to 1', jitter);
    let last: Offset | undefined;
    let failures = 0;
    const connection = concat(
      defer(() => (last === undefined ? connect() : connect(last))),
      throwError(() => new StreamError('UNAVAILABLE', 'The connection ended before the stream did.')),
    );
    return connection.pipe(
      filter((event) => isNew(event, last)),
      tap((event) => {
        last = event.offset;
        failures = 0;
      }),
      takeWhile((event) => event.type === 'chunk', true),
      retryWhenTold({
        delay: (error: unknown) => {
          if (++failures > count || !when(error)) return throwError(() => error);
          const longest = Math.min(delay * 2 ** Math.min(failures - 1, 31), maxDelay, LONGEST_DELAY);
          return timer(Math.round(longest * (1 - jitter * Math.random())), scheduler);
        },
      }),
    );
  });
}

/** Whether an event comes after an offset. Throws `OUT_OF_RANGE` if it can't be of the same stream. */
function isNew<C, O>({ type, offset }: StreamEvent<C, O>, last: Offset | undefined): boolean {
  if (last === undefined) return true;
  const isChunk = type === 'chunk';
  const [seen, next] = [decodeOffset(last), decodeOffset(offset)];
  let fits = isChunk || offset >= last;
  if (seen !== undefined && next !== undefined && seen.generation !== next.generation) {
    // A fork goes on at the next position, in a later generation; before that it repeats what its source had.
    const goesOn = next.position === seen.position + (isChunk ? 1 : 0);
    const repeats = isChunk && next.position <= seen.position;
    fits = next.generation > seen.generation ? goesOn : repeats;
  }
  if (!fits) {
    throw new StreamError(
      'OUT_OF_RANGE',
      `The connection went on at ${offset}, not after ${last}: the id was reused.`,
    );
  }
  return !isChunk || offset > last;
}
