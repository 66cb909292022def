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

/** Something that was written, in its turn; `then` is what to do once it is stored. */
interface Writing {
  settled: boolean;
  then?: () => void;
}

function write<C, O>(
  source: Observable<C>,
  input: StreamInput<C, O>,
  subscriber: Subscriber<C>,
  { output, onUnsubscribe }: WriteToOptions<C, O>,
): void {
  const halt = new Subject<void>();
  const writings: Writing[] = [];
  let last: C | undefined;
  let failure: StreamError | undefined;

  /** Tells what is stored, in the order of the stream, then the failure. */
  const tell = (): void => {
    while (writings[0]?.settled === true) writings.shift()?.then?.();
    if (writings.length === 0 && failure !== undefined) subscriber.error(failure);
  };
  /** Writes, and then does something if it is stored: at once if `stored` holds when the write returns. */
  const store = (put: () => void, stored: () => boolean, then: () => void): void => {
    const writing: Writing = { settled: false };
    const settle = (success: boolean): void => {
      writing.settled = true;
      if (success) writing.then = then;
      tell();
    };
    writings.push(writing);
    put();
    if (stored()) settle(true);
    else if (failure !== undefined) settle(false);
    else
      input.flush().then(
        () => settle(true),
        () => settle(false),
      );
  };

  subscriber.add(() => {
    halt.next();
    if (input.closed) return;
    if (onUnsubscribe === 'close') input.close();
    else input.error(new StreamError('CANCELLED', 'The subscriber that wrote the stream has left.'));
  });
  input.failed.subscribe((error) => {
    failure = error;
    tell();
  });
  // It may have left while an engine was asked for the id, or the stream may have been stopped already.
  if (subscriber.closed) return;
  source.pipe(takeUntil(halt)).subscribe({
    next: (chunk) => {
      const before = input.tail;
      last = chunk;
      store(
        () => input.next(chunk),
        () => input.tail !== before,
        () => subscriber.next(chunk),
      );
    },
    error: (error: unknown) => {
      store(
        () => input.error(error),
        () => failure === undefined && input.status === 'error',
        () => subscriber.error(error),
      );
    },
    complete: () => {
      if (subscriber.closed) return;
      let thrown: { readonly thrown: unknown } | undefined;
      store(
        () => (thrown = completeWith(input, output, last)),
        () => failure === undefined && (input.status === 'done' || input.status === 'error'),
        () => (thrown === undefined ? subscriber.complete() : subscriber.error(thrown.thrown)),
      );
    },
  });
}
