/** The servers that are measured, each in a process of its own and on a free port. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { now } from './sampling.mjs';

const reference = fileURLToPath(new URL('reference-server.mjs', import.meta.url));

/** What starts a server: ours is the command, as users run it. Without a path, streams are in memory. */
function commandOf(peer, path) {
  if (peer === 'reference') return path === undefined ? [reference] : [reference, path];
  const serve = [fileURLToPath(new URL('cli.js', process.env.BENCH_OURS)), 'serve', '--port', '0'];
  return path === undefined ? [...serve, '--engine', 'memory'] : [...serve, '--path', path];
}

/** Starts a server; gives its port, when it was started, and how to end it. */
export async function startServer(peer, path) {
  const started = now();
  const child = spawn(process.execPath, commandOf(peer, path), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // Whoever takes too long is ended so, and should leave nothing behind.
  process.once('SIGTERM', () => {
    child.kill('SIGKILL');
    process.exit(1);
  });
  let printed = '';
  const port = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      const [, found] = /^ready \S*:(\d+)/m.exec(printed) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    void ended.then((code) => reject(new Error(`The server of ${peer} ended with ${code}.`)));
  });
  return {
    port,
    started,
    /** By force: both keep what they have acknowledged. */
    stop() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/** Runs something with a server, which is ended afterwards. */
export async function withServer(peer, path, run) {
  const server = await startServer(peer, path);
  try {
    return await run(server);
  } finally {
    await server.stop();
  }
}
