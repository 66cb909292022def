import { invalid } from '../errors.js';
import { Cases, type EngineUnderTest, type TestFramework } from './engine-suite/cases.js';
import { commitCases } from './engine-suite/commit.js';
import { crashCases } from './engine-suite/crashes.js';
import { crowdCases } from './engine-suite/crowd.js';
import { dueCases } from './engine-suite/due.js';
import { fuzzCases } from './engine-suite/fuzz.js';
import { lifecycleCases } from './engine-suite/lifecycle.js';
import { listCases } from './engine-suite/list.js';
import { losingCases } from './engine-suite/losing.js';
import { loadCases } from './engine-suite/load.js';
import { managerCases } from './engine-suite/manager.js';
import { nameCases } from './engine-suite/names.js';
import { offsetCases } from './engine-suite/offsets.js';
import { passingCases } from './engine-suite/passing.js';
import { payloadCases } from './engine-suite/payloads.js';
import { readCases } from './engine-suite/read.js';
import { sourceCases } from './engine-suite/sources.js';
import { touchCases } from './engine-suite/touch.js';
import { watchCases } from './engine-suite/watch.js';

export type { EngineUnderTest, TestFramework } from './engine-suite/cases.js';
export type { FuzzOptions } from './engine-suite/fuzz.js';

const GROUPS: Readonly<Record<string, (cases: Cases) => void>> = {
  'as a whole': lifecycleCases,
  'looking streams up': loadCases,
  committing: commitCases,
  reading: readCases,
  'storing chunks': payloadCases,
  watching: watchCases,
  'touching streams': touchCases,
  'listing streams': listCases,
  'knowing deadlines': dueCases,
  'taking names': nameCases,
  'with a manager': managerCases,
  'giving offsets': offsetCases,
  'losing what was acknowledged': losingCases,
  'having many producers': crowdCases,
  'letting time pass': passingCases,
  'crashing between steps': crashCases,
  'keeping what forks need': sourceCases,
  'running random programs': fuzzCases,
};

/**
 * Registers the cases that every engine has to pass, with a test framework's `describe` and `it`. What an engine says
 * of itself selects some of them; a case that doesn't apply is there under a name that says why.
 */
export function engineSuite(framework: TestFramework, subject: EngineUnderTest): void {
  const { durable, multiProcess } = subject.features;
  if ((durable || multiProcess) && subject.reopen === undefined) {
    throw invalid(
      'An engine that is durable, or of several processes, is checked by opening its store again: give `reopen`.',
    );
  }
  const cases = new Cases(framework, subject);
  framework.describe(`The ${subject.name} engine`, () => {
    for (const [name, group] of Object.entries(GROUPS)) framework.describe(name, () => group(cases));
  });
}
