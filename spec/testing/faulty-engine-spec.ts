import { describe, expect, it } from 'vitest';

import type { Hint, StreamEngine } from '../../lib/engines/engine.js';
import { memoryEngine } from '../../lib/engines/memory.js';
import { StreamError } from '../../lib/errors.js';
import { type CallFault, faultyEngine, type FaultPlan, type HintFault } from '../../lib/testing/index.js';
import { Store } from '../../lib/testing/engine-suite/store.js';

/** A memory engine, and one in front of it with which what is queued goes wrong, one fault after another. */
function setUp(options: Parameters<typeof faultyEngine>[2] = {}) {
  const inner = memoryEngine({ presence: false });
  const calls: CallFault[] = [];
  const hintFaults: HintFault[] = [];
  const later: [ms: number, callback: () => void][] = [];
  const plan: FaultPlan = { onCall: () => calls.shift(), onHint: () => hintFaults.shift() };
  const engine = faultyEngine(inner, plan, {
    after: (ms, callback) => later.push([ms, callback]),
    ...options,
  });
  return {
    inner: new Store(inner, inner.features, 0),
    store: new Store(engine, engine.features, 0),
    engine,
    calls,
    hintFaults,
    later,
    watched: (...ids: string[]): Hint[] => {
      const hints: Hint[] = [];
      void engine.watch(ids, (hint) => hints.push(hint));
      return hints;
    },
  };
}

const versions = (hints: readonly Hint[]): number[] => hints.map(({ n }) => n);

