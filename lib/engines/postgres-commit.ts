import { StreamError } from '../errors.js';
import { type EncodedPart, encodeEntry, encodeParts, encodeText } from '../log/frame.js';
import { encodeHead } from '../log/head.js';
import type { Commit, CommitResult, Move, Touch } from './engine.js';
import {
  arrayOf,
  binaryArrayOf,
  bytesArrayOf,
  hexArrayOf,
  hexOf,
  loadedFrom,
  type Row,
} from './postgres-rows.js';

/** The most bytes that a chunk, a part, and the chunks of a commit may have. */
export const MAX_BYTES = 16 * 2 ** 20;

/** A page of an index takes three keys at least, so that none may have more than a third of 8 kB. */
const MAX_NAME_BYTES = 2_000;

/** Instead of a number that there is not. */
const NONE = -1;

const ABSENT: CommitResult = { type: 'conflict', current: undefined };

/** A commit as bytes. */
export interface Prepared {
  readonly commit: Commit;
  /** The id as hexadecimal digits, which sort as rows do. */
  readonly key: string;
  readonly head: Uint8Array | undefined;
  readonly frames: readonly Uint8Array[];
  readonly parts: readonly EncodedPart[];
  /** How many bytes they are together. */
  readonly bytes: number;
}

/** Makes bytes of a commit. Throws why it can't be stored, whatever is there. */
export function prepare(commit: Commit): Prepared {
  const total = bytesOf(commit);
  if (total > MAX_BYTES) throw tooLarge('A commit', total);
  const parts = encodeParts(commit.parts);
  let bytes = 0;
  for (const { name, bytes: value } of parts) {
    const length = Buffer.byteLength(name);
    if (length > MAX_NAME_BYTES) {
      const message = `The name of a part has ${length} bytes, but the PostgreSQL engine takes at most ${MAX_NAME_BYTES}.`;
      throw new StreamError('INVALID_ARGUMENT', message);
    }
    if (value === undefined) continue;
    if (value.length > MAX_BYTES) throw tooLarge(`The part ${name}`, value.length);
    bytes += value.length;
  }
  const head = commit.head && encodeText(encodeHead(commit.head));
  const frames = commit.entries.map((entry) => encodeEntry(entry));
  for (const { length } of frames) bytes += length;
  return { commit, key: hexOf(commit.id), head, frames, parts, bytes: bytes + (head?.length ?? 0) };
}

const bytesOf = ({ entries }: Commit): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

const tooLarge = (what: string, bytes: number): StreamError =>
  new StreamError(
    'RESOURCE_EXHAUSTED',
    `${what} has ${bytes} bytes, but the PostgreSQL engine takes at most ${MAX_BYTES}.`,
  );

/** What the function that stores commits is told: see `store_streams`. */
export function argumentsOf(all: readonly Prepared[]): unknown[] {
  const data: Uint8Array[] = [];
  let end = 1;
  const put = (bytes: Uint8Array): number => {
    data.push(bytes);
    const at = end;
    end += bytes.length;
    return at;
  };
  const generations: number[] = [];
  const streams: number[] = [];
  const entries: number[] = [];
  const names: string[] = [];
  const parts: number[] = [];
  for (const [i, prepared] of all.entries()) {
    const { commit, frames } = prepared;
    const { expected, head, usedAt = Infinity, dueAt = NaN } = commit;
    generations.push(expected?.generation ?? NONE);
    streams.push(expected?.n ?? NONE, expected?.tag ?? NONE);
    streams.push(head?.n ?? NONE, head?.tag ?? NONE);
    if (prepared.head === undefined) streams.push(NONE, NONE);
    else streams.push(put(prepared.head), prepared.head.length);
    streams.push(head?.facts.deleted === true ? 1 : 0, usedAt, dueAt);
    let before = (head?.bytes ?? 0) - bytesOf(commit);
    for (const [j, { position, chunks, bytes }] of commit.entries.entries()) {
      const frame = frames[j] as Uint8Array;
      entries.push(i + 1, position, position + chunks.length, before, put(frame), frame.length);
      before += bytes;
    }
    for (const { name, bytes: value } of prepared.parts) {
      names.push(name);
      if (value === undefined) parts.push(i + 1, NONE, NONE);
      else parts.push(i + 1, put(value), value.length);
    }
  }
  return [
    data.length === 1 ? data[0] : Buffer.concat(data),
    hexArrayOf(all.map(({ key }) => key)),
    binaryArrayOf(generations),
    binaryArrayOf(streams),
    binaryArrayOf(entries),
    bytesArrayOf(names),
    binaryArrayOf(parts),
  ];
}

/** What became of commits, from the rows that the function gives: of those without one, what was expected is stored. */
export function resultsFrom(rows: readonly Row[], all: readonly Prepared[]): CommitResult[] {
  const results = all.map(({ commit: { expected } }): CommitResult =>
    expected === undefined ? ABSENT : { type: 'stored', generation: expected.generation },
  );
  for (const row of rows) {
    const [item, generation, head] = row;
    const result: CommitResult =
      generation == null
        ? ABSENT
        : head == null
          ? { type: 'stored', generation: Number(generation) }
          : { type: 'conflict', current: loadedFrom(row) };
    results[Number(item) - 1] = result;
  }
  return results;
}

/** What the function that touches streams is told. */
export const argumentsOfTouches = (touches: readonly Touch[]): unknown[] => [
  bytesArrayOf(touches.map(({ id }) => id)),
  arrayOf(touches.map(({ generation }) => generation)),
  arrayOf(touches.map(({ usedAt = -Infinity }) => usedAt)),
  arrayOf(touches.map(({ beat = -Infinity }) => beat)),
];

/** What the function that moves deadlines is told. */
export const argumentsOfMoves = (moves: readonly Move[]): unknown[] => [
  bytesArrayOf(moves.map(({ id }) => id)),
  arrayOf(moves.map(({ generation }) => generation)),
  arrayOf(moves.map(({ from }) => from)),
  arrayOf(moves.map(({ to }) => to)),
];
