/* A process that uses an LMDB store whose files may be bad, and says what came of it. Its path is the first argument. */
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { answering } from './answering.js';

const engine = lmdbEngine({ path: process.argv[2] ?? '', lockTimeout: 5_000 });
const store = new Store(engine, engine.features, 4_000);
const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));

/** What a call fails with; its own value if it doesn't. */
async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return { code, message };
  }
}

answering({
  use: async () => ({
    read: await outcome(async () => {
      let chunks = 0;
      const streams = await engine.list({ prefix: '', after: '', limit: 10_000 });
      for (const { id, loaded } of streams) chunks += (await store.chunks(id, loaded.head)).length;
      return chunks;
    }),
    write: await outcome(() =>
      store.create(`new ${Math.random()}`, ['x'.repeat(100_000)]).then(() => 'stored'),
    ),
    close: await outcome(async () => {
      await engine.close();
      return 'closed';
    }),
    unhandled: unhandled.map(String),
  }),
});
