import { Observable, type Subscription, takeUntil } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';

import { invalid, printed } from '../errors.js';
import { InMemoryStreamManager, type InMemoryStreamManagerOptions } from '../in-memory-manager.js';
import type { OpenOptions, StreamInput, SubscribeOptions } from '../stream-manager.js';

/** Options of {@link TestStreamManager}: those of the manager, but for the scheduler. */
export type TestStreamManagerOptions = Omit<InMemoryStreamManagerOptions, 'scheduler'>;

/** Options of {@link TestStreamManager.write}. */
export interface WriteMarblesOptions<O> extends OpenOptions {
  /** The final output for the marble's `|`. Default: none. */
  output?: O;
  /** The error for the marble's `#`. Default: `'error'`, as everywhere in marbles. */
  error?: unknown;
}

/** What a marble expectation offers. */
interface Expectation<V> {
  toBe(marbles: string | string[], values?: V, error?: unknown): void;
}

/**
 * An in-memory manager for marble tests: all its time is the test scheduler's, in and out of run mode, also under
 * rxjs-marbles (`m.scheduler`). Its streams have the generations 1, 2, 3, … in the order they are opened, so that
 * offsets can be foreseen.
 */
export class TestStreamManager extends InMemoryStreamManager {
  readonly #scheduler: TestScheduler;

  constructor(scheduler: TestScheduler, options: TestStreamManagerOptions = {}) {
    super({ ...options, scheduler });
    this.#scheduler = scheduler;
  }

  /**
   * Opens a stream now and writes it from a marble, whose first frame is now: values become chunks, `|` completes
   * the stream and `#` fails it. After a marble with neither the input is closed, as by a producer that went away,
   * so the stream's `lease` runs from the end of the marble. If the input fails, the rest is not written.
   *
   * Chunks of the first frame come after everything else that the test has set up for that frame, as those of a hot
   * observable do. Throws what `open` throws.
   */
  write<C = string, O = void>(
    id: string,
    marbles: string,
    values?: Record<string, C>,
    options: WriteMarblesOptions<O> = {},
  ): StreamInput<C, O> {
    const { output, error, ...openOptions } = options;
    const input = this.open<C, O>(id, openOptions);
    const ends = /[|#]/.test(marbles);
    const source = this.#scheduler.createColdObservable<C>(ends ? marbles : `${marbles}|`, values, error);
    this.#scheduler.schedule(() => {
      source.pipe(takeUntil(input.failed)).subscribe({
        next: (chunk) => {
          input.next(chunk);
        },
        error: (reason: unknown) => {
          input.error(reason);
        },
        complete: () => {
          if (!ends) input.close();
          else if ('output' in options) input.complete(output as O);
          else input.complete();
        },
      });
    });
    return input;
  }

  /** Expects the events of a stream; make them with `chunkEvent`, `doneEvent` and `errorEvent`. */
  expectEvents(
    id: string,
    options?: SubscribeOptions,
    unsubscription?: string,
  ): Expectation<Record<string, unknown>> {
    return this.#scheduler.expectObservable(this.subscribe(id, options).events(), unsubscription);
  }

  /** Expects the status of a stream, in letters: `o` for open, `d` for done, `e` for error. Thus `'o--(d|)'`. */
  expectStatus(
    id: string,
    options?: SubscribeOptions,
    unsubscription?: string,
  ): { toBe(marbles: string, error?: unknown): void } {
    const expectation = this.#scheduler.expectObservable(
      this.subscribe(id, options).status(),
      unsubscription,
    );
    return {
      toBe: (marbles, error) => {
        expectation.toBe(marbles, { o: 'open', d: 'done', e: 'error' }, error);
      },
    };
  }

  /**
   * Expects that a stream is gone from the frame of the marble's one value on, and was there 1 ms before. It is looked
   * up at the end of both frames, by what renews nothing.
   */
  expectEvicted(id: string): { toBe(marbles: string): void } {
    return {
      toBe: (marbles) => {
        const { messages } = this.#scheduler.createColdObservable(marbles);
        const [moment] = messages;
        if (moment?.notification.kind !== 'N' || messages.length > 1) {
          throw invalid(
            `An eviction is expected by a marble with one value and no end, not by ${printed(marbles)}.`,
          );
        }
        const eviction = this.#eviction(id, moment.frame);
        this.#scheduler
          .expectObservable(eviction)
          .toBe(marbles, { [String(moment.notification.value)]: 'evicted' });
      },
    };
  }

  /** Tells in a frame whether that is when a stream went. */
  #eviction(id: string, frame: number): Observable<string> {
    return new Observable((subscriber) => {
      let before = false;
      subscriber.add(this.#atEndOf(frame - 1, () => (before = this.#has(id))));
      subscriber.add(
        this.#atEndOf(frame, () => {
          subscriber.next(!before ? 'gone before' : this.#has(id) ? 'still there' : 'evicted');
        }),
      );
    });
  }

  /** Does something in a frame, after all that was set up for that frame. */
  #atEndOf(frame: number, action: () => void): Subscription {
    const actions = this.#scheduler.schedule(() => actions.add(this.#scheduler.schedule(action)), frame);
    return actions;
  }

  /** Streams of other tests' managers may have the same offsets: each manager counts for itself. */
  protected override firstGeneration(): number {
    return 1;
  }

  #has(id: string): boolean {
    return this.list({ prefix: id }).some((head) => head.id === id);
  }
}
