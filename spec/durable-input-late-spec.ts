import { describe, expect, it } from 'vitest';

import type { StreamEvent } from '../lib/index.js';
import { START } from '../lib/offset.js';
import { LateWorld, openInput, Outcomes } from './support/late-world.js';
import { codes } from './support/outcomes.js';
import { unhandledBy } from './support/unhandled.js';
import { noted } from './support/views.js';

const CHUNKS = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('An input on an engine that answers late', () => {
  describe('while it is opening', () => {
    it('says so, and is at the start', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<string>('s');
      expect([input.status, input.closed, input.tail]).toEqual(['opening', false, START]);
      await world.pass(100);
      expect([input.status, input.closed]).toEqual(['open', false]);
      expect(input.tail).toBe((await world.within(100, () => streams.head('s')))?.tail);
    });

    it('takes writes, which are stored in one commit after it, or with it', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<string>('s');
      const outcomes = new Outcomes();
      outcomes.note('opened', input.opened);
      input.next('a');
      outcomes.note('write', input.write('b'));
      outcomes.note('flush', input.flush());
      input.complete();
      expect(input.closed).toBe(true);
      await world.pass(100);
      expect(outcomes.seen.sort()).toEqual(['flush OK', 'opened OK', 'write OK']);
      expect(await world.entries('s')).toEqual([2]);
      expect(noted(world.startPrompt().streams.subscribe('s'))).toEqual(['a', 'b', '|']);
    });

    it('writes nothing to the stream of another that has the id, and says so everywhere', async () => {
      const world = new LateWorld();
      const other = world.startPrompt().streams.open<string>('s');
      other.next('theirs');
      await world.pass(1);
      const input = world.start().streams.open<string, string>('s');
      const failed = noted(codes(input.failed));
      const { signal } = input;
      const outcomes = new Outcomes();
      outcomes.note('opened', input.opened);
      outcomes.note('write', input.write('ours'));
      input.next('ours');
      outcomes.note('flush', input.flush());
      input.complete('ours');
      await world.pass(100);
      expect(outcomes.seen.sort()).toEqual([
        'flush ALREADY_EXISTS',
        'opened ALREADY_EXISTS',
        'write ALREADY_EXISTS',
      ]);
      expect(failed).toEqual(['ALREADY_EXISTS', '|']);
      expect(signal.reason).toMatchObject({ code: 'ALREADY_EXISTS' });
      expect([input.status, input.closed, input.tail]).toEqual(['error', true, START]);
      outcomes.note('opened later', input.opened);
      outcomes.note('write later', input.write('ours'));
      await world.pass(1);
      expect(outcomes.seen.slice(3)).toEqual(['opened later ALREADY_EXISTS', 'write later ALREADY_EXISTS']);
      other.complete();
      await world.pass(1);
      expect(other.status).toBe('done');
      expect(await world.entries('s')).toEqual([1]);
    });

    it('tells nobody but the unhandled errors of a claim that nobody watches, once', async () => {
      const world = new LateWorld();
      world.startPrompt().streams.open('s');
      await world.pass(1);
      const { streams } = world.start();
      const unhandled = await unhandledBy(async () => {
        const input = streams.open<string>('s');
        input.next('a');
        input.next('b');
        await world.pass(100);
      });
      expect(unhandled).toMatchObject([{ code: 'ALREADY_EXISTS' }]);
    });

    it('is opened all the same when a chunk is refused meanwhile', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<unknown>('s');
      const outcomes = new Outcomes();
      input.next(undefined);
      outcomes.note('opened', input.opened);
      outcomes.note('flush', input.flush());
      await world.pass(100);
      expect(outcomes.seen).toEqual(['flush INVALID_ARGUMENT', 'opened OK']);
      expect(input.status).toBe('error');
      expect(noted(world.startPrompt().streams.subscribe('s'))).toEqual(['INVALID_ARGUMENT']);
    });

    it('refuses what will have no room, and stores what has', async () => {
      const world = new LateWorld();
      const { streams } = world.start({ maxChunks: 2 });
      const input = streams.open<string>('s');
      const failed = noted(codes(input.failed));
      for (const chunk of ['a', 'b', 'c']) input.next(chunk);
      expect(failed).toEqual(['RESOURCE_EXHAUSTED', '|']);
      await world.pass(100);
      expect(await world.entries('s')).toEqual([2]);
      expect((await world.within(100, () => streams.head('s')))?.status).toBe('error');
    });
  });

  describe('with one commit on its way', () => {
    it('stores what comes meanwhile in the next one, and is at what is durable', async () => {
      const { world, input, streams } = await openInput();
      const { tail } = input;
      input.next('a');
      await world.pass(5);
      for (const chunk of ['b', 'c']) input.next(chunk);
      await world.pass(2);
      input.next('d');
      expect(input.tail).toBe(tail);
      await world.pass(4);
      expect(input.tail > tail).toBe(true);
      expect(await world.entries('s')).toEqual([1]);
      await world.pass(10);
      expect(await world.entries('s')).toEqual([1, 3]);
      await world.pass(10);
      expect(input.tail).toBe((await world.within(100, () => streams.head('s')))?.tail);
    });

    it('resolves each write with its own offset, in order, when it is durable', async () => {
      const { world, input, streams } = await openInput();
      const events: StreamEvent<string>[] = [];
      streams
        .subscribe<string>('s')
        .events()
        .subscribe((event) => events.push(event));
      await world.pass(100);
      const written: [string, string][] = [];
      for (const [i, chunk] of CHUNKS.entries()) {
        if (i % 3 === 2) input.next(chunk);
        else void input.write(chunk).then((offset) => written.push([chunk, offset]));
        if (i % 2 === 1) await world.pass(3);
      }
      expect(written).toEqual([]);
      await world.pass(100);
      const offsets = events.map((event) => [event.type === 'chunk' && event.chunk, event.offset]);
      expect(offsets.map(([chunk]) => chunk)).toEqual(CHUNKS);
      expect(written).toEqual(offsets.filter(([chunk]) => chunk !== 'c' && chunk !== 'f'));
    });

    it('begins another batch where one has become a megabyte', async () => {
      const { world, input } = await openInput();
      const half = 'x'.repeat(500_000);
      for (let i = 0; i < 5; i++) input.next(half);
      await world.pass(100);
      // Entries are cut; commits are not seen in them.
      expect(await world.entries('s')).toEqual([1, 1, 1, 1, 1]);
      expect(input.closed).toBe(false);
    });
  });

  describe('flush()', () => {
    it('resolves when what was written before it is durable, whatever is written after it', async () => {
      const { world, input } = await openInput();
      const outcomes = new Outcomes();
      input.next('a');
      outcomes.note('flush', input.flush());
      for (let i = 0; i < 10; i++) {
        await world.pass(2);
        input.next('more');
      }
      expect(outcomes.seen).toEqual(['flush OK']);
    });

    it('resolves at once where nothing is on its way', async () => {
      const { input } = await openInput();
      const outcomes = new Outcomes();
      outcomes.note('flush', input.flush());
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
      expect(outcomes.seen).toEqual(['flush OK']);
    });

    it('is not spoiled by a chunk that is refused after it', async () => {
      const { world, input } = await openInput();
      const outcomes = new Outcomes();
      input.next('a');
      outcomes.note('before', input.flush());
      input.next(undefined as never);
      outcomes.note('after', input.flush());
      await world.pass(50);
      expect(outcomes.seen).toEqual(['after INVALID_ARGUMENT', 'before OK']);
    });

    it('rejects when what was written before it is not stored', async () => {
      const { world, input } = await openInput({ maxInFlightBytes: 10 });
      const outcomes = new Outcomes();
      input.next('12345');
      outcomes.note('first', input.flush());
      await world.pass(1);
      input.next('123456789');
      outcomes.note('second', input.flush());
      await world.pass(50);
      expect(outcomes.seen).toEqual(['second RESOURCE_EXHAUSTED', 'first OK']);
    });
  });

  describe('at its own end', () => {
    it.each([
      ['complete()', 'done', ['a', 'b', '|']],
      ['error()', 'error', ['a', 'b', 'UNKNOWN']],
      ['close()', 'open', ['a', 'b']],
    ] as const)('stores what was written before %s, and then that', async (how, status, read) => {
      const { world, input, streams } = await openInput();
      const failed = noted(codes(input.failed));
      const seen = noted(streams.subscribe<string>('s'));
      await world.pass(50);
      input.next('a');
      await world.pass(3);
      input.next('b');
      const outcomes = new Outcomes();
      if (how === 'complete()') input.complete();
      else if (how === 'error()') input.error(new Error('e'));
      else input.close();
      outcomes.note('flush', input.flush());
      expect([input.closed, input.status, failed]).toEqual([true, 'open', []]);
      await world.pass(8);
      expect(seen).toEqual(['a']);
      await world.pass(50);
      expect(seen).toEqual(read);
      expect([input.status, failed, outcomes.seen]).toEqual([status, ['|'], ['flush OK']]);
    });

    it('need not be told that it was not left before its manager was closed', async () => {
      const { world, input, streams } = await openInput();
      const failed = noted(codes(input.failed));
      const unhandled = await unhandledBy(async () => {
        input.close();
        void streams.close();
        await world.pass(100);
      });
      expect([unhandled, failed, input.closed]).toEqual([[], ['|'], true]);
    });

    it('fails with what is written after it, and keeps its end', async () => {
      const { world, input, streams } = await openInput();
      const failed = noted(codes(input.failed));
      input.complete('first');
      input.next('x');
      input.complete('second');
      input.error(new Error('third'));
      expect(failed).toEqual(['FAILED_PRECONDITION', '|']);
      await world.pass(50);
      expect(input.status).toBe('done');
      expect((await world.within(50, () => streams.head('s')))?.chunks).toBe(0);
    });

    it('leaves no watch behind, also where it ends before it is watched', async () => {
      const world = new LateWorld();
      const { streams, engine } = world.start();
      const input = streams.open<string>('s');
      input.complete();
      await world.skip(5_000);
      const { length } = engine.calls;
      const other = world.startPrompt().streams;
      void other.delete('s');
      await world.skip(5_000);
      // A hint would have made it look.
      expect(engine.calls).toHaveLength(length);
    });
  });

  it('keeps the end of what it says true while it is asked by who watches it', async () => {
    const { world, input } = await openInput();
    const seen: unknown[] = [];
    input.failed.subscribe(({ code }) => {
      input.next('again');
      input.complete('again');
      seen.push(code, input.closed, input.status);
    });
    input.next(undefined as never);
    expect(seen).toEqual(['INVALID_ARGUMENT', true, 'error']);
    await world.pass(50);
    expect(await world.entries('s')).toEqual([]);
  });
});
