import { StreamError } from '../errors.js';
import { type EncodedPart, encodeEntry, encodeParts, encodeText } from '../log/frame.js';
import { encodeHead, headWith } from '../log/head.js';
import type { Commit, CommitResult, EngineFeatures } from './engine.js';
import { endOfBlock, type Framed, NO_BLOCK } from './lmdb-block.js';
import {
  ALL_GARBAGE,
  dueKey,
  entryKey,
  entryKeys,
  garbageKey,
  generationOfGarbageKey,
  headKey,
  type KeyRange,
  MAX_KEY_BYTES,
  partKey,
  partKeyLength,
  partKeys,
} from './lmdb-keys.js';
import {
  decodeRecord,
  encodeRecord,
  generationOf,
  getRecord,
  NO_SOFT,
  isAt,
  softOf,
  tailOf,
  type SoftState,
  withSoft,
} from './lmdb-record.js';
import type { LmdbStore } from './lmdb-store.js';
import type { LmdbTransaction } from './lmdb-writer.js';

/** How many keys of a life that is over are removed at once, so that no transaction is long. */
const SWEEP = 1000;

/** How many bytes LMDB may write for a change of one stream, beside its chunks and parts: some pages of some trees. */
export const BYTES_PER_STREAM = 32_768;

const ABSENT: CommitResult = { type: 'conflict', current: undefined };

/** A commit that has become bytes. */
export interface Prepared {
  readonly commit: Commit;
  /** The key of the stream. */
  readonly key: Buffer;
  /** The head as text. */
  readonly text: Uint8Array;
  readonly entries: readonly Framed[];
  readonly parts: readonly EncodedPart[];
  /** Why it can't be stored, whatever is there. */
  readonly refused: CommitResult | undefined;
}

/** Makes bytes of a commit. */
export function prepare(commit: Commit, { maxCommitBytes, maxChunkBytes }: EngineFeatures): Prepared {
  const parts = encodeParts(commit.parts);
  const key = headKey(commit.id);
  const refuse = (error: StreamError): Prepared => ({
    commit,
    key,
    text: NO_BLOCK,
    entries: [],
    parts: [],
    refused: { type: 'refused', error },
  });
  const total = commit.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > maxCommitBytes) return refuse(tooLarge('A commit', total, maxCommitBytes));
  for (const { name, bytes } of parts) {
    if ((bytes?.length ?? 0) > maxChunkBytes) {
      return refuse(tooLarge(`The part ${name}`, bytes?.length ?? 0, maxChunkBytes));
    }
    const length = partKeyLength(name);
    if (length > MAX_KEY_BYTES) {
      const message = `The name of a part has ${length} bytes as a key, but LMDB takes at most ${MAX_KEY_BYTES}.`;
      return refuse(new StreamError('INVALID_ARGUMENT', message));
    }
  }
  const entries = commit.entries.map((entry) => ({
    start: entry.position,
    end: entry.position + entry.chunks.length,
    frame: encodeEntry(entry),
  }));
  const text = commit.head === undefined ? NO_BLOCK : encodeText(encodeHead(commit.head));
  return { commit, key, text, entries, parts, refused: undefined };
}

/** How many bytes LMDB may write for commits. */
export function bytesOf(prepared: readonly Prepared[]): number {
  let sum = prepared.length * BYTES_PER_STREAM;
  for (const { entries, parts } of prepared) {
    for (const { frame } of entries) sum += frame.length;
    for (const { bytes } of parts) sum += bytes?.length ?? 0;
  }
  return sum;
}

const tooLarge = (what: string, bytes: number, most: number): StreamError =>
  new StreamError(
    'RESOURCE_EXHAUSTED',
    `${what} has ${bytes} bytes, but the LMDB engine takes at most ${most}.`,
  );

/** Stores each commit whose version is there. */
export function storeCommits(transaction: LmdbTransaction, commits: readonly Prepared[]): CommitResult[] {
  // First all looks, which can find damage, and then all writes.
  const looks = commits.map((prepared) => look(transaction.store, prepared));
  return commits.map((prepared, i) => {
    const seen = looks[i];
    return seen?.result ?? write(transaction, prepared, seen?.found);
  });
}

interface Look {
  readonly found: Buffer | undefined;
  /** Set if nothing is to be written. */
  readonly result: CommitResult | undefined;
}

