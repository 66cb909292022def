import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import { Cluster } from 'ioredis';
import { afterAll, describe, it, vi } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { redisEngine } from '../../lib/engines/redis.js';
import { engineSuite } from '../../lib/testing/index.js';
import { OwnRedis, REDIS_URL } from '../support/redis.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

const NODES = 3;

const { FUZZ_RUNS: programs = '100', FUZZ_SEED: seed = '1' } = process.env;

/** Nodes of our own that have formed a cluster. */
async function startNodes(): Promise<OwnRedis[]> {
  const nodes: OwnRedis[] = [];
  for (let i = 0; i < NODES; i++) {
    nodes.push(await OwnRedis.start('--cluster-enabled', 'yes', '--cluster-port', '0', '--save', ''));
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  return nodes;
}

// What the machine has of Redis is what it needs.
await withServer('redis', REDIS_URL, async () => {
  const nodes = await startNodes();
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  afterAll(async () => {
    cluster.disconnect();
    for (const node of nodes) await node[Symbol.asyncDispose]();
  });

  const prefixes = new WeakMap<StreamEngine, string>();
  const engineAt = (prefix: string): StreamEngine => {
    const engine = redisEngine({ client: cluster, prefix });
    prefixes.set(engine, prefix);
    return engine;
  };

  engineSuite(
    { describe, it },
    {
      name: 'redis cluster',
      features: redisEngine({ client: cluster }).features,
      create: () => engineAt(`spec-${randomUUID()}:`),
      reopen: (engine) => engineAt(prefixes.get(engine) ?? ''),
      fuzz: { programs: Number(programs), seed: Number(seed) },
      patience: 10_000,
      // The nodes go with the specs.
      destroy: () => Promise.resolve(),
    },
  );
});
