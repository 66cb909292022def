import { defineConfig, type Options } from 'tsup';

/** Each folder of lib with an index.ts, and each engine with a driver, in step with "exports" in package.json. */
const library = {
  entry: {
    index: 'lib/index.ts',
    ai: 'lib/ai/index.ts',
    angular: 'lib/angular/index.ts',
    client: 'lib/client/index.ts',
    engine: 'lib/engine/index.ts',
    genkit: 'lib/genkit/index.ts',
    http: 'lib/http/index.ts',
    lmdb: 'lib/engines/lmdb.ts',
    postgres: 'lib/engines/postgres.ts',
    redis: 'lib/engines/redis.ts',
    nats: 'lib/engines/nats.ts',
    testing: 'lib/testing/index.ts',
  },
};

/** What is the same for all. */
const common: Options = {
  target: 'es2022',
  tsconfig: 'tsconfig.lib.json',
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
};

/**
 * Has the command load `lmdb` as CommonJS, which is one file and not some twenty modules: that takes half the time, and
 * is a tenth of a restart.
 */
const requiredLmdb: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'required-lmdb',
  setup: (plugins) => {
    plugins.onResolve({ filter: /^lmdb$/ }, ({ path }) => ({ path, namespace: 'required' }));
    plugins.onLoad({ filter: /^lmdb$/, namespace: 'required' }, () => ({
      contents: `
        import { createRequire } from 'node:module';
        export const { open } = createRequire(import.meta.url)('lmdb');`,
    }));
  },
};

/** Has the command load the engines of servers from what is built of them for everybody: most runs need none. */
const serverEngines: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'server-engines',
  setup: (plugins) => {
    plugins.onResolve({ filter: /\/engines\/(nats|postgres|redis)\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: path.replace(/^.*\//, './'), external: true } : undefined,
    );
  },
};

export default defineConfig([
  {
    ...common,
    ...library,
    format: ['esm', 'cjs'],
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
    // What an earlier build has left, but not the command, which is built at the same time.
    clean: ['!cli.js'],
  },
  {
    ...common,
    // What "bin" in package.json names: run, and neither required nor imported. One file, with what it needs of RxJS:
    // to load that file by file, some two hundred, takes a process a tenth of a second. Every character of it costs a
    // start, so there are no more than it takes to read what is thrown.
    entry: { cli: 'lib/cli/bin.ts' },
    format: 'esm',
    noExternal: ['rxjs', 'lmdb'],
    esbuildPlugins: [requiredLmdb, serverEngines],
    esbuildOptions(options) {
      // What Node is given else is CommonJS, of which nothing can be left out.
      options.alias = { rxjs: './node_modules/rxjs/dist/esm/index.js' };
      options.minifyWhitespace = true;
      options.minifySyntax = true;
    },
    splitting: false,
    clean: false,
    dts: false,
  },
]);
