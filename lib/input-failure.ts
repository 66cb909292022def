import { Observable, type Subscriber } from 'rxjs';

import type { StreamError } from './errors.js';
import { reportUnhandled } from './reader.js';

/**
 * Why an input can write no more, unless that is its own end or `close()`, and who was told: those who watch `failed`,
 * a signal, `flush()` or a `write()`, or else RxJS's `config.onUnhandledError`, once.
 */
export class InputFailure {
  /** The first failure. */
  error: StreamError | undefined;
  /** Whether somebody was given the failure. */
  told = false;
  readonly #isOver: () => boolean;
  #watchers: Set<Subscriber<StreamError>> | undefined;
  #abort: AbortController | undefined;

  /** `isOver` says whether the input can write no more. */
  constructor(isOver: () => boolean) {
    this.#isOver = isOver;
  }

  /** Emits the failure, if there is one, and completes once the input can write no more. */
  get failed(): Observable<StreamError> {
    return new Observable((subscriber) => {
      if (this.error !== undefined || this.#isOver()) this.#tell(subscriber);
      else (this.#watchers ??= new Set()).add(subscriber);
      return () => this.#watchers?.delete(subscriber);
    });
  }

  /** A signal that is aborted with the failure, or before with the reason of a stop that was requested. */
  signal(reason: () => StreamError | undefined): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const error = reason();
      if (error !== undefined) this.abort(error);
    }
    return this.#abort.signal;
  }

  /** Keeps a failure, if it is the first, and tells those who watch. The input is to refuse what they write. */
  set(error: StreamError): void {
    if (this.error !== undefined) return;
    this.error = error;
    this.abort(error);
    this.over();
  }

  /** Aborts the signal, if anybody has asked for it. */
  abort(error: StreamError): void {
    if (this.#abort === undefined) return;
    this.#abort.abort(error);
    // One that a stop had aborted has told of the stop, and of nothing else.
    const { code } = this.#abort.signal.reason as StreamError;
    if (code === this.error?.code) this.told = true;
  }

  /** Tells those who watch that it is over. */
  over(): void {
    const watchers = this.#watchers ?? [];
    // Who was told once is told nothing more, and so is no witness of what is refused later.
    this.#watchers = undefined;
    for (const watcher of watchers) {
      try {
        this.#tell(watcher);
      } catch (error) {
        // Of a finalizer of the watcher's.
        reportUnhandled(error);
      }
    }
  }

  /** A rejection for somebody who called: so the failure is told, if it is the error given. */
  reject(error: StreamError): Promise<never> {
    if (error === this.error) this.told = true;
    return Promise.reject(error);
  }

  /** A call failed that has no other way to say so. */
  report(error: StreamError): void {
    if (this.told) return;
    // As for rejected promises: whoever takes `flush()` or `failed` right after the call is in time.
    queueMicrotask(() => {
      if (this.told) return;
      this.told = true;
      reportUnhandled(error);
    });
  }

  #tell(watcher: Subscriber<StreamError>): void {
    if (this.error !== undefined) {
      this.told = true;
      watcher.next(this.error);
    }
    watcher.complete();
  }
}
