import type { SchedulerLike, Subscription } from 'rxjs';

/** Something that has to be looked at by a certain time. */
export interface Expiring {
  /** When, in ms of the scheduler's `now()`; `Infinity` while there is nothing to wait for. The queue writes it. */
  deadline: number;
  /** Its place in the queue; below 0 while it is not in it. The queue writes it. */
  slot: number;
  /** Called once at `now >= deadline`, out of the queue; it may enter it again. */
  expire(now: number): void;
}

/** The longest delay, in ms, that timers take; beyond it they fire at once. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * One queue of deadlines (a binary heap) and one scheduled action for all of them. Nothing is scheduled while the
 * queue is empty, and what is scheduled never keeps a process alive.
 */
export class ExpiryQueue {
  readonly #scheduler: SchedulerLike;
  readonly #heap: Expiring[] = [];
  #action: Subscription | undefined;
  #armedFor = Infinity;
  #sweeping = false;

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  now(): number {
    return this.#scheduler.now();
  }

  /** Puts an item in, moves it, or takes it out if its deadline is `Infinity`. */
  set(item: Expiring, deadline: number): void {
    const heap = this.#heap;
    const { slot } = item;
    item.deadline = deadline;
    if (deadline !== Infinity) {
      this.#place(slot < 0 ? heap.push(item) - 1 : slot, item);
    } else {
      if (slot < 0) return;
      item.slot = -1;
      const last = heap.pop() as Expiring;
      if (last !== item) this.#place(slot, last);
    }
    this.#arm();
  }

  /** Hands out everything that is due, in the order of the deadlines. */
  sweep(): void {
    const outermost = !this.#sweeping;
    this.#sweeping = true;
    const now = this.now();
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= now; first = this.#heap[0]) {
      this.set(first, Infinity);
      first.expire(now);
    }
    if (!outermost) return;
    this.#sweeping = false;
    this.#arm();
  }

  #arm(): void {
    if (this.#sweeping) return;
    const deadline = this.#heap[0]?.deadline ?? Infinity;
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
    this.#action = this.#scheduler.schedule(() => {
      this.#action = undefined;
      this.#armedFor = Infinity;
      this.sweep();
    }, delay);
    // RxJS has no public way to say that a timer should not keep Node alive. `id` is Node's timer there.
    (this.#action as { id?: { unref?: () => void } }).id?.unref?.();
  }

  /** Puts an item where it belongs, beginning at a slot that is free. */
  #place(from: number, item: Expiring): void {
    const heap = this.#heap;
    let slot = from;
    for (;;) {
      let next = (slot - 1) >> 1;
      let other = slot > 0 ? heap[next] : undefined;
      if (other === undefined || other.deadline <= item.deadline) {
        // Not up, then down, to the earlier child.
        next = 2 * slot + 1;
        other = heap[next];
        const right = heap[next + 1];
        if (other !== undefined && right !== undefined && right.deadline < other.deadline) {
          other = right;
          next++;
        }
        if (other === undefined || other.deadline >= item.deadline) break;
      }
      heap[slot] = other;
      other.slot = slot;
      slot = next;
    }
    heap[slot] = item;
    item.slot = slot;
  }
}
