import { InMemoryStreamManager } from '../lib/index.js';
import { claimedOnce } from './promises/claimed-once.js';
import { ends } from './promises/ends.js';
import { exactlyOnce } from './promises/exactly-once.js';
import { isolation } from './promises/isolation.js';
import { noSilentWrite } from './promises/no-silent-write.js';
import { offsets } from './promises/offsets.js';
import { seed } from './promises/seed.js';
import { slowness } from './promises/slowness.js';
import { ttl } from './promises/ttl.js';
import { lease } from './promises/lease.js';
import { stopping } from './promises/stopping.js';
import { virtualTime } from './promises/virtual-time.js';
import type { ManagerFactory } from './support/manager-factory.js';

const inMemory: ManagerFactory = (scheduler, options) => new InMemoryStreamManager({ ...options, scheduler });

exactlyOnce(inMemory);
claimedOnce(inMemory);
slowness(inMemory);
ends(inMemory);
ttl(inMemory);
isolation(inMemory);
noSilentWrite(inMemory);
lease(inMemory);
offsets(inMemory);
stopping(inMemory);
seed(inMemory);
virtualTime(inMemory);
