import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import { type ClientHttp2Stream, connect as connect2, createServer as createServer2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { toNodeListener } from 'rxjs-durable-streams/http';
import { describe, expect, it, onTestFinished } from 'vitest';

import { connectionsOf, hangUp, listen, raw, serveStreams } from '../support/node-server.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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
    await expect.poll(() => made).toBeGreaterThan(0);
    let before: number;
    do {
      before = made;
      expect(made).toBeLessThan(16 * 2 ** 20);
      await pause(100);
    } while (made > before);
    socket.resume();
    await expect.poll(() => made).toBeGreaterThan(before);
    socket.destroy();
    await expect.poll(() => cancelled).toBe(true);
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
    await expect.poll(() => cancelled).toBe(true);
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
    await hangUp(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => aborted).toBe(true);
  });

  it('does not append what was half sent', async () => {
    const { url, port, server } = await serveStreams();
    const headers = { 'content-type': 'text/plain' };
    await fetch(`${url}/v1/stream/s`, { method: 'PUT', headers });
    const head = 'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n';
    await hangUp(port, `${head}content-length: 10\r\n\r\nhalf`);
    await hangUp(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
    await raw(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n`);
    // That of `fetch` is kept.
    await expect.poll(() => connectionsOf(server)).toBe(1);
    expect(await (await fetch(`${url}/v1/stream/s`)).text()).toBe('');
    await raw(port, `${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n5\r\nwhole\r\n0\r\n\r\n`);
    expect(await (await fetch(`${url}/v1/stream/s`)).text()).toBe('halfwhole');
  });

  it('answers what refuses a body before it has come, and ends the connection', async () => {
    const { port } = await serveStreams();
    const received = await raw(
      port,
      'POST /v1/stream/s HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 99999999\r\n\r\nbegun',
    );
    expect(received).toMatch(/^HTTP\/1.1 413 .*connection: close/is);
  });

  it.each(['/v1/stream/a/../../etc', '/v1/stream/%2e%2e/x', '/v1/stream/./x', '/v1/stream/..', 'nothing'])(
    'refuses the target %s',
    async (target) => {
      const { port } = await serveStreams();
      const received = await raw(port, `PUT ${target} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
      expect(received).toMatch(/^HTTP\/1.1 400 /);
      expect(received).not.toContain('201');
    },
  );

  it('takes a target that is a whole URL, and a host that is none', async () => {
    const { port } = await serveStreams();
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
    const { handler } = await serveStreams();
    const server = createServer2(toNodeListener(handler));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const session = connect2(`http://127.0.0.1:${port}`);
    onTestFinished(() => {
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
    const { handler } = await serveStreams();
    const listener = toNodeListener(handler);
    const server = createServer((incoming, outgoing) => {
      incoming.resume();
      incoming.on('end', () => {
        listener(incoming, outgoing);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
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
    const { port } = await serveStreams();
    expect(await raw(port, 'TRACE /v1/stream/s HTTP/1.1\r\nhost: x\r\n\r\n')).toMatch(/^HTTP\/1.1 4\d\d /);
  });
});
