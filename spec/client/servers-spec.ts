import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { durableStream, type DurableStreamOptions } from 'rxjs-durable-streams/client';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';
import { temporaryDirectory } from '../support/temporary.js';
import { codeOf, codesOf, inEveryView, pulled } from '../support/views.js';

type Streams = DurableStreamManager | InMemoryStreamManager;

const SERVERS: readonly (readonly [string, () => Streams])[] = [
  ['the memory engine', () => new DurableStreamManager(memoryEngine())],
  ['the in-memory manager', () => new InMemoryStreamManager()],
  ['LMDB', () => new DurableStreamManager(lmdbEngine({ path: temporaryDirectory('client') }))],
];

const words = (count: number, name = 'ñ€😀'): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`);
const soon = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let ids = 0;

describe.each(SERVERS)('a stream on %s', (_name, manager) => {
  let streams: Streams;
  let server: HttpServer;

  beforeAll(async () => {
    streams = manager();
    // What lasts a minute lasts some ms here.
    server = await serve(streams, { longPollMs: 60, sseMs: 60, maxResponseBytes: 1_000 });
  });

  afterAll(() => server.close());

  const open = async <O = void>() => {
    const id = `client/${++ids}`;
    const input = streams.open<string, O>(id);
    await input.opened;
    const url = `${server.url}/v1/stream/${id}`;
    const read = (options: DurableStreamOptions = {}) =>
      durableStream<string, O>(url, { retry: { delay: 5 }, ...options });
    return { id, input, url, read };
  };

  it.each(['sse', 'long-poll'] as const)(
    'is read once and in order by %s, over pages and many ends of connections, and so is its outcome',
    async (live) => {
      const { id, input, read } = await open<{ n: number }>();
      const all = words(300);
      for (const word of all.slice(0, 200)) input.next(word);
      await input.flush();
      const reading = lastValueFrom(read({ live }).events().pipe(toArray()));
      for (const word of all.slice(200)) {
        input.next(word);
        await soon(4);
      }
      input.complete({ n: 300 });
      const events = await reading;
      expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
        ...all,
        'done',
      ]);
      expect(events.at(-1)).toEqual({
        type: 'done',
        output: { n: 300 },
        offset: (await streams.head(id)).tail,
      });
      const replayed = events.filter((event) => event.type === 'chunk' && event.replay).length;
      expect(replayed).toBeGreaterThanOrEqual(200);
      expect(replayed).toBeLessThan(210);
      expect(await pulled(read({ live }))).toEqual(all);
    },
  );

  it('resumes after every offset that was given, also those of the process', async () => {
    const { id, input, read } = await open();
    for (const word of words(40)) input.next(word);
    input.complete();
    const events = await lastValueFrom(read().events().pipe(toArray()));
    for (const [i, { offset }] of events.entries()) {
      expect(await pulled(read({ after: offset }))).toEqual(words(40).slice(i + 1));
    }
    const inside = await lastValueFrom(streams.subscribe<string>(id).events().pipe(toArray()));
    for (const [i, { offset }] of inside.entries()) {
      expect(await pulled(read({ after: offset }))).toEqual(words(40).slice(i + 1));
    }
  });

  it.each([
    ['none', []],
    ['undefined', [undefined]],
    ['null', [null]],
    ['a text with everything', ['é "\\\n\u0000\u007f😀 \u2028']],
    ['more than a header can have', [{ text: 'ü'.repeat(50_000) }]],
    ['bytes', [new Uint8Array([0, 255, 128])]],
  ] as const)('has an output: %s', async (_what, output) => {
    const { input, read } = await open<unknown>();
    const live = lastValueFrom(read().events().pipe(toArray()));
    const polled = lastValueFrom(read({ live: 'long-poll' }).events().pipe(toArray()));
    input.next('a');
    await input.flush();
    await soon(20);
    input.complete(...(output as [unknown]));
    const wanted = output.length === 0 ? {} : { output: output[0] };
    for (const events of [await live, await polled, await lastValueFrom(read().events().pipe(toArray()))]) {
      expect(events.map(({ type }) => type)).toEqual(['chunk', 'done']);
      const { offset, ...done } = events[1]!;
      expect(done).toStrictEqual({ type: 'done', ...wanted });
      expect(offset).toBe(events[0]?.offset);
    }
    expect(await lastValueFrom(read().output().pipe(toArray()))).toEqual(output);
    expect(await lastValueFrom(read().status().pipe(toArray()))).toEqual(['done']);
  });

  it('has an error: that of its producer, or of whoever has stopped it', async () => {
    const { input, read } = await open();
    const reading = lastValueFrom(read().events().pipe(toArray()));
    input.next('a');
    input.error(Object.assign(new Error('zu groß'), { code: 'RESOURCE_EXHAUSTED', details: { n: [1] } }));
    const [, end] = await reading;
    expect(end).toMatchObject({
      type: 'error',
      error: { name: 'StreamError', code: 'RESOURCE_EXHAUSTED', message: 'zu groß', details: { n: [1] } },
    });
    expect(await codeOf(() => pulled(read()))).toBe('RESOURCE_EXHAUSTED');
    expect(await lastValueFrom(read().status().pipe(toArray()))).toEqual(['error']);

    const stopped = await open();
    const status = lastValueFrom(stopped.read().status().pipe(toArray()));
    await soon(20);
    await streams.stop(stopped.id, { reason: 'enough' });
    expect(await status).toEqual(['open', 'error']);
    expect(await codesOf(stopped.read())).toEqual({
      ...inEveryView('CANCELLED'),
      events: undefined,
      status: undefined,
    });
  });

  it('is NOT_FOUND once it is deleted, and OUT_OF_RANGE for who was in it when there is another', async () => {
    const { id, input, read } = await open();
    input.next('a');
    await input.flush();
    const { offset } = await firstValueFrom(read().events());
    const reading = codesOf(read());
    await soon(30);
    await streams.delete(id);
    expect(await reading).toEqual(inEveryView('NOT_FOUND'));
    expect(await codesOf(read({ wait: 20 }))).toEqual(inEveryView('NOT_FOUND'));
    const next = streams.open<string>(id);
    next.next('b');
    next.complete();
    await next.flush();
    expect(await codesOf(read({ after: offset }))).toEqual(inEveryView('OUT_OF_RANGE'));
    expect(await pulled(read())).toEqual(['b']);
  });

  it('is waited for', async () => {
    const id = `client/${++ids}`;
    const url = `${server.url}/v1/stream/${id}`;
    const reading = pulled(durableStream<string>(url, { wait: 10_000 }));
    await soon(30);
    const input = streams.open<string>(id);
    input.next('a');
    input.complete();
    expect(await reading).toEqual(['a']);
  });

  it('of text or bytes is read as such', async () => {
    const create = async (type: string, pieces: readonly (string | Uint8Array)[]) => {
      const url = `${server.url}/v1/stream/client/${++ids}`;
      const headers = { 'content-type': type };
      await fetch(url, { method: 'PUT', headers });
      const live = pulled(durableStream<string | Uint8Array>(url));
      for (const body of pieces) {
        await fetch(url, { method: 'POST', headers, body: body as BodyInit });
        await soon(3);
      }
      await fetch(url, { method: 'POST', headers: { 'stream-closed': 'true' } });
      return [await live, await pulled(durableStream<string | Uint8Array>(url))];
    };
    const text = words(100).join('\n');
    for (const chunks of await create(
      'text/plain',
      words(100).map((word, i) => (i === 0 ? word : `\n${word}`)),
    )) {
      expect(chunks.every((chunk) => typeof chunk === 'string')).toBe(true);
      expect(chunks.join('')).toBe(text);
    }
    const bytes = new Uint8Array(256).map((_, i) => i);
    for (const chunks of await create('application/octet-stream', [bytes, bytes, bytes])) {
      expect(Buffer.concat(chunks as Uint8Array[])).toEqual(Buffer.concat([bytes, bytes, bytes]));
    }
    // Characters that are cut in the middle, by who writes and by pages.
    const cut = Array.from(Buffer.from(words(500).join('')), (byte) => new Uint8Array([byte]));
    const joined = await create('text/plain', [Buffer.from(words(500).join('')), ...cut.slice(0, 60)]);
    for (const chunks of joined) {
      expect(chunks.join('')).toBe(words(500).join('') + Buffer.concat(cut.slice(0, 60)).toString());
    }
  });
});
