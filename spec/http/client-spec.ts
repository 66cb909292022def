import { DurableStream, IdempotentProducer, stream } from '@durable-streams/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MANAGERS } from '../support/http-managers.js';
import { type HttpServer, serve } from '../support/http-server.js';

interface Message {
  readonly n: number;
}

const numbers = (count: number): Message[] => Array.from({ length: count }, (_, n) => ({ n }));
let paths = 0;

async function existing(handle: DurableStream) {
  const head = await handle.head();
  if (!head.exists) throw new Error('There is no stream.');
  return head;
}

describe.each(MANAGERS)('the official client, on %s', (_name, manager) => {
  let server: HttpServer;
  const fresh = (): string => `${server.url}/v1/stream/client/${++paths}`;

  beforeAll(async () => {
    server = await serve(manager(), { longPollMs: 300, sseMs: 300 });
  });

  afterAll(async () => {
    await server.close();
  });

  /** Reads live until all messages are there, and gives them. */
  async function live(
    url: string,
    mode: 'long-poll' | 'sse',
    count: number,
    offset = '-1',
  ): Promise<Message[]> {
    const abort = new AbortController();
    const response = await stream<Message>({ url, offset, live: mode, signal: abort.signal });
    const found: Message[] = [];
    await new Promise<void>((resolve) => {
      response.subscribeJson((batch) => {
        found.push(...batch.items);
        if (found.length >= count) resolve();
      });
    });
    abort.abort();
    return found;
  }

  it('creates, appends, reads, closes and deletes', async () => {
    const handle = await DurableStream.create({ url: fresh(), contentType: 'text/plain' });
    await handle.append('hello ');
    await handle.append('world');
    expect(await (await handle.stream({ live: false })).text()).toBe('hello world');
    const { offset, contentType } = await existing(handle);
    expect([contentType, typeof offset]).toEqual(['text/plain', 'string']);
    const { finalOffset } = await handle.close();
    expect(finalOffset).toBe(offset);
    expect((await existing(handle)).streamClosed).toBe(true);
    await handle.delete();
    expect((await handle.head()).exists).toBe(false);
  });

  it.each(['long-poll', 'sse'] as const)('follows a stream by %s, over every reconnection', async (mode) => {
    const url = fresh();
    const handle = await DurableStream.create({ url, contentType: 'application/json' });
    const reading = live(url, mode, 40);
    for (const message of numbers(40)) {
      await handle.append(JSON.stringify(message));
      // For longer than an answer lives.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await reading).toEqual(numbers(40));
  });

  it('resumes after an offset that it has kept', async () => {
    const url = fresh();
    const handle = await DurableStream.create({ url, contentType: 'application/json' });
    await handle.append(JSON.stringify({ n: 0 }));
    const first = await stream<Message>({ url, live: false });
    expect(await first.json()).toEqual([{ n: 0 }]);
    await handle.append(JSON.stringify({ n: 1 }));
    expect(await live(url, 'sse', 1, first.offset)).toEqual([{ n: 1 }]);
  });

  it('writes by an idempotent producer, with several requests on their way, once and in order', async () => {
    const url = fresh();
    const handle = await DurableStream.create({ url, contentType: 'application/json' });
    const errors: Error[] = [];
    const producer = new IdempotentProducer(handle, 'p', {
      epoch: 1,
      maxBatchBytes: 100,
      lingerMs: 0,
      onError: (error) => errors.push(error),
    });
    for (const message of numbers(300)) producer.append(JSON.stringify(message));
    await producer.flush();
    expect(errors).toEqual([]);
    expect(await (await stream<Message>({ url, live: false })).json()).toEqual(numbers(300));

    // Another, of epoch 0, is told that it is not the last, and claims the name.
    const next = new IdempotentProducer(handle, 'p', { autoClaim: true, lingerMs: 0 });
    next.append(JSON.stringify({ n: 300 }));
    await next.close();
    expect(await (await stream<Message>({ url, live: false })).json()).toEqual(numbers(301));
  });
});
