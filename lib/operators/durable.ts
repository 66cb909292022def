import { type MonoTypeOperatorFunction, Observable, takeUntil } from 'rxjs';

import { invalid } from '../errors.js';
import type { OpenOptions, StreamInput, StreamManager } from '../stream-manager.js';
import { claim, completeWith } from './claim.js';

/** Options of {@link durable}. */
export interface DurableOptions<C, O> extends Omit<OpenOptions, 'resume'> {
  /** Makes the final output of the last chunk, `undefined` if there was none. Default: no output. */
  output?: ((last: C | undefined) => O) | undefined;
}

/**
 * Makes the source outlive its subscribers: the first one anywhere opens the stream and runs the source into it; all
 * others, and all later ones until the stream's TTL, join the stream, also a failed one. The source is subscribed
 * once and survives unsubscription; a `stop` of the stream ends it.
 *
 * Where the process that runs the source can be gone without the others' notice, on an engine of several processes, a
 * `lease` has to be given, here or to the manager, or they would wait for ever: else it errors with
 * `INVALID_ARGUMENT`. `Infinity`, given here, says that this is meant.
 *
 * Errors with what reading the stream errors with, and with what `open` refuses other than `ALREADY_EXISTS`.
 */
export function durable<C, O = void>(
  streams: StreamManager,
  id: string,
  options: DurableOptions<C, O> = {},
): MonoTypeOperatorFunction<C> {
  return (source) =>
    new Observable((subscriber) => {
      if (streams.needsLease === true && options.lease === undefined) {
        subscriber.error(invalid(LEASE_RULE));
        return;
      }
      const join = (): void => {
        streams.subscribe<C, O>(id).subscribe(subscriber);
      };
      claim<C, O>(
        streams,
        id,
        options,
        (input) => {
          // Joined first: a source that ends at once, with a TTL of 0, would be gone.
          join();
          run(source, input, options.output);
        },
        (error) => {
          // Another has the id, or has it already.
          if (error.code === 'ALREADY_EXISTS' || error.code === 'ABORTED') join();
          else subscriber.error(error);
        },
      );
    });
}

const LEASE_RULE =
  'durable must be given a lease on an engine of several processes, so that the stream ends if the one that runs the ' +
  'source is gone.';

function run<C, O>(
  source: Observable<C>,
  input: StreamInput<C, O>,
  output: ((last: C | undefined) => O) | undefined,
): void {
  let last: C | undefined;
  // Watched beyond the end of the source: a storage may refuse later. The stream's readers see it.
  input.failed.subscribe();
  source.pipe(takeUntil(input.failed)).subscribe({
    next: (chunk) => {
      last = chunk;
      input.next(chunk);
    },
    error: (error: unknown) => {
      input.error(error);
    },
    complete: () => {
      // Closed: it was `failed` that completed it.
      if (!input.closed) completeWith(input, output, last);
    },
  });
}
