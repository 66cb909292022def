import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtCommand } from '../support/command.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('The command line', () => {
  const command = builtCommand();

  it('tells its version', async () => {
    const asked = command.start(['--version']);
    expect(await asked.ended).toBe(0);
    expect(asked.stdout()).toBe(`${version}\n`);
  });

  it.each([[['--help']], [['-h']], [[]]])('explains all commands when asked by %j', async (args) => {
    const asked = command.start(args);
    expect(await asked.ended).toBe(0);
    for (const name of ['serve', 'tail <url>', 'append <url>', 'head <url>']) {
      expect(asked.stdout()).toContain(`rxjs-durable-streams ${name} [options]`);
    }
    expect(
      asked
        .stdout()
        .split('\n')
        .every((line) => line.length <= 120),
    ).toBe(true);
  });

  it('explains one command', async () => {
    const asked = command.start(['tail', '--help']);
    expect(await asked.ended).toBe(0);
    expect(asked.stdout()).toContain('--offsets');
    expect(asked.stdout()).not.toContain('--engine');
  });

  it.each([
    ['sing', 'There is no command sing: serve, tail, append, head'],
    ['serve --loud', "Unknown option '--loud'"],
    ['serve here', 'There is an argument too many: here'],
    [
      'serve --engine sqlite',
      'This version has no engine sqlite: it has lmdb, memory, nats, postgres, redis',
    ],
    ['serve --engine memory --path here', 'The engine memory has no use for --path'],
    ['serve --url redis://here', 'The engine lmdb has no use for --url'],
    ['serve --path=', '--path is empty'],
    ['serve --port 65536', '--port must be an integer from 0 to 65535, but it is 65536'],
    ['serve --port 1e3', '--port must be an integer from 0 to 65535, but it is 1e3'],
    ['serve --long-poll-ms soon', '--long-poll-ms must be an integer from 0 to 2147483647, but it is soon'],
    ['serve --ttl-ms -1', "Option '--ttl-ms' argument is ambiguous"],
    ['serve --ttl-ms=1s', '--ttl-ms must be an integer from 0 to 9007199254740991, but it is 1s'],
    ['serve --base-path v1/', '--base-path must be a path such as /v1/stream'],
    ['serve --token sécret', 'A token is written with letters, digits and -._~+/ only'],
    ['tail', 'The URL of the stream is missing'],
    [
      'tail localhost:4437/s',
      'The URL of a stream begins with http:// or https://, but it is localhost:4437/s',
    ],
    ['head http://x/s --token a --token b', 'Only one --token can be given here'],
    ['append http://x/s stdin', 'There is an argument too many: stdin'],
  ])('does not understand %s', async (line, complaint) => {
    const misunderstood = command.start(line.split(' '));
    expect(await misunderstood.ended).toBe(2);
    expect(misunderstood.stderr()).toContain(`rxjs-durable-streams: ${complaint}`);
    expect(misunderstood.stderr()).toMatch(/^.*\. Try: rxjs-durable-streams --help\n$/);
    expect(misunderstood.stdout()).toBe('');
  });
});
