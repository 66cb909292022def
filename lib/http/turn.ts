/** Not of the web, but of every server for JavaScript; where there is none, requests don't come several at a time. */
const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };
const later: (callback: () => void) => unknown = setImmediate ?? queueMicrotask;

/** Does things once all that has come with this turn of the event loop has been dealt with. */
export class Turn {
  #waiting: (() => void)[] = [];

  constructor(private readonly failed: (error: unknown) => void) {}

  /** Calls back at the end of it. */
  atEnd(callback: () => void): void {
    if (this.#waiting.push(callback) > 1) return;
    later(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const each of waiting) {
        try {
          each();
        } catch (error) {
          this.failed(error);
        }
      }
    });
  }
}
