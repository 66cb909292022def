import type { SchedulerLike } from 'rxjs';

import {
  DurableStreamManager,
  InMemoryStreamManager,
  type InMemoryStreamManagerOptions,
  memoryEngine,
  type StreamManager,
} from '../../lib/index.js';

/** Makes the manager that a suite is run against. */
export type ManagerFactory = (
  scheduler: SchedulerLike,
  options?: Omit<InMemoryStreamManagerOptions, 'scheduler'>,
) => StreamManager;

/** Where the streams of the manager are: what differs by the design is asked for differently. */
export type Place = 'in memory' | 'on an engine';

export const inMemory: ManagerFactory = (scheduler, options) =>
  new InMemoryStreamManager({ ...options, scheduler });

export const onMemoryEngine: ManagerFactory = (scheduler, options = {}) => {
  const { maxStreams, ...rest } = options;
  return new DurableStreamManager(memoryEngine({ maxStreams }), { ...rest, scheduler });
};
