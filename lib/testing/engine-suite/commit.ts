import { check, same } from './assert.js';
import { entryOf } from './store.js';
import type { Cases } from './cases.js';

/** What is stored, and what is not. */
export function commitCases(cases: Cases): void {
  cases.it('gives each life of an id a generation greater than any before', async (store) => {
    const generations: number[] = [];
    for (const id of ['a', 'b', 'a', 'a', 'b']) {
      const head = await store.create(id);
      generations.push(head.generation);
      if (id === 'a') await store.remove(id, head);
      else await store.load(id).then((loaded) => loaded && store.remove(id, loaded.head));
    }

    const growing = generations.every((generation, i) => generation > (generations[i - 1] ?? 0));
    check(growing, `the generations ${generations.join(', ')} grow from above 0`);
    // An offset has 16 digits for it.
    check(
      generations.every((generation) => Number.isSafeInteger(generation)),
      'generations are safe integers',
    );
  });

  cases.it('gives different generations to streams that one call begins', async (store) => {
    const heads = await store.allStored(Array.from({ length: 50 }, (_, i) => store.creation(`s${i}`)));
    same(new Set(heads.map(({ generation }) => generation)).size, 50, 'How many generations there are');
    same(await store.head('s7'), heads[7], 'The head with its generation');
  });

  cases.it('begins no stream where there is one', async (store) => {
    const head = await store.create('s', ['a'], { parts: { 'p:1': 1 } });

    const met = await store.conflicting(
      store.creation('s', ['b'], { parts: { 'p:1': 2 } }),
      'another beginning',
    );

    same(met?.head, head, 'The head met');
    same(await store.parts('s', { partsWith: '' }), { 'p:1': 1 }, 'The parts');
    same(await store.chunks('s', head), ['a'], 'The chunks');
  });

  cases.it('changes no stream that is not there', async (store) => {
    const head = await store.create('gone');
    await store.remove('gone', head);

    same(
      await store.conflicting(store.next('gone', head, ['a']), 'a change of what is gone'),
      undefined,
      'What it met',
    );
    same(
      await store.conflicting(store.removal('gone', head), 'a removal of what is gone'),
      undefined,
      'What it met',
    );
    same(await store.load('gone'), undefined, 'What is there');
  });

  cases.it('changes no stream that is at another version, behind or ahead', async (store) => {
    const first = await store.create('s');
    const second = await store.append('s', first, ['a']);
    const third = await store.append('s', second, ['b']);

    for (const head of [first, second, { ...third, n: third.n + 1 }]) {
      same((await store.conflicting(store.next('s', head, ['x']), 'a change'))?.head, third, 'The head met');
      same((await store.conflicting(store.removal('s', head), 'a removal'))?.head, third, 'The head met');
    }
    same(await store.chunks('s', third), ['a', 'b'], 'The chunks');
  });

  cases.it('keeps a zombie of the former life of an id out, also at the same number', async (store) => {
    const zombie = await store.append('s', await store.create('s', ['old']), ['old']);
    await store.remove('s', zombie);
    const head = await store.append('s', await store.create('s', ['new']), ['new']);
    same(head.n, zombie.n, 'The number of either version');

    const met = await store.conflicting(store.next('s', zombie, ['old']), 'the append of a zombie');
    await store.conflicting(store.removal('s', zombie), 'the removal by a zombie');

    same(met?.head, head, 'The head met');
    same(await store.head('s'), head, 'The head');
    same(await store.chunks('s', head), ['new', 'new'], 'The chunks');
  });

  cases.it('keeps out whoever knows a commit that was lost, at the same number', async (store) => {
    const head = await store.create('s', ['a']);
    const tag = head.tag + 1;
    const lost = { ...head, n: head.n + 1, tail: 2, tag: tag + 1 };
    const regrown = await store.stored({
      ...store.next('s', head, [], { head: { tag, tail: 2 } }),
      entries: [entryOf(1, ['b'], tag, head.tag)],
    });
    same(regrown.n, lost.n, 'The number of either version');

    const met = await store.conflicting(store.next('s', lost, ['c']), 'an append upon what was lost');
    await store.conflicting(store.removal('s', lost), 'a removal of what was lost');

    same(met?.head, regrown, 'The head met');
    same(await store.chunks('s', regrown), ['a', 'b'], 'The chunks');
  });

  cases.it('begins a life with nothing of the former', async (store) => {
    const former = await store.create('s', ['a', 'b'], {
      parts: { o: 1, 'p:1': 1 },
      dueAt: 10,
      facts: { nonce: 'x' },
    });
    await store.engine.touch([{ id: 's', generation: former.generation, usedAt: 1_000, beat: 9 }]);
    await store.remove('s', former);
    const head = await store.create('s', ['c']);

    const loaded = await store.load('s', { partsWith: '' });

    same(loaded?.parts, {}, 'The parts');
    check((loaded?.soft.usedAt ?? 0) <= 0, 'it was not used');
    check((loaded?.soft.beat ?? 0) < 9, 'it has not beaten');
    same(loaded?.soft.dueAt, Infinity, 'Its deadline');
    same(await store.chunks('s', head), ['c'], 'The chunks');
    same(await store.due(Infinity), { ids: [], next: Infinity }, 'What is due');
  });

  cases.it('removes a stream with all that it has', async (store) => {
    const head = await store.create('s', ['a'], { parts: { 'p:1': 1 } });
    await store.create('s2', ['b'], { parts: { 'p:1': 2 } });

    await store.remove('s', head);

    same(await store.load('s', { partsWith: '' }), undefined, 'What is there');
    same(ids(await store.engine.list({ prefix: 's', after: '', limit: 9 })), ['s2'], 'The ids');
    same(await store.parts('s2', { partsWith: '' }), { 'p:1': 2 }, 'The parts of its neighbour');
  });

  cases.it('removes a stream only if it was not used since', async (store) => {
    const head = await store.create('s', ['a']);
    await store.engine.touch([{ id: 's', generation: head.generation, usedAt: 500 }]);

    const met = await store.conflicting(store.removal('s', head, 499), 'removing what was used meanwhile');

    same(met?.soft.usedAt, 500, 'When it was used, as the conflict tells');
    same(await store.head('s'), head, 'The head');
    await store.stored({ ...store.next('s', head), dueAt: Infinity });
    const [result] = await store.engine.commit([store.removal('s', { ...head, n: head.n + 1 }, 500)]);
    same(result?.type, 'stored', 'What became of removing what was not used since');
    same(await store.load('s'), undefined, 'What is there');
  });

  cases.it('stores, replaces and removes parts, and leaves the others', async (store) => {
    const first = await store.create('s', [], { parts: { 'p:1': { a: [1, 'x', null] }, 'p:2': 2, o: 'o' } });
    const second = await store.append('s', first, [], { parts: { 'p:1': undefined, 'p:3': 3, o: 'O' } });
    same(await store.parts('s', { partsWith: '' }), { 'p:2': 2, 'p:3': 3, o: 'O' }, 'The parts');

    await store.append('s', second, ['a'], { parts: { none: undefined, 'p:3': undefined } });

    same(await store.parts('s', { partsWith: '' }), { 'p:2': 2, o: 'O' }, 'The parts after more');
  });

  cases.it('changes nothing by a conflict', async (store) => {
    const first = await store.create('s', ['a'], { parts: { 'p:1': 1 }, facts: {}, dueAt: Infinity });
    const head = await store.append('s', first, ['b']);

    const late = store.next('s', first, ['x'], { parts: { 'p:1': undefined, 'p:2': 2 }, dueAt: 5 });
    await store.conflicting(late, 'a late commit');

    const loaded = await store.load('s', { partsWith: '' });
    same(loaded?.head, head, 'The head');
    same(loaded?.parts, { 'p:1': 1 }, 'The parts');
    same(loaded?.soft.dueAt, Infinity, 'The deadline');
    same(await store.chunks('s', head), ['a', 'b'], 'The chunks');
    same(await store.due(Infinity), { ids: [], next: Infinity }, 'What is due');
  });

  cases.it('gives results that are independent of each other, in order', async (store) => {
    const [a, b, c] = await store.allStored([store.creation('a'), store.creation('b'), store.creation('c')]);
    check(a !== undefined && b !== undefined && c !== undefined, 'three streams were begun');
    await store.append('b', b, ['meanwhile']);

    const results = await store.engine.commit([
      store.next('a', a, ['1']),
      store.next('b', b, ['late']),
      store.creation('d', ['2']),
      store.removal('c', c),
      store.next('none', a, ['3']),
    ]);

    same(
      results.map(({ type }) => type),
      ['stored', 'conflict', 'stored', 'stored', 'conflict'],
      'The results',
    );
    const loaded = await store.engine.load(['a', 'b', 'c', 'd', 'none'].map((id) => ({ id })));
    same(
      loaded.map((stream) => stream?.head.tail),
      [1, 1, undefined, 1, undefined],
      'The tails',
    );
  });

  cases.it('begins one stream where twenty begin it at once', async (store) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => store.engine.commit([store.creation('s', [`${i}`])])),
    );

    const winners = results.flatMap(([result], i) => (result?.type === 'stored' ? [`${i}`] : []));
    same(winners.length, 1, 'How many have begun it');
    const head = await store.head('s');
    check(head !== undefined, 'there is a stream');
    same(await store.chunks('s', head), winners, 'The chunks');
  });

  cases.it('stores one of twenty commits upon the same version at once', async (store) => {
    const head = await store.create('s');

    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => store.engine.commit([store.next('s', head, [`${i}`])])),
    );

    const winners = results.flatMap(([result], i) => (result?.type === 'stored' ? [`${i}`] : []));
    same(winners.length, 1, 'How many were stored');
    same(await store.chunks('s', { ...head, n: head.n + 1 }), winners, 'The chunks');
  });

  cases.it('takes five hundred streams in one call', async (store) => {
    const all = Array.from({ length: 500 }, (_, i) => `s${i}`);
    const heads = await store.allStored(all.map((id) => store.creation(id, [`1 of ${id}`])));
    await store.allStored(heads.map((head, i) => store.next(`s${i}`, head, [`2 of s${i}`])));

    const loaded = await store.engine.load(all.map((id) => ({ id })));
    check(
      loaded.every((stream) => stream?.head.tail === 2),
      'each has two chunks',
    );
    const head = loaded[123]?.head;
    check(head !== undefined, 'there is the 124th');
    same(await store.chunks('s123', head), ['1 of s123', '2 of s123'], 'The chunks of one of them');
  });

  cases.it('keeps a head that has ended, and its outcome, also without chunks', async (store) => {
    const outcome = { type: 'error', error: { code: 'CANCELLED', message: '', details: { a: [null] } } };
    const open = await store.create('s', ['a']);
    const head = await store.append('s', open, [], {
      head: { status: 'error' },
      facts: { endedAt: 5 },
      parts: { o: outcome },
    });

    const loaded = await store.load('s', { parts: ['o'] });

    same(loaded?.head, head, 'The head');
    same(loaded?.parts, { o: outcome }, 'The outcome');
    same(await store.chunks('s', head), ['a'], 'The chunks');
  });
}

const ids = (streams: readonly { readonly id: string }[]): string[] => streams.map(({ id }) => id);
