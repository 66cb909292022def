import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, type Plugin } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';

import type * as lib from './support/simulation/lib.js';
import { mutated, type Mutation, MUTATIONS } from './support/simulation/mutations.js';
import { Simulation } from './support/simulation/simulation.js';
import { withoutMicrotasks } from './support/simulation/sync-promise.js';

/** Within how many seeds a broken rule has to be found. */
const SEEDS = 20_000;
/** How many seeds the unbroken rules are run with here, loaded in the same way. */
const UNBROKEN = 2_000;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Gives a module of `lib/log` with a rule broken. */
const breaking = (mutation: Mutation): Plugin => ({
  name: 'mutation',
  setup: (plugins) => {
    plugins.onLoad({ filter: new RegExp(`/lib/log/${mutation.file}\\.ts$`) }, ({ path }) => ({
      contents: mutated(readFileSync(path, 'utf8'), mutation),
      loader: 'ts',
    }));
  },
});

describe('A rule that is broken on purpose', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simulation-'));
  let loaded = 0;
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const load = async (...plugins: Plugin[]): Promise<typeof lib> => {
    const outfile = join(folder, `${loaded++}.mjs`);
    await build({
      entryPoints: [join(ROOT, 'spec/support/simulation/lib.ts')],
      outfile,
      plugins,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent',
    });
    return (await import(/* @vite-ignore */ outfile)) as typeof lib;
  };

  /** The first seed in which something is broken, of so many. */
  const firstBroken = (subject: typeof lib, seeds: number): number | undefined => {
    for (let seed = 0; seed < seeds; seed++) {
      const violation = withoutMicrotasks(() => new Simulation(seed, subject).run());
      if (violation !== undefined) return seed;
    }
    return undefined;
  };

  it(
    'is what breaks: the same modules, loaded in the same way, break nothing',
    { timeout: 60_000 },
    async () => {
      expect(firstBroken(await load(), UNBROKEN)).toBeUndefined();
    },
  );

  it.each(MUTATIONS)('is found: it $what', { timeout: 120_000 }, async (mutation) => {
    expect(firstBroken(await load(breaking(mutation)), SEEDS)).toBeDefined();
  });
});
