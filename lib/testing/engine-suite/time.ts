import { type SchedulerLike, VirtualTimeScheduler } from 'rxjs';

import type { Awaitable } from '../../maybe-promise.js';
import { eventually } from './assert.js';

/**
 * The time of a case. It stands still until it is told to pass, and then goes from one thing that is due to the next,
 * each with all that the engine is asked for meanwhile. So an hour is over at once, and a slow engine is never late.
 */
export class Time {
  // An engine that looks at a clock of its own should find moments to be about where it has them.
  readonly #scheduler = new VirtualTimeScheduler();
  /** How many calls of the engine have begun, and how many of them are on their way. */
  #begun = 0;
  #awaited = 0;

  constructor(private readonly patience: number) {
    this.#scheduler.frame = Date.now();
  }

  now(): number {
    return this.#scheduler.frame;
  }

  /** This time, as a clock shows it that is some ms ahead. */
  scheduler(ahead = 0): SchedulerLike {
    const time = this.#scheduler;
    return { now: () => time.frame + ahead, schedule: time.schedule.bind(time) };
  }

  /** Makes a call of the engine, for whose answer time waits. */
  readonly around = <T>(call: () => Awaitable<T>): Awaitable<T> => {
    this.#begun++;
    const answer = call();
    if (typeof (answer as PromiseLike<T> | undefined)?.then !== 'function') return answer;
    this.#awaited++;
    const over = (): void => {
      this.#awaited--;
    };
    (answer as PromiseLike<T>).then(over, over);
    return answer;
  };

  /** Lets so many ms pass. */
  async pass(ms: number): Promise<void> {
    const time = this.#scheduler;
    const until = time.frame + ms;
    for (;;) {
      await this.rest();
      const next = time.actions.find(({ closed }) => !closed)?.delay ?? Infinity;
      if (next > until) break;
      time.maxFrames = next;
      time.flush();
    }
    time.frame = until;
  }

  /**
   * Lets time pass until something holds, some ms before each look. Beside time it may also take what takes real time,
   * as hints do.
   */
  until(what: string, holds: () => Awaitable<boolean>, step = 5_000): Promise<void> {
    return eventually(this.patience, what, async () => {
      await this.pass(step);
      return holds();
    });
  }

  /** Waits until the engine has answered, and is asked nothing more before time passes. */
  rest(): Promise<void> {
    let begun: number | undefined;
    return eventually(this.patience, 'the engine has answered all that it was asked', () => {
      const rests = this.#awaited === 0 && this.#begun === begun;
      begun = this.#begun;
      return rests;
    });
  }
}
