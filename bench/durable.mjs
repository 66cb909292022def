/** What is measured of streams on an engine: the chunks, the stores, and LMDB alone, used as its documentation has it. */
import { Buffer } from 'node:buffer';
import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'lmdb';

/** A chunk has so many bytes as it is stored. */
export const BYTES = 128;

const TEXT =
  'the quick brown fox jumps over the lazy dog while nobody is looking at it, again and again, until 00:00 ';

/** The chunk to write at a position: of JSON with 128 characters. */
export const jsonAt = (i) => ({ at: 1_000_000 + (i % 1_000_000), text: TEXT });
if (JSON.stringify(jsonAt(0)).length !== BYTES) throw new Error('The chunks have another length.');

const BUFFER = Buffer.alloc(BYTES, 'x');

/** The same as bytes. */
export const bytesAt = () => new Uint8Array(BUFFER);

/** A folder for the stores of this measurement alone, or one that has a name: on the disk of the checkout. */
export function folder(name = `${process.pid}`) {
  const path = `${process.env.BENCH_DATA}/${name}`;
  mkdirSync(path, { recursive: true });
  return path;
}

/** Runs something with a folder of its own, which is removed afterwards. */
export async function inFolder(run) {
  const path = folder();
  try {
    return await run(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

export const ours = () => import(process.env.BENCH_OURS);

/** The library with its LMDB engine. */
export async function withLmdb() {
  const { DurableStreamManager } = await ours();
  const { lmdbEngine } = await import(new URL('lmdb.js', process.env.BENCH_OURS));
  return { DurableStreamManager, lmdbEngine };
}

/** A manager on the LMDB engine. */
export async function openStreams(path, options) {
  const { DurableStreamManager, lmdbEngine } = await withLmdb();
  return new DurableStreamManager(lmdbEngine({ path: `${path}/ours` }), options);
}

/**
 * LMDB alone: one record per chunk, bytes as they are, by stream and position. Without overlapping syncs a `put` is
 * flushed once its promise resolves, which is faster here than to await `flushed` after it.
 */
export const openRaw = (path) =>
  open({ path: `${path}/raw`, noSubdir: false, encoding: 'binary', overlappingSync: false });

/** The record of a chunk in LMDB alone. */
export const putRaw = (db, stream, position) => db.put([stream, position], BUFFER);

/** Writes a prepared store: `streams` of `chunks`, each stream in batches, all streams at once. */
export async function prepare(path, { streams, chunks, batch, json }) {
  const write = async (next, flush) => {
    for (let i = 0; i < chunks; i++) {
      next(i);
      if ((i + 1) % batch === 0 || i + 1 === chunks) await flush();
    }
  };
  const manager = await openStreams(path);
  const inputs = Array.from({ length: streams }, (_, i) => manager.open(`stream-${i}`));
  await Promise.all(inputs.map(({ opened }) => opened));
  const chunkAt = json ? jsonAt : bytesAt;
  await Promise.all(
    inputs.map((input) =>
      write(
        (i) => void input.next(chunkAt(i)),
        () => input.flush(),
      ),
    ),
  );
  await manager.close();
  const db = openRaw(path);
  let put;
  for (let stream = 0; stream < streams; stream++) {
    await write(
      (i) => void (put = putRaw(db, stream, i)),
      () => (batch > 1 ? put : undefined),
    );
    await put;
  }
  await db.close();
}
