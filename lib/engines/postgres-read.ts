import { StreamError } from '../errors.js';
import { decodeEntriesIn, decodePart, type Frames } from '../log/frame.js';
import { bufferOn } from './buffer-on.js';
import type { Entry, Loaded, LoadRequest, Page, ReadRequest } from './engine.js';
import {
  arrayOf,
  bytesArrayOf,
  bytesFrom,
  bytesFrom64,
  FIELDS,
  loadedFrom,
  type Row,
  textFrom,
} from './postgres-rows.js';

const NO_PAGE: Page = { current: undefined, entries: [] };

/** What the function that loads streams is told. */
export function argumentsOfLoads(requests: readonly LoadRequest[]): unknown[] {
  const named = requests.flatMap(({ parts = [] }, i) => parts.map((name) => ({ of: i + 1, name })));
  const prefixed = requests.flatMap(({ partsWith }, i) =>
    partsWith === undefined ? [] : { of: i + 1, name: partsWith },
  );
  return [
    bytesArrayOf(requests.map(({ id }) => id)),
    ...[named, prefixed].flatMap((parts) => [
      arrayOf(parts.map(({ of }) => of)),
      bytesArrayOf(parts.map(({ name }) => name)),
    ]),
  ];
}

/** So many streams, from the rows that the function gives. */
export function streamsFrom(rows: readonly Row[], count: number): (Loaded | undefined)[] {
  const parts = new Map<number, Record<string, unknown>>();
  const found = new Array<Loaded | undefined>(count).fill(undefined);
  for (const row of rows) {
    const at = Number(row[0]) - 1;
    const [, , head] = row;
    if (head != null) {
      const own = {};
      parts.set(at, own);
      found[at] = loadedFrom(row, own);
      continue;
    }
    const [name, value] = row.slice(FIELDS);
    const own = parts.get(at);
    if (own !== undefined) own[textFrom(name)] = decodePart(bytesFrom(value));
  }
  return found;
}

/** The greatest number that is told. */
const most = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);

/** What the function that reads pages is told. */
export const argumentsOfReads = (requests: readonly ReadRequest[]): unknown[] => [
  bytesArrayOf(requests.map(({ id }) => id)),
  arrayOf(requests.map(({ generation }) => generation)),
  ...(['position', 'until', 'maxBytes', 'maxChunks'] as const).map((limit) =>
    arrayOf(requests.map((request) => Math.ceil(most(request[limit])))),
  ),
];

/** So many pages, from the rows that the function gives. */
export function pagesFrom(rows: readonly Row[], count: number): Page[] {
  const pages = new Array<Page>(count).fill(NO_PAGE);
  const entries: Entry[][] = [];
  for (const row of rows) {
    const at = Number(row[0]) - 1;
    const [, , head] = row;
    if (head == null) {
      entries[at]?.push(...entriesFrom(row));
      continue;
    }
    const own: Entry[] = [];
    entries[at] = own;
    pages[at] = { current: loadedFrom(row), entries: own };
  }
  return pages;
}

/** The entries in a row. Throws `DATA_LOSS` if some are missing. */
function entriesFrom(row: Row): Entry[] {
  const [start, stop, sizes, text] = row.slice(FIELDS);
  const lengths = String(sizes).slice(1, -1).split(',').map(Number);
  const frames = framesIn(
    bytesFrom64(
      text,
      lengths.reduce((sum, length) => sum + length),
    ),
  );
  const entries = decodeEntriesIn(Number(start), frames, 0, lengths);
  const { position, chunks } = entries.at(-1) as Entry;
  if (position + chunks.length === Number(stop)) return entries;
  throw new StreamError('DATA_LOSS', `The store lacks entries before the position ${String(stop)}.`);
}

function framesIn(bytes: Uint8Array): Frames {
  let text: string | undefined;
  return {
    bytes,
    latin1: (from, to) => {
      text ??= bufferOn(bytes).toString('latin1');
      return text.slice(from, to);
    },
  };
}

/** What the function that lists streams is told. */
export const argumentsOfList = ({
  prefix,
  after,
  limit,
}: {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}): unknown[] => [Buffer.from(prefix), Buffer.from(after), limit === Infinity ? null : limit];

/** The streams that it gives. */
export const listFrom = (rows: readonly Row[]): { id: string; loaded: Loaded }[] =>
  rows.map((row) => ({ id: textFrom(row[0]), loaded: loadedFrom(row) }));

/** Those that are due, and the next deadline, from the rows that the function gives. */
export function dueFrom(rows: readonly Row[], now: number, limit: number): { ids: string[]; next: number } {
  const ids: string[] = [];
  for (const [id, deadline] of rows) {
    const dueAt = Number(deadline);
    if (dueAt > now || ids.length === limit) return { ids, next: dueAt };
    ids.push(textFrom(id));
  }
  return { ids, next: Infinity };
}
