import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { durableStream, openStream } from 'rxjs-durable-streams/client';
import { createHandler } from 'rxjs-durable-streams/http';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { DurableStreamTestServer } from '@durable-streams/server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type Fate, hostileNetwork } from '../support/hostile-network.js';
import { type HttpServer, serve } from '../support/http-server.js';
import { Proxy } from '../support/proxy.js';
import { temporaryDirectory } from '../support/temporary.js';
import { codeOf, pulled } from '../support/views.js';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const retry = { delay: 1, maxDelay: 5 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
let ids = 0;

describe.each([
  ['the memory engine', () => new DurableStreamManager(memoryEngine())],
  ['the in-memory manager', () => new InMemoryStreamManager()],
  ['LMDB', () => new DurableStreamManager(lmdbEngine({ path: temporaryDirectory('client') }))],
])('an input over HTTP, on %s', (_name, manager) => {
  let streams: DurableStreamManager | InMemoryStreamManager;
  let server: HttpServer;

  beforeAll(async () => {
    streams = manager();
    server = await serve(streams);
  });
  afterAll(() => server.close());

  const fresh = () => {
    const id = `written/${++ids}`;
    return { id, url: `${server.url}/v1/stream/${id}` };
  };

  it('writes a source, which is read once and in order with its output, in the process and over HTTP', async () => {
    const { id, url } = fresh();
    const input = openStream<number, { sum: number }>(url);
    from(numbers(2_000)).subscribe({
      next: (n) => input.next(n),
      complete: () => input.complete({ sum: 1_999_000 }),
    });
    await input.flush();
    expect(input.status).toBe('done');
    const inside = await lastValueFrom(streams.subscribe<number>(id).events().pipe(toArray()));
    const outside = await lastValueFrom(durableStream<number>(url).events().pipe(toArray()));
    for (const events of [inside, outside]) {
      expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
        ...numbers(2_000),
        'done',
      ]);
      expect(events.at(-1)).toEqual({ type: 'done', output: { sum: 1_999_000 }, offset: input.tail });
    }
  });

  it('resolves each write with the offset after its chunk', async () => {
    const { url } = fresh();
    const input = openStream<number>(url);
    const offsets = await Promise.all(
      numbers(30).map((n) => {
        if (n % 3 === 0) return input.write(n);
        input.next(n);
        return Promise.resolve(undefined);
      }),
    );
    input.complete();
    await input.flush();
    for (const [n, offset] of offsets.entries()) {
      if (offset === undefined) continue;
      expect(await pulled(durableStream<number>(url, { after: offset }))).toEqual(numbers(30).slice(n + 1));
    }
  });

  it('ends a stream with an error, and hears of one that others give it', async () => {
    const { id, url } = fresh();
    const input = openStream<number>(url);
    input.next(1);
    input.error(Object.assign(new Error('größer'), { code: 'DEADLINE_EXCEEDED', details: [1] }));
    await input.flush();
    const events = await lastValueFrom(streams.subscribe<number>(id).events().pipe(toArray()));
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'DEADLINE_EXCEEDED', message: 'größer', details: [1] },
    });

    const other = fresh();
    const stopped = openStream<number>(other.url);
    await stopped.write(1);
    await streams.stop(other.id, { reason: 'enough' });
    expect(await codeOf(() => stopped.write(2))).toBe('CANCELLED');

    const gone = fresh();
    const deleted = openStream<number>(gone.url, { lookEvery: 20 });
    const failed = lastValueFrom(deleted.failed);
    await deleted.write(1);
    await streams.delete(gone.id);
    expect(await failed).toMatchObject({ code: 'NOT_FOUND' });
    expect(await codeOf(() => deleted.write(2))).toBe('NOT_FOUND');
  });

  it('takes over from another, which is ABORTED, and does not write into another life of the path', async () => {
    const { id, url } = fresh();
    const first = openStream<string>(url);
    await first.write('a');
    expect(await codeOf(() => openStream(url).opened)).toBe('ALREADY_EXISTS');
    const second = openStream<string>(url, { resume: true });
    await second.write('b');
    expect(await codeOf(() => first.write('c'))).toBe('ABORTED');
    second.complete();
    await second.flush();
    expect(await pulled(durableStream<string>(url))).toEqual(['a', 'b']);

    const next = fresh();
    const input = openStream<string>(next.url);
    await input.write('a');
    await streams.delete(next.id);
    await openStream<string>(next.url).write('b');
    expect(await codeOf(() => input.write('c'))).not.toBe(undefined);
    expect(id).not.toBe(next.id);
    const reader = durableStream<string>(next.url)[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: 'b' });
    await reader.return?.();
  });

  it('writes text and bytes', async () => {
    const text = fresh();
    const input = openStream<string>(text.url, { contentType: 'text/plain' });
    for (const n of numbers(100)) input.next(`ñ€😀${n}\r\n`);
    input.complete();
    await input.flush();
    expect((await pulled(durableStream<string>(text.url))).join('')).toBe(
      numbers(100)
        .map((n) => `ñ€😀${n}\r\n`)
        .join(''),
    );
    const bytes = fresh();
    const other = openStream<Uint8Array>(bytes.url, { contentType: 'application/octet-stream' });
    for (const n of numbers(100)) other.next(new Uint8Array([n, 255 - n]));
    other.complete();
    await other.flush();
    expect(Buffer.concat(await pulled(durableStream<Uint8Array>(bytes.url)))).toEqual(
      Buffer.from(numbers(100).flatMap((n) => [n, 255 - n])),
    );
  });
});

