import type { SchedulerLike } from 'rxjs';

import type { InMemoryStreamManagerOptions, StreamManager } from '../../lib/index.js';

/** Makes the manager that a suite of promises is run against. */
export type ManagerFactory = (
  scheduler: SchedulerLike,
  options?: Omit<InMemoryStreamManagerOptions, 'scheduler'>,
) => StreamManager;

/** Where the streams of the manager are: what differs by the design is asked for differently. */
export type Place = 'in memory' | 'on an engine';
