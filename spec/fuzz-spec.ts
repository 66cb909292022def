import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { StreamSubject } from '../lib/index.js';
import { type Program, programs } from './support/fuzz-program.js';
import { catchUnhandledErrors, type Path, run } from './support/fuzz-run.js';
import { managerSystem, subjectSystem, type System } from './support/fuzz-systems.js';

describe('x', () => {
  let restore: () => Promise<void>;
  beforeAll(() => {
    restore = catchUnhandledErrors();
  });
  afterAll(() => restore());
  for (const [name, system] of [['subject', subjectSystem(StreamSubject)], ['manager', managerSystem]] as [string, () => System][])
    for (const path of ['plain', 'operator', 'mixed'] as Path[])
      it(`${name} ${path}`, () => {
        const start = performance.now();
        fc.assert(
          fc.property(programs({ managed: name === 'manager' }), (program: Program) => {
            if (program.reactions.some((r) => r.who === 'input') && JSON.stringify(program).includes('"resume":true')) return;
            const { violation } = run(program, system, { path });
            if (violation === undefined) return;
            const trace: string[] = [];
            run(program, system, { path, trace });
            throw new Error(`${violation.rule}: ${violation.text}\n${trace.join('\n')}`);
          }),
          { numRuns: 20000 },
        );
        console.log(name, path, performance.now() - start);
        expect(1).toBe(1);
      });
});
