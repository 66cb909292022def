import {
  decodeEntry,
  decodeEntryIn,
  decodePart,
  encodeEntry,
  encodePart,
  type Frames,
} from '../log/frame.js';
import { decodeHead, encodeHead, type Head } from '../log/head.js';
import { bufferOn } from './buffer-on.js';
import type { Entry, Parts } from './engine.js';
import { ByteReader, ByteWriter } from './nats-bytes.js';
import { type Chain, type ChainNode, FAN, grown, NO_CHAIN } from './nats-chain.js';
import { lost } from './nats-errors.js';

/*
 * What a message of a log is. A commit has everything that there is to know of its stream: the head, where the index of
 * deadlines has it, all parts, where the messages before it are, and the entries that it appends:
 *
 *   COMMIT | writer | mark | generation | facts | body
 *     facts: head | dueAt (8 bytes) | dueN | how many parts | name, part, …
 *     body: chain | merged | start | frame, …
 *       chain: how many levels | per level: how many nodes | seq, end, …   each less the one before it
 *       merged: start | frame, …   of the messages of a full level 0, if they are small: read at once with this one
 *
 * Numbers are unsigned LEB128; what has no length of its own has it before. When a life is over, a tombstone takes the
 * last place, so that a zombie's commit upon another one is refused:
 *
 *   TOMBSTONE | writer | mark | generation | n
 */
const COMMIT = 1;
const TOMBSTONE = 2;

/** How many bytes of entries are merged: what is larger is read one by one at no loss. */
const MAX_MERGED = 8_192;

const NOTHING = Buffer.alloc(0);

/** What is known of a stream that is there, and what the next commit has to carry on. */
export interface Known {
  /** The sequence of its last message: what the next one is published upon. */
  readonly seq: number;
  readonly head: Head;
  /** Where the index of deadlines has the stream, unless it was moved since. */
  readonly dueAt: number;
  /** The version that put it there: a move is of no account after another commit has. */
  readonly dueN: number;
  /** Its parts by name, as bytes. */
  readonly parts: ReadonlyMap<string, Uint8Array>;
  /** All its messages with entries. */
  readonly chain: Chain;
  /** The entries of those on level 0, if they may be merged. */
  readonly recent: Recent | undefined;
}

/** Entries of messages, as bytes, that follow each other. */
export interface Recent {
  readonly start: number;
  readonly frames: readonly Uint8Array[];
  readonly bytes: number;
}

/** A commit before it is stored. */
export interface Draft {
  readonly head: Head;
  readonly dueAt: number;
  readonly dueN: number;
  readonly parts: ReadonlyMap<string, Uint8Array>;
  /** What precedes it. */
  readonly chain: Chain;
  readonly recent: Recent | undefined;
  readonly entries: readonly Entry[];
}

/** No parts. */
export const NO_PARTS: ReadonlyMap<string, Uint8Array> = new Map();

/** A commit by a writer as bytes, and what is known once it is stored as a message. */
export function encodeCommit(
  by: Mark,
  draft: Draft,
): {
  readonly data: Buffer;
  readonly stored: (seq: number) => Known;
} {
  const { head, dueAt, dueN, parts, chain, recent, entries } = draft;
  const facts = new ByteWriter(1_024)
    .text(encodeHead(head))
    .double(dueAt)
    .number(dueN)
    .raw(partsBytes(parts))
    .done();
  const frames = entries.map(encodeEntry);
  const size = frames.reduce((sum, frame) => sum + frame.length + 4, facts.length + 512);
  const bytes = new ByteWriter(size)
    .byte(COMMIT)
    .number(by.writer)
    .number(by.mark)
    .number(head.generation)
    .bytes(facts);
  const start = entries[0]?.position ?? head.tail;
  const full = chain[0]?.length === FAN;
  // Only a message with entries is asked for what is before it.
  writeBody(bytes, { chain, merged: full && frames.length > 0 ? recent : undefined, start, frames });
  const known = { head, dueAt, dueN, parts };
  return {
    data: bytes.done(),
    stored: (seq) =>
      frames.length === 0
        ? { ...known, seq, chain, recent }
        : {
            ...known,
            seq,
            chain: grown(chain, seq, head.tail),
            recent: joined(full || chain.length === 0 ? { start, frames: [], bytes: 0 } : recent, frames),
          },
  };
}

