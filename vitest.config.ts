import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const lib = fileURLToPath(new URL('./lib/', import.meta.url));

export default defineConfig({
  resolve: {
    // Specs and the README's snippets import the package by name, from its sources: no build before a test.
    alias: [
      { find: /^rxjs-durable-streams$/, replacement: `${lib}index.ts` },
      { find: /^rxjs-durable-streams\/(lmdb|redis|nats|postgres)$/, replacement: `${lib}engines/$1.ts` },
      { find: /^rxjs-durable-streams\/([^/]+)$/, replacement: `${lib}$1/index.ts` },
    ],
  },
  test: {
    // Much of the time is spent waiting for servers and processes.
    maxWorkers: availableParallelism() + 1,
    // What waits has deadlines of its own; a busy machine is no failure.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    include: ['spec/**/*-spec.ts'],
    // Those have packages, and a configuration, of their own: `npm run test:interop`.
    // And those need Chromium: `npm run test:browser`.
    exclude: [...configDefaults.exclude, 'spec/interop/**', 'spec/browser/**'],
    coverage: { include: ['lib/**/*.ts'] },
  },
});
