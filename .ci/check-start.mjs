// Does what someone does who has just cloned the project: `npm start`, then the three commands that it prints, then
// Ctrl-C, while the last one still reads. It needs curl.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'start-'));
const started = [];

/** Starts a command; `until` resolves with what it has printed as soon as that holds. */
function start(command, args) {
  // In a group of its own, so that nothing that it has started is left.
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  started.push(child);
  let printed = '';
  let look = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
    look();
  });
  const ended = once(child, 'exit').then(([code, signal]) => ({ end: code ?? signal, printed }));
  return {
    child,
    ended,
    until: (holds, seconds) =>
      new Promise((resolve, reject) => {
        const fail = (why) =>
          reject(new Error(`${command} ${args.join(' ')} ${why}, and printed: ${printed}`));
        const timer = setTimeout(() => fail(`took ${seconds} s`), seconds * 1_000);
        void ended.then(({ end }) => fail(`ended with ${end}`));
        look = () => {
          if (!holds(printed)) return;
          clearTimeout(timer);
          resolve(printed);
        };
        look();
      }),
  };
}

function expect(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`);
}

try {
  // Another port and path, so that it disturbs nobody and nobody disturbs it.
  const server = start('npm', ['start', '--silent', '--', '--port', '0', '--path', data]);
  const printed = await server.until((text) => text.split('curl').length === 4 && text.endsWith('\n\n'), 120);
  if (!/^ready http:\/\/127\.0\.0\.1:\d+\/v1\/stream\n/.test(printed))
    throw new Error(`No ready line: ${printed}`);
  const [create, append, read] = printed.split('\n').filter((line) => line.includes('curl'));
  for (const command of [create, append]) {
    console.log(command.trim());
    const { end, printed: answer } = await start('sh', ['-c', `${command} --silent --fail-with-body`]).ended;
    expect(`${end} ${answer}`, '0 ', command);
  }
  console.log(read.trim());
  const reader = start('sh', ['-c', `${read} --silent`]);
  await reader.until((text) => text.includes('data:Hello, stream. '), 10);
  server.child.kill('SIGTERM');
  expect((await reader.ended).end, 0, 'The reader');
  expect((await server.ended).end, 0, 'npm start');
  console.log('Ended by SIGTERM, as it should be.');
} finally {
  for (const { pid } of started) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  }
  rmSync(data, { recursive: true, force: true });
}
