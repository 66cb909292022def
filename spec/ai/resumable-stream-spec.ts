import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import {
  createResumableStreamContext,
  type ResumableStreamContext,
  type ResumableStreamContextOptions,
} from '../../lib/ai/index.js';
import {
  DurableStreamManager,
  InMemoryStreamManager,
  memoryEngine,
  StreamError,
  type StreamManager,
} from '../../lib/index.js';
import { faultyEngine } from '../../lib/testing/index.js';
import { describeFinishedStreams, describeResumableStreams } from '../support/resumable-cases.js';
import { chunksOf, textOf, TextSource } from '../support/text-source.js';
import { unhandledBy } from '../support/unhandled.js';
import { codeOf } from '../support/views.js';

const MANAGERS: [string, () => StreamManager][] = [
  ['in memory', () => new InMemoryStreamManager()],
  ['on an engine', () => new DurableStreamManager(memoryEngine())],
];

for (const [where, newManager] of MANAGERS) {
  describeResumableStreams(`createResumableStreamContext, ${where}`, (waitUntil) =>
    createResumableStreamContext({ streams: newManager(), waitUntil }),
  );
  describeFinishedStreams(where, (waitUntil) =>
    createResumableStreamContext({ streams: newManager(), waitUntil, replayFinished: false }),
  );
}

