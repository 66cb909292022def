import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A module and all that it needs. */
interface Bundle {
  readonly code: string;
  /** What it imports that is not in it. */
  readonly imports: readonly string[];
  /** The packages that are in it. */
  readonly packages: readonly string[];
}

/** Bundles a module of the project for browsers; rejects if it needs what only Node has. */
export async function browserBundle(path: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [`${root}${path}`],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
  );
  return {
    code: outputFiles.map(({ text }) => text).join(''),
    imports: Object.values(metafile.outputs).flatMap(({ imports }) => imports.map((one) => one.path)),
    packages: [...new Set(packages)].sort(),
  };
}
