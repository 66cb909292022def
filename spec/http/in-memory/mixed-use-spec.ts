import { InMemoryStreamManager, type StreamEvent } from 'rxjs-durable-streams';
import { createHandler } from 'rxjs-durable-streams/http';
import { describe, expect, it } from 'vitest';

import { eventsOf, inMemoryWorld, JSON_TYPE, TEXT } from '../../support/http-in-memory.js';
import { noted } from '../../support/views.js';

const offsetOf = (response: Response): string => response.headers.get('stream-next-offset') ?? '';

describe('what an input writes in the process', () => {
  it('is read over HTTP as JSON, and bytes in base64', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open('s');
    input.next({ a: 1 });
    input.next('text');
    input.next(new Uint8Array([1, 2, 3]));
    input.next(null);
    const response = await ask('GET', '/s');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.text()).toBe('[{"a":1},"text","AQID",null]');
    expect(offsetOf(response)).toBe(input.tail);
  });

  it('is told at once to who reads live, by both ways', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open<number>('s');
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    expect(await events.next()).toContain('"upToDate":true');
    const poll = ask('GET', '/s?offset=now&live=long-poll');
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    input.next(1);
    expect(await (await poll).text()).toBe('[1]');
    expect(await events.next()).toMatch(/^event: data\ndata:\[1\]\n\nevent: control\n/);
    input.next(2);
    input.complete();
    expect(await events.next()).toMatch(/^event: data\ndata:\[2\]\n\nevent: control\n.*"streamClosed":true/);
  });

  it('inside of a callback comes after what is being told, over HTTP too', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open<string>('s');
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    await events.next();
    streams.subscribe<string>('s').subscribe((chunk) => {
      if (chunk !== 'a') return;
      input.next('b');
      input.next('c');
    });
    input.next('a');
    expect(await events.next()).toContain('data:["a",\ndata:"b",\ndata:"c"]');
    await events.cancel();
  });

  it('ends for HTTP as closed, whatever its outcome', async () => {
    const { streams, ask } = inMemoryWorld();
    streams.open<number, { an: string }>('done').complete({ an: 'output' });
    streams.open('error').error(new Error('failed'));
    streams.open('stopped');
    streams.stop('stopped');
    streams.open('lost', { lease: 0 }).close();
    for (const path of ['/done', '/error', '/stopped', '/lost']) {
      const { status, headers } = await ask('GET', path);
      expect([path, status, headers.get('stream-closed')]).toEqual([path, 200, 'true']);
      expect((await ask('POST', path, JSON_TYPE, '1')).status).toBe(409);
    }
  });

  it('keeps its bytes once it was read, whatever becomes of the value', async () => {
    const { streams, ask } = inMemoryWorld();
    const value = { n: 1 };
    streams.open('s').next(value);
    expect(await (await ask('GET', '/s')).text()).toBe('[{"n":1}]');
    value.n = 2;
    expect(await (await ask('GET', '/s')).text()).toBe('[{"n":1}]');
  });

  it('makes a version, so that a producer over HTTP is answered by what is there', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open<number>('s');
    for (let i = 0; i < 10; i++) {
      input.next(i);
      const answer = await ask('POST', '/s', { ...JSON_TYPE, 'stream-seq': String(i) }, `[${i}, ${i}]`);
      expect([answer.status, offsetOf(answer)]).toEqual([204, streams.head('s').tail]);
    }
    expect(streams.head('s').chunks).toBe(30);
  });
});

