import type { SchedulerLike } from 'rxjs';

import type { InMemoryStreamManagerOptions, StreamManager } from '../../lib/index.js';

/** Makes the manager that a suite of promises is run against. */
export type ManagerFactory = (
  scheduler: SchedulerLike,
  options?: Omit<InMemoryStreamManagerOptions, 'scheduler'>,
) => StreamManager;
