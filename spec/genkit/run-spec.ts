import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { faultyEngine } from 'rxjs-durable-streams/testing';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { runUntil } from '../support/schedulers.js';
import { type AnyRun, GenkitLikeError, idOf, refusalOf, world } from './support.js';

/** A flow that waits for its signal, and then does something. */
const untilStopped =
  (then: (options: Parameters<AnyRun>[1]) => unknown): AnyRun =>
  (_input, options) =>
    new Promise((resolve, reject) => {
      options.sendChunk('half');
      options.abortSignal.addEventListener('abort', () => {
        try {
          resolve(then(options));
        } catch (error) {
          reject(error);
        }
      });
    });

const half = 'data: {"message":"half"}\n\n';
const stopped = `${half}error: {"error":{"status":"CANCELLED","message":"The stream was stopped."}}\n\n`;

describe('a run', () => {
  it('goes on when the client that began it has left', async () => {
    let goOn!: () => void;
    const wait = new Promise<void>((resolve) => (goOn = resolve));
    const { stream, again } = world(async (_input, { sendChunk, abortSignal }) => {
      await wait;
      sendChunk('half');
      return abortSignal.aborted;
    });
    const response = await stream();
    await response.body?.cancel();
    goOn();
    expect(await (await again(idOf(response))).text()).toBe(`${half}data: {"result":false}\n\n`);
  });

  it('is given the same function by both names, another one for each run', async () => {
    const given: unknown[] = [];
    const { ask } = world((_input, { sendChunk, onChunk, streamId }) => {
      given.push(sendChunk, onChunk);
      // As flows of Genkit do.
      Object.assign(onChunk, { streamId });
    });
    await ask();
    await ask();
    expect(given[0]).toBe(given[1]);
    expect(given[2]).toBe(given[3]);
    expect(given[0]).not.toBe(given[2]);
  });

  it('ends its stream with what it throws, at once or later', async () => {
    for (const run of [
      () => {
        throw new GenkitLikeError({ status: 'OUT_OF_RANGE', message: 'Too far.' });
      },
      () => Promise.reject(new GenkitLikeError({ status: 'OUT_OF_RANGE', message: 'Too far.' })),
    ]) {
      const { stream, ask, onError } = world(run);
      const error = { status: 'OUT_OF_RANGE', message: 'Too far.' };
      expect(await (await stream()).text()).toBe(`error: ${JSON.stringify({ error })}\n\n`);
      expect(await refusalOf(await ask())).toEqual([400, error]);
      expect(onError).not.toHaveBeenCalled();
    }
  });

  it('tells onError, once, and no client what it throws that Genkit would not tell', async () => {
    const { stream, again, onError } = world(() => {
      throw new Error('secret');
    });
    const response = await stream();
    const told = 'error: {"error":{"status":"INTERNAL","message":"Internal Error"}}\n\n';
    expect(await response.text()).toBe(told);
    expect(await (await again(idOf(response))).text()).toBe(told);
    expect(onError.mock.calls).toEqual([[new Error('secret')]]);
  });

  it('tells the console where nobody else is told, and survives who is told and fails', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    const run = (): never => {
      throw new Error('secret');
    };
    await world(run, { onError: undefined }).ask();
    expect(log.mock.calls).toEqual([[new Error('secret')]]);
    log.mockRestore();
    const failing = world(run, {
      onError: () => {
        throw new Error('failed too');
      },
    });
    expect((await failing.ask()).status).toBe(500);
  });

  it('gives its promise to waitUntil, which is over with the stream', async () => {
    const runs: Promise<void>[] = [];
    const { stream, streams } = world(
      () => {
        throw new Error('secret');
      },
      { waitUntil: (run) => runs.push(run) },
    );
    const streamId = idOf(await stream());
    await expect(Promise.all(runs)).resolves.toEqual([undefined]);
    expect(streams.head(streamId)).toMatchObject({ status: 'error' });
  });
});

