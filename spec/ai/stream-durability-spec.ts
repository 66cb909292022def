import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import {
  type RunChunk,
  type RunSource,
  streamDurability,
  type StreamDurability,
  type StreamDurabilityOptions,
} from '../../lib/ai/index.js';
import {
  DurableStreamManager,
  InMemoryStreamManager,
  memoryEngine,
  type StreamManager,
} from '../../lib/index.js';
import { codeOf } from '../support/views.js';

const MANAGERS: [string, () => StreamManager][] = [
  ['in memory', () => new InMemoryStreamManager()],
  ['on an engine', () => new DurableStreamManager(memoryEngine())],
];

const request = (headers: Record<string, string>, query = ''): Request =>
  new Request(`http://localhost/api/chat${query}`, { headers });

/** Reads until the log is closed. */
async function read(durability: StreamDurability<string>, offset: string): Promise<RunChunk<string>[]> {
  const all: RunChunk<string>[] = [];
  for await (const placed of durability.read(offset)) all.push(placed);
  return all;
}

const texts = (placed: readonly RunChunk<string>[]): string => placed.map(({ chunk }) => chunk).join('');

describe.each(MANAGERS)('streamDurability, %s', (_, newManager) => {
  const setUp = () => {
    const streams = newManager();
    const of = (source: RunSource, options?: StreamDurabilityOptions) =>
      streamDurability<string>(streams, source, options);
    return { streams, of, producer: of({ runId: 'run 1' }) };
  };

  it('gives each chunk an offset, after which the rest of the run is read', async () => {
    const { of, producer } = setUp();
    const offsets = [...(await producer.append(['a', 'b'])), ...(await producer.append(['c']))];
    await producer.close();

    expect(new Set(offsets).size).toBe(3);
    for (const [index, offset] of offsets.entries()) {
      const consumer = of({ runId: 'run 1', offset });
      expect(consumer.resumeFrom()).toBe(offset);
      expect(texts(await read(consumer, offset))).toBe('abc'.slice(index + 1));
    }
    const all = await read(of({ runId: 'run 1' }), '-1');
    expect(all).toEqual(offsets.map((offset, i) => ({ offset, chunk: 'abc'[i] })));
  });

  it('goes on with what is appended while it is read, until the log is closed', async () => {
    const { of, producer } = setUp();
    await producer.append(['a']);
    const reading = read(of({ runId: 'run 1' }), '-1');
    const later = read(of({ runId: 'run 1' }), 'now');
    await Promise.resolve();
    await producer.append(['b', 'c']);
    await producer.close();

    expect(texts(await reading)).toBe('abc');
    expect(texts(await later)).toBe('bc');
  });

  it('gives a reader that is slower than the producer everything, in order', async () => {
    const { of, producer } = setUp();
    const chunks = Array.from({ length: 2_000 }, (_chunk, i) => `${i},`);
    await producer.append(chunks.slice(0, 1_000));
    const seen: string[] = [];
    for await (const { chunk } of of({ runId: 'run 1' }).read('-1')) {
      if (seen.push(chunk) === 100) {
        await producer.append(chunks.slice(1_000));
        await producer.close();
      }
    }

    expect(seen).toEqual(chunks);
  });

  it('stops to read when the signal is aborted, before or while it waits', async () => {
    const { of, producer } = setUp();
    await producer.append(['a', 'b']);
    const stop = new AbortController();
    const reading = of({ runId: 'run 1' }).read('-1', stop.signal)[Symbol.asyncIterator]();
    expect(await reading.next()).toMatchObject({ value: { chunk: 'a' } });
    expect(await reading.next()).toMatchObject({ value: { chunk: 'b' } });
    const waiting = reading.next();
    stop.abort();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await of({ runId: 'run 1' }).read('-1', stop.signal)[Symbol.asyncIterator]().next()).toEqual({
      done: true,
      value: undefined,
    });
  });

  it('takes a snapshot of an open log, of a closed one, and of none, without waiting', async () => {
    const { of, producer } = setUp();
    const { snapshot } = of({ runId: 'run 1' });
    expect(await snapshot()).toEqual([]);
    const offsets = await producer.append(['a', 'b']);
    const stored = await snapshot();
    expect(stored).toEqual([
      { offset: offsets[0], chunk: 'a' },
      { offset: offsets[1], chunk: 'b' },
    ]);
    stored.pop();
    await producer.append(['c']);
    expect(texts(await snapshot())).toBe('abc');
    await producer.close();
    expect(texts(await snapshot())).toBe('abc');
  });

  it('takes a snapshot of a log without chunks, and of one whose producer has failed', async () => {
    const { of, streams, producer } = setUp();
    await producer.close();
    expect(await producer.snapshot()).toEqual([]);
    const failed = of({ runId: 'run 2' });
    await failed.append(['a']);
    await streams.stop('tanstack-ai:run 2');

    expect(texts(await failed.snapshot())).toBe('a');
  });

  it('ends a log without chunks for those who wait for it', async () => {
    const { of, producer } = setUp();
    await producer.close();
    await producer.close();

    expect(await read(of({ runId: 'run 1' }), '-1')).toEqual([]);
  });

  it('has one producer for a run', async () => {
    const { of, producer } = setUp();
    await producer.append(['a']);
    const second = of({ runId: 'run 1' });

    expect(await codeOf(() => second.append(['x']))).toBe('ALREADY_EXISTS');
    expect(await codeOf(() => second.close())).toBe('ALREADY_EXISTS');
    await producer.append(['b']);
    await producer.close();
    expect(texts(await read(second, '-1'))).toBe('ab');
  });

  it('lets another host take a run over, and fences the former one', async () => {
    const { of, producer } = setUp();
    await producer.append(['a']);
    const successor = of({ runId: 'run 1' }, { takeOver: true });
    expect(texts(await successor.snapshot())).toBe('a');
    await successor.append(['b']);

    expect(await codeOf(() => producer.append(['x']))).toBe('ABORTED');
    expect(await codeOf(() => producer.close())).toBe('ABORTED');
    await successor.close();
    expect(texts(await read(successor, '-1'))).toBe('ab');
  });

  it('begins the log of a run that it is to take over where there is none', async () => {
    const { of } = setUp();
    const first = of({ runId: 'run 1' }, { takeOver: true });
    await first.append(['a']);
    await first.close();

    expect(texts(await read(first, '-1'))).toBe('a');
    const late = of({ runId: 'run 1' }, { takeOver: true });
    expect(await codeOf(() => late.append(['x']))).toBe('FAILED_PRECONDITION');
  });

  it('tells producer and readers of a run that is stopped', async () => {
    const { of, producer, streams } = setUp();
    await producer.append(['a']);
    const reading = codeOf(() => read(of({ runId: 'run 1' }), '-1'));
    await streams.stop('tanstack-ai:run 1');

    expect(await reading).toBe('CANCELLED');
    expect(await codeOf(() => producer.append(['b']))).toBe('CANCELLED');
    expect(await codeOf(() => producer.close())).toBe('CANCELLED');
  });

  it('refuses an offset of another run, of another life of the run, and of no run', async () => {
    const { of, producer, streams } = setUp();
    const [offset = ''] = await producer.append(['a']);
    const other = of({ runId: 'run 2' });
    expect(await codeOf(() => read(other, offset))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => read(producer, 'nonsense'))).toBe('INVALID_ARGUMENT');
    await streams.delete('tanstack-ai:run 1');
    expect(await codeOf(() => read(producer, offset))).toBe('NOT_FOUND');
    await of({ runId: 'run 1' }).append(['b']);

    expect(await codeOf(() => read(producer, offset))).toBe('OUT_OF_RANGE');
  });

  it('keeps its logs under a prefix, and with the lifetime that it is given', async () => {
    const { of, streams } = setUp();
    const producer = of({ runId: 'a' }, { keyPrefix: 'chat', ttl: 1_000 });
    await producer.close();
    const { endedAt, expiresAt } = await streams.head('chat:a');

    expect((expiresAt ?? 0) - (endedAt ?? 0)).toBe(1_000);
  });
});

