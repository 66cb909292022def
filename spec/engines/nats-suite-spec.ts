import { randomUUID } from 'node:crypto';
import { describe, it, vi } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { natsEngine } from '../../lib/engines/nats.js';
import { engineSuite } from '../../lib/testing/index.js';
import { NATS_URL, removeStreams } from '../support/nats.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

const { FUZZ_RUNS: programs = '300', FUZZ_SEED: seed = '1' } = process.env;
const prefixes = new WeakMap<StreamEngine, string>();

function engineAt(prefix: string): StreamEngine {
  const engine = natsEngine({ connection: NATS_URL, prefix, shards: 3 });
  prefixes.set(engine, prefix);
  return engine;
}

const prefixOf = (engine: StreamEngine): string => prefixes.get(engine) ?? '';

await withServer('nats', NATS_URL, () => {
  engineSuite(
    { describe, it },
    {
      name: 'nats',
      features: natsEngine().features,
      create: () => engineAt(`spec-${randomUUID()}`),
      reopen: (engine) => engineAt(prefixOf(engine)),
      fuzz: { programs: Number(programs), seed: Number(seed) },
      maxParts: 256,
      patience: 10_000,
      destroy: (engine) => removeStreams(prefixOf(engine)),
    },
  );
});
