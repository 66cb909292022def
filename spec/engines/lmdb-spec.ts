import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Hint, Payload } from '../../lib/engines/engine.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import type { Head } from '../../lib/log/head.js';
import { chunksOf, type Store } from '../../lib/testing/engine-suite/store.js';
import { countKeys, dataIn, storeIn, storePath } from '../support/lmdb.js';

/** Texts of the lengths given, each of another character. */
const texts = (...lengths: readonly number[]): string[] =>
  lengths.map((length, i) => String.fromCharCode(97 + (i % 26)).repeat(length));

/** Appends chunks, one commit for each. */
async function appendAll(store: Store, id: string, head: Head, chunks: readonly Payload[]): Promise<Head> {
  let last = head;
  for (const chunk of chunks) last = await store.append(id, last, [chunk]);
  return last;
}

/** Expects that a stream is read rightly from every position. */
async function expectEveryPage(
  store: Store,
  id: string,
  head: Head,
  chunks: readonly Payload[],
): Promise<void> {
  for (let position = 0; position <= chunks.length; position++) {
    const { entries } = await store.read(id, head, { position });
    const begin = entries[0]?.position ?? chunks.length;
    expect(begin).toBeLessThanOrEqual(position);
    expect(chunksOf(entries)).toEqual(chunks.slice(begin));
    if (entries[0]) expect(begin + entries[0].chunks.length).toBeGreaterThan(position);
  }
}

