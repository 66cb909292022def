import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { dueKey } from '../../lib/engines/lmdb-keys.js';
import { LmdbStore } from '../../lib/engines/lmdb-store.js';
import { expiring } from '../../lib/testing/engine-suite/store.js';
import { dataIn, storeIn, storePath } from '../support/lmdb.js';

// A million keys are written before anything is looked at.
vi.setConfig({ testTimeout: 60_000 });

const LIVE = 1_000_000;
const NOW = 1_000;
const NOTHING = Buffer.alloc(0);

/** Puts streams into the index alone: what is looked at should not depend on what else there is of them. */
function fillIndex(path: string): void {
  const data = dataIn(path);
  data.transactionSync(() => {
    // In the order of the keys, which is the quickest.
    for (let i = 0; i < LIVE; i++) void data.put(dueKey(NOW + 1 + i, `live ${i}`), NOTHING);
  });
}

/** Counts what is read of the data, by key or in order. */
function countReads(): { reads: number } {
  const count = { reads: 0 };
  onTestFinished(() => void vi.restoreAllMocks());
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { get, keys, range } = LmdbStore.prototype;
  function* counted<T>(all: Iterable<T>): Iterable<T> {
    for (const one of all) {
      count.reads++;
      yield one;
    }
  }
  vi.spyOn(LmdbStore.prototype, 'get').mockImplementation(function (this: LmdbStore, key) {
    count.reads++;
    return get.call(this, key);
  });
  vi.spyOn(LmdbStore.prototype, 'keys').mockImplementation(function (this: LmdbStore, ...args) {
    return counted(keys.apply(this, args));
  });
  vi.spyOn(LmdbStore.prototype, 'range').mockImplementation(function (this: LmdbStore, ...args) {
    return counted(range.apply(this, args));
  });
  return count;
}

describe('The index of deadlines of the LMDB engine', () => {
  it('gives the ten of a million streams that are due by reading eleven keys', async () => {
    const path = storePath();
    const store = storeIn(path);
    const due = Array.from({ length: 10 }, (_, i) => `due ${i}`);
    await store.allStored(
      due.map((id, i) => store.creation(id, [], { facts: expiring(NOW - 10 + i), dueAt: NOW - 10 + i })),
    );
    fillIndex(path);
    const count = countReads();

    const found = await store.due(NOW, 100);

    expect(found).toEqual({ ids: due, next: NOW + 1 });
    expect(count.reads).toBe(11);

    count.reads = 0;
    expect(await store.due(NOW, 5)).toEqual({ ids: due.slice(0, 5), next: NOW - 5 });
    expect(count.reads).toBe(6);

    count.reads = 0;
    expect(await store.due(0, 100)).toEqual({ ids: [], next: NOW - 10 });
    expect(count.reads).toBe(1);
  });
});
