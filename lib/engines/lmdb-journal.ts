import { COUNTERS, journalKey } from './lmdb-keys.js';
import type { LmdbStore } from './lmdb-store.js';

/** How many transactions the journal goes back. */
const SLOTS = 1024;
/** A transaction that changed more ids, in UTF-16 units, says only that it changed something. */
const MAX_NAMED = 16_384;

/** What the store counts. */
export interface Counters {
  /** The number of the last transaction that is in the journal. */
  readonly sequence: number;
  /** How many generations were given. */
  readonly generations: number;
}

/** What a transaction changed; `ids` is undefined where it is too much to name. */
export interface JournalRecord {
  readonly sequence: number;
  /** Which engine wrote it. */
  readonly writer: string;
  readonly ids: readonly string[] | undefined;
}

/** The counters as they are. */
export function readCounters(store: LmdbStore): Counters {
  const bytes = store.get(COUNTERS);
  return bytes === undefined
    ? { sequence: 0, generations: 0 }
    : { sequence: bytes.readDoubleLE(0), generations: bytes.readDoubleLE(8) };
}

/** Stores the counters. */
export function writeCounters(store: LmdbStore, { sequence, generations }: Counters): void {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeDoubleLE(sequence, 0);
  bytes.writeDoubleLE(generations, 8);
  store.put(COUNTERS, bytes);
}

/** Stores what a transaction changed, over what the one {@link SLOTS} before it did. */
export function writeJournal(store: LmdbStore, { sequence, writer, ids }: Required<JournalRecord>): void {
  let length = 0;
  for (const id of ids ?? []) length += id.length;
  const named = length > MAX_NAMED ? [] : [ids];
  store.put(journalKey(sequence % SLOTS), Buffer.from(JSON.stringify([sequence, writer, ...named])));
}

/**
 * What the transactions after one, up to another, have changed, leaving out those of one writer. `undefined` if that
 * can't be told: too much changed, or too long ago.
 */
export function changesBetween(
  store: LmdbStore,
  after: number,
  last: number,
  except: string,
): ReadonlySet<string> | undefined {
  if (last < after || last - after > SLOTS) return undefined;
  const changed = new Set<string>();
  for (let wanted = after + 1; wanted <= last; wanted++) {
    const bytes = store.get(journalKey(wanted % SLOTS));
    if (bytes === undefined) return undefined;
    const [sequence, writer, ids] = JSON.parse(bytes.toString()) as [number, string, (readonly string[])?];
    if (sequence !== wanted) return undefined;
    if (writer === except) continue;
    if (ids === undefined) return undefined;
    for (const id of ids) changed.add(id);
  }
  return changed;
}
