import type { Head } from '../../log/head.js';
import { same } from './assert.js';
import type { Cases } from './cases.js';
import { type Change, expiring, type Store } from './store.js';

/**
 * A change after which a stream is due at a moment. An engine with presence finds that in the head, any other is told:
 * these are both at once.
 */
const dueAt = (moment: number): Change => ({ facts: expiring(moment), dueAt: moment });

async function begin(
  store: Store,
  deadlines: Readonly<Record<string, number>>,
): Promise<Record<string, Head>> {
  const all = Object.entries(deadlines);
  const heads = await store.allStored(all.map(([id, moment]) => store.creation(id, [], dueAt(moment))));
  return Object.fromEntries(all.map(([id], i) => [id, heads[i] as Head]));
}

/** The index of deadlines. */
export function dueCases(cases: Cases): void {
  cases.it('has nothing due where nothing has a deadline', async (store) => {
    await store.create('s', ['a']);
    same(await store.due(Infinity), { ids: [], next: Infinity }, 'What is due');
  });

  cases.it('gives those that are due, the earliest first, and the next deadline', async (store) => {
    await begin(store, { c: 30, a: 10, e: 50, b: 20, d: 40, z: 5 });

    same(await store.due(4), { ids: [], next: 5 }, 'What is due at 4');
    same(await store.due(5), { ids: ['z'], next: 10 }, 'What is due at 5');
    same(await store.due(30), { ids: ['z', 'a', 'b', 'c'], next: 40 }, 'What is due at 30');
    same(await store.due(50), { ids: ['z', 'a', 'b', 'c', 'd', 'e'], next: Infinity }, 'What is due at 50');
    same(await store.due(Number.MAX_SAFE_INTEGER), await store.due(50), 'What is due at the end of time');
  });

  cases.it('gives so many, and the deadline of the next also if it is over', async (store) => {
    await begin(store, { a: 10, b: 20, c: 30 });
    same(await store.due(100, 2), { ids: ['a', 'b'], next: 30 }, 'The first two');
    same(await store.due(100, 3), { ids: ['a', 'b', 'c'], next: Infinity }, 'The first three');
  });

  cases.it('keeps apart what is due at the same moment', async (store) => {
    await begin(store, { b: 10, a: 10, c: 10 });
    const { ids, next } = await store.due(10);
    same([...ids].sort(), ['a', 'b', 'c'], 'What is due');
    same(next, Infinity, 'The next deadline');
    same((await store.due(10, 2)).ids.length, 2, 'How many of them are given');
  });

  cases.it('knows deadlines of any size', async (store) => {
    await begin(store, { zero: 0, now: 1_700_000_000_000, far: 8_640_000_000_000_000, one: 1 });
    same(
      await store.due(1_700_000_000_000),
      { ids: ['zero', 'one', 'now'], next: 8_640_000_000_000_000 },
      'What is due',
    );
  });

  cases.it('says of a stream which deadline it has', async (store) => {
    await begin(store, { a: 10 });
    same((await store.load('a'))?.soft.dueAt, 10, 'The deadline');
  });

  cases.it('moves a deadline with a commit, also out of the index', async (store) => {
    const { a, b, c } = await begin(store, { a: 10, b: 20, c: 30 });
    await store.append('a', a as Head, [], dueAt(25));
    await store.append('b', b as Head, [], dueAt(Infinity));
    await store.append('c', c as Head, [], dueAt(3));

    same(await store.due(Infinity), { ids: ['c', 'a'], next: Infinity }, 'What is due');
    same((await store.load('b'))?.soft.dueAt, Infinity, 'The deadline of the one without');
  });

  cases.it('leaves a deadline where it is by a commit that says nothing of it', async (store) => {
    const { a } = await begin(store, { a: 10 });
    await store.append('a', a as Head, ['x']);
    same(await store.due(Infinity), { ids: ['a'], next: Infinity }, 'What is due');
    same((await store.load('a'))?.soft.dueAt, 10, 'The deadline');
  });

  cases.it('has no deadline of a stream that is gone, and that of its next life', async (store) => {
    const { a, b } = await begin(store, { a: 10, b: 20 });
    await store.remove('a', a as Head);
    await store.remove('b', b as Head);
    same(await store.due(Infinity), { ids: [], next: Infinity }, 'What is due');

    await begin(store, { a: 30 });
    same(await store.due(29), { ids: [], next: 30 }, 'What is due after another beginning');
  });

  cases.when(
    !cases.presence,
    'moves deadlines as it is told, without a version',
    async (store) => {
      const { a, b, c } = await begin(store, { a: 10, b: 20, c: 30 });
      const generationOf = (head: Head | undefined): number => head?.generation ?? 0;

      await store.engine.schedule([
        { id: 'a', generation: generationOf(a), from: 10, to: 40 },
        { id: 'b', generation: generationOf(b), from: 20, to: Infinity },
        { id: 'none', generation: 1, from: Infinity, to: 1 },
        { id: 'c', generation: generationOf(c) - 1, from: 30, to: 1 },
      ]);

      same(await store.due(Infinity), { ids: ['c', 'a'], next: Infinity }, 'What is due');
      same((await store.load('a'))?.soft.dueAt, 40, 'The deadline');
      same(await store.head('a'), a, 'The head');
      await store.engine.schedule([{ id: 'b', generation: generationOf(b), from: Infinity, to: 2 }]);
      same(await store.due(2), { ids: ['b'], next: 30 }, 'What is due after one has come back');

      // Whoever moves it knows where it was before another has moved it.
      await store.engine.schedule([{ id: 'b', generation: generationOf(b), from: 20, to: Infinity }]);
      same(await store.due(2), { ids: ['b'], next: 30 }, 'What is due after a move that is late');
    },
    'knows deadlines by itself, so telling it changes nothing',
    (engine) => engine.presence !== undefined,
  );

  cases.it('gives the ten of a thousand streams that are due', async (store) => {
    const due = Array.from({ length: 10 }, (_, i) => i * 97 + 5);
    for (let i = 0; i < 1_000; i += 250) {
      const some = Array.from({ length: 250 }, (_, j) => i + j);
      await begin(store, Object.fromEntries(some.map((n) => [`s${n}`, due.includes(n) ? n : 100_000 + n])));
    }
    same(await store.due(50_000, 100), { ids: due.map((n) => `s${n}`), next: 100_000 }, 'What is due');
  });
}