/** Entries with more behind them; nothing where that would be too much. */
function joined(recent: Recent | undefined, frames: readonly Uint8Array[]): Recent | undefined {
  if (recent === undefined) return undefined;
  const bytes = frames.reduce((sum, frame) => sum + frame.length, recent.bytes);
  return bytes > MAX_MERGED ? undefined : { ...recent, frames: [...recent.frames, ...frames], bytes };
}

/** Where messages before one are, and the entries of it. */
export function writeBody(
  writer: ByteWriter,
  body: {
    readonly chain: Chain;
    readonly merged?: Recent | undefined;
    readonly start: number;
    readonly frames: readonly Uint8Array[];
  },
): ByteWriter {
  const { chain, merged, start, frames } = body;
  writer
    .bytes(encodeChain(chain))
    .bytes(merged === undefined ? NOTHING : writeFrames(new ByteWriter(merged.bytes + 256), merged).done());
  return writeFrames(writer, { start, frames });
}

function writeFrames(
  writer: ByteWriter,
  { start, frames }: { readonly start: number; readonly frames: readonly Uint8Array[] },
): ByteWriter {
  writer.number(start);
  for (const frame of frames) writer.bytes(frame);
  return writer;
}

/** The end of a life by a writer as bytes. */
export const encodeTombstone = ({ writer, mark }: Mark, { generation, n }: Head): Buffer =>
  new ByteWriter(32).byte(TOMBSTONE).number(writer).number(mark).number(generation).number(n).done();

/** Who has written a message, and a number that no other message of that writer has. */
export interface Mark {
  readonly writer: number;
  readonly mark: number;
}

/** The mark of a message. */
export function markOf(data: Uint8Array): Mark {
  const reader = readerOf(data);
  reader.byte();
  return { writer: reader.number(), mark: reader.number() };
}

/** A message of a log. */
export type LogRecord =
  | { readonly type: 'commit'; readonly known: Known; readonly body: Body }
  | { readonly type: 'tombstone'; readonly generation: number; readonly n: number };

/** A message of a log from its bytes. Throws `DATA_LOSS` for what is none. */
export function decodeRecord(data: Uint8Array, seq: number): LogRecord {
  const reader = readerOf(data);
  const kind = reader.byte();
  reader.number();
  reader.number();
  const generation = reader.number();
  if (kind === TOMBSTONE) return { type: 'tombstone', generation, n: reader.number() };
  if (kind !== COMMIT) throw lost('what a message was');
  const facts = new ByteReader(reader.bytes());
  const head = decodeHead(facts.text());
  const dueAt = facts.double();
  const dueN = facts.number();
  const parts = readParts(facts);
  const body = new Body(reader);
  const chain = body.own.isEmpty ? body.chain : grown(body.chain, seq, head.tail);
  return { type: 'commit', known: { seq, head, dueAt, dueN, parts, chain, recent: undefined }, body };
}

/** What a message of a life has beside its facts; `undefined` if it is of none, or of another. */
export function decodeBody(data: Uint8Array, generation: number): Body | undefined {
  const reader = readerOf(data);
  if (reader.byte() !== COMMIT) return undefined;
  reader.number();
  reader.number();
  if (reader.number() !== generation) return undefined;
  reader.bytes();
  return new Body(reader);
}

/** A view of the bytes. */
export const readerOf = (data: Uint8Array): ByteReader => new ByteReader(bufferOn(data));

/** What every message with entries has. */
export class Body {
  /** The entries of the message. */
  readonly own: Run;
  /** Those of the messages on level 0 of its chain, where they are here too. */
  readonly merged: Run | undefined;
  readonly #chain: Buffer;

  constructor(reader: ByteReader) {
    this.#chain = reader.bytes();
    const merged = reader.bytes();
    this.merged = merged.length > 0 ? new Run(new ByteReader(merged)) : undefined;
    this.own = new Run(reader);
  }