describe.each(MANAGERS)('createResumableStreamContext, %s', (_, newManager) => {
  const setUp = (options: Omit<ResumableStreamContextOptions, 'streams'> = {}) => {
    const streams = newManager();
    const source = new TextSource();
    return { streams, source, context: createResumableStreamContext({ streams, ...options }) };
  };
  /** Runs a source to its end. */
  const finish = async (context: ResumableStreamContext, source: TextSource, ...chunks: string[]) => {
    const stream = await context.createNewResumableStream('a', () => source.readable);
    source.write(...chunks);
    source.end();
    return textOf(stream);
  };

  it('replays a finished stream, whole or after so many characters', async () => {
    const { context, source } = setUp();
    await finish(context, source, 'one ', 'two');

    expect(await textOf(await context.resumeExistingStream('a'))).toBe('one two');
    expect(await textOf(await context.resumeExistingStream('a', 5))).toBe('wo');
    expect(await textOf(await context.resumableStream('a', () => new TextSource().readable, 2))).toBe(
      'e two',
    );
  });

  it('counts characters over chunks, also those that are still to come', async () => {
    const { context, source } = setUp();
    await context.createNewResumableStream('a', () => source.readable);
    source.write('one ');
    const resumed = await context.resumeExistingStream('a', 6);
    source.write('t', 'wo');
    source.end();

    expect(await chunksOf(resumed)).toEqual(['o']);
  });

  it('gives what the source fails with to everybody, instead of letting them wait', async () => {
    const { context, source } = setUp();
    const first = await context.createNewResumableStream('a', () => source.readable);
    const second = await context.resumeExistingStream('a');
    source.write('half');
    const reader = first.getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'half' });
    source.fail(new StreamError('RESOURCE_EXHAUSTED', 'no more tokens'));

    await expect(reader.read()).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'no more tokens',
    });
    expect(await codeOf(() => textOf(second))).toBe('RESOURCE_EXHAUSTED');
    expect(await context.hasExistingStream('a')).toBe('DONE');
    const late = (await context.resumeExistingStream('a'))?.getReader();
    expect(await late?.read()).toEqual({ done: false, value: 'half' });
    expect(await codeOf(() => late?.read())).toBe('RESOURCE_EXHAUSTED');
  });

  it('refuses to create a stream whose id is taken, and does not run its source', async () => {
    const { context, source } = setUp();
    await context.createNewResumableStream('a', () => source.readable);
    let made = false;
    const again = () =>
      context.createNewResumableStream('a', () => {
        made = true;
        return new TextSource().readable;
      });

    expect(await codeOf(again)).toBe('ALREADY_EXISTS');
    source.end();
    expect(await codeOf(again)).toBe('ALREADY_EXISTS');
    expect(made).toBe(false);
  });

  it('gives all of the text to whoever creates the stream, whatever there was to skip', async () => {
    const { context, source } = setUp();
    const stream = await context.resumableStream('a', () => source.readable, 3);
    source.write('one two');
    source.end();

    expect(await textOf(stream)).toBe('one two');
  });

  it.each([
    [
      'throws',
      () => {
        throw new TypeError('no model');
      },
    ],
    [
      'gives a stream that is read already',
      () => {
        const { readable } = new TextSource();
        readable.getReader();
        return readable;
      },
    ],
  ])('ends the stream with an error if makeStream %s', async (_why, makeStream) => {
    const { context } = setUp();

    await expect(context.createNewResumableStream('a', makeStream)).rejects.toThrow(TypeError);
    expect(await codeOf(async () => textOf(await context.resumeExistingStream('a')))).toBe('UNKNOWN');
  });

  it('ends the stream with an error, and cancels the source, at a chunk that is no string', async () => {
    const { context, source } = setUp();
    const stream = await context.createNewResumableStream('a', () => source.readable);
    source.write(new Uint8Array(1) as unknown as string);

    await expect(textOf(stream)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'chunks must be strings, but one is object.',
    });
    expect(source.cancelledWith).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('cancels the source of a stream that is stopped, and tells its signal', async () => {
    const waitedFor: Promise<unknown>[] = [];
    const { context, streams, source } = setUp({ waitUntil: (promise) => waitedFor.push(promise) });
    let signal: AbortSignal | undefined;
    const stream = await context.createNewResumableStream('a', (given) => {
      signal = given;
      return source.readable;
    });
    await streams.stop('resumable-stream:a', { reason: 'enough' });

    await expect(textOf(stream)).rejects.toMatchObject({ code: 'CANCELLED', message: 'enough' });
    expect(signal?.reason).toMatchObject({ code: 'CANCELLED' });
    expect(source.cancelledWith).toMatchObject({ code: 'CANCELLED' });
    // Somebody wanted it to end.
    expect(await Promise.all(waitedFor)).toEqual([undefined]);
  });

  it('lets a source end by itself in the time that a stop grants', async () => {
    const { context, streams, source } = setUp();
    const stream = await context.createNewResumableStream('a', (signal) => {
      signal.addEventListener('abort', () => {
        source.write('that was all');
        source.end();
      });
      return source.readable;
    });
    await streams.stop('resumable-stream:a', { grace: 10_000 });

    expect(await textOf(stream)).toBe('that was all');
    expect(source.cancelledWith).toBeUndefined();
  });

  it('tells waitUntil if what was produced could not be stored, and whoever reads', async () => {
    const waitedFor: Promise<unknown>[] = [];
    const { context, streams, source } = setUp({ waitUntil: (promise) => waitedFor.push(promise) });
    const stream = await context.createNewResumableStream('a', () => source.readable);
    const reading = codeOf(() => textOf(stream));
    await streams.close();

    expect(await reading).toBe('UNAVAILABLE');
    expect(await codeOf(() => Promise.all(waitedFor))).toBe('UNAVAILABLE');
    expect(source.cancelledWith).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('gives nobody what is unhandled if there is no waitUntil', async () => {
    const unhandled = await unhandledBy(async () => {
      const { context, streams, source } = setUp({ waitUntil: null });
      await context.createNewResumableStream('a', () => source.readable);
      await streams.close();
    });

    expect(unhandled).toEqual([]);
  });

  it('reads the source to its end for a consumer that reads slowly', async () => {
    const { context, source, streams } = setUp();
    const reader = (await context.createNewResumableStream('a', () => source.readable)).getReader();
    source.write(...Array.from({ length: 3_000 }, (_chunk, i) => `${i},`));
    source.end();
    expect(await reader.read()).toEqual({ done: false, value: '0,' });
    await expect.poll(async () => (await streams.head('resumable-stream:a')).status).toBe('done');

    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    expect(rest).toBe(Array.from({ length: 2_999 }, (_chunk, i) => `${i + 1},`).join(''));
  });

  it('refuses what is no number of characters', async () => {
    const { context } = setUp();

    await expect(context.resumeExistingStream('a', Number.NaN)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'skipCharacters must be a non-negative integer or Infinity, but it is NaN.',
    });
  });

  it('keeps its streams under a prefix, and with the lifetime that it is given', async () => {
    const { context, streams, source } = setUp({ keyPrefix: 'chat', ttl: 1_000 });
    await finish(context, source);
    const { endedAt, expiresAt } = await streams.head('chat:a');

    expect((expiresAt ?? 0) - (endedAt ?? 0)).toBe(1_000);
    expect(await createResumableStreamContext({ streams }).hasExistingStream('a')).toBeNull();
  });
});

