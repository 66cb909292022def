import { defineConfig } from 'tsup';

/** Each folder of lib with an index.ts, and each engine with a driver, in step with "exports" in package.json. */
const library = {
  entry: {
    index: 'lib/index.ts',
    client: 'lib/client/index.ts',
    engine: 'lib/engine/index.ts',
    http: 'lib/http/index.ts',
    lmdb: 'lib/engines/lmdb.ts',
    postgres: 'lib/engines/postgres.ts',
    redis: 'lib/engines/redis.ts',
    nats: 'lib/engines/nats.ts',
    testing: 'lib/testing/index.ts',
  },
};

export default defineConfig({
  // The command is what "bin" in package.json names.
  entry: { ...library.entry, cli: 'lib/cli/bin.ts' },
  format: ['esm', 'cjs'],
  esbuildOptions(options, { format }) {
    // A command is run, and neither required nor imported.
    if (format === 'cjs') options.entryPoints = library.entry;
  },
  target: 'es2022',
  tsconfig: 'tsconfig.lib.json',
  dts: {
    ...library,
    compilerOptions: {
      // tsup still sets `baseUrl`, which TypeScript 6 refuses unless told that we know.
      ignoreDeprecations: '6.0',
      // What is marked @internal is no part of the public API, so the declarations don't have it.
      stripInternal: true,
      // Engines use Node inside; that no declaration does is what .ci/check-consumer.mjs proves.
      types: ['node'],
    },
  },
  // One copy of StreamError, and of every other class, for all entries.
  splitting: true,
  // For CommonJS too: without this, tsup splits it by a transform that rewrites `?.` into closures and class
  // fields into assignments.
  treeshake: true,
  // Bundlers tell a Node module by its prefix.
  removeNodeProtocol: false,
  external: [/^node:/],
  // Unminified, the output is the source without its types: it needs no source maps, which would weigh twice as
  // much. Whoever bundles also minifies.
  minify: false,
  sourcemap: false,
  clean: true,
});
