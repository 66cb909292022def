import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, vi } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import { engineSuite } from '../../lib/testing/index.js';

// Each commit waits for the disk, which others may keep busy.
vi.setConfig({ testTimeout: 30_000 });

const { FUZZ_RUNS: programs = '1000', FUZZ_SEED: seed = '1' } = process.env;
const paths = new WeakMap<StreamEngine, string>();

function engineIn(path: string): StreamEngine {
  const engine = lmdbEngine({ path });
  paths.set(engine, path);
  return engine;
}

const pathOf = (engine: StreamEngine): string => paths.get(engine) ?? '';

engineSuite(
  { describe, it },
  {
    name: 'lmdb',
    features: lmdbEngine({ path: tmpdir() }).features,
    create: () => engineIn(mkdtempSync(join(tmpdir(), 'lmdb-suite-'))),
    reopen: (engine) => engineIn(pathOf(engine)),
    fuzz: { programs: Number(programs), seed: Number(seed) },
    patience: 10_000,
    destroy: (engine) => {
      rmSync(pathOf(engine), { recursive: true });
    },
  },
);