describe('what comes over HTTP', () => {
  it('is seen in the process as values, and comes back byte for byte', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', JSON_TYPE);
    const chunks = noted(streams.subscribe('s'));
    const json = '{"big":12345678901234567890,  "e": 1e2}';
    await ask('POST', '/s', JSON_TYPE, `[${json},"x", null]`);
    expect(chunks).toEqual([{ big: 12345678901234567000, e: 100 }, 'x', null]);
    expect(await (await ask('GET', '/s')).text()).toBe(`[${json},"x",null]`);
    await ask('POST', '/s', { ...JSON_TYPE, 'stream-closed': 'true' }, '2');
    expect(chunks.slice(3)).toEqual([2, '|']);
  });

  it('is text in a stream of text, and bytes in one of bytes, also where an input goes on', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/text', TEXT, 'añ');
    await ask('PUT', '/bytes', {}, new Uint8Array([1, 2]));
    const texts = noted(streams.subscribe('text'));
    const bytes = noted(streams.subscribe('bytes'));
    streams.open('text', { resume: true }).next('b');
    streams.open('bytes', { resume: true }).next(new Uint8Array([3]));
    await ask('POST', '/text', TEXT, new Uint8Array([0xff]));
    expect(texts).toEqual(['añ', 'b', new Uint8Array([0xff])]);
    expect(bytes).toEqual([new Uint8Array([1, 2]), new Uint8Array([3])]);
    expect(await (await ask('GET', '/text')).bytes()).toEqual(
      Uint8Array.from([...new TextEncoder().encode('añb'), 0xff]),
    );
    expect(await (await ask('GET', '/bytes')).bytes()).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('is one whole for HTTP, though subscribers are told chunk by chunk', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', JSON_TYPE);
    const lengths: number[] = [];
    streams.subscribe('s').subscribe(() => lengths.push(streams.head('s').chunks));
    await ask('POST', '/s', { ...JSON_TYPE, 'stream-closed': 'true' }, '[1,2,3]');
    expect(lengths).toEqual([3, 3, 3]);
    expect(streams.head('s').status).toBe('done');
  });

  it('is there for who has waited in the process for the stream to be opened', async () => {
    const { streams, ask } = inMemoryWorld();
    const events = noted<StreamEvent<unknown>>(streams.subscribe('s', { wait: Infinity }).events());
    await ask('PUT', '/s', { ...JSON_TYPE, 'stream-closed': 'true' }, '[1,2]');
    const { tail } = streams.head('s');
    expect(events.slice(1)).toEqual([
      { type: 'chunk', chunk: 2, offset: tail, replay: false },
      { type: 'done', offset: tail },
      '|',
    ]);
  });

  it('and what an input writes have one order, for all who read', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open<number>('s');
    const chunks = noted(streams.subscribe<number>('s'));
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => {
        input.next(i);
        return ask('POST', '/s', JSON_TYPE, String(1_000 + i));
      }),
    );
    expect(chunks).toHaveLength(200);
    expect(await (await ask('GET', '/s')).json()).toEqual(chunks);
  });

  it('can be read after an offset that the process has given, and the other way round', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', JSON_TYPE, '[1]');
    const after = offsetOf(await ask('POST', '/s', JSON_TYPE, '[2]'));
    await ask('POST', '/s', JSON_TYPE, '[3]');
    expect(noted(streams.subscribe('s', { after }))).toEqual([3]);
    const offset = await streams.open('s', { resume: true }).write(4);
    await ask('POST', '/s', JSON_TYPE, '[5]');
    expect(await (await ask('GET', `/s?offset=${offset}`)).text()).toBe('[5]');
  });
});

