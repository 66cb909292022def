import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { temporaryDirectory } from './temporary.js';

/** A process that runs TypeScript of ours. Node 20 runs no types, so the script is bundled first. */
export interface Child {
  readonly process: ChildProcess;
  /** What it wrote to its standard output and error so far. */
  readonly output: () => string;
  /** Asks its script, which answers by `answering.ts`, and gives the answer. */
  ask<T>(question: string, ...args: readonly unknown[]): Promise<T>;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it by force, if it is still there. */
  kill(): Promise<void>;
}

/** Options of {@link child}. */
interface ChildOptions {
  /** Whether it finds the packages that are optional. Default: true. */
  readonly packages?: boolean;
  readonly args?: readonly string[];
}

/** Starts a script beside this file. */
export async function child(
  script: string,
  { packages = true, args = [] }: ChildOptions = {},
): Promise<Child> {
  const directory = temporaryDirectory('child');
  const outfile = join(directory, 'script.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['lmdb', 'ioredis', 'pg', '@nats-io/*'],
    plugins: packages ? [installed] : [],
    logLevel: 'error',
  });
  const started = fork(outfile, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let output = '';
  for (const stream of [started.stdout, started.stderr]) {
    stream?.on('data', (data: Buffer) => {
      output += data.toString();
    });
  }
  const ended = once(started, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    rmSync(directory, { recursive: true });
    return code ?? signal ?? 0;
  });
  let asked = 0;
  return {
    process: started,
    output: () => output,
    ended,
    ask: (question, ...rest) =>
      new Promise((resolve, reject) => {
        const number = asked++;
        const answer = (message: { number: number; value: never; error?: string }): void => {
          if (message.number !== number) return;
          started.off('message', answer);
          if (message.error === undefined) resolve(message.value);
          else reject(new Error(message.error));
        };
        started.on('message', answer);
        started.send({ number, question, rest });
        void ended.then((how) => {
          reject(new Error(`The child ended with ${how}. ${output}`));
        });
      }),
    kill: async () => {
      started.kill('SIGKILL');
      await ended;
    },
  };
}

/** Finds packages from here, wherever the bundle is. */
const installed: Plugin = {
  name: 'installed',
  setup(bundle) {
    bundle.onResolve({ filter: /^(lmdb|ioredis|pg|@nats-io\/.*)$/ }, ({ path }) => ({
      path: import.meta.resolve(path),
      external: true,
    }));
  },
};
