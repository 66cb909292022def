import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import { engineSuite } from '../../lib/testing/index.js';

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
    destroy: (engine) => {
      rmSync(pathOf(engine), { recursive: true });
    },
  },
);
