import type { Head } from '../../log/head.js';
import { same } from './assert.js';
import type { Cases } from './cases.js';

/** A head in which everything that can be there is. */
const FULL: Partial<Head> = {
  status: 'open',
  owner: { nonce: 'owner', seq: 7, position: 3, tag: 12, closedAt: 34 },
  usedAt: 1_700_000_000_123,
  sequence: '2024-01-01 "é"\u{1f600}',
  writers: 3,
};

const FACTS: Head['facts'] = {
  nonce: 'a nonce',
  createdAt: 1_700_000_000_000,
  endedAt: 1_700_000_000_456,
  lifetime: { ttl: 300_000, idleTtl: Infinity, expiresAt: 1_800_000_000_000, lease: 0 },
  contentType: 'text/plain; charset="utf-8"',
  stop: { at: Infinity, reason: 'a reason\n' },
  references: 2,
  recheckAt: 1_700_000_100_000,
  deleted: true,
  lineage: [
    [4_503_599_627_370_495, 3],
    [4_503_599_627_370_496, 10],
  ],
};

/** Looking streams up. */
export function loadCases(cases: Cases): void {
  cases.it('gives undefined where no stream is', async (store) => {
    same(await store.engine.load([{ id: 'absent' }]), [undefined], 'What is there');
  });

  cases.it('takes calls with nothing in them', async ({ engine }) => {
    same(await engine.load([]), [], 'What no request gives');
    same(await engine.commit([]), [], 'What no commit gives');
    same(await engine.read([]), [], 'What no read gives');
    await engine.touch([]);
    await engine.schedule([]);
    const watch = await engine.watch([], () => undefined);
    watch.close();
  });

  cases.it('gives a head as it was stored, whatever is in it', async (store) => {
    const head = await store.create('s', ['a'], { head: FULL, facts: FACTS });

    const loaded = await store.load('s');

    same(loaded?.head, head, 'The head');
    same(loaded?.head.facts, FACTS, 'The facts');
  });

  cases.it('gives an infinite lifetime, and nothing for what is not there', async (store) => {
    await store.create('s');

    const head = await store.head('s');

    same(
      head?.facts,
      {
        nonce: 'nonce',
        createdAt: 0,
        lifetime: { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity },
        references: 0,
      },
      'The facts',
    );
    same(head?.owner, undefined, 'The owner');
    same(head?.sequence, undefined, 'The sequence');
  });

  cases.it('gives an empty sequence, which is not the same as none', async (store) => {
    await store.create('s', [], { head: { sequence: '' } });
    same((await store.head('s'))?.sequence, '', 'The sequence');
  });

  cases.it('gives large numbers exactly', async (store) => {
    const large = { tail: 4_294_967_296, bytes: Number.MAX_SAFE_INTEGER, usedAt: 8_640_000_000_000_000 };
    await store.create('s', [], { head: large });

    const { tail, bytes, usedAt } = (await store.head('s')) ?? {};

    same({ tail, bytes, usedAt }, large, 'The numbers');
  });

  cases.it('gives as many results as requests, in their order', async (store) => {
    await store.create('b');
    await store.create('a', ['1']);

    const all = await store.engine.load([{ id: 'a' }, { id: 'none' }, { id: 'b' }]);

    same(
      all.map((loaded) => loaded?.head.tail),
      [1, undefined, 0],
      'The tails',
    );
  });

  cases.it('gives those of the parts asked for that are there', async (store) => {
    await store.create('s', [], { parts: { o: { type: 'done' }, 'p:1': { epoch: 0, seq: 1 } } });

    same(await store.parts('s', {}), {}, 'Of no parts');
    same(await store.parts('s', { parts: [] }), {}, 'Of an empty list of parts');
    same(await store.parts('s', { parts: ['p:1', 'p:2'] }), { 'p:1': { epoch: 0, seq: 1 } }, 'By name');
    same(
      await store.parts('s', { parts: ['p:1', 'o'] }),
      { o: { type: 'done' }, 'p:1': { epoch: 0, seq: 1 } },
      'By two names',
    );
  });

  cases.it(
    'gives the parts whose names begin with a prefix, beside those asked for by name',
    async (store) => {
      const parts = { o: 0, p: 1, 'p:': 2, 'p:a': 3, 'p:ab': 4, 'p:\u{10ffff}': 5, 'p;': 6, q: 7 };
      await store.create('s', [], { parts });
      await store.create('s2', [], { parts: { 'p:other': 8 } });

      same(
        await store.parts('s', { partsWith: 'p:' }),
        { 'p:': 2, 'p:a': 3, 'p:ab': 4, 'p:\u{10ffff}': 5 },
        'By prefix',
      );
      same(
        await store.parts('s', { parts: ['q', 'none'], partsWith: 'p:a' }),
        { 'p:a': 3, 'p:ab': 4, q: 7 },
        'Both',
      );
      same(await store.parts('s', { partsWith: 'x' }), {}, 'By a prefix that none has');
      same(await store.parts('s', { partsWith: '' }), parts, 'By the prefix that all have');
    },
  );

  cases.it('gives what stays as it is, whatever is committed later', async (store) => {
    const head = await store.create('s', [], { parts: { 'p:1': 1 } });
    const before = await store.load('s', { partsWith: 'p:' });

    await store.append('s', head, ['a'], { parts: { 'p:1': 2, 'p:2': 2 } });

    same(before?.head, head, 'The head loaded before');
    same(before?.parts, { 'p:1': 1 }, 'The parts loaded before');
  });

  cases.when(
    cases.features.staleReads,
    'confirms what is newest',
    async (store) => {
      const head = await store.append('s', await store.create('s'), ['a']);
      const confirmed = await store.engine.confirm?.(['none', 's']);
      same(
        confirmed?.map((loaded) => loaded?.head),
        [undefined, head],
        'The heads confirmed',
      );
    },
    'is never behind, so there is nothing to confirm',
    (engine) => !engine.features.staleReads && engine.confirm === undefined,
  );
}
