import { encodeEntry, encodePart, decodeEntryIn, decodePart, type Frames } from '../log/frame.js';
import { decodeHead, encodeHead } from '../log/head.js';
import type { Commit, Entry, Hint, Loaded } from './engine.js';
import { goneHint, hintOf } from './hint.js';

/** An argument of a command. */
export type Argument = string | number | Buffer;

/** What a script gives. `null` is what is not there. */
export type Reply = Buffer | null | readonly Reply[];

/** From how many bytes on entries are not sent along with hints: whoever wants them reads them. */
const MAX_HINT_BYTES = 16_384;

/** How long, in ms, after a stream is over by all clocks, its keys expire by themselves if nobody has removed it. */
const EXPIRES_AFTER = 3_600_000;

/** The last moment that there is. */
const MAX_DATE = 8.64e15;

/** How many fields of a stream come before what else a script gives. */
export const FIELDS = 6;

/** A number as scripts have it. */
export const numberText = (value: number): string => String(value).replace('Infinity', 'inf');

/** The number that a script has as text. */
export const numberFrom = (text: string): number => Number(text.replace('inf', 'Infinity'));

/** What the script is told of a commit, in its order, with the generation that it is given if it begins a life. */
export function argumentsOf(commit: Commit, generation: number, channel: string): Argument[] {
  const { id, expected, head, usedAt, dueAt, parts = {}, entries } = commit;
  const frames = entries.map((entry) => Buffer.from(encodeEntry(entry)));
  const args: Argument[] = [
    id,
    channel,
    expected === undefined ? '' : expected.generation,
    expected === undefined ? '' : expected.n,
    expected === undefined ? '' : expected.tag,
    usedAt === undefined ? '' : numberText(usedAt),
    generation,
    head === undefined ? '' : encodeHead(head),
    head === undefined ? '' : head.n,
    head === undefined ? '' : head.tag,
    dueAt === undefined ? '' : numberText(dueAt),
    expiryOf(commit),
    head?.facts.deleted === true ? '0' : expected === undefined ? '1' : '',
    hintText(commit, frames),
  ];
  const named = Object.entries(parts);
  args.push(named.length);
  for (const [name, part] of named) {
    args.push(
      part === undefined ? `-${name}` : `+${name}`,
      part === undefined ? '' : Buffer.from(encodePart(part)),
    );
  }
  args.push(entries.length);
  for (const [i, { position, chunks, bytes }] of entries.entries()) {
    args.push(`${position + chunks.length}-${chunks.length}`, bytes, frames[i] as Buffer);
  }
  return args;
}

/** When the keys of a stream may go by themselves; empty where that stays as it is. */
function expiryOf({ head, dueAt }: Commit): string {
  // Appending alone changes nothing of it.
  if (head === undefined || dueAt === undefined) return '';
  const { references, deleted, endedAt = Infinity, lifetime } = head.facts;
  const over = Math.min(lifetime.expiresAt, endedAt + lifetime.ttl);
  if (over > MAX_DATE || deleted === true || references > 0) return 'inf';
  // The clock of whoever uses streams need not be that of the server: in a test it is not.
  return String(Math.ceil(Math.max(over, Date.now())) + EXPIRES_AFTER);
}

/** What a commit is told by, behind its generation: numbers and flags, then the entries if they are small. */
function hintText({ id, head, expected, entries }: Commit, frames: readonly Buffer[]): Buffer {
  const inline = frames.reduce((sum, { length }) => sum + length, 0) <= MAX_HINT_BYTES;
  const told: Told =
    head === undefined
      ? [expected?.n ?? 0]
      : [
          hintOf(id, 0, head),
          entries[0]?.position ?? head.tail,
          inline ? frames.map(({ length }) => length) : undefined,
        ];
  return Buffer.concat([Buffer.from(` ${JSON.stringify(told)}\n`), ...(inline ? frames : [])]);
}

type Told = [removed: number] | [hint: Hint, position: number, lengths: readonly number[] | undefined | null];

/** The hint that a message is. */
export function hintFrom(id: string, message: Buffer): Hint {
  const space = message.indexOf(32);
  const end = message.indexOf(10);
  const generation = Number(message.toString('latin1', 0, space));
  const told = JSON.parse(message.toString('utf8', space + 1, end)) as Told;
  if (told.length === 1) return goneHint(id, generation, told[0]);
  const [hint, start, lengths] = told;
  const frames = framesIn(message);
  let position = start;
  let at = end + 1;
  const entries = lengths?.map((length) => {
    const entry = decodeEntryIn(position, frames, at, at + length);
    at += length;
    position += entry.chunks.length;
    return entry;
  });
  return { ...hint, generation, owner: hint.owner, entries };
}

/** A stream as a script gives it, `undefined` if there is none. */
export function loadedFrom(fields: readonly Reply[]): Loaded | undefined {
  if (fields.length === 0) return undefined;
  const [generation, , usedAt, beat, dueAt, head] = fields.slice(0, FIELDS).map((field) => field?.toString());
  const parts: Record<string, unknown> = {};
  for (let i = FIELDS; i + 1 < fields.length; i += 2) {
    parts[String(fields[i])] = decodePart(fields[i + 1] as Buffer);
  }
  return {
    head: { ...decodeHead(head ?? ''), generation: Number(generation) },
    soft: {
      usedAt: usedAt === undefined ? -Infinity : numberFrom(usedAt),
      beat: Number(beat ?? 0),
      readers: 0,
      dueAt: dueAt === undefined ? Infinity : numberFrom(dueAt),
    },
    parts,
  };
}

/** The entries that a script gives after the fields of a stream, of those that begin before a position. */
export function entriesFrom(reply: readonly Reply[], until: number): Entry[] {
  const entries: Entry[] = [];
  for (let i = FIELDS; i + 1 < reply.length; i += 2) {
    const [end = NaN, count = NaN] = String(reply[i]).split('-').map(Number);
    if (end - count >= until) break;
    const frame = reply[i + 1] as Buffer;
    entries.push(decodeEntryIn(end - count, framesIn(frame), 0, frame.length));
  }
  return entries;
}

const framesIn = (buffer: Buffer): Frames => ({
  // A view of the same memory: users get bytes, not buffers, whose `slice` is another.
  bytes: new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length),
  latin1: (from, to) => buffer.toString('latin1', from, to),
});
