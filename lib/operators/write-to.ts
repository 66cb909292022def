import { type MonoTypeOperatorFunction, Observable, Subject, type Subscriber, takeUntil } from 'rxjs';

import { StreamError } from '../errors.js';
import type { OpenOptions, StreamInput, StreamManager } from '../stream-manager.js';
import { claim, completeWith } from './claim.js';

/** Options of {@link writeTo}. */
export interface WriteToOptions<C, O> extends OpenOptions {
  /** Makes the final output of the last chunk, `undefined` if there was none. Default: no output. */
  output?: ((last: C | undefined) => O) | undefined;
  /** What unsubscribing does: end the stream `CANCELLED` (default), or only close the input. */
  onUnsubscribe?: 'cancel' | 'close' | undefined;
}

/**
 * Writes the source to a stream, and re-emits each chunk once it is stored: synchronously on memory. The stream ends
 * as the source ends.
 *
 * Errors with what `open` refuses (`ALREADY_EXISTS`, `INVALID_ARGUMENT`, …; the source is not subscribed then) and
 * with what fails the input (see {@link StreamInput.failed}); an error of the source, or one that `output` threw,
 * goes on as it is.
 */
export function writeTo<C, O = void>(
  streams: StreamManager,
  id: string,
  options: WriteToOptions<C, O> = {},
): MonoTypeOperatorFunction<C> {
  return (source) =>
    new Observable((subscriber) => {
      claim<C, O>(
        streams,
        id,
        options,
        (input) => {
          write(source, input, subscriber, options);
        },
        (error) => {
          subscriber.error(error);
        },
      );
    });
}

function write<C, O>(
  source: Observable<C>,
  input: StreamInput<C, O>,
  subscriber: Subscriber<C>,
  { output, onUnsubscribe }: WriteToOptions<C, O>,
): void {
  const halt = new Subject<void>();
  let last: C | undefined;
  let failure: StreamError | undefined;
  /** Writes whose answer is not known yet. */
  let pending = 0;

  const settled = (then: () => void): void => {
    pending--;
    then();
    // Told last, so that what was stored before is re-emitted before.
    if (pending === 0 && failure !== undefined) subscriber.error(failure);
  };
  /** Does a write, then something if it succeeded; at once if `stored` holds when it returns. */
  const store = (writing: () => void, stored: () => boolean, then: () => void): void => {
    pending++;
    writing();
    if (stored()) settled(then);
    else if (failure !== undefined) settled(() => undefined);
    else {
      input.flush().then(
        () => {
          settled(then);
        },
        () => {
          settled(() => undefined);
        },
      );
    }
  };

  subscriber.add(() => {
    halt.next();
    if (input.closed) return;
    if (onUnsubscribe === 'close') input.close();
    else input.error(new StreamError('CANCELLED', 'The subscriber that wrote the stream has left.'));
  });
  // It may have left while an engine was asked for the id.
  if (subscriber.closed) return;
  input.failed.subscribe((error) => {
    pending++;
    failure = error;
    settled(() => undefined);
  });
  source.pipe(takeUntil(halt)).subscribe({
    next: (chunk) => {
      const before = input.tail;
      last = chunk;
      store(
        () => {
          input.next(chunk);
        },
        () => input.tail !== before,
        () => {
          subscriber.next(chunk);
        },
      );
    },
    error: (error: unknown) => {
      store(
        () => {
          input.error(error);
        },
        () => input.status === 'error',
        () => {
          subscriber.error(error);
        },
      );
    },
    complete: () => {
      if (subscriber.closed) return;
      let thrown: { readonly thrown: unknown } | undefined;
      store(
        () => {
          thrown = completeWith(input, output, last);
        },
        () => failure === undefined && (input.status === 'done' || input.status === 'error'),
        () => {
          if (thrown === undefined) subscriber.complete();
          else subscriber.error(thrown.thrown);
        },
      );
    },
  });
}
