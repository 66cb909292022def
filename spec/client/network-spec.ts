import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Observable } from 'rxjs';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { durableStream, type DurableStreamOptions } from 'rxjs-durable-streams/client';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { builtCommand, lastingPort } from '../support/command.js';
import { serve } from '../support/http-server.js';
import { storePath } from '../support/lmdb.js';
import { Proxy } from '../support/proxy.js';
import { codeOf, pulled } from '../support/views.js';

const words = (from: number, until: number): string[] =>
  Array.from({ length: until - from }, (_, i) => `word ${from + i}`);

/** Collects, and lets wait for so many. */
function collected(source: Observable<string>) {
  const seen: string[] = [];
  let over: unknown;
  const subscription = source.subscribe({
    next: (word) => seen.push(word),
    error: (error: unknown) => (over = error),
    complete: () => (over = 'complete'),
  });
  onTestFinished(() => subscription.unsubscribe());
  return {
    seen,
    count: (count: number) =>
      vi.waitFor(() => expect(seen.length).toBe(count), { timeout: 10_000, interval: 5 }),
    completed: () => vi.waitFor(() => expect(over).toBe('complete'), { timeout: 10_000, interval: 5 }),
  };
}

const RETRY = { retry: { delay: 10, maxDelay: 50 } } as const;

async function behindProxy(options: DurableStreamOptions = {}) {
  const streams = new DurableStreamManager(memoryEngine());
  const server = await serve(streams);
  const proxy = await Proxy.to(server.url, 80);
  onTestFinished(async () => {
    proxy.close();
    await server.close();
  });
  const input = streams.open<string>('s');
  const url = `http://127.0.0.1:${proxy.port}/v1/stream/s`;
  return { input, proxy, url, reading: collected(durableStream<string>(url, { ...RETRY, ...options })) };
}

it('says why a server can not be reached', async () => {
  const stream = durableStream('http://127.0.0.1:1/v1/stream/s', { retry: { count: 0 } });
  await expect(new Promise((_, reject) => stream.subscribe({ error: reject }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/breaks off: .+: .*\b(bad port|ECONNREFUSED)/) as string,
  });
});

describe.each(['sse', 'long-poll'] as const)('a connection by %s', (live) => {
  it.each(['cut', 'halfClose'] as const)('that is lost is made again (%s)', async (way) => {
    const { input, proxy, reading } = await behindProxy({ live });
    for (let round = 0; round < 10; round++) {
      for (const word of words(round * 10, round * 10 + 10)) input.next(word);
      if (round % 2 === 0) await reading.count(round * 10 + 10);
      proxy[way]();
    }
    input.complete();
    await reading.completed();
    expect(reading.seen).toEqual(words(0, 100));
  });

  it('that is dead without saying so is given up', async () => {
    const { input, proxy, url, reading } = await behindProxy({ live });
    for (const word of words(0, 10)) input.next(word);
    await reading.count(10);
    // The time is the clock's; here all of it is short.
    const clock = { now: () => performance.now() * 200 };
    const { asyncScheduler } = await import('rxjs');
    const scheduler = {
      now: clock.now,
      schedule: (work: () => void, delay = 0) => asyncScheduler.schedule(work, delay / 200),
    } as unknown as typeof asyncScheduler;
    const fast = collected(durableStream<string>(url, { live, scheduler }));
    await fast.count(10);
    proxy.stall();
    for (const word of words(10, 20)) input.next(word);
    await fast.count(20);
    expect(fast.seen).toEqual(words(0, 20));
  });

  it('outlives a server that is away for a while', async () => {
    const { input, proxy, reading } = await behindProxy({ live });
    for (const word of words(0, 10)) input.next(word);
    await reading.count(10);
    proxy.refuse(true);
    proxy.cut();
    for (const word of words(10, 20)) input.next(word);
    await sleep(200);
    expect(reading.seen.length).toBe(10);
    proxy.refuse(false);
    await reading.count(20);
    input.complete();
    await reading.completed();
    expect(reading.seen).toEqual(words(0, 20));
  });
});

it('A proxy that gives answers only when they are whole is got on with', { timeout: 20_000 }, async () => {
  const streams = new DurableStreamManager(memoryEngine());
  const server = await serve(streams, { sseMs: 60_000, longPollMs: 1_000 });
  const asked: string[] = [];
  const proxy = createServer((given, response) => {
    asked.push(given.url ?? '');
    const { method, headers } = given;
    const forwarded = httpRequest(server.url + (given.url ?? ''), { method, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        response.end(Buffer.concat(parts));
      });
    });
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    given.pipe(forwarded);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await server.close();
  });
  const input = streams.open<string>('s');
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1/stream/s`;
  const reading = collected(durableStream<string>(url, { ...RETRY, sseTimeout: 300 }));
  for (const word of words(0, 10)) input.next(word);
  await reading.count(10);
  for (const word of words(10, 20)) {
    input.next(word);
    await sleep(20);
  }
  await reading.count(20);
  input.complete();
  await reading.completed();
  expect(reading.seen).toEqual(words(0, 20));
  expect(asked.filter((path) => path.includes('live=sse')).length).toBe(1);
});

it('A server that is closed and started again on its data is read on', async () => {
  const path = storePath();
  const port = await lastingPort();
  const start = async () => {
    const streams = new DurableStreamManager(lmdbEngine({ path }));
    const server = await serve(streams, {}, port);
    return { streams, server };
  };
  let { streams, server } = await start();
  const reading = collected(
    durableStream<string>(`http://127.0.0.1:${port}/v1/stream/s`, { ...RETRY, wait: 5_000 }),
  );
  let input = streams.open<string>('s');
  for (let round = 0; round < 4; round++) {
    for (const word of words(round * 10, round * 10 + 10)) input.next(word);
    await input.flush();
    if (round % 2 === 0) await reading.count(round * 10 + 10);
    await server.close();
    ({ streams, server } = await start());
    input = streams.open<string>('s', { resume: true });
  }
  input.complete();
  await reading.completed();
  expect(reading.seen).toEqual(words(0, 40));
  const url = `http://127.0.0.1:${port}/v1/stream/s`;
  expect(await codeOf(() => pulled(durableStream(url, { after: '0000000000000001_0000000001000000' })))).toBe(
    'OUT_OF_RANGE',
  );
  await server.close();
});

describe('A server that is killed by force', { timeout: 60_000 }, () => {
  const command = builtCommand();

  it('is read on when it is there again, once and in order', async () => {
    const args = ['--path', storePath(), '--port', String(await lastingPort())];
    let server = await command.serve(args);
    const url = `${server.url}/s`;
    const headers = { 'content-type': 'application/json' };
    await fetch(url, { method: 'PUT', headers });
    const readings = (['sse', 'long-poll'] as const).map((live) =>
      collected(durableStream<string>(url, { ...RETRY, live })),
    );
    for (let round = 0; round < 5; round++) {
      for (const word of words(round * 20, round * 20 + 20)) {
        const seq = word.slice(5);
        const producer = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': seq };
        await fetch(url, {
          method: 'POST',
          headers: { ...headers, ...producer },
          body: JSON.stringify([word]),
        });
      }
      if (round % 2 === 0) for (const reading of readings) await reading.count(round * 20 + 20);
      server.process.kill('SIGKILL');
      await server.ended;
      server = await command.serve(args);
    }
    await fetch(url, { method: 'POST', headers: { 'stream-closed': 'true' } });
    for (const reading of readings) {
      await reading.completed();
      expect(reading.seen).toEqual(words(0, 100));
    }
  });
});
