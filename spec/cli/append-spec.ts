import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { createHandler, type StreamHandler, toNodeListener } from 'rxjs-durable-streams/http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtCommand } from '../support/command.js';

const JSON_TYPE = { 'content-type': 'application/json' };

/** A server, which answers what `answer` makes of it; gives the URL of a stream. */
async function server(
  answer: (request: Request, handler: StreamHandler) => Promise<Response> = (request, handler) =>
    handler(request),
): Promise<string> {
  const handler = createHandler({ streams: new DurableStreamManager(memoryEngine()) });
  const listener = toNodeListener((request) => answer(request, handler));
  const http = createServer(listener as RequestListener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1/stream/s`;
}

describe('append', () => {
  const command = builtCommand();

  it('creates a stream, appends to it, and tells the offset behind', async () => {
    const url = await server();
    const first = command.start(['append', url, '--create'], { input: 'Grüße, ' });
    expect(await first.ended).toBe(0);
    const second = command.start(['append', url, '--create', '--close'], { input: 'Welt' });
    expect(await second.ended).toBe(0);
    const { headers } = await fetch(url, { method: 'HEAD' });
    expect(headers.get('content-type')).toBe('text/plain');
    expect(headers.get('stream-closed')).toBe('true');
    expect(second.stdout()).toBe(`${headers.get('stream-next-offset') ?? ''}\n`);
    expect(await (await fetch(url)).text()).toBe('Grüße, Welt');
  });

  it('appends bytes as they are, however many', async () => {
    const url = await server();
    const bytes = Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * i) >> 3);
    const args = ['append', url, '--create', '--content-type', 'image/png'];
    expect(await command.start(args, { input: bytes }).ended).toBe(0);
    const parts: Buffer[] = [];
    for (let offset = '-1', more = true; more;) {
      const response = await fetch(`${url}?offset=${offset}`);
      parts.push(Buffer.from(await response.arrayBuffer()));
      offset = response.headers.get('stream-next-offset') ?? '';
      more = response.headers.get('stream-up-to-date') === null;
    }
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it('appends each line to a JSON stream as a message, as it is written', async () => {
    const url = await server();
    await fetch(url, { method: 'PUT', headers: JSON_TYPE });
    const lines = ['12345678901234567890', '[1,2]', '{"a" : "b"}', 'null'];
    expect(await command.start(['append', url], { input: `${lines.join('\n')}\n\n` }).ended).toBe(0);
    expect(await (await fetch(url)).text()).toBe(`[${lines.join(',')}]`);
  });

  it('appends what has come before all has', async () => {
    const url = await server();
    const appending = command.start(['append', url, '--create', '--content-type', 'application/json']);
    for (let i = 0; i < 3; i++) {
      appending.process.stdin?.write(`${i}\n`);
      await expect
        .poll(async () => (await fetch(`${url}?offset=-1`)).text(), { timeout: 5_000, interval: 5 })
        .toMatch(new RegExp(`${i}\\]$`));
    }
    appending.process.stdin?.end();
    expect(await appending.ended).toBe(0);
  });

  it('appends the lines before one that is no JSON, and tells which it is', async () => {
    const url = await server();
    await fetch(url, { method: 'PUT', headers: JSON_TYPE });
    const appending = command.start(['append', url], { input: '1\n2\nthree\n4\n' });
    expect(await appending.ended).toBe(1);
    expect(appending.stderr()).toMatch(/^rxjs-durable-streams: Line 3 is no JSON: .*\n$/);
    expect(await (await fetch(url)).text()).toBe('[1,2]');
  });

  it('appends once what it has to send again', async () => {
    let posts = 0;
    const url = await server(async (request, handler) => {
      const response = await handler(request);
      // The first answer is lost, the second one is another's.
      if (request.method === 'POST' && ++posts === 1) throw new Error('lost');
      return request.method === 'POST' && posts === 2 ? new Response(null, { status: 503 }) : response;
    });
    const appending = command.start(['append', url, '--create', '--close'], { input: 'once' });
    expect(await appending.ended).toBe(0);
    expect(posts).toBe(4);
    expect(await (await fetch(url)).text()).toBe('once');
  });

  it.each([
    ['no stream', 404, 'There is no stream: '],
    ['a stream that is closed', 409, 'It is in conflict with what is there: '],
    ['a server that wants a token', 401, 'wants to know who asks: set RXJS_DURABLE_STREAMS_TOKEN'],
  ])('fails at %s, while standard input is open', async (_, status, complaint) => {
    const url = await server((request, handler) =>
      status === 401 ? Promise.resolve(new Response(null, { status })) : handler(request),
    );
    if (status === 409) {
      await fetch(url, { method: 'PUT', headers: { ...JSON_TYPE, 'stream-closed': 'true' } });
    }
    const appending = command.start(['append', url]);
    appending.process.stdin?.write('1\n');
    expect(await appending.ended).toBe(1);
    expect(appending.stderr()).toContain(complaint);
  });
});
