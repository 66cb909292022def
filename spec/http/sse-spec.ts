import { DurableStreamManager, memoryEngine, type StreamEngine } from 'rxjs-durable-streams';
import { createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';
import { describe, expect, it } from 'vitest';

const ROOT = 'http://host/v1/stream';
const BYTES = { 'content-type': 'application/octet-stream' };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function world(options: Omit<HandlerOptions, 'streams'> = {}) {
  const engine = memoryEngine();
  const reads = { count: 0, bytes: 0 };
  const read = engine.read.bind(engine);
  engine.read = (requests) => {
    const pages = read(requests) as Awaited<ReturnType<StreamEngine['read']>>;
    reads.count++;
    for (const { entries } of pages) for (const { bytes } of entries) reads.bytes += bytes;
    return pages;
  };
  const streams = new DurableStreamManager(engine);
  const handler = createHandler({ streams, ...options });
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: BodyInit,
  ): Promise<Response> =>
    handler(new Request(ROOT + path, { method, headers, ...(body !== undefined && { body }) }));
  return { reads, handler, ask, streams };
}

const reader = (response: Response): ReadableStreamDefaultReader<Uint8Array> =>
  (response.body as ReadableStream<Uint8Array>).getReader();

describe('server-sent events', () => {
  it('end after the time that is configured, and go on where they ended', async () => {
    const { ask } = world({ sseMs: 50 });
    await ask('PUT', '/s', { 'content-type': 'text/plain' }, 'a');
    const begun = Date.now();
    const text = await (await ask('GET', '/s?offset=-1&live=sse')).text();
    expect(Date.now() - begun).toBeGreaterThanOrEqual(45);
    expect(text).toMatch(/^event: data\ndata:a\n\nevent: control\ndata:\{.*"upToDate":true\}\n\n$/);
  });

  it('stop reading from storage while a client takes nothing, and lose nothing', async () => {
    const { ask, reads } = world();
    await ask('PUT', '/s', BYTES);
    for (let i = 0; i < 100; i++) await ask('POST', '/s', BYTES, new Uint8Array(100_000).fill(i));
    const events = reader(await ask('GET', '/s?offset=-1&live=sse'));
    await pause(30);
    expect(reads.bytes).toBeLessThan(1_000_000);
    const before = reads.count;
    for (let i = 0; i < 10; i++) await ask('POST', '/s', BYTES, new Uint8Array(100_000).fill(i));
    await pause(10);
    expect(reads.count - before).toBeLessThan(3);
    await ask('POST', '/s', { 'stream-closed': 'true' });

    let text = '';
    for (;;) {
      const { done, value } = await events.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    const bytes = [...text.matchAll(/^event: data\ndata:(.*)$/gm)].reduce(
      (sum, [, data]) => sum + Buffer.from(data as string, 'base64').length,
      0,
    );
    expect(bytes).toBe(11_000_000);
    expect(text).toMatch(/"streamClosed":true\}\n\n$/);
  });

  it('keep a bounded number of bytes for a client that stops while they are live', async () => {
    const { ask, reads } = world();
    await ask('PUT', '/s', BYTES);
    const response = await ask('GET', '/s?offset=-1&live=sse');
    const events = reader(response);
    await events.read();
    for (let i = 0; i < 200; i++) await ask('POST', '/s', BYTES, new Uint8Array(10_000).fill(i));
    await pause(10);
    // Nothing is read again for it, and what waits is what was told until there was no room.
    expect(reads.bytes).toBeLessThan(200_000);
    let waiting = 0;
    for (;;) {
      const next = await Promise.race([events.read(), pause(0).then(() => undefined)]);
      if (next?.value === undefined || reads.count > 0) break;
      waiting += next.value.byteLength;
    }
    expect(waiting).toBeLessThan(300_000);
    await events.cancel();
  });

  it('leave the stream when their client goes', async () => {
    const { ask, streams } = world();
    await ask('PUT', '/s', { 'content-type': 'text/plain', 'stream-ttl': '3600' }, 'a');
    const controller = new AbortController();
    const events = reader(await ask('GET', '/s?offset=-1&live=sse'));
    await events.read();
    expect((await streams.head('s')).expiresAt).toBeUndefined();
    await events.cancel();
    controller.abort();
    expect((await streams.head('s')).expiresAt).toBeDefined();
  });

  it('go on as one at the end of a page, wherever that is', async () => {
    const { ask } = world({ maxResponseBytes: 1 });
    const text = 'añ€😀'.repeat(20);
    await ask('PUT', '/s', { 'content-type': 'text/plain' });
    for (const byte of new TextEncoder().encode(text)) {
      await ask('POST', '/s', { 'content-type': 'text/plain' }, new Uint8Array([byte]));
    }
    await ask('POST', '/s', { 'stream-closed': 'true' });
    const sent = await (await ask('GET', '/s?offset=-1&live=sse')).text();
    const all = [...sent.matchAll(/^event: data\ndata:(.*)$/gm)].map(([, data]) => data);
    expect(all.join('')).toBe(text);
  });

  it('wait for the rest of a character, but not for ever', async () => {
    const { ask } = world();
    await ask('PUT', '/s', { 'content-type': 'text/plain' }, 'a');
    const bytes = new TextEncoder().encode('a' + '€'.repeat(100));
    // Every piece ends in the middle of a character: these are no chunks of text.
    for (let from = 0; from < bytes.length; from += 3) {
      await ask('POST', '/s', { 'content-type': 'text/plain' }, bytes.slice(from, from + 3));
    }
    const events = reader(await ask('GET', '/s?offset=-1&live=sse'));
    const { value } = await events.read();
    expect(new TextDecoder().decode(value)).toContain(`data:aa${'€'.repeat(99)}`);
    await events.cancel();
  });

  it('are one event for what is written at once', async () => {
    const { ask } = world();
    await ask('PUT', '/s', { 'content-type': 'application/json' });
    const events = reader(await ask('GET', '/s?offset=-1&live=sse'));
    await events.read();
    await ask('POST', '/s', { 'content-type': 'application/json' }, '[1,2,3]');
    const { value } = await events.read();
    expect(new TextDecoder().decode(value)).toMatch(
      /^event: data\ndata:\[1,\ndata:2,\ndata:3\]\n\nevent: control\n/,
    );
    await events.cancel();
  });
});

describe('reading at the tail', () => {
  it('asks the store for nothing but the stream, whatever its length', async () => {
    const { ask, reads } = world();
    await ask('PUT', '/s', { 'content-type': 'application/json' });
    for (let i = 0; i < 20; i++) {
      await ask('POST', '/s', { 'content-type': 'application/json' }, JSON.stringify(Array(5_000).fill(i)));
    }
    const tail = (await ask('HEAD', '/s')).headers.get('stream-next-offset');
    expect(await (await ask('GET', `/s?offset=${tail}`)).text()).toBe('[]');
    expect(reads).toEqual({ count: 0, bytes: 0 });
  });
});
