import type { SchedulerLike } from 'rxjs';

import { type ExpiryQueue, LONGEST_DELAY } from './expiry.js';
import type { Clock } from './log/clock.js';

/** The clock of a scheduler. What runs in the background shares the queue's one action, which keeps no process alive. */
export const schedulerClock = (scheduler: SchedulerLike, queue: ExpiryQueue): Clock => ({
  now: () => scheduler.now(),
  after: (ms, callback) => {
    const action = scheduler.schedule(callback, Math.min(ms, LONGEST_DELAY));
    return () => {
      action.unsubscribe();
    };
  },
  inBackground: (ms, callback) => {
    const item = { deadline: Infinity, slot: -1, expire: callback };
    queue.set(item, queue.now() + ms);
    return () => {
      queue.set(item, Infinity);
    };
  },
  soon: queueMicrotask,
  random: Math.random,
});
