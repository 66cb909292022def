import { statfsSync } from 'node:fs';
import { StreamError } from '../errors.js';

/** How much room there has to be beside what is written, for the pages that LMDB writes again. */
const SPARE = 2 ** 20;

/** How many bytes are free on the disk of a directory. */
function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Where so many bytes were free so many ms ago, no disk is fast enough to be full by now. */
const PLENTY = 4 * 2 ** 30;
const LOOK_EVERY = 100;

/** How much room a store has, as each of its writes has to know. Where that is plenty, it is not looked at each time. */
export class Room {
  #free = 0;
  #lookedAt = 0;

  constructor(
    private readonly path: string,
    private readonly look = freeBytes,
    private readonly now = (): number => performance.now(),
  ) {}

  /** How many bytes are free, or were just now. */
  get free(): number {
    const now = this.now();
    if (this.#free < PLENTY || now - this.#lookedAt >= LOOK_EVERY) {
      this.#free = this.look(this.path);
      this.#lookedAt = now;
    }
    return this.#free;
  }
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
