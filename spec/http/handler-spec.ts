import { DurableStreamManager, memoryEngine, StreamError } from 'rxjs-durable-streams';
import { type Attempt, createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';
import { describe, expect, it, vi } from 'vitest';

const ROOT = 'http://host/v1/stream';

function world(options: Omit<HandlerOptions, 'streams'> = {}) {
  const streams = new DurableStreamManager(memoryEngine());
  const handler = createHandler({ streams, ...options });
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: BodyInit,
  ): Promise<Response> =>
    handler(
      new Request(ROOT + path, { method, headers, ...(body !== undefined && { body, duplex: 'half' }) }),
    );
  return { streams, handler, ask };
}

const TEXT = { 'content-type': 'text/plain' };

describe('a stream of text', () => {
  it('is read in the process as strings, whatever the codec of its manager', async () => {
    const { ask, streams } = world();
    await ask('PUT', '/s', TEXT);
    await ask('POST', '/s', TEXT, 'not {JSON');
    await ask('POST', '/s', { ...TEXT, 'stream-closed': 'true' }, 'é');

    const chunks: unknown[] = [];
    for await (const chunk of streams.subscribe('s')) chunks.push(chunk);

    expect(chunks).toEqual(['not {JSON', 'é']);
  });
});

describe('authorize', () => {
  it('is asked of every request, before anything is touched', async () => {
    const attempts: Omit<Attempt, 'request'>[] = [];
    const { ask, streams } = world({
      authorize: ({ streamId, operation }) => {
        attempts.push({ streamId, operation });
        return false;
      },
    });
    const body = new ReadableStream(
      {
        pull: () => {
          throw new Error('The body is read.');
        },
      },
      { highWaterMark: 0 },
    );
    expect((await ask('PUT', '/a%20b', TEXT, body)).status).toBe(403);
    expect((await ask('POST', '/a', TEXT, 'x')).status).toBe(403);
    expect((await ask('POST', '/a', { 'stream-closed': 'True' })).status).toBe(403);
    for (const method of ['GET', 'HEAD', 'DELETE']) expect((await ask(method, '/a')).status).toBe(403);
    expect(attempts).toEqual([
      { streamId: 'a b', operation: 'create' },
      { streamId: 'a', operation: 'append' },
      { streamId: 'a', operation: 'close' },
      { streamId: 'a', operation: 'read' },
      { streamId: 'a', operation: 'head' },
      { streamId: 'a', operation: 'delete' },
    ]);
    expect(await streams.list()).toEqual([]);
  });

  it('is asked of the source of a fork', async () => {
    const { ask } = world({
      authorize: ({ streamId, operation }) => streamId !== 'secret' || operation === 'create',
    });
    await ask('PUT', '/secret', TEXT, 'data');
    expect((await ask('PUT', '/mine', { 'stream-forked-from': '/v1/stream/secret' })).status).toBe(403);
    expect((await ask('GET', '/mine')).status).toBe(404);
  });

  it('is asked again on every resume', async () => {
    let allowed = true;
    const { ask } = world({ authorize: () => Promise.resolve(allowed), longPollMs: 1 });
    await ask('PUT', '/s', TEXT);
    expect((await ask('GET', '/s?offset=-1&live=long-poll')).status).toBe(204);
    allowed = false;
    expect((await ask('GET', '/s?offset=-1&live=long-poll')).status).toBe(403);
  });

  it('can answer itself, or by an error with a code, and refuses where it says nothing', async () => {
    const verdicts: Record<string, () => never | Response> = {
      redirect: () => new Response(null, { status: 307, headers: { location: '/login' } }),
      error: () => Response.error(),
      unauthenticated: () => {
        throw new StreamError('UNAUTHENTICATED', 'Who are you?');
      },
      nothing: () => undefined as never,
    };
    const onError = vi.fn();
    const { ask } = world({ authorize: ({ streamId }) => verdicts[streamId]?.() as never, onError });
    expect((await ask('GET', '/redirect')).headers.get('location')).toBe('/login');
    expect((await ask('GET', '/unauthenticated')).status).toBe(401);
    expect((await ask('GET', '/nothing')).status).toBe(403);
    expect((await ask('GET', '/error')).status).toBe(500);
  });

  it('makes answers private', async () => {
    const { ask } = world({ authorize: () => true });
    await ask('PUT', '/s', TEXT, 'x');
    expect((await ask('GET', '/s')).headers.get('cache-control')).toMatch(/^private,/);
  });
});

