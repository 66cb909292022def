import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import type { InMemoryStreamManager } from 'rxjs-durable-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Example {
  readonly server: Server;
  readonly streams: InMemoryStreamManager;
}

const EXAMPLES: Readonly<Record<string, () => Promise<unknown>>> = {
  'node:http': () => import('../../examples/http-node.js'),
  Express: () => import('../../examples/http-express.js'),
  Fastify: () => import('../../examples/http-fastify.js'),
  Hono: () => import('../../examples/http-hono.js'),
};

const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(Object.entries(EXAMPLES))('the example for %s', (name, load) => {
  let example: Example;
  let origin = '';
  const { PORT } = process.env;

  beforeAll(async () => {
    process.env['PORT'] = '0';
    example = (await load()) as Example;
    const { server } = example;
    if (!server.listening) await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    if (PORT === undefined) delete process.env['PORT'];
    else process.env['PORT'] = PORT;
    process.removeAllListeners('SIGTERM');
    example.server.closeAllConnections();
    await new Promise((resolve) => example.server.close(resolve));
    example.streams.close();
  });

  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: BodyInit,
  ): Promise<Response> =>
    fetch(`${origin}/v1/stream/${path}`, { method, headers, ...(body !== undefined && { body }) });

  it('creates, appends and reads, whatever the type of the body', async () => {
    for (const [type, first, second, whole] of [
      [
        'application/json',
        '[{"a": 12345678901234567890}]',
        '{"b":2}',
        '[{"a": 12345678901234567890},{"b":2}]',
      ],
      ['text/plain', 'añ', 'b', 'añb'],
      ['application/x-www-form-urlencoded', 'a=1', '&b=2', 'a=1&b=2'],
      ['application/octet-stream', 'x', 'y', 'xy'],
    ] as const) {
      const path = `folder/${type.replace('/', '-')}`;
      const headers = { 'content-type': type };
      expect((await ask('PUT', path, headers, first)).status).toBe(201);
      expect((await ask('POST', path, headers, second)).status).toBe(204);
      expect(await (await ask('GET', path)).text()).toBe(whole);
      const { headers: found } = await ask('HEAD', path);
      expect(found.get('content-type')).toBe(type);
      expect((await ask('DELETE', path)).status).toBe(204);
      expect((await ask('GET', path)).status).toBe(404);
    }
    expect((await ask('OPTIONS', 'x')).status).toBe(204);
  });

  it('tells live what is written, over HTTP and in the process', async () => {
    await ask('PUT', 'live', JSON_TYPE, '[1]');
    const response = await ask('GET', 'live?offset=-1&live=sse');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    const until = async (part: string): Promise<void> => {
      while (!text.includes(part)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`The events have ended without ${part}.`);
        text += new TextDecoder().decode(value);
      }
    };
    await until('data:[1]');
    await ask('POST', 'live', JSON_TYPE, '[2]');
    await until('data:[2]');
    const input = example.streams.open<number>('live', { resume: true });
    input.next(3);
    await until('data:[3]');
    input.complete();
    await until('"streamClosed":true');
    expect((await reader.read()).done).toBe(true);
  });

  it('lets go of a stream whose reader has gone', async () => {
    await ask('PUT', 'left', { ...JSON_TYPE, 'stream-ttl': '3600' });
    const { port } = example.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /v1/stream/left?offset=-1&live=sse HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    expect(example.streams.head('left').expiresAt).toBeUndefined();
    socket.destroy();
    await expect.poll(() => example.streams.head('left').expiresAt).toBeDefined();
  });

  if (name === 'node:http') return;
  it('leaves the other routes as they were', async () => {
    const response = await fetch(`${origin}/echo`, { method: 'POST', headers: JSON_TYPE, body: '{"a":1}' });
    expect(await response.json()).toEqual({ a: 1 });
  });
});
