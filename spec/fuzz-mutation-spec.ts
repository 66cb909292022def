import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Program, programs } from './support/fuzz-program.js';
import { run } from './support/fuzz-run.js';
import { type SubjectClass, subjectSystem } from './support/fuzz-systems.js';
import { catchUnhandledErrors } from './support/fuzz-unhandled.js';

const LIB = fileURLToPath(new URL('../lib/', import.meta.url));
const SOURCE = readFileSync(`${LIB}stream-subject.ts`, 'utf8');

interface Mutation {
  readonly what: string;
  readonly pattern: RegExp;
  readonly replacement: string;
}

const ALWAYS_THE_PRESENT_LINE =
  'const line = new Proxy({}, { get: (_, key) => Reflect.get(readers.inOrder, key) }) as typeof readers.inOrder;';

const MUTATIONS: readonly Mutation[] = [
  {
    what: 'delivers at once what a callback writes',
    pattern: /this\.#delivering = true;/g,
    replacement: 'this.#delivering = false;',
  },
  {
    what: 'delivers inside a nested subscribe what is pending',
    pattern: /const outermost = !this\.#delivering;/,
    replacement: 'const outermost = true;',
  },
  {
    what: 'delivers only what was written before it began to',
    pattern: /while \(this\.#delivered < this\.log\.length\)/,
    replacement: 'for (const { length } = this.log; this.#delivered < length; )',
  },
  {
    what: 'does not deliver what is written during a replay',
    pattern: /(if \(outermost\) \{\s*this\.#delivering = false;)\s*this\.deliver\(\);/,
    replacement: '$1',
  },
  {
    what: 'tells the end before the remaining chunks',
    pattern: /while \(this\.#delivered < this\.log\.length\)/,
    replacement: 'while (this.#end === undefined && this.#delivered < this.log.length)',
  },
  {
    what: 'goes through newcomers too, and gives them the chunk being delivered a second time',
    pattern: /const line = readers\.inOrder;([\s\S]*?reader\.start <= index)\b/,
    replacement: `${ALWAYS_THE_PRESENT_LINE}$1 + 1`,
  },
  {
    what: 'goes through newcomers too, and forgets where they start',
    pattern: /const line = readers\.inOrder;([\s\S]*?)reader\.start <= index\b/,
    replacement: `${ALWAYS_THE_PRESENT_LINE}$1true`,
  },
  {
    what: 'replays to a newcomer all but the chunk being delivered',
    pattern: /this\.#replay\(reader\);/,
    replacement:
      'this.#delivered--; $& this.#delivered++; reader.start = Math.max(reader.start, this.#delivered);',
  },
  {
    what: 'lets a newcomer skip what was written during its replay',
    pattern: /this\.#replay\(reader\);/,
    replacement: '$& reader.start = Math.max(reader.start, this.log.length);',
  },
  {
    what: 'drops the other readers when one throws',
    pattern: /(next(?:\?\.)?\(chunk\);[\s\S]*?reportUnhandled\(error\);)/,
    replacement: '$1 break;',
  },
  {
    what: 'ends a replay when its reader throws',
    pattern: /(reader\.start\+\+[\s\S]*?reportUnhandled\(error\);)/,
    replacement: '$1 break;',
  },
  {
    what: 'tells the end to readers that have left',
    pattern: /if \(reader\.source === this\) (?=reader\.end\()/,
    replacement: '',
  },
  {
    what: 'calls live what was written and not yet delivered',
    pattern: /reader\.liveFrom = this\.log\.length;/,
    replacement: 'reader.liveFrom = this.#delivered;',
  },
];

describe('mutations of the dispatch loop, in random programs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stream-subject-'));
  let restore: () => void;
  beforeAll(() => {
    restore = catchUnhandledErrors();
  });
  afterAll(() => {
    restore();
    rmSync(folder, { recursive: true });
  });

  /** Loads a version of `stream-subject.ts` among the other modules as they are. */
  const load = async (name: string, source: string): Promise<SubjectClass> => {
    const path = join(folder, `${name}.ts`);
    writeFileSync(path, source.replace(/(from ')\.\/(.*)\.js';/g, `$1${LIB}$2.ts';`));
    return ((await import(/* @vite-ignore */ path)) as { StreamSubject: SubjectClass }).StreamSubject;
  };

  it('are what breaks: the same module, loaded in the same way, breaks nothing', async () => {
    expect(search(await load('unchanged', SOURCE)).failed).toBe(false);
  });

  it.each(MUTATIONS)('are found: it $what', async ({ pattern, replacement, what }) => {
    const mutated = SOURCE.replace(pattern, replacement);
    if (mutated === SOURCE)
      throw new Error(`The mutation no longer applies: ${what}. Fit its pattern to the source.`);

    expect(search(await load(what.replaceAll(' ', '-'), mutated)).failed).toBe(true);
  });
});

function search(Subject: SubjectClass): fc.RunDetails<[Program]> {
  const property = fc.property(programs({ managed: false }), (program) => {
    for (const path of ['plain', 'operator'] as const) {
      const { violation } = run(program, subjectSystem(Subject), { path });
      if (violation !== undefined) throw new Error(violation.text);
    }
  });
  return fc.check(property, { numRuns: 2_000, seed: 4, endOnFailure: true });
}
