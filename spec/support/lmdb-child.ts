/* A process beside the one that runs the specs, on the same LMDB store: its path is the first argument. */
import { existsSync } from 'node:fs';
import { open } from 'lmdb';
import type { Hint } from '../../lib/engines/engine.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import type { Head } from '../../lib/log/head.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { answering } from './answering.js';

const path = process.argv[2] ?? '';
const engine = lmdbEngine({ path });
const store = new Store(engine, engine.features, 4_000);
const hints: Hint[] = [];

answering({
  create: (id: string, chunks: readonly string[]) => store.create(id, chunks),
  append: (id: string, head: Head, chunks: readonly string[]) => store.append(id, head, chunks),
  remove: (id: string, head: Head) => store.remove(id, head),
  load: (id: string) => store.load(id),
  chunks: (id: string, head: Head) => store.chunks(id, head),
  /** Appends, and never stops. */
  append_forever: async (id: string) => {
    for (let head = await store.create(id); ;) head = await store.append(id, head, ['x'.repeat(100)]);
  },
  watch: async (ids: readonly string[]) => {
    await engine.watch(ids, (hint) => hints.push(hint));
  },
  /** Blocks the event loop until a file is there. */
  sleep_until: (file: string) => {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(file)) Atomics.wait(clock, 0, 0, 5);
  },
  hints: (): readonly Hint[] => hints,
  /** Stops this process while it has the write lock, as a debugger would. It answers when it goes on. */
  stop_with_lock: () => {
    const db = open({ path, noSubdir: false, overlappingSync: false });
    db.transactionSync(() => process.kill(process.pid, 'SIGSTOP'));
    return db.close();
  },
  close: () => engine.close(),
  /** Closes all, so that nothing but what is left open keeps this process alive. */
  leave: async () => {
    await engine.close();
    process.disconnect();
  },
  /** Leaves the engine open. */
  disconnect: () => {
    process.disconnect();
  },
});
