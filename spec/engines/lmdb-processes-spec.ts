import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Hint, Loaded } from '../../lib/engines/engine.js';
import type { Head } from '../../lib/log/head.js';
import { isStopped, openIn, processOn, storeIn, storePath } from '../support/lmdb.js';

const PATIENCE = { timeout: 10_000, interval: 5 };

/** What `/proc` and signals tell is Linux's. */
const onLinux = describe.runIf(process.platform === 'linux');

describe('Several processes on one LMDB store', { timeout: 30_000 }, () => {
  it('see what each other has stored as soon as it is acknowledged', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    let head = await store.create('a', ['0']);
    for (let i = 1; i <= 20; i += 2) {
      expect((await other.ask<Loaded>('load', 'a')).head.n).toBe(head.n);
      head = await other.ask<Head>('append', 'a', head, [`${i}`]);
      expect((await store.head('a'))?.n).toBe(head.n);
      head = await store.append('a', head, [`${i + 1}`]);
    }
    expect(await other.ask('chunks', 'a', head)).toEqual(Array.from({ length: 21 }, (_, i) => `${i}`));
  });

  it('give generations that only grow, whoever gives them', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    let last = 0;
    for (let i = 0; i < 6; i++) {
      const head = await (i % 2 ? store.create(`s${i}`) : other.ask<Head>('create', `s${i}`, []));
      expect(head.generation).toBeGreaterThan(last);
      last = head.generation;
    }
  });

  it('let one of those that commit upon the same version win', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    const head = await store.create('a');
    const tries = await Promise.allSettled([
      store.append('a', head, ['mine']),
      other.ask('append', 'a', head, ['theirs']),
    ]);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await store.head('a'))?.n).toBe(head.n + 1);
  });

  it('are told of what others store in streams that they watch, and of nothing else', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    const hints: Hint[] = [];
    await store.engine.watch(['a', 'b'], (hint) => hints.push(hint));
    const head = await other.ask<Head>('create', 'a', ['x']);
    await other.ask('create', 'c', ['x']);
    await vi.waitFor(() => {
      expect(hints).toEqual([
        expect.objectContaining({ id: 'a', generation: head.generation, n: head.n, tail: 1, gone: false }),
      ]);
    }, PATIENCE);
    await other.ask('remove', 'a', head);
    await vi.waitFor(() => {
      expect(hints.at(-1)).toMatchObject({ id: 'a', generation: 0, n: 0 });
    }, PATIENCE);
    expect(await store.load('a')).toBeUndefined();
  });

  it('are told by another process, too, in both directions at once', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    await other.ask('watch', ['a']);
    let head = await store.create('a');
    for (let i = 0; i < 10; i++) head = await store.append('a', head, [`${i}`]);
    await vi.waitFor(async () => {
      expect((await other.ask<Hint[]>('hints')).at(-1)).toMatchObject({ id: 'a', n: head.n, tail: 10 });
    }, PATIENCE);
  });

  it('are told to look again where they fell behind the journal', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    await other.ask('watch', ['quiet']);
    // Its event loop stands still while more is written than the journal keeps.
    const alarm = join(path, 'alarm');
    const asleep = other.ask('sleep_until', alarm);
    let head = await store.create('busy');
    for (let i = 0; i < 1_100; i++) head = await store.append('busy', head);
    writeFileSync(alarm, '');
    await asleep;
    await store.create('done');
    await vi.waitFor(async () => {
      expect(await other.ask<Hint[]>('hints')).toContainEqual(
        expect.objectContaining({ id: 'quiet', generation: 0, n: 0 }),
      );
    }, PATIENCE);
  });

  it('are told once a second at the latest where the file that wakes them is gone', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    await store.create('a');
    const hints: Hint[] = [];
    await store.engine.watch(['b'], (hint) => hints.push(hint));
    rmSync(join(path, 'wake'));
    await other.ask('create', 'b', []);
    await vi.waitFor(() => {
      expect(hints.map(({ id }) => id)).toContain('b');
    }, PATIENCE);
  });

  it('read what another has made the data file grow by', async () => {
    const path = storePath();
    const store = storeIn(path);
    const other = await processOn(path);
    let head = await store.create('a', ['x']);
    for (let round = 0; round < 3; round++) {
      const chunk = String(round).repeat(700_000);
      for (let i = 0; i < 10; i++) head = await other.ask<Head>('append', 'a', head, [chunk]);
      const { entries } = await store.read('a', head, { position: head.tail - 10 });
      expect(entries.map(({ chunks: [text] }) => text === chunk)).toEqual(Array(10).fill(true));
      head = await store.append('a', head, ['mine']);
      expect((await other.ask<Loaded>('load', 'a')).head.n).toBe(head.n);
    }
  });

  onLinux('one that ends', () => {
    it('by force, in the middle of its writes, leaves whole commits and no lock', async () => {
      const path = storePath();
      const store = storeIn(path);
      for (let round = 0; round < 3; round++) {
        const id = `s${round}`;
        const other = await processOn(path);
        const writing = other.ask('append_forever', id).catch(() => undefined);
        await vi.waitFor(async () => {
          expect((await store.head(id))?.n ?? 0).toBeGreaterThan(20);
        }, PATIENCE);
        await other.kill();
        await writing;
        // Its last commit may be on disk and become visible only by the next.
        await store.create(`after ${id}`);
        const head = await store.head(id);
        const chunks = await store.chunks(id, head as Head);
        expect(chunks).toHaveLength(head?.tail ?? -1);
        await store.append(id, head as Head, ['and on']);
      }
    });

    it('by itself, once nothing else keeps it: an engine that is open does not, also while it watches', async () => {
      const other = await processOn(storePath());
      await other.ask('create', 'a', []);
      await other.ask('watch', ['a']);
      void other.ask('disconnect').catch(() => undefined);
      expect(await other.ended).toBe(0);
    });

    it('after it closed its engine, has nothing open that would keep it', async () => {
      const other = await processOn(storePath());
      await other.ask('create', 'a', ['x']);
      await other.ask('watch', ['a']);
      void other.ask('leave').catch(() => undefined);
      expect(await other.ended).toBe(0);
      expect(other.output()).toBe('');
    });

    it('or only its engine, has no file and no map of the store open', async () => {
      const path = storePath();
      const store = storeIn(path);
      await store.create('a', ['x']);
      await store.engine.watch(['a'], () => undefined);
      expect(openIn(path)).not.toEqual([]);
      await store.engine.close();
      await store.engine.close();
      expect(openIn(path)).toEqual([]);
    });
  });

  onLinux('one that is stopped while it writes', () => {
    it('holds up the writes of others, but not their reads, until it goes on', async () => {
      const path = storePath();
      const store = storeIn(path);
      const head = await store.create('a', ['x']);
      const other = await processOn(path);
      const stopped = other.ask('stop_with_lock');
      await vi.waitFor(() => {
        expect(isStopped(other)).toBe(true);
      }, PATIENCE);
      let stored = false;
      const append = store.append('a', head, ['y']).then((next) => {
        stored = true;
        return next;
      });
      for (let i = 0; i < 20; i++) expect((await store.head('a'))?.n).toBe(head.n);
      expect(stored).toBe(false);
      other.process.kill('SIGCONT');
      await stopped;
      expect(await store.chunks('a', await append)).toEqual(['x', 'y']);
    });

    it('no longer does once it is killed', async () => {
      const path = storePath();
      const store = storeIn(path);
      const head = await store.create('a', ['x']);
      const other = await processOn(path);
      const stopped = other.ask('stop_with_lock').catch(() => undefined);
      await vi.waitFor(() => {
        expect(isStopped(other)).toBe(true);
      }, PATIENCE);
      const append = store.append('a', head, ['y']);
      await other.kill();
      await stopped;
      expect(await store.chunks('a', await append)).toEqual(['x', 'y']);
    });

    it('makes writes of others UNAVAILABLE after the lock timeout, and those are not stored later', async () => {
      const path = storePath();
      const store = storeIn(path, { lockTimeout: 200 });
      const head = await store.create('a', ['x']);
      const other = await processOn(path);
      const stopped = other.ask('stop_with_lock');
      await vi.waitFor(() => {
        expect(isStopped(other)).toBe(true);
      }, PATIENCE);
      const unavailable: unknown = expect.objectContaining({ code: 'UNAVAILABLE' });
      const writes = [store.append('a', head, ['y']), store.create('b')];
      await Promise.all(writes.map((write) => expect(write).rejects.toEqual(unavailable)));
      await expect(store.create('c')).rejects.toEqual(unavailable);
      const late = new Promise((resolve, reject) => {
        store.engine.ready?.(() => {
          store.create('d').then(resolve, reject);
        });
      });
      await expect(late).rejects.toEqual(unavailable);
      other.process.kill('SIGCONT');
      await stopped;
      await store.append('a', head, ['z']);
      expect(await store.load('b')).toBeUndefined();
      expect(await store.load('c')).toBeUndefined();
      expect(await store.load('d')).toBeUndefined();
    });

    it('keeps others from closing, which is told and made good later', async () => {
      const path = storePath();
      const store = storeIn(path, { lockTimeout: 100 });
      const head = await store.create('a', ['x']);
      const other = await processOn(path);
      const stopped = other.ask('stop_with_lock');
      await vi.waitFor(() => {
        expect(isStopped(other)).toBe(true);
      }, PATIENCE);
      const lost = store.append('a', head, ['y']).catch((error: unknown) => error);
      await expect(Promise.resolve(store.engine.close())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await lost).toMatchObject({ code: 'UNAVAILABLE' });
      other.process.kill('SIGCONT');
      await stopped;
      await vi.waitFor(() => {
        expect(openIn(path)).toEqual([]);
      }, PATIENCE);
    });
  });
});
