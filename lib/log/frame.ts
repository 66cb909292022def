import type { Entry, Parts, Payload } from '../engines/engine.js';
import { StreamError } from '../errors.js';
import { MAX_TAG } from './tag.js';

/*
 * How an entry, and a part, become bytes. A frame is
 *
 *   kind (1 byte) | tag | previous | count | one length per chunk | the chunks
 *
 * with unsigned LEB128 numbers. The texts of a frame are one UTF-8 run, decoded once and cut by their lengths in UTF-16
 * units, because a decoder call costs more than most chunks are long.
 */

const TEXT = 1;
const BYTES = 2;
/** Texts and bytes in one entry: bit 0 of each length says which; each chunk stands for itself. */
const MIXED = 3;

const encoder = new TextEncoder();
/** Fatal: a frame that is torn inside of a character would else be as long as a whole one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** The bytes of an entry; its position is not among them. */
export function encodeEntry({ chunks, tag, previous }: Entry): Uint8Array {
  const kind = kindOf(chunks);
  const bodies: Uint8Array[] = [];
  const numbers = [tag, previous, chunks.length];
  if (kind === TEXT) {
    for (const chunk of chunks) numbers.push(chunk.length);
    const text = chunks.length === 1 ? (chunks[0] as string) : chunks.join('');
    if (text.length <= SMALL && chunks.length <= SMALL) {
      const start = room(1 + numbers.length * MAX_NUMBER + text.length * 3);
      pool[start] = kind;
      return taken(start, text, putNumbers(pool, start + 1, numbers));
    }
    bodies.push(encoder.encode(text));
  } else {
    for (const chunk of chunks) {
      const text = typeof chunk === 'string';
      const body = text ? encoder.encode(chunk) : chunk;
      numbers.push(kind === BYTES ? body.length : body.length * 2 + (text ? 1 : 0));
      bodies.push(body);
    }
  }
  const head = new Uint8Array(numbers.length * MAX_NUMBER);
  const headLength = putNumbers(head, 0, numbers);
  let length = 1 + headLength;
  for (const body of bodies) length += body.length;
  const frame = new Uint8Array(length);
  frame[0] = kind;
  frame.set(head.subarray(0, headLength), 1);
  let at = 1 + headLength;
  for (const body of bodies) {
    frame.set(body, at);
    at += body.length;
  }
  return frame;
}

/*
 * What is small shares memory with others that were made about then, as small buffers of Node do: memory of its own
 * takes several times as long to get as to fill.
 */
const POOL = 16_384;
/** Up to how many UTF-16 units, or numbers. */
const SMALL = 1_024;
let pool = new Uint8Array(POOL);
let poolUsed = 0;

/** Where in the pool there is room for so many bytes, at most a pool full. */
function room(bytes: number): number {
  if (poolUsed + bytes > POOL) {
    pool = new Uint8Array(POOL);
    poolUsed = 0;
  }
  return poolUsed;
}

/** Puts a text where there is room for it; gives the bytes from a place before it. */
function taken(start: number, text: string, at = start): Uint8Array {
  poolUsed = at + encoder.encodeInto(text, pool.subarray(at)).written;
  return pool.subarray(start, poolUsed);
}

/** A text as bytes, quickly if it is short. */
export const encodeText = (text: string): Uint8Array =>
  text.length <= SMALL ? taken(room(text.length * 3), text) : encoder.encode(text);

/** Where frames are, in bytes that are known to be whole. */
export interface Frames {
  readonly bytes: Uint8Array;
  /** The characters that some of the bytes are in Latin-1: of ASCII they are the text, and that is cheap to have. */
  latin1(from: number, to: number): string;
}

/**
 * The entry at a position from its bytes, into which bytes of chunks are views. Throws `DATA_LOSS` for what is no whole
 * frame.
 */
export const decodeEntry = (position: number, frame: Uint8Array): Entry =>
  decode(position, frame, 0, frame.length, undefined);

/** The same for the frame between two places. */
export const decodeEntryIn = (position: number, frames: Frames, from: number, to: number): Entry =>
  decode(position, frames.bytes, from, to, frames);

/** Entries that follow each other: from the first one's position and place on, by the lengths of their frames. */
export function decodeEntriesIn(
  start: number,
  frames: Frames,
  from: number,
  lengths: readonly number[],
): Entry[] {
  let position = start;
  let at = from;
  return lengths.map((length) => {
    const entry = decodeEntryIn(position, frames, at, (at += length));
    position += entry.chunks.length;
    return entry;
  });
}

