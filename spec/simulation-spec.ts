import { describe, expect, it } from 'vitest';

import * as lib from './support/simulation/lib.js';
import { Simulation } from './support/simulation/simulation.js';
import { withoutMicrotasks } from './support/simulation/sync-promise.js';

/** How many seeds are run: more with `SIM_SEEDS=1000000`. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 50_000);
/** One seed alone, with what happens in it: `SIM_SEED=42`. */
const SEED = process.env['SIM_SEED'];
const BATCH = 5_000;

const broken = (seed: number, trace?: string[]): string | undefined =>
  withoutMicrotasks(() => new Simulation(seed, lib, trace).run())?.message;

/** The violation of a seed, and how to see it again. */
function told(seed: number): string | undefined {
  const violation = broken(seed);
  if (violation === undefined) return undefined;
  const trace: string[] = [];
  broken(seed, trace);
  const last = trace.slice(-60).join('\n');
  return `Seed ${seed}: ${violation}\n${last}\nReplay it: SIM_SEED=${seed} npx vitest run spec/simulation-spec.ts`;
}

describe('Producers and subscribers in processes that crash, over an engine that fails', () => {
  if (SEED !== undefined) {
    it(`keep the promises in seed ${SEED}`, () => {
      const trace: string[] = [];
      const violation = broken(Number(SEED), trace);
      console.log(trace.join('\n'));
      expect(violation).toBeUndefined();
    });
    return;
  }

  for (let from = 0; from < SEEDS; from += BATCH) {
    const until = Math.min(from + BATCH, SEEDS);
    it(`keep the promises in the seeds ${from} to ${until - 1}`, { timeout: 120_000 }, () => {
      for (let seed = from; seed < until; seed++) expect(told(seed)).toBeUndefined();
    });
  }
});
