import type { SchedulerLike, Subscription } from 'rxjs';

import { type Dated, DeadlineHeap } from './deadlines.js';
import { LONGEST_DELAY } from './longest-delay.js';

/** Something that is told when its time has come. */
export interface Expiring extends Dated {
  /** Called once at `now >= deadline`, out of the queue; it may enter it again. */
  expire(now: number): void;
}

/**
 * One queue of deadlines and one scheduled action for all of them. Nothing is scheduled while the
 * queue is empty, and what is scheduled never keeps a process alive.
 */
export class ExpiryQueue {
  readonly #heap = new DeadlineHeap<Expiring>();
  #action: Subscription | undefined;
  #armedFor = Infinity;
  #sweeping = false;

  constructor(readonly scheduler: SchedulerLike) {}

  now(): number {
    return this.scheduler.now();
  }

  /** Puts an item in, moves it, or takes it out if its deadline is `Infinity`. */
  set(item: Expiring, deadline: number): void {
    if (deadline === Infinity && item.slot < 0) {
      item.deadline = deadline;
      return;
    }
    this.#heap.set(item, deadline);
    this.#arm();
  }

  /** Hands out everything that is due, in the order of the deadlines. */
  sweep(): void {
    const outermost = !this.#sweeping;
    this.#sweeping = true;
    const now = this.now();
    for (
      let first = this.#heap.first;
      first !== undefined && first.deadline <= now;
      first = this.#heap.first
    ) {
      this.set(first, Infinity);
      first.expire(now);
    }
    if (!outermost) return;
    this.#sweeping = false;
    this.#arm();
  }

  #arm(): void {
    if (this.#sweeping) return;
    const deadline = this.#heap.first?.deadline ?? Infinity;
    // An action that comes too early finds nothing due and arms the next; that is cheaper than to move it each time.
    if (deadline !== Infinity && deadline >= this.#armedFor) return;
    this.#schedule(deadline);
  }

  #schedule(deadline: number): void {
    this.#action?.unsubscribe();
    this.#action = undefined;
    this.#armedFor = deadline;
    if (deadline === Infinity) return;
    const delay = Math.min(Math.max(deadline - this.now(), 0), LONGEST_DELAY);
    this.#action = this.scheduler.schedule(() => {
      this.#action = undefined;
      this.#armedFor = Infinity;
      this.sweep();
    }, delay);
    // RxJS has no public way to say that a timer should not keep Node alive. `id` is Node's timer there.
    (this.#action as { id?: { unref?: () => void } }).id?.unref?.();
  }
}
