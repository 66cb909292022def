import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import ordinary from '../../vitest.config.js';

/** What the ordinary tests leave out: specs that need Chromium, and a build of the package and of the example. */
export default defineConfig({
  resolve: ordinary.resolve ?? {},
  test: {
    root: fileURLToPath(new URL('../../', import.meta.url)),
    include: ['spec/browser/**/*-spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One browser at a time is enough for a small machine.
    fileParallelism: false,
  },
});
