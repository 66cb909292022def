import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { onTestFinished } from 'vitest';
import { lmdbEngine, type LmdbEngineOptions } from '../../lib/engines/lmdb.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { type Child, child } from './child.js';
import { temporaryDirectory } from './temporary.js';

/** A directory for a store, removed when the test is over. */
export function storePath(): string {
  const path = temporaryDirectory('lmdb');
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** An engine on a directory, closed when the test is over. */
export function storeIn(path = storePath(), options: Partial<LmdbEngineOptions> = {}): Store {
  const engine = lmdbEngine({ ...options, path });
  onTestFinished(async () => {
    // Where a spec has made it fail, it has said so.
    await Promise.resolve(engine.close()).catch(() => undefined);
  });
  return new Store(engine, engine.features, 4_000);
}

/** The data beneath an engine, closed when the test is over. */
export function dataIn(path: string): RootDatabase<Buffer, Buffer> {
  const data = open<Buffer, Buffer>({
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
  });
  onTestFinished(() => data.close());
  return data;
}

/** How many keys of a kind there are. */
export function countKeys(data: RootDatabase<Buffer, Buffer>, kind: string): number {
  data.resetReadTxn();
  return data.getKeysCount({ start: Buffer.from(kind), end: Buffer.from(`${kind}\xff`, 'latin1') });
}

/** Another process on a directory, ended when the test is over. */
export async function processOn(path: string): Promise<Child> {
  const started = await child('lmdb-child.ts', { args: [path] });
  onTestFinished(() => started.kill());
  return started;
}

/** Whether a process is stopped, as by SIGSTOP. */
export const isStopped = ({ process: { pid } }: Child): boolean =>
  readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8').includes(') T ');

/** What this process has open in a directory: files, and maps of files. */
export function openIn(path: string): string[] {
  const files = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(join('/proc/self/fd', name));
    } catch {
      // The directory itself, which is closed by now.
      return '';
    }
  });
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return [...files, ...maps].filter((line) => line.includes(path));
}
