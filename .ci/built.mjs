// Builds the package, unless there is a build that is newer than everything that it is made of.
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** When a file was changed, in ms; `-Infinity` if it is not there. */
const changed = (path) => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

// Folders too: from one of them a file may have gone.
const sources = readdirSync(`${root}lib`, { recursive: true }).map((path) => `lib/${path}`);
const made = ['lib', ...sources, 'package.json', 'tsconfig.json', 'tsconfig.lib.json', 'tsup.config.ts'];
// The declarations come last.
const built = ['dist/cli.js', 'dist/index.cjs', 'dist/index.d.ts', 'dist/index.d.cts'];

if (Math.min(...built.map(changed)) < Math.max(...made.map(changed))) {
  execFileSync('npm', ['run', 'build', '--silent', '--', '--silent'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}
