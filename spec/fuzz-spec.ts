import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { StreamSubject } from '../lib/index.js';
import { fuzzParameters, type Program, programs } from './support/fuzz-program.js';
import { run } from './support/fuzz-run.js';
import { managerSystem, replaySubjectSystem, subjectSystem, type System } from './support/fuzz-systems.js';
import { catchUnhandledErrors, takeLateReports } from './support/fuzz-unhandled.js';

// FUZZ_RUNS may ask for more than the usual limit has time for.
const LIMIT = { timeout: 600_000 };

describe('random programs of writes, ends, subscribes and unsubscribes inside callbacks', LIMIT, () => {
  let restore: () => void;
  beforeAll(() => {
    restore = catchUnhandledErrors();
  });
  afterAll(() => {
    restore();
  });

  it('break no promise of a StreamSubject, for plain observers and behind an operator', () => {
    const { nested } = checkAll(subjectSystem(StreamSubject), programs({ managed: false }), 12_000);

    expect(nested).toBeGreaterThan(0.4);
  });

  it('break no promise of an InMemoryStreamManager, for plain observers and behind an operator', async () => {
    const { nested, misused } = checkAll(managerSystem, programs({ managed: true }), 10_000);

    expect(nested).toBeGreaterThan(0.25);
    // Writes after an input's own end: `failed` has completed by then, so nobody watches, and each input reports once.
    expect(await takeLateReports()).toEqual(Array.from({ length: misused }, () => 'FAILED_PRECONDITION'));
  });

  it('break ReplaySubject mostly where callbacks write, and nowhere else: the harness finds what it is for', () => {
    let reentrant = 0;
    let broken = 0;
    let otherwiseBroken = 0;
    const property = fc.property(programs({ managed: false }), (program) => {
      // It never promised that a nested write is seen only later; held against it are order, loss, doubles and ends.
      const { violation, nested } = run(program, replaySubjectSystem, {
        path: 'plain',
        tolerated: ['early'],
      });
      if (nested > 0) reentrant++;
      if (violation !== undefined && nested > 0) broken++;
      if (violation !== undefined && nested === 0) otherwiseBroken++;
    });
    fc.assert(property, { numRuns: 2_000, seed: 1 });
    expect(otherwiseBroken).toBe(0);
    expect(broken / reentrant).toBeGreaterThan(0.5);
  });
});

/** Runs programs, each on both subscription paths, and tells what was in them. */
function checkAll(
  createSystem: () => System,
  arbitrary: fc.Arbitrary<Program>,
  numRuns: number,
): { nested: number; misused: number } {
  let runs = 0;
  let withNested = 0;
  let misused = 0;
  const property = fc.property(arbitrary, (program) => {
    for (const path of ['plain', 'operator'] as const) {
      const report = run(program, createSystem, { path });
      runs++;
      if (report.nested > 0) withNested++;
      misused += report.misused;
      if (report.violation === undefined) continue;
      const trace: string[] = [];
      run(program, createSystem, { path, trace });
      const { rule, text } = report.violation;
      throw new Error(`Broke "${rule}" (${path}): ${text}\n${trace.join('\n')}`);
    }
  });
  fc.assert(property, fuzzParameters(numRuns));
  return { nested: withNested / runs, misused };
}
