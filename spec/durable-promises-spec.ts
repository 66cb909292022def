import { DurableStreamManager, memoryEngine } from '../lib/index.js';
import { claimedOnce } from './promises/claimed-once.js';
import { ends } from './promises/ends.js';
import { exactlyOnce } from './promises/exactly-once.js';
import { isolation } from './promises/isolation.js';
import { lease } from './promises/lease.js';
import { limits } from './promises/limits.js';
import { noSilentWrite } from './promises/no-silent-write.js';
import { offsets } from './promises/offsets.js';
import { seed } from './promises/seed.js';
import { slowness } from './promises/slowness.js';
import { stopping } from './promises/stopping.js';
import { ttl } from './promises/ttl.js';
import { virtualTime } from './promises/virtual-time.js';
import type { ManagerFactory } from './support/manager-factory.js';

const onMemory: ManagerFactory = (scheduler, options = {}) => {
  const { maxStreams, ...rest } = options;
  return new DurableStreamManager(memoryEngine({ maxStreams }), { ...rest, scheduler });
};

exactlyOnce(onMemory);
claimedOnce(onMemory);
slowness(onMemory);
ends(onMemory);
ttl(onMemory, 'on an engine');
isolation(onMemory);
noSilentWrite(onMemory, 'on an engine');
lease(onMemory);
offsets(onMemory);
stopping(onMemory);
seed(onMemory);
virtualTime(onMemory);
limits(onMemory, 'on an engine');
