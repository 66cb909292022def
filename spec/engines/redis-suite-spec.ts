import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, it, vi } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { redisEngine } from '../../lib/engines/redis.js';
import { engineSuite } from '../../lib/testing/index.js';
import { withServer } from '../support/servers.js';

const {
  FUZZ_RUNS: programs = '300',
  FUZZ_SEED: seed = '1',
  REDIS_URL: url = 'redis://localhost:6379',
} = process.env;

vi.setConfig({ testTimeout: 30_000 });

const prefixes = new WeakMap<StreamEngine, string>();

function engineAt(prefix: string): StreamEngine {
  const engine = redisEngine({ connection: url, prefix });
  prefixes.set(engine, prefix);
  return engine;
}

await withServer('redis', url, () => {
  engineSuite(
    { describe, it },
    {
      name: 'redis',
      features: redisEngine().features,
      create: () => engineAt(`spec-${randomUUID()}:`),
      reopen: (engine) => engineAt(prefixes.get(engine) ?? ''),
      fuzz: { programs: Number(programs), seed: Number(seed) },
      patience: 10_000,
      destroy: async (engine) => {
        const redis = new Redis(url);
        const keys = await redis.keys(`${prefixes.get(engine) ?? ''}*`);
        if (keys.length > 0) await redis.unlink(...keys);
        redis.disconnect();
      },
    },
  );
});
