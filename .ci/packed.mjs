// What checks of the packed package have in common.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Runs commands in a folder, each for at most so many ms. Throws if one fails. */
export const runner =
  (timeout) =>
  (cwd, command, ...args) => {
    const { status, error } = spawnSync(command, args, {
      cwd,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout,
    });
    if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} exited with ${status}`);
  };

/** Packs the package into a folder, and gives the file. */
export function pack(run, folder) {
  run(root, 'npm', 'pack', '--silent', '--pack-destination', folder);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
}

/** Installs packages into a new folder, as a user would; `manifest` is what its package.json has. */
export function install(run, folder, manifest, ...packages) {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--silent', ...packages);
}
