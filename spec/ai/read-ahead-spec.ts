import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { ReadAhead } from '../../lib/ai/read-ahead.js';
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

/** Takes until there is nothing more; gives what each take has given. */
async function takes(reading: ReadAhead<number>): Promise<number[][]> {
  const all: number[][] = [];
  for (;;) {
    const placed = await reading.take();
    if (placed.length === 0) return all;
    all.push(placed.map(({ chunk }) => chunk));
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe.each(MANAGERS)('ReadAhead, %s', (_, newManager) => {
  it('is never more than 512 chunks ahead, and misses none', async () => {
    const streams = newManager();
    const input = streams.open<number>('a');
    for (const i of numbers(2_000)) input.next(i);
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const first = await reading.take();
    for (const i of numbers(2_000)) input.next(2_000 + i);
    input.complete();
    const rest = await takes(reading);

    expect([...first.map(({ chunk }) => chunk), ...rest.flat()]).toEqual(numbers(4_000));
    expect(Math.max(...rest.map(({ length }) => length))).toBeLessThanOrEqual(512);
    expect(rest.length).toBeLessThan(30);
  });

  it('gives the offset after each chunk', async () => {
    const streams = newManager();
    const input = streams.open<number>('a');
    const offsets = await Promise.all(numbers(100).map((i) => input.write(i)));
    input.complete();
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const given: string[] = [];
    for (let placed = await reading.take(); placed.length > 0; placed = await reading.take()) {
      given.push(...placed.map(({ offset }) => offset));
    }

    expect(given).toEqual(offsets);
  });

  it('gives what came before an error, and then the error', async () => {
    const streams = newManager();
    const input = streams.open<number>('a');
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const taking = reading.take();
    for (const i of numbers(3)) input.next(i);
    input.error(new Error('broken'));

    expect((await taking).map(({ chunk }) => chunk)).toEqual([0]);
    expect((await reading.take()).map(({ chunk }) => chunk)).toEqual([1, 2]);
    expect(await codeOf(() => reading.take())).toBe('UNKNOWN');
  });

  it('gives nothing more, and waits for nothing, once it is unsubscribed', async () => {
    const streams = newManager();
    streams.open<number>('a');
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const waiting = reading.take();
    reading.unsubscribe();

    expect(await waiting).toEqual([]);
    expect(await reading.take()).toEqual([]);
  });

  it('begins with the first take', async () => {
    const streams = newManager();
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const input = streams.open<number>('a');
    input.next(0);
    input.complete();

    expect(await takes(reading)).toEqual([[0]]);
    const unknown = new ReadAhead(streams.subscribe<number, unknown>('b'));
    expect(await codeOf(() => unknown.take())).toBe('NOT_FOUND');
  });
});

describe('ReadAhead', () => {
  it('leaves the stream while it is ahead, and reads to its end what is evicted meanwhile', async () => {
    const scheduler = new VirtualTimeScheduler();
    const streams = new InMemoryStreamManager({ scheduler, idleTtl: 1_000 });
    const input = streams.open<number>('a');
    for (const i of numbers(2_000)) input.next(i);
    input.complete();
    const reading = new ReadAhead(streams.subscribe<number, unknown>('a'));
    const first = await reading.take();
    // A live subscriber would keep it.
    expect(streams.head('a').expiresAt).toBe(1_000);
    scheduler.frame = 1_000;
    expect(streams.list()).toEqual([]);

    expect([...first.map(({ chunk }) => chunk), ...(await takes(reading)).flat()]).toEqual(numbers(2_000));
  });
});
