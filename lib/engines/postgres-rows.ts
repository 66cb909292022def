import { decodeHead, headWith } from '../log/head.js';
import { bufferOn } from './buffer-on.js';
import type { Loaded } from './engine.js';

/** A row as the server tells it: text, or nothing. */
export type Row = readonly (string | null)[];

/** What comes of a stream before what else a row has: item, generation, head, usedAt, beat, dueAt. */
export const FIELDS = 6;

/** An array as PostgreSQL writes it. */
export const arrayOf = (values: readonly number[]): string => `{${values.join(',')}}`;

/** The type of `float8`, in every database. */
const FLOAT8 = 701;

/**
 * An array of `float8` as PostgreSQL sends and takes it where that is not as text, which `pg` does with a buffer. To make
 * a text of many numbers takes eight times as long, and to parse it longer, too.
 */
export function binaryArrayOf(values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(20 + 12 * values.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // One dimension, without NULL, of this type, so long, counted from 1.
  for (const [i, number] of [1, 0, FLOAT8, values.length, 1].entries()) view.setInt32(4 * i, number);
  let at = 20;
  for (const value of values) {
    view.setInt32(at, 8);
    view.setFloat64(at + 4, value);
    at += 12;
  }
  return bytes;
}

/** Texts as PostgreSQL writes an array of bytes: any character can be in them. */
export const bytesArrayOf = (texts: readonly string[]): string => hexArrayOf(texts.map(hexOf));

/** The same of texts that are {@link hexOf} already. */
export const hexArrayOf = (texts: readonly string[]): string =>
  `{${texts.map((text) => `"\\\\x${text}"`).join(',')}}`;

/** The UTF-8 of a text as hexadecimal digits: they sort as the bytes do. */
export const hexOf = (text: string): string => Buffer.from(text).toString('hex');

/** The bytes that hexadecimal digits are: memory that nothing else is in. */
export function bytesFrom(hex: string | null | undefined): Uint8Array {
  const bytes = new Uint8Array((hex?.length ?? 0) / 2);
  bufferOn(bytes).write(hex ?? '', 'hex');
  return bytes;
}

/** So many bytes in Base64: memory that nothing else is in. */
export function bytesFrom64(text: string | null | undefined, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bufferOn(bytes).write(text ?? '', 'base64');
  return bytes;
}

/** The text whose UTF-8 hexadecimal digits are. */
export const textFrom = (hex: string | null | undefined): string => Buffer.from(hex ?? '', 'hex').toString();

/** The stream in a row. */
export function loadedFrom(
  [, generation, head, usedAt, beat, dueAt]: Row,
  parts: Record<string, unknown> = {},
): Loaded {
  return {
    // A head that begins a stream is stored before it has its generation.
    head: headWith(decodeHead(textFrom(head)), { generation: Number(generation) }),
    soft: { usedAt: Number(usedAt), beat: Number(beat), readers: 0, dueAt: Number(dueAt) },
    parts,
  };
}
