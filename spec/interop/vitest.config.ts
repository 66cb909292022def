import { defineConfig } from 'vitest/config';
import root from '../../vitest.config.js';

/** The specs that need the packages of this folder. `npm run test:interop` installs them and runs these. */
export default defineConfig({
  resolve: {
    alias: root.resolve?.alias ?? [],
    // A package here may bring another copy of it, whose Observables would not be ours.
    dedupe: ['rxjs'],
  },
  test: {
    include: ['spec/interop/**/*-spec.ts'],
    // Where a package is imported by a test, that alone may take seconds.
    testTimeout: 30_000,
    // Genkit's client (1.42) rejects a promise of its own that nobody has taken, if an error comes between two chunks.
    onUnhandledError: ({ stack }) => (stack?.includes('__flowRunEnvelope') === true ? false : undefined),
  },
});