describe('who owns a stream', () => {
  it('is found out by id: what is there is taken for both', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/http', TEXT);
    expect(() => streams.open('http')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    streams.open('input');
    expect((await ask('PUT', '/input', TEXT)).status).toBe(409);
    expect((await ask('PUT', '/input', JSON_TYPE)).status).toBe(200);
    expect(streams.list().map(({ id }) => id)).toEqual(['http', 'input']);
  });

  it('changes by takeover, after which both may write', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', JSON_TYPE, '1');
    const first = streams.open<number>('s', { resume: true });
    const failures = noted(first.failed);
    const second = streams.open<number>('s', { resume: true });
    second.next(2);
    expect(failures).toEqual([expect.objectContaining({ code: 'ABORTED' }), '|']);
    await ask('POST', '/s', JSON_TYPE, '3');
    second.next(4);
    expect(await (await ask('GET', '/s')).text()).toBe('[1,2,3,4]');
  });

  it('ends the writing of an input by a close or a deletion over HTTP', async () => {
    const { streams, ask } = inMemoryWorld();
    const closed = streams.open<number>('closed');
    const deleted = streams.open<number>('deleted');
    const lost = noted(deleted.failed);
    const chunks = noted(streams.subscribe('deleted'));
    await ask('POST', '/closed', { 'stream-closed': 'true' });
    await expect(closed.write(1)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect((await ask('DELETE', '/deleted')).status).toBe(204);
    expect(lost).toEqual([expect.objectContaining({ code: 'NOT_FOUND' }), '|']);
    expect(chunks).toEqual(['NOT_FOUND']);
    expect((await ask('GET', '/deleted')).status).toBe(404);
  });

  it('is nobody after a deletion in the process, which ends who reads over HTTP', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', TEXT, 'x');
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    await events.next();
    const poll = ask('GET', '/s?offset=now&live=long-poll');
    await new Promise((resolve) => setImmediate(resolve));
    streams.delete('s');
    expect((await poll).status).toBe(404);
    expect(await events.next()).toBe('');
    // Another life of the id.
    const etag = (await ask('GET', '/s')).headers.get('etag');
    expect(etag).toBeNull();
    await ask('PUT', '/s', TEXT, 'y');
    expect(await (await ask('GET', '/s')).text()).toBe('y');
  });

  it('stays who it was for several handlers of one manager', async () => {
    const { streams, ask } = inMemoryWorld();
    const other = createHandler({ streams, basePath: '/other' });
    await ask('PUT', '/s', TEXT, 'a');
    const post = new Request('http://host/other/s', { method: 'POST', headers: TEXT, body: 'b' });
    expect((await other(post)).status).toBe(204);
    expect(await (await ask('GET', '/s')).text()).toBe('ab');
  });
});

describe('limits of the manager', () => {
  it('hold for what comes over HTTP, all or none', async () => {
    const { streams, ask } = inMemoryWorld({
      maxChunks: 5,
      maxBytes: 10,
      maxStreams: 2,
      sizeOf: (chunk) => String(chunk).length,
    });
    await ask('PUT', '/s', JSON_TYPE, '["aaaa"]');
    expect((await ask('POST', '/s', JSON_TYPE, '["bbbb","ccccc"]')).status).toBe(413);
    expect((await ask('POST', '/s', JSON_TYPE, '["bbbb","cc"]')).status).toBe(204);
    expect((await ask('POST', '/s', JSON_TYPE, '["d"]')).status).toBe(413);
    expect(streams.head('s').chunks).toBe(3);
    expect((await ask('PUT', '/large', JSON_TYPE, '["0123456789a"]')).status).toBe(413);
    expect((await ask('PUT', '/many', JSON_TYPE, '[1,2,3,4,5,6]')).status).toBe(413);
    expect(streams.list().map(({ id }) => id)).toEqual(['s']);
    await ask('PUT', '/t', JSON_TYPE);
    expect((await ask('PUT', '/u', JSON_TYPE)).status).toBe(429);
  });
});

describe('a manager that is closed', () => {
  it('is 503, at once, and ends who reads', async () => {
    const { streams, ask, handler } = inMemoryWorld({}, { onError: () => undefined });
    await ask('PUT', '/s', TEXT, 'x');
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    await events.next();
    streams.close();
    expect(await events.next()).toBe('');
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])
      expect((await ask(method, '/s', TEXT, method === 'POST' ? 'x' : undefined)).status).toBe(503);
    const late = createHandler({ streams, onError: () => undefined });
    expect((await late(new Request('http://host/v1/stream/s'))).status).toBe(503);
    handler.drain();
  });

  it('was never asked for anything by making a handler', () => {
    const streams = new InMemoryStreamManager();
    createHandler({ streams });
    expect(streams.list()).toEqual([]);
  });
});
