import { DurableStream } from '@durable-streams/client';
import { DurableStreamTestServer } from '@durable-streams/server';
import { lastValueFrom, toArray } from 'rxjs';
import { durableStream } from 'rxjs-durable-streams/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, pulled } from '../support/views.js';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

describe('the reference server', () => {
  const server = new DurableStreamTestServer({ port: 0, host: '127.0.0.1' });
  let root: string;
  let paths = 0;
  const fresh = (): string => `${root}/v1/stream/reference-${++paths}`;

  beforeAll(async () => {
    root = await server.start();
  });

  afterAll(() => server.stop());

  it.each(['sse', 'long-poll'] as const)('is read from its start and live, by %s', async (live) => {
    const url = fresh();
    const handle = await DurableStream.create({ url, contentType: 'application/json' });
    for (const message of numbers(20)) await handle.append(JSON.stringify(message));
    const reading = lastValueFrom(durableStream<{ n: number }>(url, { live }).events().pipe(toArray()));
    for (const message of numbers(40).slice(20)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await handle.append(JSON.stringify(message));
    }
    await handle.close();
    const events = await reading;
    expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
      ...numbers(40),
      'done',
    ]);
    for (const i of [0, 7, 19, 20, 33, 39]) {
      const rest = await pulled(durableStream(url, { live, after: events[i]!.offset }));
      expect(rest).toEqual(numbers(40).slice(i + 1));
    }
  });

  it.each([
    ['text/plain', 'ñ€😀', 'text'],
    ['application/octet-stream', 'ñ€😀', 'bytes'],
  ])('is read where it has %s', async (contentType, piece) => {
    const url = fresh();
    const handle = await DurableStream.create({ url, contentType });
    await handle.append(piece);
    const reading = pulled(durableStream<string | Uint8Array>(url));
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await handle.append(piece);
    }
    await handle.close();
    expect(Buffer.concat((await reading).map((chunk) => Buffer.from(chunk))).toString()).toBe(
      piece.repeat(6),
    );
  });

  it('says what is not there', async () => {
    expect(await codeOf(() => pulled(durableStream(fresh())))).toBe('NOT_FOUND');
  });
});
