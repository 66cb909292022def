import type { StreamEngine } from '../../engines/engine.js';
import { memoryEngine } from '../../engines/memory.js';
import { faultyEngine } from '../faulty-engine.js';
import { same, shown } from './assert.js';
import type { Cases } from './cases.js';
import { programOf, type Step } from './fuzz/program.js';
import { System } from './fuzz/system.js';

/** Which random programs are run. */
export interface FuzzOptions {
  /** How many. Default: 3,000. */
  readonly programs?: number;
  /** The seed of the first; that of each other is one more. Default: 1. */
  readonly seed?: number;
}

/** How many programs a case runs: few enough for the time that test frameworks give one. */
const PROGRAMS_PER_CASE = 20;
/** How often a program that fails is tried with a step less. */
const MAX_SHRINKS = 60;

/**
 * Random programs, run on the engine and on a memory engine: whatever is asked of either has to give the same. What a
 * program is, is told by its seed.
 */
export function fuzzCases(cases: Cases): void {
  const { programs = 3_000, seed = 1 } = cases.subject.fuzz ?? {};
  for (let first = seed; first < seed + programs; first += PROGRAMS_PER_CASE) {
    const last = Math.min(first + PROGRAMS_PER_CASE, seed + programs) - 1;
    cases.it(
      `gives the same as memory for the programs of the seeds ${first} to ${last}`,
      async ({ engine }) => {
        const oracle = oracleOf(cases);
        for (let program = first; program <= last; program++) {
          await runProgram(engine, oracle, program, cases.patience);
        }
      },
    );
  }
}

/** A memory engine that is like another one in what the log goes by. */
const oracleOf = ({ features, presence }: Cases): StreamEngine =>
  faultyEngine(memoryEngine({ presence }), {}, { features });

async function runProgram(
  engine: StreamEngine,
  oracle: StreamEngine,
  seed: number,
  patience: number,
): Promise<void> {
  let runs = 0;
  /** The first difference, in words. */
  const failureOf = async (steps: readonly Step[]): Promise<unknown> => {
    // Each run has ids of its own, of which the oracle has the same.
    const prefix = `${seed}.${++runs}:`;
    const [actual, expected] = [engine, oracle].map((each) => new System(each, prefix, patience)) as [
      System,
      System,
    ];
    await actual.begin();
    await expected.begin();
    try {
      for (const [i, step] of steps.entries()) {
        const [given, wanted] = [await actual.step(step), await expected.step(step)];
        same(given, wanted, `After step ${i + 1}`);
      }
      same(await actual.logs(), await expected.logs(), 'In the end');
      await actual.end();
      await expected.end();
      return undefined;
    } catch (error) {
      // What is left would be due in the next run.
      await Promise.allSettled([actual.abandon(), expected.abandon()]);
      return error;
    }
  };

  let steps: readonly Step[] = programOf(seed);
  let failure = await failureOf(steps);
  if (failure === undefined) return;
  for (let i = 0, tries = 0; i < steps.length && tries < MAX_SHRINKS; tries++) {
    const fewer = steps.filter((_, j) => j !== i);
    const other = await failureOf(fewer);
    if (other === undefined) i++;
    else [steps, failure] = [fewer, other];
  }
  const program = steps.map((step, i) => `${i + 1}. ${shown(step, 2_000)}`).join('\n');
  const message = failure instanceof Error ? failure.message : shown(failure);
  throw new Error(`The program of the seed ${seed} fails. ${message}\n${program}`, { cause: failure });
}
