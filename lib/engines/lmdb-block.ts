import { crc32 } from 'node:zlib';
import { StreamError } from '../errors.js';
import { decodeEntryIn, type Frames } from '../log/frame.js';
import type { Entry } from './engine.js';

/*
 * Entries are stored several to a block, because a small record costs LMDB as much as one of some hundred bytes. A block
 * is the position of its first chunk and the position after its last (8 bytes each, floating point), the CRC-32 of what
 * follows (4), and of each entry the length (4) and the frame.
 */
const START = 0;
const END = 8;
const CRC = 16;
const ENTRIES = 20;
const LENGTH = 4;

/** From this size on no more entries are put to a block, so that a look at one is never a look at much. */
const FULL = 16_384;

/** An entry as bytes. */
export interface Framed {
  readonly start: number;
  readonly end: number;
  readonly frame: Uint8Array;
}

/** A block without entries. */
export const NO_BLOCK = Buffer.alloc(0);

/** How long a block will be with entries put to it. */
export function blockLength(block: Buffer, entries: readonly Framed[]): number {
  let length = block.length;
  if (length === 0 && entries.length > 0) length = ENTRIES;
  for (const { frame } of entries) length += LENGTH + frame.length;
  return length;
}

/** Puts entries to a block: writes both to `target`, which has room for that. */
export function writeBlock(target: Buffer, at: number, block: Buffer, entries: readonly Framed[]): void {
  const first = entries[0];
  const last = entries.at(-1);
  target.set(block, at);
  if (first === undefined || last === undefined) return;
  if (block.length === 0) target.writeDoubleLE(first.start, at + START);
  target.writeDoubleLE(last.end, at + END);
  const from = at + (block.length === 0 ? ENTRIES : block.length);
  let to = from;
  for (const { frame } of entries) {
    target.writeUInt32LE(frame.length, to);
    target.set(frame, to + LENGTH);
    to += LENGTH + frame.length;
  }
  const crc = block.length === 0 ? 0 : block.readUInt32LE(CRC);
  target.writeUInt32LE(crc32(target.subarray(from, to), crc), at + CRC);
}

/** A block with entries put to it, cut into several where it would be too large. */
export function* blocksOf(block: Buffer, entries: readonly Framed[]): Generator<Buffer> {
  let base = block;
  let more: Framed[] = [];
  let length = block.length;
  for (const entry of entries) {
    more.push(entry);
    length += entry.frame.length;
    if (length < FULL) continue;
    yield joined(base, more);
    base = NO_BLOCK;
    more = [];
    length = 0;
  }
  if (base.length > 0 || more.length > 0) yield joined(base, more);
}

function joined(block: Buffer, entries: readonly Framed[]): Buffer {
  const bytes = Buffer.allocUnsafe(blockLength(block, entries));
  writeBlock(bytes, 0, block, entries);
  return bytes;
}

/** The position of the first chunk in a block. */
export const startOfBlock = (block: Buffer): number => block.readDoubleLE(START);
/** The position after a block. */
export const endOfBlock = (block: Buffer): number => block.readDoubleLE(END);

/**
 * The entries of a block, from the first that goes on after a position. Their bytes are views into the block. Throws
 * `DATA_LOSS` if they are not what was stored.
 */
export function* entriesOf(block: Buffer, position: number): Generator<Entry> {
  if (block.length === 0) return;
  if (block.length < ENTRIES || crc32(block.subarray(ENTRIES)) !== block.readUInt32LE(CRC)) throw torn();
  const frames = new BlockFrames(block);
  let start = block.readDoubleLE(START);
  for (let at = ENTRIES; at < block.length;) {
    const length = block.readUInt32LE(at);
    at += LENGTH;
    const entry = decodeEntryIn(start, frames, at, at + length);
    at += length;
    start += entry.chunks.length;
    if (start > position) yield entry;
  }
}

class BlockFrames implements Frames {
  readonly bytes: Uint8Array;
  #text: string | undefined;

  constructor(private readonly block: Buffer) {
    // A view of the same memory: users get bytes, not buffers, whose `slice` is another.
    this.bytes = new Uint8Array(block.buffer, block.byteOffset, block.length);
  }

  latin1(from: number, to: number): string {
    this.#text ??= this.block.toString('latin1');
    return this.#text.slice(from, to);
  }
}

const torn = (): StreamError => new StreamError('DATA_LOSS', 'The store has entries that are torn.');