describe('a stop', () => {
  it('aborts the flow, whose error and chunks after it change nothing', async () => {
    const { stream, stop, onError, streams } = world(
      untilStopped(({ sendChunk, abortSignal }) => {
        sendChunk('late');
        throw abortSignal.reason;
      }),
    );
    const response = await stream();
    expect((await stop(idOf(response))).status).toBe(204);
    expect(await response.text()).toBe(stopped);
    expect(streams.head(idOf(response))).toMatchObject({ status: 'error', chunks: 1 });
    expect(onError).not.toHaveBeenCalled();
  });

  it('is that of an unknown stream, or of one that has ended', async () => {
    const { ask, stop } = world(() => 1);
    expect((await stop('unknown')).status).toBe(404);
    expect((await stop(idOf(await ask()))).status).toBe(204);
  });

  it('leaves the flow its grace to end the stream itself', async () => {
    const scheduler = new VirtualTimeScheduler();
    const ways: [(options: Parameters<AnyRun>[1]) => unknown, string][] = [
      [
        ({ sendChunk }) => {
          sendChunk('last');
          return 'in time';
        },
        `${half}data: {"message":"last"}\n\ndata: {"result":"in time"}\n\n`,
      ],
      [
        () => {
          throw new Error('aborted');
        },
        stopped,
      ],
    ];
    for (const [then, text] of ways) {
      const { stream, stop, onError } = world(untilStopped(then), {
        streams: new InMemoryStreamManager({ scheduler }),
        grace: 1_000,
      });
      const response = await stream();
      await stop(idOf(response));
      expect(await response.text()).toBe(text);
      expect(onError).not.toHaveBeenCalled();
    }
    const slow = world(() => new Promise(() => {}), {
      streams: new InMemoryStreamManager({ scheduler }),
      grace: 1_000,
    });
    const response = await slow.stream();
    await slow.stop(idOf(response));
    runUntil(scheduler, scheduler.frame + 1_000);
    expect(await response.text()).toContain('CANCELLED');
  });
});

describe('a store that fails', () => {
  it('refuses a run with the code of the failure, before the flow begins', async () => {
    const run = vi.fn();
    const streams = new InMemoryStreamManager({ maxStreams: 0 });
    const full = world(run, { streams });
    expect((await full.ask()).status).toBe(429);
    streams.close();
    const response = await full.ask();
    expect(await refusalOf(response)).toEqual([
      503,
      { status: 'UNAVAILABLE', message: 'The streams are not available now.' },
    ]);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(run).not.toHaveBeenCalled();
    expect(full.onError.mock.calls).toMatchObject([[{ code: 'UNAVAILABLE' }]]);
  });

  it('aborts the flow half-way, and tells readers and onError', async () => {
    const streams = new DurableStreamManager(memoryEngine());
    let reason: unknown;
    const { stream, onError } = world(
      untilStopped(({ abortSignal }) => {
        reason = abortSignal.reason;
        return 'never stored';
      }),
      { streams },
    );
    const response = await stream();
    await streams.close();
    expect(await response.text()).toBe(
      `${half}error: {"error":{"status":"UNAVAILABLE","message":"The streams are not available now."}}\n\n`,
    );
    expect(reason).toMatchObject({ code: 'UNAVAILABLE' });
    await expect
      .poll(() => onError.mock.calls)
      .toMatchObject([[{ code: 'UNAVAILABLE' }], [{ code: 'UNAVAILABLE' }]]);
  });

  it('ends the stream where a chunk or an output can not be stored', async () => {
    const streams = new DurableStreamManager(memoryEngine(), { maxChunkBytes: 10 });
    const large = 'x'.repeat(11);
    for (const run of [
      (_input, { sendChunk }) => {
        sendChunk(large);
      },
      () => large,
    ] satisfies AnyRun[]) {
      const { stream, onError } = world(run, { streams });
      const text = await (await stream()).text();
      expect(text).toMatch(/^error: \{"error":\{"status":"RESOURCE_EXHAUSTED"/);
      expect(onError.mock.calls).toMatchObject([[{ code: 'RESOURCE_EXHAUSTED' }]]);
    }
  });

  it('is waited for by flush', async () => {
    const held: (() => void)[] = [];
    let slow = false;
    const engine = faultyEngine(
      memoryEngine(),
      { onCall: ({ method }) => (slow && method === 'commit' ? { type: 'delay', request: 1 } : undefined) },
      { after: (_ms, callback) => held.push(callback) },
    );
    const order: string[] = [];
    const { ask } = world(
      async (_input, { sendChunk, flush }) => {
        slow = true;
        sendChunk(1);
        const flushed = flush().then(() => order.push('stored'));
        await new Promise((resolve) => setImmediate(resolve));
        order.push('waiting');
        slow = false;
        for (const goOn of held) goOn();
        await flushed;
      },
      { streams: new DurableStreamManager(engine) },
    );
    expect((await ask()).status).toBe(200);
    expect(order).toEqual(['waiting', 'stored']);
  });
});
