import { existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { builtCommand } from '../support/command.js';
import { storePath } from '../support/lmdb.js';

const TEXT = { 'content-type': 'text/plain' };
const MEMORY = ['--engine', 'memory'];
const TOKEN_VARIABLE = 'RXJS_DURABLE_STREAMS_TOKEN';

const refusal = async (response: Response): Promise<[number, unknown]> => [
  response.status,
  ((await response.json()) as { error: { code: unknown } }).error.code,
];

describe('serve', () => {
  const command = builtCommand();

  it('says where it is, and keeps streams on disk for the next one', async () => {
    const path = join(storePath(), 'data');
    const first = await command.serve(['--path', path]);
    expect(first.stdout()).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/v1\/stream\n$/);
    await fetch(`${first.url}/s`, { method: 'PUT', headers: TEXT, body: 'kept' });
    first.process.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.stderr()).toBe('');

    const second = await command.serve(['--path', path]);
    expect(await (await fetch(`${second.url}/s`)).text()).toBe('kept');
  });

  it('keeps them in ./data unless it is told where', async () => {
    const cwd = storePath();
    await command.serve([], { cwd });
    expect(existsSync(join(cwd, 'data/data.mdb'))).toBe(true);
  });

  it('serves under another path, and answers a long-poll when it is told to', async () => {
    const { url } = await command.serve([...MEMORY, '--base-path', '/streams', '--long-poll-ms', '20']);
    expect(url).toMatch(/:\d+\/streams$/);
    await fetch(`${url}/s`, { method: 'PUT', headers: TEXT });
    expect((await fetch(`${url}/s?offset=-1&live=long-poll`)).status).toBe(204);
  });

  it('removes what is closed after so long as it is told', async () => {
    const { url } = await command.serve([...MEMORY, '--ttl-ms', '50']);
    await fetch(`${url}/closed`, { method: 'PUT', headers: { ...TEXT, 'stream-closed': 'true' } });
    await fetch(`${url}/open`, { method: 'PUT', headers: TEXT });
    await vi.waitFor(
      async () => {
        expect((await fetch(`${url}/closed`, { method: 'HEAD' })).status).toBe(404);
      },
      { timeout: 5_000 },
    );
    expect((await fetch(`${url}/open`, { method: 'HEAD' })).status).toBe(200);
  });

  it('refuses what is no request with a body like every other', async () => {
    const { url } = await command.serve(MEMORY);
    const answerTo = async (text: string): Promise<string> => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let answer = '';
      socket.on('data', (data) => (answer += data.toString()));
      socket.write(text);
      await new Promise((resolve) => socket.once('close', resolve));
      return answer;
    };
    expect(await answerTo('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*"code":"INVALID_ARGUMENT"/);
    expect(await answerTo(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 [^]*"code":"RESOURCE_EXHAUSTED"/,
    );
  });

  it('prints commands to try', async () => {
    const { stdout, url } = await command.serve([...MEMORY, '--examples'], {
      env: { [TOKEN_VARIABLE]: 'a' },
    });
    const curls = stdout().match(/^ {2}curl .*$/gm) ?? [];
    expect(curls).toHaveLength(3);
    for (const curl of curls) {
      expect(curl).toContain(`"${url}/hello`);
      expect(curl).toContain(`-H "Authorization: Bearer $${TOKEN_VARIABLE}"`);
    }
  });

  describe('with tokens', () => {
    it('lets only requests pass that have one of them', async () => {
      const { url } = await command.serve([...MEMORY, '--token', 'first', '--token', 'second=']);
      const ask = (authorization?: string): Promise<Response> =>
        fetch(`${url}/s`, {
          method: 'PUT',
          headers: { ...TEXT, ...(authorization !== undefined && { authorization }) },
        });
      for (const wrong of [undefined, 'Bearer third', 'Basic first', 'Bearer', 'Bearer firs', 'first']) {
        const response = await ask(wrong);
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(await refusal(response)).toEqual([401, 'UNAUTHENTICATED']);
      }
      expect((await ask('Bearer first')).status).toBe(201);
      expect((await ask('bearer second=')).status).toBe(200);
    });

    it('takes them from the environment, so that nobody sees them in the list of processes', async () => {
      const { url } = await command.serve(MEMORY, { env: { [TOKEN_VARIABLE]: 'first, second' } });
      expect((await fetch(`${url}/s`)).status).toBe(401);
      for (const token of ['first', 'second']) {
        const headers = { authorization: `Bearer ${token}` };
        expect((await fetch(`${url}/s`, { headers })).status).toBe(404);
      }
    });

    it('does not take an empty variable for none', async () => {
      const server = command.start(['serve', ...MEMORY], { env: { [TOKEN_VARIABLE]: ' ' } });
      expect(await server.ended).toBe(2);
      expect(server.stderr()).toContain(`${TOKEN_VARIABLE} is set, but has no token`);
    });

    it('lets browsers send them', async () => {
      const { url } = await command.serve([...MEMORY, '--token', 'first']);
      const { headers } = await fetch(`${url}/s`, { method: 'OPTIONS' });
      expect(headers.get('access-control-allow-headers')?.split(', ')).toContain('Authorization');
    });

    it('warns where others can reach it without', async () => {
      const open = await command.serve([...MEMORY, '--host', '0.0.0.0']);
      expect(open.stderr()).toMatch(
        /^Warning: without a --token, whoever can reach 0\.0\.0\.0:\d+ may .*\n$/,
      );
      const closed = await command.serve([...MEMORY, '--host', '0.0.0.0', '--token', 'first']);
      expect(closed.stderr()).toBe('');
    });
  });

  describe('says what is wrong in one line', () => {
    async function failing(args: readonly string[], complaint: string): Promise<void> {
      const server = command.start(['serve', ...args]);
      expect(await server.ended).toBe(1);
      expect(server.stderr()).toMatch(/^rxjs-durable-streams: .*\n$/);
      expect(server.stderr()).toContain(complaint);
      expect(server.stdout()).toBe('');
    }

    it('if its port is in use', async () => {
      const { url } = await command.serve(MEMORY);
      const { port } = new URL(url);
      await failing([...MEMORY, '--port', port], `Port ${port} of 127.0.0.1 is in use`);
    });

    it('if its host is another machine', () =>
      failing([...MEMORY, '--host', '192.0.2.1'], 'The host 192.0.2.1 is no address of this machine.'));

    it('if its path is a file', async () => {
      const path = join(storePath(), 'file');
      writeFileSync(path, '');
      await failing(['--path', path, '--port', '0'], path);
    });

    it('if its path is where no directory can be made', () =>
      failing(['--path', '/proc/nope', '--port', '0'], '/proc/nope: no directory can be made there'));

    // No server is ready before its store can be used. Nobody listens on port 1.
    it.each([
      ['redis', 'redis://127.0.0.1:1', 'Redis failed'],
      ['nats', 'nats://127.0.0.1:1', 'NATS failed'],
      ['postgres', 'postgres://postgres@127.0.0.1:1/postgres', 'PostgreSQL failed'],
    ])('if there is no %s at its URL', { timeout: 20_000 }, (engine, url, complaint) =>
      failing(['--engine', engine, '--url', url, '--port', '0'], complaint),
    );

    it('if its data is damaged', async () => {
      const path = storePath();
      writeFileSync(join(path, 'data.mdb'), 'x'.repeat(100));
      await failing(['--path', path, '--port', '0'], `The data file ${path}/data.mdb is damaged`);
    });
  });

  describe('told to end', () => {
    it.each(['SIGTERM', 'SIGINT'] as const)('by %s lets an append finish that was begun', async (signal) => {
      const server = await command.serve(MEMORY);
      await fetch(`${server.url}/s`, { method: 'PUT', headers: TEXT });
      const sent = request(`${server.url}/s`, {
        method: 'POST',
        headers: { ...TEXT, 'content-length': '8' },
      });
      const status = new Promise((resolve, reject) => {
        sent.on('response', (response) => resolve(response.statusCode));
        sent.on('error', reject);
      });
      sent.write('half');
      await vi.waitFor(() => expect(sent.socket?.bytesWritten).toBeGreaterThan(0));
      // It has been read once another one, sent later, is answered.
      await fetch(`${server.url}/s`);
      server.process.kill(signal);
      await vi.waitFor(() => expect(fetch(`${server.url}/s`)).rejects.toThrow(), { timeout: 5_000 });
      sent.end('half');
      expect(await status).toBe(204);
      expect(await server.ended).toBe(0);
    });

    it('ends who reads live, and what does nothing', async () => {
      const server = await command.serve(MEMORY);
      await fetch(`${server.url}/s`, { method: 'PUT', headers: TEXT, body: 'x' });
      const { headers, body } = await fetch(`${server.url}/s?offset=-1&live=sse`);
      expect(headers.get('content-type')).toBe('text/event-stream');
      const { headers: at } = await fetch(`${server.url}/s?offset=now`);
      const waiting = fetch(`${server.url}/s?offset=${at.get('stream-next-offset') ?? ''}&live=long-poll`);
      const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
      const idleEnded = new Promise((resolve) => idle.once('close', resolve));
      await new Promise((resolve) => idle.once('connect', resolve));
      const events = new Response(body).text();
      await fetch(`${server.url}/s`);

      const told = performance.now();
      server.process.kill('SIGTERM');
      expect(await events).toContain('data:x');
      expect((await waiting).status).toBe(204);
      await idleEnded;
      expect(await server.ended).toBe(0);
      expect(performance.now() - told).toBeLessThan(5_000);
    });

    it('takes two signals at once for one, as npm passes them on', async () => {
      const server = await command.serve(MEMORY);
      server.process.kill('SIGINT');
      server.process.kill('SIGTERM');
      expect(await server.ended).toBe(0);
    });

    it('ends at once when it is told again', async () => {
      const server = await command.serve(MEMORY);
      await fetch(`${server.url}/s`, { method: 'PUT', headers: TEXT });
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => undefined);
      socket.write(
        'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n',
      );
      await new Promise((resolve) => socket.once('connect', resolve));
      await fetch(`${server.url}/s`);
      const told = performance.now();
      server.process.kill('SIGTERM');
      // Soon enough it is taken for another one.
      const again = setInterval(() => server.process.kill('SIGINT'), 50);
      expect(await server.ended).toBe('SIGINT');
      clearInterval(again);
      expect(performance.now() - told).toBeLessThan(3_000);
    });
  });
});

describe('serve without the packages that engines need', () => {
  const command = builtCommand(tmpdir());

  it('says how to get it, and how to do without', async () => {
    const server = command.start(['serve'], { cwd: storePath() });
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toMatch(
      /^rxjs-durable-streams: .*npm install lmdb, or give --engine memory.*\n$/,
    );
  });

  it.each([
    ['redis', 'ioredis'],
    ['nats', '@nats-io/transport-node'],
    ['postgres', 'pg'],
  ])('says how to get the driver of %s', async (engine, driver) => {
    const server = command.start(['serve', '--engine', engine, '--port', '0'], { cwd: storePath() });
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toContain(`npm install ${driver}, or give --engine memory`);
  });

  it('serves from memory', async () => {
    const { url } = await command.serve(MEMORY);
    expect((await fetch(`${url}/s`)).status).toBe(404);
  });
});
