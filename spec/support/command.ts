import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A process of the command. */
interface Running {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Waits until something holds of what it has printed. */
  until(holds: (stdout: string, stderr: string) => boolean): Promise<void>;
}

/** Options of {@link Command.start}. */
interface StartOptions {
  /** All of standard input. Default: it stays open, and has nothing. */
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** A server that is ready. */
interface Served extends Running {
  /** What the URLs of streams begin with. */
  readonly url: string;
}

/** The command as it is built, for the specs of a file. */
export interface Command {
  start(args: readonly string[], options?: StartOptions): Running;
  /** Starts `serve`, on a port that is free unless one is given, and waits until it is ready. */
  serve(args?: readonly string[], options?: StartOptions): Promise<Served>;
}

/** Builds the command before the specs of a file, in a folder of the project, or (`outside`) where it finds no packages. */
export function builtCommand(outside?: string): Command {
  const home = outside ?? join(root, 'examples/build');
  let script: string;
  beforeAll(async () => {
    mkdirSync(home, { recursive: true });
    script = join(mkdtempSync(join(home, 'cli-')), 'cli.mjs');
    await build({
      entryPoints: [join(root, 'lib/cli/bin.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['lmdb', 'ioredis', 'pg', '@nats-io/*'],
      logLevel: 'error',
    });
  });
  afterAll(() => {
    rmSync(join(script, '..'), { recursive: true });
  });

  const start: Command['start'] = (args, { input, env, cwd } = {}) => {
    const started = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...env }, cwd });
    let stdout = '';
    let stderr = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    started.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // It may end without having read it.
    started.stdin.on('error', () => undefined);
    if (input !== undefined) started.stdin.end(input);
    // Once all that it has printed is here, too.
    const ended = once(started, 'close').then(
      ([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? 0,
    );
    onTestFinished(async () => {
      started.kill('SIGKILL');
      await ended;
    });
    return {
      process: started,
      stdout: () => stdout,
      stderr: () => stderr,
      ended,
      until: (holds) =>
        vi.waitFor(
          () => {
            if (!holds(stdout, stderr)) throw new Error(`It has printed ${stdout}, and ${stderr}`);
          },
          { timeout: 10_000, interval: 2 },
        ),
    };
  };
  return {
    start,
    serve: async (args = [], options) => {
      const server = start(['serve', ...(args.includes('--port') ? [] : ['--port', '0']), ...args], options);
      await Promise.race([
        server.until((stdout) => stdout.endsWith('\n')),
        server.ended.then((how) => {
          throw new Error(`The server ended with ${how}: ${server.stderr()}`);
        }),
      ]);
      return { ...server, url: /^ready (.*)$/m.exec(server.stdout())?.[1] ?? '' };
    },
  };
}

/**
 * A port for a server that comes and goes: not one of those that connections are given for themselves, because one that
 * is made while the server is away might get its port, and connect to itself.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}
