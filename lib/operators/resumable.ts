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

import { StreamError } from '../errors.js';
import { decodeOffset, type Offset } from '../offset.js';
import type { StreamEvent } from '../stream-manager.js';
import { checkEvent } from './event.js';
import { isMendable, retryDelays, type RetryOptions } from './retry.js';

export type { RetryOptions };

/** Options of {@link resumable}. */
export interface ResumableOptions {
  /** How to try again. */
  retry?: RetryOptions | undefined;
  /** Where delays run. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

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
    const { when = isMendable } = retry;
    const delayAfter = retryDelays(retry);
    let last: Offset | undefined;
    let failures = 0;
    const connection = concat(
      defer(() => (last === undefined ? connect() : connect(last))),
      throwError(() => new StreamError('UNAVAILABLE', 'The connection ended before the stream did.')),
    );
    return connection.pipe(
      filter((event) => {
        checkEvent(event);
        return isNew(event, last);
      }),
      tap((event) => {
        last = event.offset;
        failures = 0;
      }),
      takeWhile((event) => event.type === 'chunk', true),
      retryWhenTold({
        delay: (error: unknown) => {
          const delay = delayAfter(++failures);
          if (delay === undefined || !when(error)) return throwError(() => error);
          return timer(delay, scheduler);
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
