import { decodePart } from '../log/frame.js';
import type { Entry, Loaded, LoadRequest, Page, ReadRequest } from './engine.js';
import { entriesOf, startOfBlock } from './lmdb-block.js';
import {
  ALL_DUE,
  deadlineOfDueKey,
  entryKeys,
  headKey,
  headKeys,
  idOfDueKey,
  idOfHeadKey,
  nameOfPartKey,
  partKey,
  partKeys,
} from './lmdb-keys.js';
import { decodeRecord, generationOf, getRecord, tailOf } from './lmdb-record.js';
import type { LmdbStore } from './lmdb-store.js';

const NO_ENTRIES: readonly Entry[] = [];

/** A stream, and the parts asked for. */
export function load(
  store: LmdbStore,
  { id, parts: names = [], partsWith }: LoadRequest,
): Loaded | undefined {
  const record = getRecord(store, id);
  if (record === undefined) return undefined;
  const generation = generationOf(record);
  const parts: Record<string, unknown> = {};
  for (const name of names) {
    const bytes = store.get(partKey(generation, name));
    if (bytes !== undefined) parts[name] = decodePart(plain(bytes));
  }
  if (partsWith !== undefined) {
    for (const { key, value } of store.range(partKeys(generation, partsWith))) {
      parts[nameOfPartKey(key)] = decodePart(plain(value));
    }
  }
  return decodeRecord(id, record, parts);
}

/** A stream, and entries of it. */
export function page(
  store: LmdbStore,
  { id, generation, position, until, maxBytes, maxChunks }: ReadRequest,
): Page {
  const record = getRecord(store, id);
  if (record === undefined) return { current: undefined, entries: NO_ENTRIES };
  const current = decodeRecord(id, record);
  if (current.head.generation !== generation || position >= current.head.tail) {
    return { current, entries: NO_ENTRIES };
  }
  const entries: Entry[] = [];
  let bytes = 0;
  let chunks = 0;
  for (const block of blocksFrom(store, record, generation, position)) {
    for (const entry of entriesOf(block, position)) {
      if (entry.position >= until) return { current, entries };
      entries.push(entry);
      bytes += entry.bytes;
      chunks += entry.chunks.length;
      if (bytes >= maxBytes || chunks >= maxChunks) return { current, entries };
    }
  }
  return { current, entries };
}

/** The blocks with what is after a position: those that have keys of their own, and the one in the record. */
function* blocksFrom(
  store: LmdbStore,
  record: Buffer,
  generation: number,
  position: number,
): Generator<Buffer> {
  const tail = tailOf(record);
  if (tail.length === 0 || startOfBlock(tail) > position) {
    for (const { value } of store.range(entryKeys(generation, position))) yield value;
  }
  yield tail;
}

/** Streams in order, without those that are kept only for their forks. */
export function list(
  store: LmdbStore,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string; readonly limit: number },
): { readonly id: string; readonly loaded: Loaded }[] {
  const { start, end } = headKeys(prefix);
  const last = headKey(after);
  const resumes = after !== '' && Buffer.compare(last, start) >= 0;
  const found: { id: string; loaded: Loaded }[] = [];
  if (limit === 0) return found;
  for (const { key, value } of store.range({ start: resumes ? last : start, end }, { after: resumes })) {
    const id = idOfHeadKey(key);
    const loaded = decodeRecord(id, value);
    if (loaded.head.facts.deleted) continue;
    if (found.push({ id, loaded }) === limit) break;
  }
  return found;
}

/** The streams whose deadlines have come, and the next deadline. */
export function due(store: LmdbStore, now: number, limit: number): { ids: string[]; next: number } {
  const ids: string[] = [];
  for (const key of store.keys(ALL_DUE, { limit: limit + 1 })) {
    const deadline = deadlineOfDueKey(key);
    if (deadline > now || ids.length === limit) return { ids, next: deadline };
    ids.push(idOfDueKey(key));
  }
  return { ids, next: Infinity };
}

/** Bytes that nobody else has, as what users may be given: a `Buffer` differs in what `slice` does. */
const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
