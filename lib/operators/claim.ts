import type { StreamError } from '../errors.js';
import type { OpenOptions, StreamInput, StreamManager } from '../stream-manager.js';

/**
 * Opens a stream and calls one of the two: at once where the manager knows at once, else when it does. An input that has
 * failed as it was opened, whatever by, is lost.
 */
export function claim<C, O>(
  streams: StreamManager,
  id: string,
  options: OpenOptions,
  won: (input: StreamInput<C, O>) => void,
  lost: (error: StreamError) => void,
): void {
  let input: StreamInput<C, O>;
  try {
    input = streams.open<C, O>(id, options);
  } catch (error) {
    lost(error as StreamError);
    return;
  }
  if (input.status === 'opening') {
    input.opened.then(() => {
      won(input);
    }, lost);
    return;
  }
  let failure: StreamError | undefined;
  input.failed.subscribe((error) => (failure = error)).unsubscribe();
  if (failure === undefined) won(input);
  else lost(failure);
}

/** Completes a stream with the output made of its last chunk; gives what `output` threw, if it did. */
export function completeWith<C, O>(
  input: StreamInput<C, O>,
  output: ((last: C | undefined) => O) | undefined,
  last: C | undefined,
): { readonly thrown: unknown } | undefined {
  if (output === undefined) {
    input.complete();
    return undefined;
  }
  let made: O;
  try {
    made = output(last);
  } catch (thrown) {
    input.error(thrown);
    return { thrown };
  }
  input.complete(made);
  return undefined;
}