describe('A faulty engine', () => {
  it('is as the engine behind it where nothing goes wrong, but not synchronous', () => {
    const { engine, inner } = setUp();
    expect(engine.load([{ id: 's' }])).toEqual([undefined]);
    expect(engine.features).toEqual({ ...inner.features, synchronous: false });
    expect(engine).toMatchObject({ confirm: undefined, presence: undefined });
  });

  it('says of itself what it is told to', () => {
    const { engine } = setUp({ features: { synchronous: true, staleReads: true, tagged: true } });
    expect(engine.features).toMatchObject({
      synchronous: true,
      staleReads: true,
      tagged: true,
      durable: false,
    });
    expect(engine.confirm?.(['s'])).toEqual([undefined]);
  });

  it('knows who is there if the engine behind it does, and nothing that it says is against it', () => {
    const memory = memoryEngine();
    expect(faultyEngine(memory, {}).presence).toBe(memory.presence);
    for (const features of [{ multiProcess: true }, { lossyHints: true }]) {
      expect(() => faultyEngine(memory, {}, { features })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
  });

  describe('with calls that fail', () => {
    it('does nothing of what fails', async () => {
      const { store, inner, calls } = setUp();
      calls.push({ type: 'fail' });
      await expect(store.create('s')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await inner.load('s')).toBeUndefined();
    });

    it('does what it loses the answer of', async () => {
      const { store, inner, calls } = setUp();
      calls.push({ type: 'lose' });
      await expect(store.create('s', ['a'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect((await inner.load('s'))?.head.tail).toBe(1);
    });

    it('fails with the error it is given', async () => {
      const { store, calls } = setUp();
      const error = new StreamError('PERMISSION_DENIED', 'no');
      calls.push({ type: 'fail', error }, { type: 'lose', error });
      await expect(store.load('s')).rejects.toBe(error);
      await expect(store.load('s')).rejects.toBe(error);
      expect(await store.load('s')).toBeUndefined();
    });

    it('fails with what the engine behind it fails with', async () => {
      const { engine, inner, calls, later } = setUp();
      await inner.engine.close();
      const closed: unknown = expect.objectContaining({ message: 'The memory engine is closed.' });
      expect(() => engine.load([])).toThrow(closed);

      calls.push({ type: 'delay', request: 1 });
      const load = Promise.resolve(engine.load([]));
      later[0]![1]();

      await expect(load).rejects.toEqual(closed);
    });
  });

  describe('with conflicts', () => {
    it('commits a version in between, in which nothing else is new', async () => {
      const { store, calls, watched } = setUp();
      const head = await store.create('s', ['a'], { parts: { 'p:1': 1 } });
      const hints = watched('s');
      calls.push({ type: 'conflict' });

      const met = await store.conflicting(store.next('s', head, ['b']), 'a commit');

      expect(met?.head).toEqual({ ...head, n: 2 });
      expect(versions(hints)).toEqual([2]);
      await store.append('s', { ...head, n: 2 }, ['b']);
      expect(await store.chunks('s', head)).toEqual(['a', 'b']);
      expect(await store.parts('s', { partsWith: '' })).toEqual({ 'p:1': 1 });
    });

    it('makes a stream that is to begin come and go before', async () => {
      const { store, calls } = setUp();
      calls.push({ type: 'conflict' });
      expect(await store.conflicting(store.creation('s'), 'a beginning')).toBeUndefined();
      await store.create('s');
    });

    it('befalls all commits of a call', async () => {
      const { store, engine, calls } = setUp();
      const head = await store.create('a');
      calls.push({ type: 'conflict' });
      const results = await engine.commit([store.creation('b'), store.next('a', head), store.creation('c')]);
      expect(results.map(({ type }) => type)).toEqual(['conflict', 'conflict', 'conflict']);
    });

    it('befalls nothing but commits', () => {
      const { engine, calls } = setUp();
      calls.push({ type: 'conflict' }, { type: 'stale' });
      expect(() => engine.load([])).toThrow("conflict can't befall a load");
      expect(() => engine.load([])).toThrow("stale can't befall a load");
    });
  });

  describe('with stale reads', () => {
    it('gives what was there so many versions before', async () => {
      const { store, calls } = setUp();
      const first = await store.create('s', ['a']);
      const head = await store.append('s', await store.append('s', first, ['b']), ['c', 'd']);
      const read = async (by?: number): Promise<unknown> => {
        calls.push({ type: 'stale', ...(by !== undefined && { by }) });
        const { current, entries } = await store.read('s', head);
        return [current?.head.n, current?.head.tail, entries.flatMap(({ chunks }) => chunks).join('')];
      };

      expect(await read()).toEqual([2, 2, 'ab']);
      expect(await read(2)).toEqual([1, 1, 'a']);
      expect(await read(3)).toEqual([undefined, undefined, '']);
      expect(await read(0)).toEqual([3, 4, 'abcd']);
    });

    it('gives what another process has stored as late', async () => {
      const { store, inner, calls } = setUp();
      const other = new Store(faultyEngine(inner.engine, {}), inner.features, 0);
      const head = await other.append('s', await other.create('s'), ['a']);
      calls.push({ type: 'stale' });
      expect((await store.read('s', head)).current?.head.n).toBe(1);
    });

    it('gives the stream that was there before it was removed', async () => {
      const { store, calls } = setUp();
      const former = await store.create('s', ['a']);
      await store.remove('s', former);
      const head = await store.create('s', ['b']);
      calls.push({ type: 'stale' }, { type: 'stale', by: 2 });
      expect(await store.read('s', head)).toEqual({ current: undefined, entries: [] });
      const { current, entries } = await store.read('s', head);
      expect(current?.head).toEqual(former);
      expect(entries).toEqual([]);
    });

    it('gives what is there of a stream that it knows nothing of', async () => {
      const { store, inner, calls } = setUp();
      const head = await inner.create('s', ['a']);
      calls.push({ type: 'stale' });
      expect(await store.chunks('s', head)).toEqual(['a']);
    });
  });

  describe('with delays', () => {
    it('asks after the first delay, and answers after the second', async () => {
      const { store, engine, inner, calls, later } = setUp();
      calls.push({ type: 'delay', request: 5, answer: 7 });
      let results: unknown;
      void Promise.resolve(engine.commit([store.creation('s')])).then((value) => (results = value));

      expect(later.map(([ms]) => ms)).toEqual([5]);
      expect(await inner.load('s')).toBeUndefined();
      later[0]![1]();
      expect(await inner.load('s')).toBeDefined();
      expect(later.map(([ms]) => ms)).toEqual([5, 7]);
      await Promise.resolve();
      expect(results).toBeUndefined();
      later[1]![1]();
      await Promise.resolve();
      await Promise.resolve();
      expect(results).toMatchObject([{ type: 'stored' }]);
    });

    it('answers whoever waits without a microtask', () => {
      const { engine, calls, later } = setUp();
      calls.push({ type: 'delay', answer: 1 });
      const given: unknown[] = [];
      (engine.load([{ id: 's' }]) as PromiseLike<unknown>).then((value) => given.push(value));
      later[0]![1]();
      expect(given).toEqual([[undefined]]);
    });

    it('fails as late as it would answer', async () => {
      const { store, inner, calls, later } = setUp();
      calls.push({ type: 'lose', request: 1, answer: 2 }, { type: 'fail', request: 3, answer: 4 });
      const lost = store.create('a').catch((error: unknown) => (error as StreamError).code);
      const failed = store.create('b').catch((error: unknown) => (error as StreamError).code);
      // It grows meanwhile.
      for (const [, callback] of later) callback();

      expect(await Promise.all([lost, failed])).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
      expect(later.map(([ms]) => ms)).toEqual([1, 3, 2, 4]);
      expect(await inner.load('a')).toBeDefined();
      expect(await inner.load('b')).toBeUndefined();
    });

    it('never answers after for ever', () => {
      const { engine, calls, later } = setUp();
      calls.push({ type: 'delay', request: Infinity });
      void engine.load([]);
      expect(later).toEqual([]);
    });

    it('needs to be told how', () => {
      const engine = faultyEngine(memoryEngine({ presence: false }), {
        onCall: () => ({ type: 'delay', answer: 1 }),
      });
      expect(() => engine.load([])).toThrow('`after`');
    });
  });

  describe('with hints', () => {
    it('loses, repeats and blanks them', async () => {
      const { store, hintFaults, watched } = setUp();
      hintFaults.push({ type: 'drop' }, { type: 'repeat' }, { type: 'blank' });
      const hints = watched('s');
      let head = await store.create('s');
      for (let i = 0; i < 3; i++) head = await store.append('s', head);

      expect(versions(hints)).toEqual([2, 2, 0, 4]);
      expect(hints[2]).toMatchObject({ id: 's', generation: 0 });
    });

    it('changes their order', async () => {
      const { store, hintFaults, watched } = setUp();
      hintFaults.push({ type: 'hold' }, { type: 'hold' });
      const hints = watched('s');
      let head = await store.create('s');
      for (let i = 0; i < 3; i++) head = await store.append('s', head);
      expect(versions(hints)).toEqual([3, 1, 2, 4]);
    });

    it('gives them later, and not to a watch that was closed', async () => {
      const { store, engine, hintFaults, later, watched } = setUp();
      hintFaults.push({ type: 'delay', ms: 5 }, { type: 'delay', ms: 6 });
      const hints = watched('s');
      const closed: Hint[] = [];
      const watch = await engine.watch(['s'], (hint) => closed.push(hint));
      await store.create('s');
      watch.close();
      expect(versions([...hints, ...closed])).toEqual([]);

      for (const [, callback] of later) callback();

      expect(versions(hints)).toEqual([1]);
      expect(closed).toEqual([]);
    });

    it('tells that hints may have been lost, of some ids or of all', () => {
      const { engine, watched, hintFaults } = setUp();
      hintFaults.push({ type: 'drop' });
      const hints = watched('a', 'b');
      engine.interrupt();
      engine.interrupt(['b', 'c']);
      expect(hints.map(({ id, n }) => id + String(n))).toEqual(['a0', 'b0', 'b0']);
    });
  });

  describe('that loses what it acknowledged', () => {
    it('has the stream as it was, and says to look again', async () => {
      const { store, engine, watched } = setUp();
      const first = await store.create('s', ['a'], { parts: { 'p:1': 1 }, dueAt: 5 });
      const second = await store.append('s', first, ['b'], { parts: { 'p:1': 2, 'p:2': 2 }, dueAt: 9 });
      await store.append('s', second, ['c']);
      const hints = watched('s');

      engine.loseTail('s', 2);

      expect(await store.head('s')).toEqual(first);
      expect(await store.chunks('s', first)).toEqual(['a']);
      expect(await store.parts('s', { partsWith: '' })).toEqual({ 'p:1': 1 });
      expect(await store.due(Infinity)).toEqual({ ids: ['s'], next: Infinity });
      expect(versions(hints)).toEqual([0]);
      await store.append('s', first, ['B']);
      expect(await store.chunks('s', first)).toEqual(['a', 'B']);
    });

    it('loses a beginning, and a removal', async () => {
      const { store, engine } = setUp();
      const head = await store.create('s', ['a'], { dueAt: 5 });
      await store.remove('s', head);
      engine.loseTail('s');
      expect(await store.chunks('s', head)).toEqual(['a']);
      expect((await store.due(Infinity)).ids).toEqual(['s']);
      engine.loseTail('s');
      expect(await store.load('s')).toBeUndefined();
      expect((await store.due(Infinity)).ids).toEqual([]);
    });

    it('loses what all processes have stored, and tells all of them', async () => {
      const { store, inner, watched } = setUp();
      const other = faultyEngine(inner.engine, {});
      const head = await store.create('s');
      await store.append('s', head, ['a']);
      const hints = watched('s');
      other.loseTail('s');
      expect(await store.head('s')).toEqual(head);
      expect(versions(hints)).toEqual([0]);
    });

    it('can lose no more than it knows of', async () => {
      const { store, inner, engine } = setUp();
      const head = await inner.create('s');
      await store.append('s', head, ['a']);
      expect(() => engine.loseTail('s', 2)).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
      expect(() => engine.loseTail('other')).toThrow(
        expect.objectContaining({ code: 'FAILED_PRECONDITION' }),
      );
      engine.loseTail('s');
      expect(await store.head('s')).toEqual(head);
    });
  });

  it('leaves the engine behind it, and others on it, open when it is closed', async () => {
    const { inner, store, engine, watched } = setUp();
    const other = faultyEngine(inner.engine, {});
    const hints = watched('s');
    engine.close();
    engine.close();

    expect(() => store.engine.load([])).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(await other.load([{ id: 's' }])).toEqual([undefined]);
    await inner.create('s');
    expect(hints).toEqual([]);
  });

  it('arms no watch that was closed before the engine behind has one', async () => {
    const { inner } = setUp();
    const arming: (() => void)[] = [];
    const late: StreamEngine = {
      ...passing(inner.engine),
      watch: (ids, onHint) =>
        new Promise((resolve) => {
          arming.push(() => resolve(inner.engine.watch(ids, onHint)));
        }),
    };
    const engine = faultyEngine(late, {});
    const hints: Hint[] = [];
    const watch = Promise.resolve(engine.watch(['s'], (hint) => hints.push(hint)));
    engine.close();
    arming[0]!();
    (await watch).close();

    await inner.create('s');
    expect(hints).toEqual([]);
  });
});

/** The methods of an engine, to be overridden. */
const passing = (engine: StreamEngine): StreamEngine => ({
  name: engine.name,
  features: engine.features,
  load: (requests) => engine.load(requests),
  commit: (commits) => engine.commit(commits),
  read: (requests) => engine.read(requests),
  watch: (ids, onHint) => engine.watch(ids, onHint),
  touch: (touches) => engine.touch(touches),
  list: (options) => engine.list(options),
  due: (now, limit) => engine.due(now, limit),
  schedule: (moves) => engine.schedule(moves),
  close: () => engine.close(),
});
