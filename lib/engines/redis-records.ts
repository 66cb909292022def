import { StreamError } from '../errors.js';
import { decodeEntriesIn, decodeEntryIn, decodePart, type Frames } from '../log/frame.js';
import { decodeHead, headWith } from '../log/head.js';
import type { Entry, Hint, Loaded, ReadRequest } from './engine.js';

/** An argument of a command. */
export type Argument = string | number | Buffer;

/** What a script gives. `null` is what is not there. */
export type Reply = Buffer | number | null | readonly Reply[];

/** How many fields of a stream come before what else a script gives. */
export const FIELDS = 5;

/** A number as scripts have it. */
export const numberText = (value: number): string => String(value).replace('Infinity', 'inf');

/** The number that a script has as text. */
export const numberFrom = (text: string): number => Number(text.replace('inf', 'Infinity'));

/** What a commit is told by, in front of the frames of its entries if these are short; they have so many bytes each. */
export function hintText(hint: Hint, lengths: readonly number[]): string {
  const { generation, n, tail, tag, ended, stopping, owner, gone, entries = [] } = hint;
  const flags = (ended ? ENDED : 0) + (stopping ? STOPPING : 0) + (gone ? GONE : 0);
  const start = entries[0]?.position ?? tail;
  return `${JSON.stringify([generation, n, tail, tag, flags, owner ?? 0, start, ...lengths] satisfies Told)}\n`;
}

type Told = [
  generation: number,
  n: number,
  tail: number,
  tag: number,
  flags: number,
  owner: string | 0,
  start: number,
  ...lengths: number[],
];

const ENDED = 1;
const STOPPING = 2;
const GONE = 4;

/** The hint that a message is. */
export function hintFrom(id: string, message: Buffer): Hint {
  const end = message.indexOf(10);
  const told = JSON.parse(message.toString('utf8', 0, end)) as Told;
  const [generation, n, tail, tag, flags, owner, start, ...lengths] = told;
  return {
    ...{ id, generation, n, tail, tag },
    ended: (flags & ENDED) !== 0,
    stopping: (flags & STOPPING) !== 0,
    owner: owner === 0 ? undefined : owner,
    gone: (flags & GONE) !== 0,
    entries:
      message.length > end + 1 ? decodeEntriesIn(start, framesIn(message), end + 1, lengths) : undefined,
  };
}

/** A stream as a script gives it, `undefined` if there is none. */
export function loadedFrom(fields: readonly Reply[]): Loaded | undefined {
  if (fields.length === 0) return undefined;
  const [generation, usedAt, beat, dueAt, head] = fields.slice(0, FIELDS).map((field) => field?.toString());
  const parts: Record<string, unknown> = {};
  for (let i = FIELDS; i + 1 < fields.length; i += 2) {
    parts[String(fields[i])] = decodePart(fields[i + 1] as Buffer);
  }
  return {
    head: headWith(decodeHead(head ?? ''), { generation: Number(generation) }),
    soft: {
      usedAt: usedAt === undefined ? -Infinity : numberFrom(usedAt),
      beat: Number(beat ?? 0),
      readers: 0,
      dueAt: dueAt === undefined ? Infinity : numberFrom(dueAt),
    },
    parts,
  };
}

/**
 * The entries that a script gives after the fields of a stream, as many as were asked for. Throws `DATA_LOSS` if some are
 * missing between them.
 */
export function entriesFrom(reply: readonly Reply[], { until, maxBytes, maxChunks }: ReadRequest): Entry[] {
  if (reply.length <= FIELDS) return [];
  const entries: Entry[] = [];
  let [position] = placesOf(reply[FIELDS]);
  const [, end] = placesOf(reply[FIELDS + 1]);
  let bytes = 0;
  let chunks = 0;
  for (let i = FIELDS + 2; i < reply.length; i++) {
    const frame = reply[i] as Buffer;
    const entry = decodeEntryIn(position, framesIn(frame), 0, frame.length);
    // What is more than that is looked at, too: by where it ends it is known that nothing is missing.
    if (position < until && (entries.length === 0 || (bytes < maxBytes && chunks < maxChunks)))
      entries.push(entry);
    position += entry.chunks.length;
    bytes += entry.bytes;
    chunks += entry.chunks.length;
  }
  if (position === end) return entries;
  throw new StreamError('DATA_LOSS', `The store lacks entries before the position ${end}.`);
}

/** The positions before and after an entry, from its id. */
function placesOf(reply: Reply | undefined): [start: number, end: number] {
  const [end, count] = String(reply).split('-').map(Number) as [number, number];
  return [end - count, end];
}

const framesIn = (buffer: Buffer): Frames => ({
  // A view of the same memory: users get bytes, not buffers, whose `slice` is another.
  bytes: new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length),
  latin1: (from, to) => buffer.toString('latin1', from, to),
});
