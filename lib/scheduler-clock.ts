import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs';

import type { Expiring, ExpiryQueue } from './expiry.js';
import type { Clock } from './log/clock.js';
import { LONGEST_DELAY } from './longest-delay.js';

/** The {@link Clock} of a scheduler. */
export interface SchedulerClock extends Clock {
  /** Calls back nobody any more: nothing of it is scheduled from then on. */
  stop(): void;
}

/**
 * The clock of a scheduler. What runs in the background shares the queue's one action, which keeps no process alive.
 * What runs soon does so in a microtask; where time is not real it does so by the scheduler if that comes first, so that
 * virtual time does not end before it.
 */
export function schedulerClock(scheduler: SchedulerLike, queue: ExpiryQueue): SchedulerClock {
  const actions = new Subscription();
  const items = new Set<Expiring>();
  const schedule = (callback: () => void, ms: number): Subscription => {
    const over = new Subscription();
    actions.add(over);
    over.add(
      scheduler.schedule(() => {
        actions.remove(over);
        over.unsubscribe();
        callback();
      }, ms),
    );
    return over;
  };
  return {
    now: () => scheduler.now(),
    after(ms, callback) {
      if (actions.closed) return () => undefined;
      const action = schedule(callback, Math.min(ms, LONGEST_DELAY));
      return () => {
        actions.remove(action);
        action.unsubscribe();
      };
    },
    inBackground(ms, callback) {
      if (actions.closed) return () => undefined;
      const item: Expiring = {
        deadline: Infinity,
        slot: -1,
        expire: () => {
          items.delete(item);
          callback();
        },
      };
      const cancel = (): void => {
        items.delete(item);
        queue.set(item, Infinity);
      };
      items.add(item);
      queue.set(item, queue.now() + ms);
      return cancel;
    },
    soon(callback) {
      if (scheduler === asyncScheduler) {
        queueMicrotask(callback);
      } else if (!actions.closed) {
        const action = schedule(callback, 0);
        queueMicrotask(() => {
          if (action.closed) return;
          actions.remove(action);
          action.unsubscribe();
          callback();
        });
      }
    },
    random: Math.random,
    stop() {
      actions.unsubscribe();
      for (const item of items) queue.set(item, Infinity);
      items.clear();
    },
  };
}
