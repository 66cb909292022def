import { describe, expect, it } from 'vitest';

import { DurableStreamManager, type DurableStreamManagerOptions, memoryEngine } from '../lib/index.js';
import { heard, LateWorld, Outcomes } from './support/late-world.js';
import { claim, codes, outcome } from './support/outcomes.js';
import { RecordingScheduler } from './support/schedulers.js';
import { noted } from './support/views.js';

describe('A manager on an engine that answers late', () => {
  describe('when it is closed', () => {
    it('tells all who read, write, wait or look up, at once', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<string>('s');
      await world.pass(50);
      const outcomes = new Outcomes();
      const failed = noted(codes(input.failed));
      const live = noted(streams.subscribe<string>('s'));
      const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      outcomes.note('pull', iterator.next());
      const waiting = noted(streams.subscribe('unknown', { wait: Infinity }));
      await world.pass(50);
      const other = streams.open('other');
      outcomes.note('opened', other.opened);
      const finding = noted(streams.subscribe<string>('s'));
      outcomes.note('head', streams.head('s'));
      outcomes.note('list', streams.list());
      outcomes.note('delete', streams.delete('unknown'));
      outcomes.note('stop', streams.stop('unknown'));
      outcomes.note('write', input.write('a'));
      outcomes.note('flush', input.flush());
      await heard();
      expect(outcomes.seen).toEqual([]);

      outcomes.note('close', streams.close());
      expect([failed, live, waiting, finding]).toEqual([
        ['UNAVAILABLE', '|'],
        ['UNAVAILABLE'],
        ['UNAVAILABLE'],
        ['UNAVAILABLE'],
      ]);
      await heard();
      const rejected = ['delete', 'flush', 'head', 'list', 'opened', 'pull', 'stop'];
      const seen = outcomes.seen.filter((what) => !what.startsWith('write'));
      expect(seen.sort()).toEqual(['close OK', ...rejected.map((what) => `${what} UNAVAILABLE`)]);
    });

    it('answers what is on its way as the engine does', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<string>('s');
      await world.pass(50);
      const outcomes = new Outcomes();
      outcomes.note('stored', input.write('a'));
      await world.pass(6);
      outcomes.note('waiting', input.write('b'));
      void streams.close();
      await world.pass(50);
      expect(outcomes.seen).toEqual(['waiting UNAVAILABLE', 'stored OK']);
      expect(noted(world.startPrompt().streams.subscribe('s'))).toEqual(['a']);
    });

    it('leaves no claim open that is answered later', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      const input = streams.open<string>('s');
      const outcomes = new Outcomes();
      outcomes.note('opened', input.opened);
      await world.pass(3);
      void streams.close();
      await world.pass(100);
      outcomes.note('opened later', input.opened);
      await heard();
      expect(outcomes.seen).toEqual(['opened UNAVAILABLE', 'opened later UNAVAILABLE']);
      expect([input.status, input.closed]).toEqual(['error', true]);
    });

    it('leaves nothing scheduled, also where it is trying again', async () => {
      const world = new LateWorld();
      const scheduler = new RecordingScheduler(world.scheduler);
      const engine = world.engine({ connection: 'd' });
      const streams = new DurableStreamManager(engine, { scheduler, lease: 1_000 });
      const outcomes = new Outcomes();
      const input = streams.open('s');
      outcomes.note('opened', input.opened);
      outcomes.note('head', streams.head('s'));
      const read = noted(streams.subscribe('s'));
      world.run(1_000);
      expect(scheduler.pending).toBeGreaterThan(0);
      await streams.close();
      expect(scheduler.pending).toBe(0);
      expect([outcomes.seen.sort(), read]).toEqual([
        ['head UNAVAILABLE', 'opened UNAVAILABLE'],
        ['UNAVAILABLE'],
      ]);
    });

    it('is closed once, and closes its engine once, whoever else closes it meanwhile', async () => {
      let closed = 0;
      const engine = memoryEngine();
      const close = engine.close.bind(engine);
      engine.close = () => {
        closed++;
        return close();
      };
      const streams = new DurableStreamManager(engine);
      const input = streams.open('s');
      const again: Promise<void>[] = [];
      input.failed.subscribe(() => again.push(streams.close()));
      const first = streams.close();
      expect([again[0], streams.close()]).toEqual([first, first]);
      await first;
      expect(closed).toBe(1);
    });

    it.each(['throws', 'rejects'])(
      'fails as its engine does, which %s, and has told everybody',
      async (how) => {
        const engine = memoryEngine();
        engine.close = () => {
          if (how === 'throws') throw new Error('stuck');
          return Promise.reject(new Error('stuck'));
        };
        const streams = new DurableStreamManager(engine);
        const failed = noted(codes(streams.open('s').failed));
        await expect(streams.close()).rejects.toThrow('stuck');
        expect(failed).toEqual(['UNAVAILABLE', '|']);
      },
    );

    it.each(['dispose', 'asyncDispose'])('can be used with Symbol.%s', async (name) => {
      const key = (Symbol as unknown as Record<string, symbol | undefined>)[name];
      const streams = new DurableStreamManager(memoryEngine());
      // Where the platform has it.
      if (key !== undefined) await (streams as unknown as Record<symbol, () => unknown>)[key]?.();
      else await streams.close();
      expect(await outcome(() => streams.head('s'))).toBe('UNAVAILABLE');
    });
  });

  describe('with another on the same store', () => {
    it('sees what the other does', async () => {
      const world = new LateWorld();
      const [one, two] = [world.start().streams, world.start().streams];
      const input = one.open<string, string>('s');
      await world.pass(50);
      const live = noted(two.subscribe<string>('s'));
      await world.pass(50);
      input.next('a');
      await world.pass(50);
      expect(live).toEqual(['a']);
      input.complete('output');
      await world.pass(50);
      expect(live).toEqual(['a', '|']);
      expect(await world.within(50, () => outcome(() => claim(two, 's')))).toBe('ALREADY_EXISTS');
      expect((await world.within(50, () => two.list()))?.map(({ id }) => id)).toEqual(['s']);
    });

    it('gives an id to one of two', async () => {
      const world = new LateWorld();
      const claims = [world.start(), world.start()].map(({ streams }) => outcome(() => claim(streams, 's')));
      await world.skip(5_000);
      expect((await Promise.all(claims)).sort()).toEqual(['ALREADY_EXISTS', 'OK']);
    });

    it('notices that the producer of the other is gone for the length of its lease', async () => {
      const world = new LateWorld();
      const producer = world.start({ lease: 1_000 });
      producer.streams.open<string>('s').next('a');
      await world.pass(50);
      const read = noted(world.start().streams.subscribe<string>('s'));
      await world.skip(10_000);
      expect(read).toEqual(['a']);
      // It is not closed in order: nothing of it gets through any more.
      producer.engine.close();
      await world.skip(800);
      expect(read).toEqual(['a']);
      await world.skip(1_500);
      expect(read).toEqual(['a', 'DEADLINE_EXCEEDED']);
    });

    it('lets one wait for a stream that the other opens while it is being looked for', async () => {
      const world = new LateWorld();
      const { streams, engine } = world.start({ latency: 0 });
      // It is seen to be absent, and there before that is known.
      engine.next('load', { type: 'delay', answer: 20 });
      const read = noted(streams.subscribe<string>('s', { wait: 1_000 }));
      await world.pass(5);
      world.startPrompt().streams.open<string>('s').next('a');
      await world.pass(100);
      expect(read).toEqual(['a']);
    });

    it('counts a wait from the subscription, not from when the stream was looked for', async () => {
      const world = new LateWorld();
      const { streams } = world.start({ latency: { request: 40, answer: 40 } });
      const read = noted(streams.subscribe('s', { wait: 200 }));
      await world.pass(199);
      expect(read).toEqual([]);
      await world.pass(2);
      expect(read).toEqual(['NOT_FOUND']);
    });

    it('is told of an end by expiresAt when it comes', async () => {
      const world = new LateWorld();
      const { streams } = world.start();
      streams.open('s', { expiresAt: 500 });
      await world.pass(50);
      const read = noted(streams.subscribe('s'));
      await world.pass(440);
      expect(read).toEqual([]);
      await world.pass(100);
      expect(read).toEqual(['NOT_FOUND']);
    });
  });

  it('needs a lease where producers can be gone without its notice, unless it has one', () => {
    const needs = (multiProcess: boolean, options?: DurableStreamManagerOptions): boolean =>
      new DurableStreamManager(new LateWorld().engine({ features: { multiProcess } }), options).needsLease;
    expect(new DurableStreamManager(memoryEngine()).needsLease).toBe(false);
    expect(needs(false)).toBe(false);
    expect(needs(true)).toBe(true);
    expect(needs(true, { lease: Infinity })).toBe(true);
    expect(needs(true, { lease: 5_000 })).toBe(false);
  });

  it.each([
    ['a'.repeat(254), 'OK'],
    ['a'.repeat(255), 'INVALID_ARGUMENT'],
    ['é'.repeat(127), 'OK'],
    ['é'.repeat(128), 'INVALID_ARGUMENT'],
    ['"'.repeat(127), 'OK'],
    ['"'.repeat(128), 'INVALID_ARGUMENT'],
    [5 as unknown as string, 'INVALID_ARGUMENT'],
  ])('takes reasons of 256 bytes as JSON: %s is %s', async (reason, expected) => {
    const streams = new DurableStreamManager(memoryEngine());
    streams.open('s');
    expect(await outcome(() => streams.stop('s', { reason }))).toBe(expected);
    expect(await streams.head('s')).toMatchObject({ status: expected === 'OK' ? 'error' : 'open' });
  });

  it.each([
    [{ codec: 'none' as const }, 'codec'],
    [{ maxChunkBytes: 2_000 }, 'maxChunkBytes'],
    [{ maxInFlightBytes: -1 }, 'maxInFlightBytes'],
    [{ maxBytes: 1.5 }, 'maxBytes'],
  ])('refuses %j, which its engine can not take or nobody can', (options, name) => {
    const engine = new LateWorld().engine({ features: { byReference: false, maxChunkBytes: 1_000 } });
    const create = (): unknown => new DurableStreamManager(engine, options);
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(create).toThrow(name);
    expect(() => new DurableStreamManager(engine)).not.toThrow();
  });
});
