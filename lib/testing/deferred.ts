import { type Awaitable, settle } from '../maybe-promise.js';

/** What calls back at once: nothing but who settled it is between. */
type Listener = () => void;
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * An answer that comes later, and then at once: whoever waits is called inside {@link resolve} or {@link reject}, not in
 * a microtask after it. So what a virtual clock settles in a frame goes on in that frame. What a continuation throws
 * that nobody waits for is thrown to whoever settled, so that a failing test fails.
 */
export class Deferred<T> implements PromiseLike<T> {
  #outcome: Outcome<T> | undefined;
  #listeners: Listener[] = [];

  /** Answers, unless it was answered before. */
  resolve(value: T): void {
    this.#settle({ value });
  }

  /** Fails, unless it was answered before. */
  reject(error: unknown): void {
    this.#settle({ error });
  }

  /** The answer if there is one, thrown if it is a failure; else this, to wait for it. */
  now(): Awaitable<T> {
    const outcome = this.#outcome;
    if (outcome === undefined) return this;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  then<R1 = T, R2 = never>(
    done?: ((value: T) => Awaitable<R1>) | null,
    failed?: ((error: unknown) => Awaitable<R2>) | null,
  ): Deferred<R1 | R2> {
    const next = new Deferred<R1 | R2>();
    const listen = (): void => {
      const outcome = this.#outcome;
      if (outcome === undefined) return;
      const failing = 'error' in outcome;
      if (failing ? !failed : !done) {
        // Nobody asked for this one: it goes on as it is.
        if (failing) next.reject(outcome.error);
        else next.resolve(outcome.value as unknown as R1);
        return;
      }
      settle<R1 | R2>(
        () => (failing ? failed?.(outcome.error) : done?.(outcome.value)) as Awaitable<R1 | R2>,
        (value) => {
          next.resolve(value);
        },
        (error) => {
          if (next.#listeners.length === 0) throw error;
          next.reject(error);
        },
      );
    };
    if (this.#outcome === undefined) this.#listeners.push(listen);
    else listen();
    return next;
  }

  #settle(outcome: Outcome<T>): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    for (const listen of this.#listeners.splice(0)) listen();
  }
}

/** Goes on with a value: now if it is there. */
export const chain = <T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> =>
  typeof (value as PromiseLike<T> | undefined)?.then === 'function'
    ? (value as PromiseLike<T>).then(next)
    : next(value as T);