describe('streamDurability', () => {
  const streams = new InMemoryStreamManager();
  const of = (source: RunSource) => streamDurability<string>(streams, source);

  it('waits so long for a log that is not there yet', async () => {
    const scheduler = new VirtualTimeScheduler();
    const virtual = new InMemoryStreamManager({ scheduler });
    const early = streamDurability<string>(virtual, { runId: 'a', offset: '-1' }, { wait: 2_000 });
    const producer = streamDurability<string>(virtual, { runId: 'a' });
    const reading = read(early, '-1');
    const impatient = codeOf(() => read(streamDurability<string>(virtual, { runId: 'a' }), 'now'));
    scheduler.maxFrames = 1_500;
    scheduler.flush();
    expect(await impatient).toBe('NOT_FOUND');
    await producer.append(['a']);
    await producer.close();

    expect(texts(await reading)).toBe('a');
  });

  it('finds run and offset in a request, in headers before the query', () => {
    const offset = 'run%201:0000000000000001_0000000001000000';
    const found = [
      of(request({ 'X-Run-Id': 'a' }, '?runId=b')),
      of(request({}, '?runId=b&offset=-1')),
      of(request({ 'Last-Event-ID': offset }, '?offset=-1')),
      of(request({ 'X-Run-Id': 'run 1', 'Last-Event-ID': offset })),
      of(request({}, `?offset=${encodeURIComponent(offset)}`)),
      of(request({ 'X-Run-Id': '', 'Last-Event-ID': '' }, '?runId=b&offset=-1')),
      of({ runId: 'c', offset: 'now' }),
    ].map(({ runId, resumeFrom }) => [runId, resumeFrom()]);

    expect(found).toEqual([
      ['a', null],
      ['b', '-1'],
      ['run 1', offset],
      ['run 1', offset],
      ['run 1', offset],
      ['b', '-1'],
      ['c', 'now'],
    ]);
  });

  it('makes up a run for a request that names none', () => {
    const { runId, resumeFrom } = of(request({}));

    expect(runId).toMatch(/^[\da-f-]{36}$/);
    expect(of(request({})).runId).not.toBe(runId);
    expect(resumeFrom()).toBeNull();
  });

  it('refuses an offset of another run than that which is named', () => {
    const offset = 'b:0000000000000001_0000000001000000';

    expect(() => of(request({ 'Last-Event-ID': offset }, '?runId=a'))).toThrow(
      `The offset "${offset}" is not of the run "a".`,
    );
    expect(() => of({ runId: 'a', offset })).toThrow('is not of the run');
  });

  it.each([
    'nonsense',
    'a:1',
    '%:0000000000000001_0000000001000000',
    'run 1:0000000000000001_0000000001000000',
    '',
  ])('refuses %j, which is no offset', (offset) => {
    expect(() => of({ runId: 'a', offset })).toThrow(
      `offset must be '-1', 'now' or one that a run gave, but it is ${JSON.stringify(offset)}.`,
    );
  });

  it('refuses a run without a name', () => {
    expect(() => of(request({}, '?runId='))).toThrow('runId must be a non-empty string, but it is "".');
    expect(() => of({ runId: '' })).toThrow('runId must be');
  });

  it('gives offsets that any header can have, whatever the run is called', async () => {
    const [offset = ''] = await of({ runId: 'a: \n😀' }).append(['x']);

    expect(offset).toMatch(/^[\x21-\x7e]+$/);
    expect(of(request({ 'Last-Event-ID': offset })).runId).toBe('a: \n😀');
  });

  it('refuses options that break a rule', () => {
    expect(() => streamDurability(streams, { runId: 'a' }, { keyPrefix: 1 as never })).toThrow('keyPrefix');
    expect(() => streamDurability(streams, { runId: 'a' }, { wait: -1 })).toThrow('wait must be');
  });
});