describe('an input over a network that loses', () => {
  it('goes on over connections that are cut, and a server that is away', { timeout: 20_000 }, async () => {
    const streams = new DurableStreamManager(memoryEngine());
    const server = await serve(streams);
    const proxy = await Proxy.to(server.url, 80);
    onTestFinished(async () => {
      proxy.close();
      await server.close();
    });
    const input = openStream<number>(`http://127.0.0.1:${proxy.port}/v1/stream/s`, {
      retry,
      maxBatchBytes: 50,
    });
    for (const n of numbers(2_000)) {
      input.next(n);
      if (n % 100 === 0) proxy.cut();
      if (n === 500) proxy.refuse(true);
      if (n === 1_000) proxy.refuse(false);
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    input.complete();
    await input.flush();
    expect(await pulled(streams.subscribe<number>('s'))).toEqual(numbers(2_000));
  });

  it(
    `stores each chunk once and in order, whatever is lost or comes late (seed ${SEED})`,
    { timeout: 60_000 },
    async () => {
      const fate: fc.Arbitrary<Fate> = fc.record({
        pieces: fc.constant([1_000]),
        lost: fc.option(fc.constantFrom('request' as const, 'answer' as const), { nil: undefined, freq: 1 }),
        late: fc.nat(5),
        status: fc.option(fc.constantFrom(500, 503, 429), { nil: undefined, freq: 5 }),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 40 }),
          fc.array(fate, { maxLength: 40 }),
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 5 }),
          async (count, fates, maxBatchBytes, maxInFlight) => {
            const streams = new DurableStreamManager(memoryEngine());
            const network = hostileNetwork(
              createHandler({ streams }),
              (_request, i) => fates[i] ?? { pieces: [1_000] },
            );
            const input = openStream<number, number>('http://host/v1/stream/s', {
              fetch: network.fetch,
              retry: { delay: 0, maxDelay: 1 },
              maxBatchBytes,
              maxInFlight,
            });
            for (const n of numbers(count)) {
              input.next(n);
              if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
            }
            input.complete(count);
            await input.flush();
            expect(await pulled(streams.subscribe<number>('s'))).toEqual(numbers(count));
            expect(await lastValueFrom(streams.subscribe<number, number>('s').output())).toBe(count);
          },
        ),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  it('writes to the reference server', async () => {
    const server = new DurableStreamTestServer({ port: 0, host: '127.0.0.1' });
    const root = await server.start();
    onTestFinished(() => server.stop());
    const url = `${root}/v1/stream/s`;
    const input = openStream<number>(url, { maxBatchBytes: 100 });
    for (const n of numbers(1_000)) input.next(n);
    await input.write(1_000);
    input.complete();
    await input.flush();
    expect(await pulled(durableStream<number>(url))).toEqual(numbers(1_001));
  });
});
