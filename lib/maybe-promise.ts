/** A plain value on memory, a promise on an engine; `await` serves both. */
export type MaybePromise<T> = T | Promise<T>;

/** A plain value, or something with `then`: what an engine may give. */
export type Awaitable<T> = T | PromiseLike<T>;

const isThenable = <T>(value: Awaitable<T>): value is PromiseLike<T> =>
  typeof (value as PromiseLike<T> | undefined)?.then === 'function';

/**
 * Calls something and goes on with what it gives: at once if that is a plain value, so that nothing above a
 * synchronous engine waits for a microtask. What the call throws, or rejects with, goes to `failed`; what the
 * continuations throw does not.
 */
export function settle<T>(
  call: () => Awaitable<T>,
  done: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  let value: Awaitable<T>;
  try {
    value = call();
  } catch (error) {
    failed(error);
    return;
  }
  if (isThenable(value)) value.then(done, failed);
  else done(value);
}
