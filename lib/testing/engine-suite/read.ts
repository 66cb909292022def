import type { Page, ReadRequest } from '../../engines/engine.js';
import type { Head } from '../../log/head.js';
import { check, eventually, pause, same } from './assert.js';
import type { Cases } from './cases.js';
import { chunksOf, entryOf, type Store } from './store.js';

/** A stream of three commits: abc, def, ghi. */
async function nine(store: Store): Promise<Head> {
  const first = await store.create('s', ['a', 'b', 'c']);
  const second = await store.append('s', first, ['d', 'e', 'f']);
  return store.append('s', second, ['g', 'h', 'i']);
}

/** Registers that a read of abc, def, ghi gives some of it. */
function gives(cases: Cases, title: string, request: Partial<ReadRequest>, expected: string): void {
  cases.it(title, async (store) => {
    const head = await nine(store);
    same((await store.chunks('s', head, request)).join(''), expected, 'The chunks');
  });
}

/** Reading a log. */
export function readCases(cases: Cases): void {
  cases.it('gives the entries as they were committed', async (store) => {
    const first = await store.create('s', ['a', 'bc']);
    const head = await store.append('s', first, ['d']);

    const { entries } = await store.read('s', head);

    same(
      entries,
      [
        entryOf(0, ['a', 'bc'], first.tag, store.features.tagged ? 1 : 0),
        entryOf(2, ['d'], head.tag, first.tag),
      ],
      'The entries',
    );
  });

  cases.it('gives the entries of one commit, each by itself', async (store) => {
    const commit = store.creation('s', ['a', 'b', 'c', 'd']);
    const tag = commit.entries[0]?.tag;
    const entries = [
      entryOf(0, ['a'], tag, 0),
      entryOf(1, ['b', 'c'], tag, tag),
      entryOf(3, ['d'], tag, tag),
    ];
    const head = await store.stored({ ...commit, entries });

    same((await store.read('s', head)).entries, entries, 'The entries');
    same(
      (await store.read('s', head, { position: 2, maxChunks: 1 })).entries,
      [entries[1]],
      'That in the middle',
    );
  });

  gives(cases, 'begins where it is told', { position: 3 }, 'defghi');
  gives(cases, 'gives an entry whole that the position is in', { position: 4 }, 'defghi');
  gives(cases, 'gives an entry whole of which the last chunk is wanted', { position: 8 }, 'ghi');
  gives(cases, 'gives nothing at the tail', { position: 9 }, '');
  gives(cases, 'gives nothing beyond the tail', { position: 1_000 }, '');
  gives(
    cases,
    'gives nothing, and tells how the stream is, if that is all',
    { position: Infinity, until: 0 },
    '',
  );
  gives(cases, 'gives no entry that begins where it has to stop', { until: 3 }, 'abc');
  gives(cases, 'gives an entry whole that begins before where it has to stop', { until: 4 }, 'abcdef');
  gives(cases, 'begins in an entry, and stops in it', { position: 4, until: 5 }, 'def');
  gives(cases, 'stops at once if told so', { until: 0 }, '');
  gives(cases, 'stops with so many chunks', { maxChunks: 3 }, 'abc');
  gives(cases, 'stops after the entry in which so many chunks are reached', { maxChunks: 4 }, 'abcdef');
  gives(cases, 'counts the chunks of an entry that the position is in', { position: 4, maxChunks: 3 }, 'def');
  gives(cases, 'stops with so many bytes', { maxBytes: 3 }, 'abc');
  gives(cases, 'stops after the entry in which so many bytes are reached', { maxBytes: 4 }, 'abcdef');
  gives(cases, 'gives the first entry, however few bytes are wanted', { position: 3, maxBytes: 0 }, 'def');
  gives(cases, 'gives the first entry, however few chunks are wanted', { position: 3, maxChunks: 0 }, 'def');
  gives(cases, 'goes by whichever limit is reached first', { maxChunks: 7, maxBytes: 5 }, 'abcdef');

  cases.it('counts bytes as UTF-8 has them', async (store) => {
    const head = await store.append('s', await store.create('s', ['é\u{1f600}']), ['b']);
    same(await store.chunks('s', head, { maxBytes: 6 }), ['é\u{1f600}'], 'What has six bytes');
    same(await store.chunks('s', head, { maxBytes: 7 }), ['é\u{1f600}', 'b'], 'What has seven bytes');
  });

  cases.it('stops where no bytes are wanted after an entry that has none', async (store) => {
    const first = await store.create('s', ['']);
    const head = await store.append('s', first, ['b']);
    same(await store.chunks('s', head, { maxBytes: 0 }), [''], 'What has no bytes');
    same(await store.chunks('s', head, { maxBytes: 1 }), ['', 'b'], 'What has one byte');
  });

  cases.it('gives nothing of a stream that is not there', async (store) => {
    const [page] = await store.engine.read([everything('none', 1)]);
    same(page, { current: undefined, entries: [] }, 'The page');
  });

  cases.it('gives nothing of another generation, but tells which is there', async (store) => {
    const former = await store.create('s', ['a', 'b']);
    await store.remove('s', former);
    const head = await store.create('s', ['c']);

    const page = await store.read('s', head, { generation: former.generation });

    same(page.entries, [], 'The entries');
    same(page.current?.head, head, 'The head');
  });

  cases.it('tells of the stream as it is, without parts', async (store) => {
    const head = await nine(store);
    const ended = await store.append('s', head, [], {
      head: { status: 'done' },
      facts: { endedAt: 3 },
      parts: { o: { type: 'done' } },
    });

    const { current, entries } = await store.read('s', ended, { maxChunks: 1 });

    same(current?.head, ended, 'The head');
    same(current?.parts, {}, 'The parts');
    same(chunksOf(entries), ['a', 'b', 'c'], 'The chunks');
  });

  cases.it('gives as many pages as requests, in their order, each by its own limits', async (store) => {
    const s = await nine(store);
    const t = await store.create('t', ['x', 'y']);
    const requests = [
      { ...everything('t', t.generation), position: 1 },
      everything('none', 1),
      { ...everything('s', s.generation), position: 5, maxChunks: 1 },
    ];
    let pages: readonly Page[] = [];

    await eventually(store.patience, 'a read of several has what was stored', async () => {
      pages = await store.engine.read(requests);
      const fresh = pages[0]?.current?.head.n === t.n && pages[2]?.current?.head.n === s.n;
      return fresh || !store.features.staleReads;
    });

    same(
      pages.map(({ entries }) => chunksOf(entries).join('')),
      ['xy', '', 'def'],
      'The chunks',
    );
  });

  cases.it('begins the log of a fork after what its source has', async (store) => {
    const head = await store.create('s', ['f', 'g'], { head: { tail: 5 } });
    same(head.tail, 7, 'The tail');

    same(await store.chunks('s', head), ['f', 'g'], 'The chunks from the start');
    same((await store.read('s', head, { position: 5 })).entries[0]?.position, 5, 'Where the first entry is');
    same(await store.chunks('s', head, { position: 7 }), [], 'The chunks at the tail');
  });

  cases.it('reads a long log in pages, without a hole', async (store) => {
    let head = await store.create('s');
    for (let i = 0; i < 2_000; i += 100) {
      const chunks = Array.from({ length: 100 }, (_, j) => `${i + j}`);
      for (let j = 0; j < 100; j += 10) head = await store.append('s', head, chunks.slice(j, j + 10));
    }

    const all: unknown[] = [];
    for (;;) {
      const { entries } = await store.read('s', head, { position: all.length, maxChunks: 64 });
      if (entries.length === 0) break;
      same(entries[0]?.position, all.length, 'Where a page begins');
      all.push(...chunksOf(entries));
    }

    same(
      all,
      Array.from({ length: 2_000 }, (_, i) => `${i}`),
      'All chunks',
    );
  });

  cases.it('gives pages in which head and entries fit, while others write', async (store) => {
    const pages: Page[] = [];
    const first = await store.create('s', ['0']);
    let left = 100;
    const writer = (async () => {
      let head = first;
      for (; left > 0; left--) head = await store.append('s', head, [`${101 - left}`]);
    })();
    do {
      const [page] = await store.engine.read([everything('s', first.generation)]);
      if (page !== undefined) pages.push(page);
      // What gives its answers within a turn would leave none to the writer.
      await pause(0);
    } while (left > 0);
    await writer;

    for (const { current, entries } of pages) {
      // A stale one may not know of the stream yet.
      const tail = current?.head.tail ?? 0;
      same(
        chunksOf(entries),
        Array.from({ length: tail }, (_, i) => `${i}`),
        `The chunks of a page whose head has the tail ${tail}`,
      );
    }
  });

  cases.it('gives what stays as it is, whatever is committed and read later', async (store) => {
    const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => i % 251);
    let head = await store.create('s', [bytes, 'text'], { facts: { nonce: 'x' } });
    const before = await store.read('s', head);

    for (let i = 0; i < 20; i++) {
      head = await store.append('s', head, [new Uint8Array(1_000).fill(i)]);
      await store.chunks('s', head);
    }
    await store.remove('s', head);

    check(before.current?.head.n === 1, 'the head read before is the first');
    same(
      chunksOf(before.entries),
      [Uint8Array.from({ length: 1_000 }, (_, i) => i % 251), 'text'],
      'The chunks',
    );
  });
}

const everything = (id: string, generation: number): ReadRequest => ({
  id,
  generation,
  position: 0,
  until: Infinity,
  maxBytes: Infinity,
  maxChunks: Infinity,
});
