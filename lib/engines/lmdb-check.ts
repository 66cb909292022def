import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { StreamError } from '../errors.js';

/*
 * LMDB maps its file into memory and trusts it: a file that was cut short kills the process with SIGBUS at the first
 * look behind its end, a damaged page with SIGABRT or SIGSEGV, and an empty file is taken for a new store. So the file
 * is looked at before LMDB gets it. This knows the format of its pages, on 64-bit machines that are little-endian; on
 * others nothing is checked.
 *
 * A page: number (8 bytes), transaction (8), 2 unused, flags (2), length of the pointers (2), begin of the nodes (2),
 * then pointers to nodes. Pointers count from after the header. A node: low half of a number (4), high half or flags
 * (2), length of the key (2), key, data; in a branch the number is a page, in a leaf it is the length of the data. Long
 * data are in pages of their own, and their number is in the node instead.
 *
 * Pages 0 and 1 are the two last commits: after the header magic (4), version (4), 16 unused, the tree of free pages and
 * the tree of data (48 each), last page (8), transaction (8).
 */
const HEADER = 24;
const NODE = 8;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const META = 8;
const LONG = 1;
const NO_PAGE = 2 ** 64;

/**
 * How many pages are looked at: all of a small store, and of a large one what is uppermost, where damage does most. More
 * would make opening slow.
 */
const MAX_PAGES = 4096;
/** How often what changes while it is read is read again. */
const TRIES = 4;

/** What the file says of its last commit. */
interface Meta {
  readonly pageSize: number;
  readonly roots: readonly number[];
  readonly lastPage: number;
  readonly transaction: number;
}

/** Why a file is no good. */
class Damage extends Error {}

/** Throws `DATA_LOSS` if a data file, which is there and not empty, is found damaged. */
export function checkDataFile(file: string): void {
  if (endianness() !== 'LE' || !process.arch.endsWith('64')) return;
  const descriptor = openSync(file, 'r');
  try {
    for (let tries = 1; ; tries++) {
      const before = attempt(() => lastCommit(descriptor));
      const damage = before instanceof Damage ? before : attempt(() => checkPages(descriptor, before));
      if (!(damage instanceof Damage)) return;
      const after = attempt(() => lastCommit(descriptor));
      // Pages of the last commit stay as they are until the next. Who commits has a file that is good enough.
      const alive =
        !(before instanceof Damage || after instanceof Damage) && before.transaction !== after.transaction;
      if (tries < TRIES) continue;
      if (alive) return;
      throw new StreamError('DATA_LOSS', `The data file ${file} is damaged: ${damage.message}.`);
    }
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(look: () => T): T | Damage {
  try {
    return look();
  } catch (error) {
    if (error instanceof Damage) return error;
    // Where there is rubbish for a number, something is looked for where nothing can be.
    if (error instanceof RangeError) return new Damage('a page is overwritten');
    throw error;
  }
}

function lastCommit(descriptor: number): Meta {
  const first = metaAt(descriptor, 0);
  const second = metaAt(descriptor, first.pageSize);
  return second.transaction > first.transaction ? second : first;
}

function metaAt(descriptor: number, at: number): Meta {
  const bytes = readAt(descriptor, at, 160);
  const valid = (bytes.readUInt16LE(18) & META) !== 0 && bytes.readUInt32LE(HEADER) === MAGIC;
  if (!valid) throw new Damage(`there is no LMDB header at ${at}`);
  const version = bytes.readUInt32LE(28) & 0xffff;
  if (version !== VERSION) throw new Damage(`its format is ${version}, not ${VERSION}`);
  const pageSize = bytes.readUInt32LE(48);
  if (pageSize < 256 || pageSize > 65_536) throw new Damage(`its pages have ${pageSize} bytes`);
  return {
    pageSize,
    roots: [numberAt(bytes, 88), numberAt(bytes, 136)],
    lastPage: numberAt(bytes, 144),
    transaction: numberAt(bytes, 152),
  };
}

/** Looks at the pages of a commit, from the roots down. */
function checkPages(descriptor: number, { pageSize, roots, lastPage }: Meta): void {
  const pages = Math.floor(fstatSync(descriptor).size / pageSize);
  // Free pages at the end need not be there. So what is too short is looked through for those that are not free.
  const most = pages > lastPage ? MAX_PAGES : Infinity;
  const found = roots.filter((root) => root !== NO_PAGE);
  for (let i = 0; i < found.length && i < most; i++) {
    const number = found[i] as number;
    if (found.length > lastPage + 1) throw new Damage('pages lead to each other');
    const page = checkedPage(number, BRANCH | LEAF);
    for (const node of nodesOf(page)) {
      if ((page.readUInt16LE(18) & BRANCH) !== 0) found.push(node.low + node.high * 2 ** 32);
      else if ((node.high & LONG) !== 0) checkLong(numberAt(page, node.data), node.low);
      else if (node.data + node.low > pageSize) throw new Damage(`page ${number} is overwritten`);
    }
  }

  function checkLong(first: number, length: number): void {
    checkedPage(first, OVERFLOW);
    const last = first + Math.ceil((HEADER + length) / pageSize) - 1;
    if (last >= pages) throw new Damage(`page ${last} is behind its end`);
  }

  function checkedPage(number: number, kind: number): Buffer {
    if (number > lastPage || number >= pages) throw new Damage(`page ${number} is behind its end`);
    const page = readAt(descriptor, number * pageSize, kind === OVERFLOW ? HEADER : pageSize);
    if (numberAt(page, 0) === number && (page.readUInt16LE(18) & kind) !== 0) return page;
    throw new Damage(`page ${number} is overwritten`);
  }
}

interface Node {
  readonly low: number;
  readonly high: number;
  readonly data: number;
}

function nodesOf(page: Buffer): Node[] {
  return Array.from({ length: page.readUInt16LE(20) >> 1 }, (_, i) => {
    const at = HEADER + page.readUInt16LE(HEADER + 2 * i);
    const data = at + NODE + page.readUInt16LE(at + 6);
    if (data > page.length) throw new RangeError();
    return { low: page.readUInt32LE(at), high: page.readUInt16LE(at + 4), data };
  });
}

function readAt(descriptor: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(descriptor, bytes, 0, length, at) === length) return bytes;
  throw new Damage(`it ends before ${at + length}`);
}

const numberAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));
