import type { NgZone } from '@angular/core';
import { asyncScheduler, type SchedulerLike } from 'rxjs';

import type { ConnectionOptions } from '../client/index.js';

/**
 * The `fetch` and the scheduler of a connection, run outside Angular's zone: a request that waits for what comes, and a
 * delay that may be long, would keep an application with a zone from ever being stable.
 */
export function outsideZone(
  { fetch: ask = globalThis.fetch, scheduler = asyncScheduler }: ConnectionOptions,
  zone: NgZone,
): Pick<ConnectionOptions, 'fetch' | 'scheduler'> {
  const schedule: typeof scheduler.schedule = (...work: Parameters<SchedulerLike['schedule']>) =>
    zone.runOutsideAngular(() => scheduler.schedule(...work));
  const isCallable = typeof (ask as unknown) === 'function';
  return {
    // What is no function is refused by whoever would call it.
    fetch: isCallable ? (input, init) => zone.runOutsideAngular(() => ask(input, init)) : ask,
    scheduler: { now: () => scheduler.now(), schedule },
  };
}