describe('limits', () => {
  it('of the rate are asked before anything else', async () => {
    const authorize = vi.fn(() => true);
    const { ask } = world({
      authorize,
      rateLimit: ({ operation }) => (operation === 'head' ? undefined : 2.5),
    });
    const { status, headers } = await ask('PUT', '/s', TEXT);
    expect([status, headers.get('retry-after')]).toEqual([429, '3']);
    expect(authorize).not.toHaveBeenCalled();
    expect((await ask('HEAD', '/s')).status).toBe(404);
  });

  it('of bodies hold with a Content-Length and without', async () => {
    const { ask } = world({ maxBodyBytes: 10 });
    await ask('PUT', '/s', TEXT);
    expect((await ask('POST', '/s', TEXT, '0123456789')).status).toBe(204);
    expect((await ask('POST', '/s', { ...TEXT, 'content-length': '11' }, '0123456789')).status).toBe(413);
    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled++;
        controller.enqueue(new Uint8Array(4));
      },
    });
    expect((await ask('POST', '/s', TEXT, endless)).status).toBe(413);
    expect(pulled).toBeLessThan(10);
    expect(await (await ask('GET', '/s')).text()).toBe('0123456789');
  });

  it('of time end a body that comes too slowly', async () => {
    const { ask } = world({ bodyMs: 20 });
    await ask('PUT', '/s', TEXT);
    const stuck = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    expect((await ask('POST', '/s', TEXT, stuck)).status).toBe(408);
    expect(await (await ask('GET', '/s')).text()).toBe('');
  });

  it('refuse a body that is cut off', async () => {
    const { ask } = world();
    await ask('PUT', '/s', TEXT);
    const torn = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      pull: (controller) => controller.error(new Error('cut')),
    });
    expect((await ask('POST', '/s', TEXT, torn)).status).toBe(400);
    expect(await (await ask('GET', '/s')).text()).toBe('');
  });

  it('of header fields and of URLs hold', async () => {
    const { ask } = world({ maxHeaderBytes: 100 });
    expect((await ask('GET', '/s', { x: 'y'.repeat(101) })).status).toBe(431);
    expect((await ask('GET', `/s?${'x'.repeat(10_000)}`)).status).toBe(414);
  });

  it('of a stream are 413, and of what waits to be stored 429', async () => {
    const streams = new DurableStreamManager(memoryEngine(), { maxBytes: 10, maxChunkBytes: 8 });
    const handler = createHandler({ streams });
    const ask = (method: string, body: string, type = 'text/plain'): Promise<Response> =>
      handler(
        new Request(`${ROOT}/${type.replace('/', '-')}`, { method, headers: { 'content-type': type }, body }),
      );
    await ask('PUT', '01234567');
    expect((await ask('POST', '012')).status).toBe(413);
    expect((await ask('POST', '01')).status).toBe(204);
    await ask('PUT', '', 'application/json');
    expect((await ask('POST', '"0123456"', 'application/json')).status).toBe(413);
  });

  it('of options are checked', () => {
    const streams = new DurableStreamManager(memoryEngine());
    const bad: Partial<HandlerOptions>[] = [
      { basePath: 'streams' },
      { basePath: '/streams/' },
      { maxBodyBytes: -1 },
      { maxResponseBytes: 0 },
      { longPollMs: 1.5 },
      { cache: 'sometimes' as never },
      // Each would be every origin, or all whose name is in the text.
      { cors: 'https://a' as never },
      { cors: null as never },
      { cors: ['https://a'] as never },
      { cors: { origin: 'https://a' as never } },
      { cors: { origin: [/a/ as never] } },
      { cors: { allowHeaders: 'Authorization' as never } },
      { authorize: true as never },
      { rateLimit: 5 as never },
      { onError: 'log' as never },
      { streams: {} as never },
      { streams: undefined as never },
      { streams: new DurableStreamManager(memoryEngine(), { codec: 'none' }) },
    ];
    for (const options of bad) {
      expect(() => createHandler({ streams, ...options })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
  });
});

