import { statfsSync } from 'node:fs';
import { StreamError } from '../errors.js';

/** How much room there has to be beside what is written, for the pages that LMDB writes again. */
const SPARE = 2 ** 20;

/** How many bytes are free on the disk of a directory. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/**
 * Throws `RESOURCE_EXHAUSTED` unless there is room for so many bytes. LMDB must not find that out by itself: where it
 * meets a full disk, lmdb-js 3.5 puts a message of more than a hundred bytes into a hundred bytes, and may crash.
 */
export function assertRoom(path: string, bytes: number, free = freeBytes(path)): void {
  const needed = SPARE + bytes;
  if (free >= needed) return;
  throw new StreamError(
    'RESOURCE_EXHAUSTED',
    `The disk of the LMDB store in ${path} is full: to write, ${needed} bytes have to be free, but ${free} are.`,
  );
}