function decode(
  position: number,
  bytes: Uint8Array,
  from: number,
  to: number,
  frames: Frames | undefined,
): Entry {
  const kind = bytes[from];
  const numbers = new Numbers(bytes, from + 1, to);
  const tag = numbers.next();
  const previous = numbers.next();
  const count = numbers.next();
  if (kind === undefined || kind < TEXT || kind > MIXED || !(count > 0 && count <= to - from)) throw torn();
  const lengths = new Array<number>(count);
  for (let i = 0; i < count; i++) lengths[i] = numbers.next();
  const body = numbers.at;
  if (!(tag <= MAX_TAG && previous <= MAX_TAG && (lengths[count - 1] as number) >= 0)) throw torn();
  const chunks =
    kind === TEXT
      ? textsOf(textOf(bytes, body, to, lengths, frames), lengths)
      : payloadsOf(bytes, body, to, lengths, kind === MIXED);
  return { position, chunks, bytes: to - body, tag, previous };
}

function textOf(
  bytes: Uint8Array,
  body: number,
  to: number,
  lengths: readonly number[],
  frames: Frames | undefined,
): string {
  if (frames !== undefined) {
    let units = 0;
    for (const length of lengths) units += length;
    // Every other character has more bytes than units.
    if (units === to - body) return frames.latin1(body, to);
  }
  return decoded(bytes.subarray(body, to));
}

function textsOf(text: string, lengths: readonly number[]): Payload[] {
  if (lengths.length === 1 && lengths[0] === text.length) return [text];
  const chunks = new Array<Payload>(lengths.length);
  let at = 0;
  for (let i = 0; i < lengths.length; i++) {
    const end = at + (lengths[i] as number);
    chunks[i] = text.slice(at, end);
    at = end;
  }
  if (at !== text.length) throw torn();
  return chunks;
}

function payloadsOf(
  frame: Uint8Array,
  body: number,
  to: number,
  lengths: readonly number[],
  mixed: boolean,
): Payload[] {
  const chunks = new Array<Payload>(lengths.length);
  let at = body;
  for (let i = 0; i < lengths.length; i++) {
    const stored = lengths[i] as number;
    const end = at + (mixed ? Math.floor(stored / 2) : stored);
    if (end > to) throw torn();
    const bytes = frame.subarray(at, end);
    chunks[i] = mixed && stored % 2 === 1 ? decoded(bytes) : bytes;
    at = end;
  }
  if (at !== to) throw torn();
  return chunks;
}

function kindOf(chunks: readonly Payload[]): number {
  let kind = 0;
  for (const chunk of chunks) kind |= typeof chunk === 'string' ? TEXT : BYTES;
  return kind;
}

/** A part, or an outcome, as bytes: JSON, and bytes in it as they are, after it. */
export function encodePart(part: unknown): Uint8Array {
  const { output } = part as { output?: unknown };
  if (!(output instanceof Uint8Array)) return encodeText(JSON.stringify(part));
  const bytes = new Uint8Array(1 + output.length);
  bytes.set(output, 1);
  return bytes;
}

/** A part as bytes, by name; without them it is to be removed. */
export interface EncodedPart {
  readonly name: string;
  readonly bytes: Uint8Array | undefined;
}

const NO_PARTS: readonly EncodedPart[] = [];

/** The parts of a commit, of which most have none. */
export function encodeParts(parts: Parts | undefined): readonly EncodedPart[] {
  if (parts === undefined) return NO_PARTS;
  return Object.entries(parts).map(([name, part]) => ({
    name,
    bytes: part === undefined ? undefined : encodePart(part),
  }));
}

/** The part from its bytes. Throws `DATA_LOSS` for what is none. */
export function decodePart(bytes: Uint8Array): unknown {
  // No JSON begins with a byte of 0.
  // A copy, for which `slice` would not do: it is a view for Node's buffers.
  if (bytes[0] === 0) return { type: 'done', output: new Uint8Array(bytes.subarray(1)) };
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw new StreamError('DATA_LOSS', 'The store has a part that is torn.', { cause });
  }
}

/** The most bytes that a number has. */
const MAX_NUMBER = 8;

/** Puts numbers there, and gives where they end. */
function putNumbers(bytes: Uint8Array, from: number, numbers: readonly number[]): number {
  let at = from;
  for (const number of numbers) {
    let rest = number;
    while (rest > 0x7f) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
  }
  return at;
}

/** Reads the numbers of a frame one after another; `NaN` beyond its end. */
class Numbers {
  constructor(
    private readonly frame: Uint8Array,
    public at: number,
    private readonly to: number,
  ) {}

  next(): number {
    let number = 0;
    for (let scale = 1; ; scale *= 0x80) {
      if (this.at >= this.to) return NaN;
      const byte = this.frame[this.at++] as number;
      number += (byte & 0x7f) * scale;
      if (byte < 0x80) return number;
    }
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw torn();
  }
}

const torn = (): StreamError => new StreamError('DATA_LOSS', 'The store has an entry that is torn.');
