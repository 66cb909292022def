import type { SchedulerLike } from 'rxjs';

import { LONGEST_DELAY } from '../longest-delay.js';

/**
 * Calls back after so many ms, unless what it gives is called before. `background`: for what nobody waits for, so that
 * it keeps no process alive.
 */
export function after(
  scheduler: SchedulerLike,
  ms: number,
  callback: () => void,
  background = false,
): () => void {
  if (ms === Infinity) return () => undefined;
  const action = scheduler.schedule(callback, Math.min(ms, LONGEST_DELAY));
  if (background) (action as { id?: { unref?: () => void } }).id?.unref?.();
  return () => {
    action.unsubscribe();
  };
}

/** Resolves after so many ms, or before: once the signal is aborted, or the network is back. */
export function sleep(scheduler: SchedulerLike, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      target?.removeEventListener('online', wake);
      resolve();
    };
    const cancel = after(scheduler, ms, wake);
    const target = eventsOf(globalThis);
    signal.addEventListener('abort', wake);
    target?.addEventListener('online', wake);
  });
}

/** What gives events, if it does on this platform. */
export const eventsOf = (target: unknown): EventTarget | undefined =>
  typeof (target as Partial<EventTarget> | undefined)?.addEventListener === 'function'
    ? (target as EventTarget)
    : undefined;

/** Notices that nothing is heard. Its one action is moved when it comes, not whenever something is heard. */
export class Silence {
  #heardAt: number;
  #cancel: () => void;

  constructor(
    private readonly scheduler: SchedulerLike,
    private readonly ms: number,
    private readonly onSilent: () => void,
  ) {
    this.#heardAt = scheduler.now();
    this.#cancel = this.#arm(ms);
  }

  heard(): void {
    this.#heardAt = this.scheduler.now();
  }

  stop(): void {
    this.#cancel();
  }

  #arm(ms: number): () => void {
    return after(this.scheduler, ms, () => {
      const left = this.#heardAt + this.ms - this.scheduler.now();
      if (left > 0) this.#cancel = this.#arm(left);
      else this.onSilent();
    });
  }
}
