// Runs the specs of spec/interop, against the packages that are installed there and nowhere else: hundreds of MB that
// only these specs need. Arguments go to vitest: `npm run test:interop -- genkit`.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** When a file was changed, in ms; `-Infinity` if it is not there. */
const changed = (path) =>
  statSync(`${root}spec/interop/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

function run(command, ...args) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

// npm writes this one last.
if (changed('node_modules/.package-lock.json') < changed('package-lock.json')) {
  run('npm', 'ci', '--prefix', 'spec/interop', '--no-audit', '--no-fund');
}
run('npx', 'tsc', '-p', 'spec/interop');
run('npx', 'vitest', 'run', '--config', 'spec/interop/vitest.config.ts', ...process.argv.slice(2));
