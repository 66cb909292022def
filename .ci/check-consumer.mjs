// Installs the packed package into an empty folder, as a user would, compiles the same program as an ES module and
// as CommonJS under each TypeScript and each way of resolving modules, and runs both.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { install, pack, runner } from './packed.mjs';

const RXJS = '7.8.2';
// What the last one emits is run.
const COMPILERS = ['5.9.3', '7.0.2', '6.0.3'];
const MODES = [
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'preserve', moduleResolution: 'bundler' },
];
const PROGRAM = `
import { of } from 'rxjs';
import { InMemoryStreamManager, StreamError, writeTo } from 'rxjs-durable-streams';
import { streamError, TestStreamManager } from 'rxjs-durable-streams/testing';

const check = (truth: boolean, what: string): void => {
  if (!truth) throw new Error(what);
};

const streams = new InMemoryStreamManager();
of('a', 'b')
  .pipe(writeTo<string, number>(streams, 'letters', { output: () => 2 }))
  .subscribe();
const seen: string[] = [];
streams.subscribe<string, number>('letters').subscribe((chunk) => {
  seen.push(chunk);
});
check(seen.join() === 'a,b', 'the stream is replayed');

try {
  streams.open('letters');
  check(false, 'an id is taken once');
} catch (error) {
  check(error instanceof StreamError && error.code === 'ALREADY_EXISTS', 'an id is taken once');
}
check(streamError('NOT_FOUND', 'x') instanceof StreamError, 'all entries have the same error class');
check(typeof TestStreamManager === 'function', 'the testing entry has its manager');

// @ts-expect-error The declarations were found: this is not any.
export const wrong: number = streams.subscribe<string>('letters');
// @ts-expect-error
export const alsoWrong: number = TestStreamManager;
`;

const temp = mkdtempSync(join(tmpdir(), 'consumer-'));
const consumer = join(temp, 'consumer');
const tools = join(temp, 'tools');

const run = runner(120_000);

try {
  install(run, consumer, {}, pack(run, temp), `rxjs@${RXJS}`);
  if (existsSync(join(consumer, 'node_modules/@types'))) throw new Error('The consumer must have no @types');
  console.log('The command');
  const bin = join(consumer, 'node_modules/.bin/rxjs-durable-streams');
  run(consumer, bin, '--version');
  const { status, stderr } = spawnSync(bin, ['serve'], { cwd: consumer, encoding: 'utf8', timeout: 30_000 });
  if (status !== 1 || !stderr.includes('npm install lmdb')) {
    throw new Error(`Without lmdb it ends with ${status}, and says ${stderr}`);
  }
  install(run, tools, {}, ...COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`));

  for (const extension of ['mts', 'cts']) writeFileSync(join(consumer, `program.${extension}`), PROGRAM);
  for (const version of COMPILERS) {
    for (const mode of MODES) {
      console.log(`TypeScript ${version}, moduleResolution ${mode.moduleResolution}`);
      const compilerOptions = {
        ...mode,
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        outDir: `${version}-${mode.moduleResolution}`,
      };
      writeFileSync(
        join(consumer, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['program.mts', 'program.cts'] }),
      );
      run(consumer, process.execPath, join(tools, `node_modules/typescript-${version}/bin/tsc`));
    }
  }
  for (const mode of ['node16', 'nodenext']) {
    for (const program of ['program.mjs', 'program.cjs']) {
      console.log(`Run ${program} (${mode})`);
      // It ends by itself, long before the TTL of its stream: no timer keeps it alive.
      run(join(consumer, `${COMPILERS.at(-1)}-${mode}`), process.execPath, program);
    }
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