function look(from: LmdbStore, { commit, key, refused }: Prepared): Look {
  if (refused !== undefined) return { found: undefined, result: refused };
  const { id, expected, head, usedAt = Infinity } = commit;
  const found = getRecord(from, id, key);
  const created = expected === undefined && head !== undefined;
  if (found === undefined) return { found, result: created ? undefined : ABSENT };
  const holds = expected !== undefined && isAt(found, expected) && softOf(found).usedAt <= usedAt;
  return { found, result: holds ? undefined : { type: 'conflict', current: decodeRecord(id, found) } };
}

function write(transaction: LmdbTransaction, prepared: Prepared, found: Buffer | undefined): CommitResult {
  const { commit, key, text, entries, parts } = prepared;
  const { id } = commit;
  const { store } = transaction;
  const soft = found === undefined ? NO_SOFT : softOf(found);
  transaction.changed(id);
  if (commit.head === undefined) {
    const generation = found === undefined ? 0 : generationOf(found);
    reschedule(store, id, soft.dueAt, Infinity);
    store.remove(key);
    if (!clear(store, generation)) {
      store.put(garbageKey(generation), NOTHING);
      transaction.garbage = true;
    }
    return { type: 'stored', generation };
  }
  const generation = found === undefined ? transaction.nextGeneration() : commit.head.generation;
  const dueAt = commit.dueAt ?? soft.dueAt;
  reschedule(store, id, soft.dueAt, dueAt);
  const head = found === undefined ? headWith(commit.head, { generation }) : commit.head;
  const { record, blocks } = encodeRecord(
    head,
    found === undefined ? encodeText(encodeHead(head)) : text,
    { ...soft, dueAt },
    found === undefined ? NO_BLOCK : tailOf(found),
    entries,
  );
  for (const block of blocks) store.put(entryKey(generation, endOfBlock(block)), block);
  store.put(key, record);
  for (const { name, bytes } of parts) {
    const partsKey = partKey(generation, name);
    if (bytes === undefined) store.remove(partsKey);
    else store.put(partsKey, bytes);
  }
  return { type: 'stored', generation };
}

const NOTHING = new Uint8Array(0);

/** A change of what has no version. */
export interface SoftChange {
  readonly id: string;
  /** The life that is meant. */
  readonly generation: number;
  readonly change: (soft: SoftState) => SoftState;
}

/** Makes the changes of those streams that are there. */
export function storeSoft(store: LmdbStore, changes: readonly SoftChange[]): void {
  // First all looks, which can find damage, and then all writes; but what is named twice is looked at again.
  for (const { id } of changes) getRecord(store, id);
  for (const { id, generation, change } of changes) {
    const record = getRecord(store, id);
    if (record === undefined || generationOf(record) !== generation) continue;
    const before = softOf(record);
    const after = change(before);
    if (before.usedAt === after.usedAt && before.beat === after.beat && before.dueAt === after.dueAt)
      continue;
    reschedule(store, id, before.dueAt, after.dueAt);
    store.put(headKey(id), withSoft(record, after));
  }
}

/** Moves a stream in the index of deadlines. */
function reschedule(store: LmdbStore, id: string, from: number, to: number): void {
  if (from === to) return;
  if (from !== Infinity) store.remove(dueKey(from, id));
  if (to !== Infinity) store.put(dueKey(to, id), NOTHING);
}

/** Whether lives that are over have left something. */
export const hasGarbage = (store: LmdbStore): boolean =>
  [...store.keys(ALL_GARBAGE, { limit: 1 })].length > 0;

/** Removes what is left of lives that are over, as much as one transaction should. Gives whether that is all. */
export function sweep({ store }: LmdbTransaction): boolean {
  const [key] = store.keys(ALL_GARBAGE, { limit: 1 });
  if (key === undefined) return true;
  if (!clear(store, generationOfGarbageKey(key))) return false;
  store.remove(key);
  return !hasGarbage(store);
}

/** Removes entries and parts of a generation. Gives whether none are left. */
function clear(store: LmdbStore, generation: number): boolean {
  return remove(store, partKeys(generation, '')) && remove(store, entryKeys(generation, 0));
}

function remove(store: LmdbStore, range: KeyRange): boolean {
  const keys = [...store.keys(range, { limit: SWEEP })];
  for (const key of keys) store.remove(key);
  return keys.length < SWEEP;
}
