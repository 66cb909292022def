import { printed, StreamError } from '../errors.js';
import { decodeHead, type Head } from '../log/head.js';
import type { Loaded, Parts, Version } from './engine.js';
import { blockLength, blocksOf, type Framed, NO_BLOCK, writeBlock } from './lmdb-block.js';
import { headKey } from './lmdb-keys.js';
import type { LmdbStore } from './lmdb-store.js';

/*
 * What is stored of a stream beside its parts, in one record, so that a commit writes little else: six floating point
 * numbers, which can be compared and replaced without reading the rest; how long the head is, and the head as text; and
 * the last entries, as long as there is room for them. Those before are in blocks of their own.
 *
 * An append changes this record alone, then, and seldom more; and of many streams these records are close together,
 * which spares LMDB most of the pages that it would have to write.
 */
const GENERATION = 0;
const N = 8;
const USED_AT = 16;
const BEAT = 24;
const DUE_AT = 32;
const TAG = 40;
const HEAD_LENGTH = 48;
const HEAD = 52;

/** Three to a page: LMDB splits what is larger into pages that stay half empty. */
const MAX_RECORD_BYTES = 1300;

/** What changes without a new version. */
export interface SoftState {
  readonly usedAt: number;
  readonly beat: number;
  /** Where the index of deadlines has the stream; `Infinity` if nowhere. */
  readonly dueAt: number;
}

/** The soft state of a stream that begins. */
export const NO_SOFT: SoftState = { usedAt: -Infinity, beat: 0, dueAt: Infinity };

const NO_PARTS: Parts = {};

/** A record as bytes, and the blocks for which it has no room. */
export function encodeRecord(
  head: Head,
  text: Uint8Array,
  soft: SoftState,
  tail: Buffer,
  entries: readonly Framed[],
): { readonly record: Buffer; readonly blocks: Iterable<Buffer> } {
  const room = MAX_RECORD_BYTES - HEAD - text.length;
  if (blockLength(tail, entries) <= room)
    return { record: recordOf(head, text, soft, tail, entries), blocks: [] };
  if (blockLength(NO_BLOCK, entries) <= room) {
    return { record: recordOf(head, text, soft, NO_BLOCK, entries), blocks: blocksOf(tail, []) };
  }
  return { record: recordOf(head, text, soft, NO_BLOCK, []), blocks: blocksOf(tail, entries) };
}

function recordOf(
  { generation, n, tag }: Head,
  text: Uint8Array,
  soft: SoftState,
  tail: Buffer,
  entries: readonly Framed[],
): Buffer {
  const record = Buffer.allocUnsafe(HEAD + text.length + blockLength(tail, entries));
  record.writeDoubleLE(generation, GENERATION);
  record.writeDoubleLE(n, N);
  record.writeDoubleLE(tag, TAG);
  record.writeUInt32LE(text.length, HEAD_LENGTH);
  record.set(text, HEAD);
  writeBlock(record, HEAD + text.length, tail, entries);
  return putSoft(record, soft);
}

/** A copy of a record with other soft state. */
export const withSoft = (record: Buffer, soft: SoftState): Buffer => putSoft(Buffer.from(record), soft);

function putSoft(record: Buffer, { usedAt, beat, dueAt }: SoftState): Buffer {
  record.writeDoubleLE(usedAt, USED_AT);
  record.writeDoubleLE(beat, BEAT);
  record.writeDoubleLE(dueAt, DUE_AT);
  return record;
}

/** The generation in a record. */
export const generationOf = (record: Buffer): number => record.readDoubleLE(GENERATION);
/** Whether a record is of a version. */
export const isAt = (record: Buffer, { generation, n, tag }: Version): boolean =>
  generationOf(record) === generation && record.readDoubleLE(N) === n && record.readDoubleLE(TAG) === tag;
/** The soft state in a record. */
export const softOf = (record: Buffer): SoftState => ({
  usedAt: record.readDoubleLE(USED_AT),
  beat: record.readDoubleLE(BEAT),
  dueAt: record.readDoubleLE(DUE_AT),
});

/** The last entries of a stream, as a block; those of a record without one are none. */
export const tailOf = (record: Buffer): Buffer => record.subarray(HEAD + record.readUInt32LE(HEAD_LENGTH));

/** The record of a stream. Throws `DATA_LOSS` if it is torn. */
export function getRecord(store: LmdbStore, id: string, key = headKey(id)): Buffer | undefined {
  const record = store.get(key);
  if (record !== undefined && record.length <= HEAD) throw torn(id);
  return record;
}

/** All of a record. Throws `DATA_LOSS` if it is none. */
export function decodeRecord(id: string, record: Buffer, parts = NO_PARTS): Loaded {
  let head: Head;
  try {
    head = decodeHead(record.toString('utf8', HEAD, HEAD + record.readUInt32LE(HEAD_LENGTH)));
  } catch (cause) {
    throw torn(id, cause);
  }
  const { usedAt, beat, dueAt } = softOf(record);
  return { head, soft: { usedAt, beat, readers: 0, dueAt }, parts };
}

const torn = (id: string, cause?: unknown): StreamError =>
  new StreamError('DATA_LOSS', `The store's record of the stream ${printed(id)} is torn.`, { cause });
