import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import { VirtualTimeScheduler } from 'rxjs';
import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { genkitHandler } from 'rxjs-durable-streams/genkit';
import { toNodeListener } from 'rxjs-durable-streams/http';
import { describe, expect, it, onTestFinished } from 'vitest';

import { runUntil } from '../support/schedulers.js';
import { idOf, JSON_TYPE, STREAM_ID, world } from './support.js';

/** Chunks of 10 kB that know how many of them were made into text. */
function counted(count: number) {
  const made = { count: 0 };
  const chunks = Array.from({ length: count }, () => ({
    toJSON: () => {
      made.count++;
      return 'x'.repeat(10_000);
    },
  }));
  return { made, chunks };
}

describe('the body of an answer', () => {
  it('is in ASCII, so that no piece of it ends within a character', async () => {
    const { stream } = world((input, { sendChunk }) => {
      sendChunk('å🙂');
      return input;
    });
    const text = await (await stream('中')).text();
    expect(text).toBe('data: {"message":"\\u00e5\\ud83d\\ude42"}\n\ndata: {"result":"\\u4e2d"}\n\n');
  });

  it('has null for what is no JSON', async () => {
    const { stream } = world((_input, { sendChunk }) => {
      sendChunk(undefined);
      return undefined;
    });
    expect(await (await stream()).text()).toBe('data: {"message":null}\n\ndata: {"result":null}\n\n');
  });

  it('ends with an error where a value has no JSON', async () => {
    for (const run of [
      (_: unknown, { sendChunk }: { sendChunk: (chunk: unknown) => void }) => sendChunk(1n),
      () => 1n,
    ]) {
      const { stream, onError } = world(run);
      expect(await (await stream()).text()).toBe(
        'error: {"error":{"status":"INTERNAL","message":"Internal Error"}}\n\n',
      );
      expect(onError.mock.calls).toMatchObject([[{ code: 'INTERNAL' }]]);
    }
  });

  it('leaves out details that have no JSON', async () => {
    const { stream } = world(() => {
      throw Object.assign(new Error('x'), { status: 'ABORTED', originalMessage: 'Again.', detail: 1n });
    });
    expect(await (await stream()).text()).toBe(
      'error: {"error":{"status":"ABORTED","message":"Again."}}\n\n',
    );
  });

  it('is made only as far as it is read', async () => {
    const { made, chunks } = counted(100);
    const { stream } = world((_input, { sendChunk }) => {
      for (const chunk of chunks) sendChunk(chunk);
    });
    const response = await stream();
    await new Promise((resolve) => setImmediate(resolve));
    expect(made.count).toBeGreaterThan(0);
    expect(made.count).toBeLessThan(10);
    const text = await response.text();
    expect(made.count).toBe(100);
    expect(text.match(/data: /g)).toHaveLength(101);
  });

  it('is read to its end by who is slow, also of a stream that is gone by then', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { chunks } = counted(100);
    const { stream, streams } = world(
      (_input, { sendChunk }) => {
        for (const chunk of chunks) sendChunk(chunk);
        return 'end';
      },
      { streams: new InMemoryStreamManager({ scheduler, ttl: 1 }) },
    );
    const response = await stream();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    runUntil(scheduler, 2);
    expect(() => streams.head(idOf(response))).toThrow();
    streams.open(idOf(response)).next('of another life');
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    expect(text.match(/"message"/g)).toHaveLength(99);
    expect(text.endsWith('data: {"result":"end"}\n\n')).toBe(true);
  });

  it('goes from what is replayed to what comes, however it is read', async () => {
    for (const streams of [new InMemoryStreamManager(), new DurableStreamManager(memoryEngine())]) {
      const { again } = world(() => 1, { streams });
      const input = streams.open<string, number>('s');
      const texts = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(8_000)}`);
      for (const text of texts.slice(0, 20)) input.next(text);
      const response = await again('s');
      const whole = response.text();
      for (const text of texts.slice(20)) {
        await new Promise((resolve) => setImmediate(resolve));
        input.next(text);
      }
      input.complete(7);
      const events = (await whole).trimEnd().split('\n\n');
      expect(events).toEqual([
        ...texts.map((text) => `data: ${JSON.stringify({ message: text })}`),
        'data: {"result":7}',
      ]);
    }
  });

  it('ends with an error where the stream is lost: a client would wait for ever', async () => {
    for (const [lose, status] of [
      [(streams: InMemoryStreamManager) => streams.delete('s'), 'NOT_FOUND'],
      [(streams: InMemoryStreamManager) => streams.close(), 'UNAVAILABLE'],
    ] as const) {
      const streams = new InMemoryStreamManager();
      streams.open('s').next('a');
      const { again } = world(() => 1, { streams });
      const text = (await again('s')).text();
      lose(streams);
      expect(await text).toContain(`error: {"error":{"status":"${status}"`);
    }
  });

  it('is read for nobody who has left, by either way to leave', async () => {
    const scheduler = new VirtualTimeScheduler();
    const streams = new InMemoryStreamManager({ scheduler, idleTtl: 10 });
    streams.open('s').next('a');
    const { handler } = world(() => 1, { streams });
    for (const accept of ['text/event-stream', 'application/json']) {
      const leaving = new AbortController();
      const answer = handler(
        new Request('http://host', {
          method: 'POST',
          body: '{}',
          headers: { ...JSON_TYPE, accept, [STREAM_ID]: 's' },
          signal: leaving.signal,
        }),
      );
      const reads = async (): Promise<boolean> => {
        await new Promise((resolve) => setImmediate(resolve));
        return streams.head('s').expiresAt === undefined;
      };
      expect(await reads()).toBe(true);
      leaving.abort();
      expect(await reads()).toBe(false);
      await (await answer).text();
    }
  });
});

describe('the body of an answer, sent by the server of Node', () => {
  const listen = async (handler: (request: Request) => Promise<Response>): Promise<number> => {
    const server = createServer(toNodeListener(handler));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  };

  const head = [
    'POST / HTTP/1.1',
    'host: x',
    'content-type: application/json',
    'accept: text/event-stream',
    'content-length: 2',
    '',
    '{}',
  ].join('\r\n');

  it('comes after its header fields, which have not waited for it', async () => {
    const port = await listen(genkitHandler(new InMemoryStreamManager(), () => new Promise(() => {})));
    const response = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { ...JSON_TYPE, accept: 'text/event-stream' },
      body: '{}',
    });
    expect(idOf(response)).toMatch(/^[\da-f-]{36}$/);
    await response.body?.cancel();
  });

  it('is made no further than a slow client takes it, and not at all for one that has left', async () => {
    const scheduler = new VirtualTimeScheduler();
    const streams = new InMemoryStreamManager({ scheduler, idleTtl: 10 });
    const { made, chunks } = counted(3_000);
    let id = '';
    const port = await listen(
      genkitHandler(streams, (_input, { sendChunk, streamId }) => {
        id = streamId;
        for (const chunk of chunks) sendChunk(chunk);
        return new Promise(() => {});
      }),
    );
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write(head);
    await expect.poll(() => made.count).toBeGreaterThan(0);
    let before = -1;
    await expect
      .poll(() => {
        const isSame = made.count === before;
        before = made.count;
        return isSame;
      })
      .toBe(true);
    // What the kernel takes is some of it.
    expect(made.count).toBeLessThan(2_000);
    socket.destroy();
    await expect.poll(() => streams.head(id).expiresAt).toBeDefined();
    expect(made.count).toBeLessThan(2_000);
  });
});
