import fc from 'fast-check';
import { expect, it, vi } from 'vitest';

import type { Commit, CommitResult } from '../../lib/engines/engine.js';
import type { Head } from '../../lib/log/head.js';
import { chunksOf, type Store } from '../../lib/testing/engine-suite/store.js';
import { DATABASE_URL, ownSchema, storeIn } from '../support/postgres.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 60_000 });

const ENGINES = 4;
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** What one engine does in one call: to which streams, in this order, and which of them it removes if they are there. */
interface Batch {
  readonly ids: readonly string[];
  readonly removed: readonly string[];
}

const batches = fc.array(
  fc.record({
    ids: fc.shuffledSubarray(IDS, { minLength: 1 }),
    removed: fc.subarray(IDS, { maxLength: 3 }),
  }),
  { minLength: 20, maxLength: 40 },
);

/** Adds a chunk to each stream of a batch, begins those that are not there, or removes them, as they were when it looked. */
async function carryOut({ ids, removed }: Batch, store: Store, name: string): Promise<CommitResult[]> {
  const loaded = await store.engine.load(ids.map((id) => ({ id })));
  const commits = ids.map((id, i): Commit => {
    const head = loaded[i]?.head;
    if (head === undefined) return store.creation(id, [name]);
    return removed.includes(id) ? store.removal(id, head) : store.next(id, head, [name]);
  });
  return [...(await store.engine.commit(commits))];
}

await withServer('PostgreSQL', DATABASE_URL, () => {
  it('engines that begin, write and remove the same streams never wait for each other in vain', async () => {
    const schema = ownSchema();
    const stores = Array.from({ length: ENGINES }, () => storeIn(schema));
    const [store] = stores as [Store, ...Store[]];
    await fc.assert(
      fc.asyncProperty(fc.tuple(...stores.map(() => batches)), async (all) => {
        // A deadlock would reject.
        const results = await Promise.all(
          all.map(async (some, e) => {
            const mine: CommitResult[] = [];
            for (const [i, batch] of some.entries())
              mine.push(...(await carryOut(batch, stores[e] as Store, `${e}-${i}`)));
            return mine;
          }),
        );

        expect(results.flat().some(({ type }) => type === 'stored')).toBe(true);
        for (const id of IDS) {
          const head: Head | undefined = await store.head(id);
          if (head === undefined) continue;
          const { entries } = await store.read(id, head);
          expect(chunksOf(entries)).toHaveLength(head.tail);
        }
      }),
      { numRuns: 10 },
    );
  });
});
