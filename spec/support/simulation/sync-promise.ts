type Settle = (value: unknown) => void;

/** Takes the place of `Promise` while a simulation runs: it tells at once, so that an input's answers are events too. */
class SyncPromise {
  #settled: { readonly failed: boolean; readonly value: unknown } | undefined;
  #watch: { readonly done: Settle; readonly failed: Settle } | undefined;

  static resolve(value?: unknown): SyncPromise {
    return new SyncPromise((resolve) => {
      resolve(value);
    });
  }

  static reject(error: unknown): SyncPromise {
    return new SyncPromise((_, reject) => {
      reject(error);
    });
  }

  constructor(begin: (resolve: Settle, reject: Settle) => void) {
    begin(
      (value) => {
        this.#settle(false, value);
      },
      (error) => {
        this.#settle(true, error);
      },
    );
  }

  then(done: Settle, failed: Settle): void {
    this.#watch = { done, failed };
    this.#tell();
  }

  #settle(failed: boolean, value: unknown): void {
    if (this.#settled !== undefined) return;
    this.#settled = { failed, value };
    this.#tell();
  }

  #tell(): void {
    if (this.#settled === undefined || this.#watch === undefined) return;
    const { failed, value } = this.#settled;
    if (failed) this.#watch.failed(value);
    else this.#watch.done(value);
  }
}

/** Runs something that may use promises, without any microtask, and without the stacks of errors, which cost most of it. */
export function withoutMicrotasks<T>(run: () => T): T {
  const { Promise, queueMicrotask } = globalThis;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  globalThis.Promise = SyncPromise as unknown as PromiseConstructor;
  // Only failures that nobody takes come by it, and here each is taken.
  globalThis.queueMicrotask = () => undefined;
  try {
    return run();
  } finally {
    Object.assign(globalThis, { Promise, queueMicrotask });
    Error.stackTraceLimit = stackTraceLimit;
  }
}
