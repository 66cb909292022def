import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';

import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { createHandler } from 'rxjs-durable-streams/http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { connectionsOf, listen, raw, serveStreams } from '../support/node-server.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('the handler of streams on the server of Node', () => {
  const TEXT = { 'content-type': 'text/plain' };

  it('makes neither a Request nor a Response where no hook is there', async () => {
    const { url, server } = await serveStreams();
    function refuse(): never {
      throw new Error('It is made.');
    }
    vi.stubGlobal('Request', refuse);
    vi.stubGlobal('Response', refuse);
    vi.stubGlobal('Headers', refuse);
    vi.stubGlobal('ReadableStream', refuse);
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    const ask = (method: string, path: string, body?: string): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const sent = request(`${url}/v1/stream${path}`, { method, headers: TEXT }, resolve);
        sent.on('error', reject);
        sent.end(body);
      });
    const textOf = async (answer: IncomingMessage): Promise<string> => {
      let text = '';
      for await (const part of answer) text += String(part);
      return text;
    };
    expect((await ask('PUT', '/s', 'a')).statusCode).toBe(201);
    expect((await ask('POST', '/s', 'b')).statusCode).toBe(204);
    expect(await textOf(await ask('GET', '/s'))).toBe('ab');
    expect((await ask('HEAD', '/s')).statusCode).toBe(200);
    expect(await textOf(await ask('GET', '/nothing'))).toContain('NOT_FOUND');
    const events = await ask('GET', '/s?offset=-1&live=sse');
    let text = '';
    events.on('data', (part) => (text += String(part)));
    await expect.poll(() => text).toContain('data:ab');
    await ask('POST', '/s', 'c');
    await expect.poll(() => text).toContain('data:c');
    server.closeAllConnections();
  });

  it('gives hooks a Request, whose body they may look at in a clone', async () => {
    const seen: unknown[] = [];
    const { url } = await serveStreams({
      rateLimit: ({ streamId, operation }) => void seen.push(streamId, operation),
      authorize: async ({ request: asked }) => {
        const { method, headers } = asked;
        seen.push(asked.url, method, headers.get('x-odd'));
        if (headers.get('x-look') !== null) seen.push(await asked.clone().text());
        return true;
      },
    });
    const path = `${url}/v1/stream/s`;
    const headers = { ...TEXT, 'x-odd': 'é' };
    await fetch(path, { method: 'PUT', headers });
    expect(seen.splice(0)).toEqual(['s', 'create', path, 'PUT', 'é']);
    await fetch(path, { method: 'POST', headers: { ...headers, 'x-look': 'yes' }, body: 'looked at' });
    expect(seen.splice(0)).toEqual(['s', 'append', path, 'POST', 'é', 'looked at']);
    const unread = { ...headers, 'x-look': 'yes' };
    await fetch(path, { method: 'POST', headers: unread, body: new Blob(['x'.repeat(200_000)]) });
    await fetch(path, { method: 'POST', headers, body: ', and not' });
    expect(await (await fetch(path)).text()).toBe(`looked at${'x'.repeat(200_000)}, and not`);
  });

  it('leaves the body to a hook that has begun to read its clone and not waited for it', async () => {
    const clones: Promise<string>[] = [];
    const { url } = await serveStreams({
      authorize: ({ request: asked }) => {
        if (asked.method === 'POST') clones.push(asked.clone().text());
        return true;
      },
    });
    const path = `${url}/v1/stream/s`;
    await fetch(path, { method: 'PUT', headers: TEXT });
    expect((await fetch(path, { method: 'POST', headers: TEXT, body: 'both' })).status).toBe(204);
    expect(await Promise.all(clones)).toEqual(['both']);
    expect(await (await fetch(path)).text()).toBe('both');
  });

  it('sends what a hook answers as it is, and says beside it who may read it', async () => {
    const { url } = await serveStreams({
      authorize: ({ streamId }) => {
        if (streamId === 'moved') return Response.redirect('http://elsewhere/', 307);
        const headers = new Headers({ 'x-answer': 'yes' });
        headers.append('set-cookie', 'a=1');
        headers.append('set-cookie', 'b=2');
        return new Response('no', { status: 418, headers });
      },
    });
    const moved = await fetch(`${url}/v1/stream/moved`, { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([307, 'http://elsewhere/']);
    expect(moved.headers.get('access-control-allow-origin')).toBe('*');
    const refused = await fetch(`${url}/v1/stream/s`);
    expect([refused.status, await refused.text()]).toEqual([418, 'no']);
    expect(refused.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('does not take a field that comes twice for one', async () => {
    const { port, url } = await serveStreams();
    await fetch(`${url}/v1/stream/s`, { method: 'PUT', headers: TEXT });
    const twice = await raw(
      port,
      'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-type: text/html\r\n' +
        'content-length: 1\r\n\r\nx',
    );
    expect(twice).toMatch(/^HTTP\/1.1 400 .*Content-Type is no media type/s);
  });

  it('refuses a host with which nothing can be a URL', async () => {
    const { port } = await serveStreams();
    const received = await raw(port, 'GET /v1/stream/s HTTP/1.1\r\nhost: a:b:c\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1.1 400 .*INVALID_ARGUMENT/s);
  });

  it('waits for a body that comes in pieces, but not for ever', async () => {
    const { port, url } = await serveStreams({ bodyMs: 80 });
    await fetch(`${url}/v1/stream/s`, { method: 'PUT', headers: TEXT });
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (data) => (received += data.toString()));
    const head = 'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n';
    socket.write(`${head}content-length: 4\r\n\r\nha`);
    await pause(10);
    socket.write('lf');
    await expect.poll(() => received).toMatch(/^HTTP\/1.1 204 /);
    received = '';
    socket.write(`${head}content-length: 5\r\n\r\nho`);
    await expect.poll(() => received).toMatch(/^HTTP\/1.1 408 .*DEADLINE_EXCEEDED/s);
    socket.destroy();
    expect(await (await fetch(`${url}/v1/stream/s`)).text()).toBe('half');
  });

  it.each(['/v1/stream/s', '/v1/stream/s?offset=-1&live=sse'])(
    'ends a client that takes nothing of %s',
    async (path) => {
      const handler = createHandler({
        streams: new DurableStreamManager(memoryEngine()),
        maxResponseBytes: 32 * 2 ** 20,
      });
      const { port, server } = await listen(handler, { stallMs: 50 });
      const body = new Uint8Array(2 ** 20);
      const url = `http://127.0.0.1:${port}/v1/stream/s`;
      await fetch(url, { method: 'PUT' });
      const headers = { 'content-type': 'application/octet-stream' };
      for (let i = 0; i < 24; i++) await fetch(url, { method: 'POST', headers, body });
      server.closeIdleConnections();
      const connections = (): Promise<number> => connectionsOf(server);
      await expect.poll(connections).toBe(0);
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      await expect.poll(connections).toBe(1);
      await expect.poll(connections, { timeout: 5_000 }).toBe(0);
      socket.destroy();
    },
  );
});
