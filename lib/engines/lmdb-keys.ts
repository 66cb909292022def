/*
 * How what is stored is found. LMDB has one ordered map from bytes to bytes; the first byte of a key says what it is:
 *
 *   c                        counters: the sequence of the journal, and of generations
 *   d | deadline | id        the index of deadlines
 *   e | generation | end     a block of entries, by the position after its last chunk: the first block that ends after
 *                            a position is the one to read on from, also where the position is inside it
 *   f                        the format of the store
 *   g | generation           a life that is over, of which entries or parts are left
 *   h | id                   a stream
 *   j | slot                 the journal of what changed, a ring
 *   p | generation | name    a part
 *
 * An id is at the end of its key and raw UTF-8, so ids sort as they should and no character is special. What belongs
 * to one life is found by its generation, which no other life has.
 */

/** LMDB takes no longer keys. */
export const MAX_KEY_BYTES = 1978;

/** From a key to before another. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** The counters. */
export const COUNTERS = Buffer.from('c');
/** The format. */
export const FORMAT = Buffer.from('f');
/** The whole index of deadlines. */
export const ALL_DUE: KeyRange = { start: Buffer.from('d'), end: Buffer.from('e') };
/** All lives of which something is left. */
export const ALL_GARBAGE: KeyRange = { start: Buffer.from('g'), end: Buffer.from('h') };

const PART = 'p'.charCodeAt(0);

/** UTF-8 has no such byte, so it is behind whatever begins with the same text. */
const LAST = Buffer.from([0xff]);

/** A stream. */
export const headKey = (id: string): Buffer => Buffer.from(`h${id}`);
/** The id in the key of a stream. */
export const idOfHeadKey = (key: Buffer): string => key.toString('utf8', 1);
/** The streams whose ids begin with a prefix. */
export const headKeys = (prefix: string): KeyRange => upToLast(headKey(prefix));

/** The block of a generation that ends at a position. */
export const entryKey = (generation: number, end: number): Buffer => numbered('e', generation, end);
/** The blocks of a generation that end after a position. */
export const entryKeys = (generation: number, after: number): KeyRange => ({
  start: entryKey(generation, after + 1),
  end: numbered('e', generation + 1),
});

/** A part of a generation. */
export function partKey(generation: number, name: string): Buffer {
  const key = Buffer.allocUnsafe(partKeyLength(name));
  key[0] = PART;
  putNumber(key, 1, generation);
  key.write(name, 9);
  return key;
}
/** How many bytes such a key has. */
export const partKeyLength = (name: string): number => 9 + Buffer.byteLength(name);
/** The name in the key of a part. */
export const nameOfPartKey = (key: Buffer): string => key.toString('utf8', 9);
/** The parts of a generation whose names begin with a prefix. */
export const partKeys = (generation: number, prefix: string): KeyRange =>
  upToLast(partKey(generation, prefix));

/** A life of which something is left. */
export const garbageKey = (generation: number): Buffer => numbered('g', generation);
/** The generation in such a key. */
export const generationOfGarbageKey = (key: Buffer): number => numberAt(key, 1);

/** A slot of the journal. */
export const journalKey = (slot: number): Buffer => numbered('j', slot);

/** A stream in the index of deadlines. */
export function dueKey(dueAt: number, id: string): Buffer {
  const key = Buffer.concat([numbered('d', 0), Buffer.from(id)]);
  key.writeDoubleBE(dueAt, 1);
  turn(key, 1, dueAt < 0);
  return key;
}
/** The deadline in a key of that index. */
export function deadlineOfDueKey(key: Buffer): number {
  const number = Buffer.from(key.subarray(1, 9));
  turn(number, 0, (number.readUInt8(0) & 0x80) === 0);
  return number.readDoubleBE(0);
}
/** The id in a key of that index. */
export const idOfDueKey = (key: Buffer): string => key.toString('utf8', 9);

/** As bytes, floating point numbers sort right once their sign is turned round, and of negative ones every bit. */
function turn(bytes: Buffer, at: number, negative: boolean): void {
  for (let i = at; i < at + 8; i++) {
    const byte = bytes.readUInt8(i);
    if (negative) bytes[i] = byte ^ 0xff;
    else if (i === at) bytes[i] = byte ^ 0x80;
  }
}

const upToLast = (start: Buffer): KeyRange => ({ start, end: Buffer.concat([start, LAST]) });

/** A letter and numbers of eight bytes each, the greatest byte first. */
function numbered(kind: string, ...numbers: readonly number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + 8 * numbers.length);
  key.write(kind, 0, 'latin1');
  numbers.forEach((number, i) => {
    putNumber(key, 1 + 8 * i, number);
  });
  return key;
}

function putNumber(key: Buffer, at: number, number: number): void {
  key.writeUInt32BE(Math.floor(number / 2 ** 32), at);
  key.writeUInt32BE(number >>> 0, at + 4);
}

const numberAt = (key: Buffer, at: number): number =>
  key.readUInt32BE(at) * 2 ** 32 + key.readUInt32BE(at + 4);
