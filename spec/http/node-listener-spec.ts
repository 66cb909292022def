import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
} from 'node:http';
import { type ClientHttp2Stream, connect as connect2, createServer as createServer2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import {
  createHandler,
  type HandlerOptions,
  type NodeListenerOptions,
  toNodeListener,
} from 'rxjs-durable-streams/http';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listen(
  handler: (request: Request) => Promise<Response>,
  options?: NodeListenerOptions,
): Promise<{ server: Server; port: number }> {
  const server = createServer(toNodeListener(handler, options));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Sends text on a connection of its own, and gives what comes until nothing does. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (data) => (received += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  await pause(60);
  socket.destroy();
  return received;
}

async function streams(options?: Omit<HandlerOptions, 'streams'>): Promise<HttpServer & { port: number }> {
  const server = await serve(new DurableStreamManager(memoryEngine()), options);
  closing.push(() => server.close());
  return { ...server, port: (server.server.address() as AddressInfo).port };
}

describe('a handler on the server of Node', () => {
  it('gives the handler the request as it came, and the client the answer as it is', async () => {
    const seen: unknown[] = [];
    const { port } = await listen(async (given) => {
      seen.push(given.method, given.url, given.headers.get('x-odd'), await given.text());
      const headers = new Headers({ 'x-answer': 'yes' });
      headers.append('set-cookie', 'a=1');
      headers.append('set-cookie', 'b=2');
      return new Response('body', { status: 201, headers });
    });
    const response = await fetch(`http://127.0.0.1:${port}/path?query=1`, {
      method: 'POST',
      headers: { 'x-odd': 'é' },
      body: 'sent',
    });
    expect(seen).toEqual(['POST', `http://127.0.0.1:${port}/path?query=1`, 'é', 'sent']);
    expect([response.status, response.headers.get('x-answer'), await response.text()]).toEqual([
      201,
      'yes',
      'body',
    ]);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('keeps a connection for the next request', async () => {
    const { port } = await listen(() => Promise.resolve(new Response('ok')));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<Socket>();
    for (let i = 0; i < 5; i++) {
      const response = await new Promise<IncomingMessage>((resolve) => {
        const sent = request({ port, agent, method: 'POST', headers: { 'content-length': 1 } }, resolve);
        sent.on('socket', (socket) => sockets.add(socket));
        sent.end('x');
      });
      response.resume();
      await new Promise((resolve) => response.on('end', resolve));
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it('takes no more of an answer than the client does', async () => {
    let made = 0;
    let cancelled = false;
    const { port } = await listen(() =>
      Promise.resolve(
        new Response(
          new ReadableStream({
            pull: (controller) => {
              made += 65_536;
              controller.enqueue(new Uint8Array(65_536));
            },
            cancel: () => {
              cancelled = true;
            },
          }),
        ),
      ),
    );
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await pause(150);
    const before = made;
    await pause(50);
    expect(made).toBe(before);
    expect(made).toBeLessThan(16 * 2 ** 20);
    socket.resume();
    await pause(50);
    expect(made).toBeGreaterThan(before);
    socket.destroy();
    await pause(50);
    expect(cancelled).toBe(true);
  });

  it('ends a client that takes nothing for too long', async () => {
    let cancelled = false;
    const { port } = await listen(
      () =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
              cancel: () => {
                cancelled = true;
              },
            }),
          ),
        ),
      { stallMs: 50 },
    );
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await pause(300);
    expect(cancelled).toBe(true);
    socket.destroy();
  });

  it('tells the handler that a client has gone', async () => {
    let aborted = false;
    const { port } = await listen(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve(new Response('late'));
          });
        }),
    );
    await raw(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await pause(30);
    expect(aborted).toBe(true);
  });

  it('does not append what was half sent', async () => {
    const { url, port } = await streams();
    const headers = { 'content-type': 'text/plain' };
    await fetch(`${url}/v1/stream/s`, { method: 'PUT', headers });
    const head = 'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n';
    await raw(port, `${head}content-length: 10\r\n\r\nhalf`);
    await raw(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
    await raw(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n`);
    await pause(30);
    expect(await (await fetch(`${url}/v1/stream/s`)).text()).toBe('');
    await raw(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n5\r\nwhole\r\n0\r\n\r\n`);
    expect(await (await fetch(`${url}/v1/stream/s`)).text()).toBe('halfwhole');
  });

  it('answers what refuses a body before it has come, and ends the connection', async () => {
    const { port } = await streams();
    const received = await raw(
      port,
      'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 99999999\r\n\r\nbegun',
    );
    expect(received).toMatch(/^HTTP\/1.1 413 .*connection: close/is);
  });

  it.each(['/v1/stream/a/../../etc', '/v1/stream/%2e%2e/x', '/v1/stream/./x', '/v1/stream/..', 'nothing'])(
    'refuses the target %s',
    async (target) => {
      const { port } = await streams();
      const received = await raw(port, `PUT ${target} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
      expect(received).toMatch(/^HTTP\/1.1 400 /);
      expect(received).not.toContain('201');
    },
  );

  it('takes a target that is a whole URL, and a host that is none', async () => {
    const { port } = await streams();
    const put = (target: string, host: string): Promise<string> =>
      raw(port, `PUT ${target} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\n\r\n`);
    expect(await put('http://elsewhere/v1/stream/a', 'here')).toMatch(
      /201 .*location: http:\/\/here\/v1\/stream\/a/is,
    );
    expect(await put('/v1/stream/b', 'a b@c/<x>')).toMatch(
      /201 .*location: http:\/\/localhost\/v1\/stream\/b/is,
    );
  });

  it('fails alone where a handler does', async () => {
    let calls = 0;
    const { port } = await listen(() => {
      if (++calls === 1) return Promise.reject(new Error('a bug'));
      if (calls > 2) return Promise.resolve(new Response('fine'));
      return Promise.resolve(
        new Response(
          new ReadableStream({
            pull: (controller) => controller.error(new Error('a bug')),
          }),
        ),
      );
    });
    const url = `http://127.0.0.1:${port}/`;
    expect((await fetch(url)).status).toBe(500);
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
    expect(await (await fetch(url)).text()).toBe('fine');
  });

  it('is served by HTTP/2 as it is', async () => {
    const { handler } = await streams();
    const server = createServer2(toNodeListener(handler));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const session = connect2(`http://127.0.0.1:${port}`);
    closing.push(() => {
      session.destroy();
      server.close();
    });
    const ask = (fields: OutgoingHttpHeaders, body = ''): Promise<[IncomingHttpHeaders, ClientHttp2Stream]> =>
      new Promise((resolve) => {
        const stream = session.request(fields);
        stream.on('response', (headers) => {
          resolve([headers, stream]);
        });
        if (fields['content-length'] !== undefined) stream.write(body);
        else if (body !== '') stream.end(body);
      });
    const path = '/v1/stream/s';
    const [created] = await ask({ ':method': 'PUT', ':path': path, 'content-type': 'text/plain' }, 'hello');
    expect([created[':status'], created.location]).toEqual([201, `http://127.0.0.1:${port}${path}`]);
    // More live readers than HTTP/1.1 gives a browser connections.
    const readers = await Promise.all(
      Array.from({ length: 20 }, () => ask({ ':path': `${path}?offset=-1&live=sse` })),
    );
    const texts = readers.map(([, stream]) => {
      let text = '';
      stream.on('data', (data) => (text += String(data)));
      return () => text;
    });
    await ask({ ':method': 'POST', ':path': path, 'content-type': 'text/plain' }, 'world');
    await expect.poll(() => texts.every((text) => text().includes('data:world'))).toBe(true);
    for (const [, stream] of readers) stream.close();
    const [refused] = await ask(
      { ':method': 'POST', ':path': path, 'content-type': 'text/plain', 'content-length': '99999999' },
      'begun',
    );
    expect(refused[':status']).toBe(413);
    // What is cut off is not appended.
    const socket = connect(port, '127.0.0.1');
    const other = connect2(`http://127.0.0.1:${port}`, { createConnection: () => socket });
    other.on('error', () => undefined);
    const half = other.request({ ':method': 'POST', ':path': path, 'content-type': 'text/plain' });
    half.on('error', () => undefined);
    half.write('half');
    await pause(30);
    socket.destroy();
    await pause(30);
    const [, whole] = await ask({ ':path': path });
    let text = '';
    for await (const part of whole) text += String(part);
    expect(text).toBe('helloworld');
  });

  it('says so where something has read the body before it', async () => {
    const { handler } = await streams();
    const listener = toNodeListener(handler);
    const server = createServer((incoming, outgoing) => {
      incoming.resume();
      incoming.on('end', () => {
        listener(incoming, outgoing);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/stream/s`;
    const response = await fetch(url, { method: 'PUT', body: 'x' });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('The body was read');
    expect((await fetch(url, { method: 'PUT' })).status).toBe(201);
  });

  it('refuses methods that no Request can have', async () => {
    const { port } = await streams();
    expect(await raw(port, 'TRACE /v1/stream/s HTTP/1.1\r\nhost: x\r\n\r\n')).toMatch(/^HTTP\/1.1 4\d\d /);
  });
});

describe('the handler of streams on the server of Node', () => {
  const TEXT = { 'content-type': 'text/plain' };

  it('makes neither a Request nor a Response where no hook is there', async () => {
    const { url, server } = await streams();
    function refuse(): never {
      throw new Error('It is made.');
    }
    vi.stubGlobal('Request', refuse);
    vi.stubGlobal('Response', refuse);
    vi.stubGlobal('Headers', refuse);
    vi.stubGlobal('ReadableStream', refuse);
    closing.push(() => vi.unstubAllGlobals());
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
    const { url } = await streams({
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
    const { url } = await streams({
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
    const { url } = await streams({
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
    const { port, url } = await streams();
    await fetch(`${url}/v1/stream/s`, { method: 'PUT', headers: TEXT });
    const twice = await raw(
      port,
      'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-type: text/html\r\n' +
        'content-length: 1\r\n\r\nx',
    );
    expect(twice).toMatch(/^HTTP\/1.1 400 .*Content-Type is no media type/s);
  });

  it('refuses a host with which nothing can be a URL', async () => {
    const { port } = await streams();
    const received = await raw(port, 'GET /v1/stream/s HTTP/1.1\r\nhost: a:b:c\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1.1 400 .*INVALID_ARGUMENT/s);
  });

  it('waits for a body that comes in pieces, but not for ever', async () => {
    const { port, url } = await streams({ bodyMs: 80 });
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
      const connections = (): Promise<number> =>
        new Promise((resolve, reject) => {
          server.getConnections((error, count) => {
            if (error === null) resolve(count);
            else reject(error);
          });
        });
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
