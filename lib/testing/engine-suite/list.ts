import { same } from './assert.js';
import type { Cases } from './cases.js';
import type { Store } from './store.js';

/** In the order of their UTF-8, which is that of code points, and not that of UTF-16 units. */
const SORTED = [
  '\0',
  ' ',
  'A',
  'a',
  'a\0',
  'a/',
  'a/b',
  'a/b/c',
  'a0',
  'ab',
  'b',
  '\u00e9',
  '\u20ac',
  '\ud7ff',
  '\ufb00',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  '\u{10ffff}',
];

async function ids(
  store: Store,
  options: { prefix?: string; after?: string; limit?: number } = {},
): Promise<string[]> {
  const streams = await store.engine.list({ prefix: '', after: '', limit: 1_000, ...options });
  return streams.map(({ id }) => id);
}

/** Begins streams, not in the order of their ids. */
async function begin(store: Store, all: readonly string[]): Promise<void> {
  const shuffled = [...all.filter((_, i) => i % 3 === 1), ...all.filter((_, i) => i % 3 !== 1).reverse()];
  await store.allStored(shuffled.map((id) => store.creation(id)));
}

/** Listing streams. */
export function listCases(cases: Cases): void {
  cases.it('lists nothing where nothing is', async (store) => {
    same(await ids(store), [], 'The ids');
    same(await ids(store, { prefix: 'a', after: 'b' }), [], 'The ids with a prefix');
  });

  cases.it('lists streams in the order of their ids in UTF-8', async (store) => {
    await begin(store, SORTED);
    same(await ids(store), SORTED, 'The ids');
  });

  cases.it('lists those with a prefix, also the one that is the prefix', async (store) => {
    await begin(store, SORTED);
    same(await ids(store, { prefix: 'a' }), ['a', 'a\0', 'a/', 'a/b', 'a/b/c', 'a0', 'ab'], 'Those with a');
    same(await ids(store, { prefix: 'a/b' }), ['a/b', 'a/b/c'], 'Those with a/b');
    same(await ids(store, { prefix: 'a/b/c/d' }), [], 'Those with a/b/c/d');
    same(await ids(store, { prefix: '\uffff' }), ['\uffff'], 'Those with the last of three bytes');
    same(await ids(store, { prefix: '\u{10ffff}' }), ['\u{10ffff}'], 'Those with the last there is');
  });

  cases.it('takes no prefix for a pattern', async (store) => {
    await begin(store, ['a%', 'a*', 'a.b', 'a>', 'a[b]', 'a\\', 'a_', 'aXb', 'ab']);
    for (const prefix of ['a%', 'a*', 'a.', 'a>', 'a[', 'a\\', 'a_']) {
      same((await ids(store, { prefix })).length, 1, `How many begin with ${prefix}`);
    }
  });

  cases.it('lists what comes after an id, be that there or not', async (store) => {
    await begin(store, SORTED);
    for (const [i, after] of SORTED.entries()) {
      same(await ids(store, { after }), SORTED.slice(i + 1), `Those after ${JSON.stringify(after)}`);
    }
    same(
      await ids(store, { after: 'aa' }),
      SORTED.slice(SORTED.indexOf('ab')),
      'Those after what is not there',
    );
  });

  cases.it('goes by prefix and by what it comes after together', async (store) => {
    await begin(store, SORTED);
    same(await ids(store, { prefix: 'a/', after: 'a/' }), ['a/b', 'a/b/c'], 'After the first of the prefix');
    same(
      await ids(store, { prefix: 'a/', after: 'A' }),
      ['a/', 'a/b', 'a/b/c'],
      'After what comes before the prefix',
    );
    same(await ids(store, { prefix: 'a/', after: 'b' }), [], 'After what comes after the prefix');
    same(
      await ids(store, { prefix: 'a', after: 'a/b', limit: 2 }),
      ['a/b/c', 'a0'],
      'The first two after one',
    );
  });

  cases.it('lists so many, and the rest after the last of them', async (store) => {
    await begin(store, SORTED);
    const all: string[] = [];
    for (;;) {
      const page = await ids(store, { after: all.at(-1) ?? '', limit: 5 });
      if (page.length === 0) break;
      all.push(...page);
      same(page.length, Math.min(5, SORTED.length - all.length + page.length), 'How many there are');
    }
    same(all, SORTED, 'All pages');
  });

  cases.it('leaves out what is kept only for forks, and does not count it', async (store) => {
    await begin(store, ['a', 'd']);
    for (const id of ['b', 'c']) {
      await store.append(id, await store.create(id), [], { facts: { deleted: true, references: 1 } });
    }

    same(await ids(store), ['a', 'd'], 'The ids');
    same(await ids(store, { limit: 2 }), ['a', 'd'], 'The first two');
    same(await ids(store, { after: 'b', limit: 1 }), ['d'], 'The first after one that is left out');
  });

  cases.it('lists no stream that was removed, and one that was begun again', async (store) => {
    const heads = await store.allStored(['a', 'b', 'c'].map((id) => store.creation(id)));
    for (const [i, id] of ['a', 'b'].entries()) {
      const head = heads[i];
      if (head !== undefined) await store.remove(id, head);
    }
    await store.create('a', ['x']);
    same(await ids(store), ['a', 'c'], 'The ids');
  });

  cases.it('gives each stream as load does', async (store) => {
    const head = await store.create('a', ['x'], { parts: { 'p:1': 1 } });
    await store.engine.touch([{ id: 'a', generation: head.generation, usedAt: 3, beat: 2 }]);
    await store.append('a', head, ['y'], { head: { sequence: '1' } });

    const [listed] = await store.engine.list({ prefix: '', after: '', limit: 10 });

    same(listed?.loaded, await store.load('a'), 'The stream');
  });

  cases.it('lists a thousand streams in pages', async (store) => {
    const all = Array.from({ length: 1_000 }, (_, i) => `s${String(i).padStart(4, '0')}`);
    for (let i = 0; i < all.length; i += 250) await begin(store, all.slice(i, i + 250));

    same(await ids(store, { limit: 3 }), all.slice(0, 3), 'The first three');
    same(await ids(store, { after: 's0499', limit: 400 }), all.slice(500, 900), 'Those from the middle');
    same(await ids(store, { after: 's0899', limit: 400 }), all.slice(900), 'The last hundred');
  });
}