describe('a handler', () => {
  it('serves under any path, and nothing beside it', async () => {
    const { handler } = world({ basePath: '' });
    const ask = async (path: string): Promise<number> =>
      (await handler(new Request(`http://host${path}`, { method: 'PUT' }))).status;
    expect(await ask('/a/b')).toBe(201);
    expect(await ask('/')).toBe(404);
    const { ask: other } = world();
    expect((await other('PUT', 's')).status).toBe(404);
    expect((await other('PUT', '/')).status).toBe(404);
    expect((await other('PUT', '')).status).toBe(404);
  });

  it('shows other origins what it is told to', async () => {
    const none = world({ cors: false });
    expect(
      (await none.ask('GET', '/s', { origin: 'https://a' })).headers.get('access-control-allow-origin'),
    ).toBeNull();
    const some = world({ cors: { origin: ['https://a'], allowHeaders: ['Authorization'] } });
    const given = async (origin: string): Promise<unknown> => {
      const { headers } = await some.ask('OPTIONS', '/s', { origin });
      return [headers.get('access-control-allow-origin'), headers.get('vary')];
    };
    expect(await given('https://a')).toEqual(['https://a', 'origin']);
    expect(await given('https://b')).toEqual([null, 'origin']);
    const { headers } = await some.ask('OPTIONS', '/s', {});
    expect(headers.get('access-control-allow-headers')).toMatch(/, Authorization$/);
  });

  it('says nothing of its failures but to whom it is told', async () => {
    const onError = vi.fn();
    const secret = new Error('secret');
    const { ask } = world({
      onError,
      authorize: () => {
        throw secret;
      },
    });
    const response = await ask('GET', '/s');
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: { code: 'INTERNAL', message: 'The server has failed.' } });
    expect(onError.mock.calls).toEqual([[secret]]);
  });

  it('is 503 once its manager is closed', async () => {
    const { ask, streams } = world({ onError: () => undefined });
    await streams.close();
    const { status, headers } = await ask('GET', '/s');
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('gives what inputs write as JSON, and takes JSON for their streams', async () => {
    const { ask, streams } = world();
    const input = streams.open('s');
    await input.write({ a: 1 });
    await input.write(new Uint8Array([1, 2, 3]));
    expect((await ask('POST', '/s', { 'content-type': 'application/json' }, '[2]')).status).toBe(204);
    expect((await ask('POST', '/s', TEXT, 'x')).status).toBe(409);
    expect(await (await ask('GET', '/s')).text()).toBe('[{"a":1},"AQID",2]');
    await input.write(3);
    input.error(new Error('failed'));
    const { headers } = await ask('GET', '/s');
    expect(headers.get('stream-closed')).toBe('true');
    expect(headers.get('content-type')).toBe('application/json');
  });

  it('keeps what was closed, unless it is told for how long', async () => {
    const kept = world();
    await kept.ask('PUT', '/s', { ...TEXT, 'stream-closed': 'true' });
    expect((await kept.streams.head('s')).expiresAt).toBeUndefined();
    const lost = world({ ttl: 1_000 });
    await lost.ask('PUT', '/s', { ...TEXT, 'stream-closed': 'true' });
    expect((await lost.streams.head('s')).expiresAt).toBeGreaterThan(Date.now());
  });

  it('ends what is live when it is drained, and goes on with the rest', async () => {
    const { ask, handler } = world();
    await ask('PUT', '/s', TEXT, 'x');
    const poll = ask('GET', '/s?offset=now&live=long-poll');
    const events = (await ask('GET', '/s?offset=now&live=sse')).text();
    await new Promise((resolve) => setTimeout(resolve, 10));
    handler.drain();
    expect((await poll).status).toBe(204);
    expect(await events).not.toContain('streamClosed');
    expect((await ask('GET', '/s?offset=now&live=long-poll')).status).toBe(204);
    expect(await (await ask('GET', '/s?offset=now&live=sse')).text()).toBe('');
    expect((await ask('POST', '/s', TEXT, 'y')).status).toBe(204);
  });
});