describe('The LMDB engine', () => {
  describe('its options', () => {
    it('refuses a path that names nothing', () => {
      expect(() => lmdbEngine({ path: '' })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(() => lmdbEngine({ path: 7 as never })).toThrow('path must be a string');
      expect(() => lmdbEngine(undefined as never)).toThrow('options must be an object with a path');
    });

    it('refuses a lock timeout that is no length of time', () => {
      expect(() => lmdbEngine({ path: 'x', lockTimeout: -1 })).toThrow('lockTimeout must be');
    });

    it('makes the directory, and those above it, when it is first used', async () => {
      const path = join(storePath(), 'a', 'b.c');
      const store = storeIn(path);
      expect(existsSync(path)).toBe(false);
      await store.create('a', ['x']);
      expect(existsSync(join(path, 'data.mdb'))).toBe(true);
    });
  });

  describe('whose turn it is', () => {
    it('is asked for within the transaction, to which what is committed then belongs', async () => {
      const path = storePath();
      const store = storeIn(path);
      const heads = await Promise.all(['a', 'b', 'c'].map((id) => store.create(id)));
      const data = dataIn(path);
      const before = countKeys(data, 'j');
      const appended: Promise<Head>[] = [store.append('a', heads[0]!, ['x'])];
      await new Promise<void>((resolve) => {
        for (const [i, id] of ['b', 'c'].entries()) {
          store.engine.ready?.(() => {
            appended.push(store.append(id, heads[i + 1]!, ['x']));
            if (i === 1) resolve();
          });
        }
      });

      expect((await Promise.all(appended)).map(({ tail }) => tail)).toEqual([1, 1, 1]);
      expect(countKeys(data, 'j')).toBe(before + 1);
    });

    it('is told also where nothing can be committed, which the commit is told', async () => {
      const store = storeIn();
      await store.engine.close();
      const created = new Promise((resolve, reject) => {
        store.engine.ready?.(() => {
          store.create('a').then(resolve, reject);
        });
      });
      await expect(created).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });
  });

  describe('generations', () => {
    it('grow over lives, streams and openings of the store, and stay safe integers of at most 16 digits', async () => {
      const path = storePath();
      let last = 0;
      for (let opening = 0; opening < 3; opening++) {
        const store = storeIn(path);
        for (const id of ['a', 'b']) {
          const head = await store.create(id);
          expect(head.generation).toBeGreaterThan(last);
          expect(Number.isSafeInteger(head.generation)).toBe(true);
          last = head.generation;
          await store.remove(id, head);
        }
        await store.engine.close();
      }
      expect(String(last).length).toBeLessThanOrEqual(16);
    });

    it('differ between stores that were given as many', async () => {
      const heads = await Promise.all(Array.from({ length: 5 }, () => storeIn().create('a')));
      expect(new Set(heads.map(({ generation }) => generation)).size).toBeGreaterThan(1);
    });
  });

  describe('its log', () => {
    it('is read from every position, whether entries are beside the head or in blocks', async () => {
      const store = storeIn();
      const chunks = texts(
        10,
        300,
        700,
        900,
        20,
        1,
        0,
        1_800,
        5_000,
        40,
        40,
        40,
        900,
        900,
        900,
        20_000,
        1,
        2,
        3,
      );
      await expectEveryPage(store, 'a', await appendAll(store, 'a', await store.create('a'), chunks), chunks);
    });

    it('is read from inside of entries of many chunks', async () => {
      const store = storeIn();
      const chunks = texts(...Array.from({ length: 60 }, (_, i) => (i * 37) % 211));
      let head = await store.create('a');
      for (let i = 0; i < chunks.length; i += 7) head = await store.append('a', head, chunks.slice(i, i + 7));
      await expectEveryPage(store, 'a', head, chunks);
    });

    it('keeps its order where one commit has many entries, small and large', async () => {
      const store = storeIn();
      const head = await store.create('a', ['first']);
      const sizes = [100, 70_000, 10, 20_000, 20_000, 5];
      const chunks = texts(...sizes);
      const base = store.next('a', head, chunks);
      let position = head.tail;
      const entries = chunks.map((chunk) => ({
        position: position++,
        chunks: [chunk],
        bytes: chunk.length,
        tag: 1,
        previous: 1,
      }));
      const next = await store.stored({ ...base, entries });
      await expectEveryPage(store, 'a', next, ['first', ...chunks]);
    });

    it('stays readable while the head outgrows what was beside it', async () => {
      const store = storeIn();
      const head = await appendAll(store, 'a', await store.create('a'), texts(600, 600));
      const grown = await store.append('a', head, [], { facts: { contentType: 'x'.repeat(900) } });
      await expectEveryPage(store, 'a', grown, texts(600, 600));
      const last = await store.append('a', grown, ['z'], { facts: { contentType: 'text/plain' } });
      await expectEveryPage(store, 'a', last, [...texts(600, 600), 'z']);
    });

    it('gives bytes that belong to the reader, as plain arrays', async () => {
      const store = storeIn();
      const head = await appendAll(store, 'a', await store.create('a'), [
        new Uint8Array([1, 2, 3]),
        new Uint8Array(5_000).fill(9),
        new Uint8Array([4]),
      ]);
      for (const chunk of await store.chunks('a', head)) {
        expect(Object.getPrototypeOf(chunk)).toBe(Uint8Array.prototype);
        (chunk as Uint8Array).fill(0);
      }
      expect(await store.chunks('a', head)).toEqual([
        new Uint8Array([1, 2, 3]),
        new Uint8Array(5_000).fill(9),
        new Uint8Array([4]),
      ]);
    });
  });

  describe('its transactions', () => {
    /** How many transactions the journal has counted. */
    const transactions = (path: string): number => {
      const data = dataIn(path);
      data.resetReadTxn();
      return data.get(Buffer.from('c'))?.readDoubleLE(0) ?? 0;
    };

    it('take what comes together, and what comes while one is on its way', async () => {
      const path = storePath();
      const store = storeIn(path);
      await store.load('a');
      const before = transactions(path);
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.create(`s${i}`, ['x'])));
      expect(transactions(path) - before).toBeLessThanOrEqual(3);
    });

    it('are not taken up by what changes nothing', async () => {
      const path = storePath();
      const store = storeIn(path);
      const head = await store.create('a');
      const before = transactions(path);
      await store.conflicting(store.creation('a'), 'Creating it again');
      await store.engine.touch([{ id: 'a', generation: head.generation + 1, usedAt: 5 }]);
      expect(transactions(path)).toBe(before);
    });

    it('store commits of one stream that build upon each other, and tell of them in their order', async () => {
      const store = storeIn();
      const first = await store.create('a');
      const hints: Hint[] = [];
      await store.engine.watch(['a'], (hint) => hints.push(hint));
      let head = first;
      const commits = Array.from({ length: 20 }, (_, i) => {
        const commit = store.next('a', head, [`${i}`]);
        head = commit.head as Head;
        return store.stored(commit);
      });
      await Promise.all(commits);
      expect(hints.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, i) => first.n + 1 + i));
      expect(hints.flatMap(({ entries = [] }) => chunksOf(entries))).toEqual(
        Array.from({ length: 20 }, (_, i) => `${i}`),
      );
    });

    it('have stored what a hint tells of', async () => {
      const path = storePath();
      const store = storeIn(path);
      const data = dataIn(path);
      const head = await store.create('a');
      const seen: unknown[] = [];
      await store.engine.watch(['a'], ({ n }) => {
        data.resetReadTxn();
        seen.push(n, data.get(Buffer.from('ha'))?.readDoubleLE(8));
      });
      await store.append('a', head, ['x']);
      expect(seen).toEqual([head.n + 1, head.n + 1]);
    });
  });

  describe('what it refuses', () => {
    it('is a commit of too many bytes, which says so and changes nothing', async () => {
      const store = storeIn();
      const head = await store.create('a');
      const half = 'x'.repeat(store.features.maxCommitBytes / 2 + 1);
      const [result] = await store.engine.commit([store.next('a', head, [half, half])]);
      expect(result).toMatchObject({ type: 'refused', error: { code: 'RESOURCE_EXHAUSTED' } });
      expect((await store.head('a'))?.n).toBe(head.n);
    });

    it('is a part with a name that LMDB has no room for', async () => {
      const store = storeIn();
      const parts = { [`p:${'x'.repeat(2_000)}`]: { epoch: 0, seq: 0 } };
      const [result] = await store.engine.commit([store.creation('a', [], { parts })]);
      expect(result).toMatchObject({ type: 'refused', error: { code: 'INVALID_ARGUMENT' } });
      expect(await store.load('a')).toBeUndefined();
    });
  });

  describe('what it leaves behind of a stream', () => {
    it('is nothing, once a large one is removed a little at a time', async () => {
      const path = storePath();
      const store = storeIn(path);
      const data = dataIn(path);
      const chunk = 'x'.repeat(2_000);
      let head = await store.create('a', [], { parts: { 'p:x': { epoch: 0, seq: 0 } }, dueAt: 5 });
      for (let round = 0; round < 3; round++) {
        const commits = Array.from({ length: 1_000 }, () => {
          const commit = store.next('a', head, [chunk]);
          head = commit.head as Head;
          return store.stored(commit);
        });
        await Promise.all(commits);
      }
      expect(countKeys(data, 'e')).toBe(3_000);
      await store.remove('a', head);
      expect(await store.load('a')).toBeUndefined();
      // Its id is free at once, and the next life has nothing of the last.
      const next = await store.create('a', ['new']);
      expect(await store.chunks('a', next)).toEqual(['new']);
      await vi.waitFor(() => {
        expect(['e', 'p', 'd', 'g'].map((kind) => countKeys(data, kind))).toEqual([0, 0, 0, 0]);
      });
    });

    it('is removed by whoever opens the store next, if a process ended before it was done', async () => {
      const path = storePath();
      const store = storeIn(path);
      await store.create('a');
      await store.engine.close();
      const data = dataIn(path);
      const number = Buffer.from('0000000000000007', 'hex');
      await data.transaction(() => {
        void data.put(Buffer.concat([Buffer.from('g'), number]), Buffer.from(''));
        for (let i = 1; i <= 2_500; i++) {
          const end = Buffer.alloc(8);
          end.writeUInt32BE(i, 4);
          void data.put(Buffer.concat([Buffer.from('e'), number, end]), Buffer.from('left'));
        }
      });
      await storeIn(path).load('a');
      await vi.waitFor(() => {
        expect(['e', 'g'].map((kind) => countKeys(data, kind))).toEqual([0, 0]);
      });
    });
  });

  describe('after it was closed', () => {
    it('has stored what it was given before', async () => {
      const path = storePath();
      const store = storeIn(path);
      const created = store.create('a', ['x']);
      await store.engine.close();
      const head = await created;
      expect(await storeIn(path).chunks('a', head)).toEqual(['x']);
    });

    it('takes a touch that nobody waits for without an unhandled rejection', async () => {
      const store = storeIn();
      await store.engine.close();
      const unhandled = vi.fn();
      process.on('unhandledRejection', unhandled);
      void store.engine.touch([{ id: 'a', generation: 1, usedAt: 1 }]);
      await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    });

    it('has told watchers all, and tells them nothing more', async () => {
      const path = storePath();
      const store = storeIn(path);
      const hints: Hint[] = [];
      await store.engine.watch(['a'], (hint) => hints.push(hint));
      const head = await store.create('a');
      await store.engine.close();
      await storeIn(path).append('a', head, ['x']);
      expect(hints.map(({ n }) => n)).toEqual([head.n]);
    });
  });
});