describe('createResumableStreamContext', () => {
  it('replays until the TTL is over, and then runs a source anew', async () => {
    const scheduler = new VirtualTimeScheduler();
    const streams = new InMemoryStreamManager({ scheduler, ttl: 1_000 });
    const context = createResumableStreamContext({ streams });
    const sources = [new TextSource(), new TextSource()];
    const open = async (index: number) => {
      const stream = await context.resumableStream('a', () => (sources[index] as TextSource).readable);
      sources[index]?.write(`run ${index}`);
      sources[index]?.end();
      return textOf(stream);
    };
    expect(await open(0)).toBe('run 0');
    scheduler.frame = 999;
    expect(await textOf(await context.resumeExistingStream('a'))).toBe('run 0');
    scheduler.frame = 1_000;

    expect(await context.resumeExistingStream('a')).toBeUndefined();
    expect(await open(1)).toBe('run 1');
  });

  it('waits so long for a stream that is not there yet', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 150);
    const streams = new InMemoryStreamManager({ scheduler });
    const impatient = createResumableStreamContext({ streams, wait: 100 }).resumeExistingStream('a');
    const context = createResumableStreamContext({ streams, wait: 200 });
    const resuming = context.resumeExistingStream('a');
    scheduler.flush();
    expect(await impatient).toBeUndefined();
    expect(await context.hasExistingStream('a')).toBeNull();
    const source = new TextSource();
    await context.createNewResumableStream('a', () => source.readable);
    source.write('text');
    source.end();

    expect(await textOf(await resuming)).toBe('text');
  });

  it('gives streams a lease where a producer can be gone without notice', async () => {
    const leases: (number | undefined)[] = [];
    class Networked extends InMemoryStreamManager {
      readonly needsLease = true;
      override open(...[id, options]: Parameters<InMemoryStreamManager['open']>) {
        leases.push(options?.lease);
        return super.open<never, never>(id, options);
      }
    }
    for (const given of [{}, { lease: 5_000 }, { lease: Infinity }]) {
      const context = createResumableStreamContext({ streams: new Networked(), ...given });
      await context.createNewResumableStream('a', () => new TextSource().readable);
    }

    expect(leases).toEqual([15_000, 5_000, Infinity]);
  });

  it('stores a chunk in parts that is too large for one, and cuts no character', async () => {
    const streams = new DurableStreamManager(memoryEngine(), { maxChunkBytes: 100_000 });
    const context = createResumableStreamContext({ streams });
    const source = new TextSource();
    const text = `a${'😀'.repeat(200_000)}`;
    const stream = await context.createNewResumableStream('a', () => source.readable);
    source.write(text);
    source.end();

    const chunks = await chunksOf(stream);
    expect(chunks.join('')).toBe(text);
    expect(chunks.every((chunk) => !/^[\udc00-\udfff]/.test(chunk))).toBe(true);
  });

  it('reads no more of the source than there is room for while it is stored', async () => {
    // Commits take a moment, and meanwhile there is room for 1 MB.
    const engine = faultyEngine(
      memoryEngine({ presence: false }),
      { onCall: ({ method }) => (method === 'commit' ? { type: 'delay', answer: 1 } : undefined) },
      { after: (_ms, callback) => void setImmediate(callback) },
    );
    const streams = new DurableStreamManager(engine, { maxInFlightBytes: 1_000_000 });
    const context = createResumableStreamContext({ streams });
    const source = new TextSource();
    const stream = await context.createNewResumableStream('a', () => source.readable);
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 2_000; i++) source.write(line);
    source.end();

    expect((await textOf(stream)).length).toBe(2_000_000);
  });

  it('refuses options that break a rule', () => {
    expect(() =>
      createResumableStreamContext({ streams: new InMemoryStreamManager(), keyPrefix: 1 as never }),
    ).toThrow('keyPrefix must be a string, but it is 1.');
    expect(() => createResumableStreamContext({ streams: new InMemoryStreamManager(), wait: -1 })).toThrow(
      'wait must be a non-negative integer or Infinity, but it is -1.',
    );
  });
});