  /** What precedes the message. */
  get chain(): Chain {
    return decodeChain(this.#chain);
  }
}

/** Entries that follow each other, as bytes. */
export class Run {
  readonly start: number;
  readonly #frames: Buffer;

  constructor(reader: ByteReader) {
    this.start = reader.number();
    this.#frames = reader.buffer.subarray(reader.at);
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** Those that end after a position, and begin before another. */
  entries(position = 0, until = Infinity): Entry[] {
    const entries: Entry[] = [];
    const reader = new ByteReader(this.#frames);
    const frames = new RunFrames(this.#frames);
    for (let start = this.start; reader.at < this.#frames.length && start < until;) {
      const frame = reader.bytes();
      const end = reader.at;
      const entry = isText(frame)
        ? decodeEntryIn(start, frames, end - frame.length, end)
        : // Chunks of bytes are views, which must not keep all that came with them in memory.
          decodeEntry(start, new Uint8Array(frame));
      start += entry.chunks.length;
      if (start > position) entries.push(entry);
    }
    return entries;
  }
}

/** Whether a frame has texts alone: its kind, see `log/frame.ts`. */
const isText = (frame: Buffer): boolean => frame[0] === 1;

class RunFrames implements Frames {
  #text: string | undefined;

  constructor(readonly bytes: Buffer) {}

  latin1(from: number, to: number): string {
    this.#text ??= this.bytes.toString('latin1');
    return this.#text.slice(from, to);
  }
}

function encodeChain(chain: Chain): Buffer {
  const writer = new ByteWriter(128).number(chain.length);
  for (const nodes of chain) {
    writer.number(nodes.length);
    let last: ChainNode = { seq: 0, end: 0 };
    for (const node of nodes) {
      writer.number(node.seq - last.seq).number(node.end - last.end);
      last = node;
    }
  }
  return writer.done();
}

function decodeChain(bytes: Buffer): Chain {
  const reader = new ByteReader(bytes);
  const levels = reader.number();
  if (levels === 0) return NO_CHAIN;
  return Array.from({ length: levels }, () => {
    let seq = 0;
    let end = 0;
    return Array.from({ length: reader.number() }, () => {
      seq += reader.number();
      end += reader.number();
      return { seq, end };
    });
  });
}

/** The bytes of parts, which seldom change: kept with them. */
const sections = new WeakMap<ReadonlyMap<string, Uint8Array>, Buffer>();

function partsBytes(parts: ReadonlyMap<string, Uint8Array>): Buffer {
  let section = sections.get(parts);
  if (section === undefined) {
    const writer = new ByteWriter(64).number(parts.size);
    for (const [name, part] of parts) writer.text(name).bytes(part);
    section = writer.done();
    sections.set(parts, section);
  }
  return section;
}

function readParts(reader: ByteReader): ReadonlyMap<string, Uint8Array> {
  const count = reader.number();
  if (count === 0) return NO_PARTS;
  const parts = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    // A copy, which may be kept for long, of what came with much else.
    parts.set(name, new Uint8Array(reader.bytes()));
  }
  return parts;
}

/** The parts with some changes. */
export function changed(
  parts: ReadonlyMap<string, Uint8Array>,
  changes: Parts | undefined,
): ReadonlyMap<string, Uint8Array> {
  let result: Map<string, Uint8Array> | undefined;
  for (const name in changes) {
    const part = changes[name];
    result ??= new Map(parts);
    if (part === undefined) result.delete(name);
    else result.set(name, encodePart(part));
  }
  return result ?? parts;
}

/** Those of the parts that are asked for. */
export function pick(
  parts: ReadonlyMap<string, Uint8Array>,
  names: readonly string[] = [],
  prefix?: string,
): Parts {
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const part = parts.get(name);
    if (part !== undefined) picked[name] = decodePart(part);
  }
  if (prefix === undefined) return picked;
  for (const [name, part] of parts) if (name.startsWith(prefix)) picked[name] = decodePart(part);
  return picked;
}
