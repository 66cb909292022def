import { describe, it, vi } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { postgresEngine } from '../../lib/engines/postgres.js';
import { engineSuite } from '../../lib/testing/index.js';
import { DATABASE_URL, dropSchema, schemaName } from '../support/postgres.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

/** What is on the disk when the machine crashes is up to PostgreSQL, and nothing here waits for it. */
const connection = { connectionString: DATABASE_URL, options: '-c synchronous_commit=off' };

const { FUZZ_RUNS: programs = '300', FUZZ_SEED: seed = '1' } = process.env;
const schemas = new WeakMap<StreamEngine, string>();

function engineIn(schema: string): StreamEngine {
  const engine = postgresEngine({ connection, schema });
  schemas.set(engine, schema);
  return engine;
}

const schemaOf = (engine: StreamEngine): string => schemas.get(engine) ?? '';

await withServer('PostgreSQL', DATABASE_URL, () => {
  engineSuite(
    { describe, it },
    {
      name: 'postgres',
      features: postgresEngine().features,
      create: () => engineIn(schemaName()),
      reopen: (engine) => engineIn(schemaOf(engine)),
      fuzz: { programs: Number(programs), seed: Number(seed) },
      patience: 10_000,
      destroy: (engine) => dropSchema(schemaOf(engine)),
    },
  );
});
