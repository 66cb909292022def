import { InMemoryStreamManager } from '../lib/index.js';
import { exactlyOnce } from './promises/exactly-once.js';
import type { ManagerFactory } from './support/manager-factory.js';

const inMemory: ManagerFactory = (scheduler, options) => new InMemoryStreamManager({ ...options, scheduler });

exactlyOnce(inMemory);
