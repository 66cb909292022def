import type { Hint } from '../engines/engine.js';
import type { Head } from './head.js';
import type { Place } from './place.js';

/** Where a live edge was, and what was known of the stream, when a look at it began. */
export interface Asked extends Place {
  readonly n: number;
}

/** What is known of how far a stream has come: by hints, which may be ahead of what is read, and by what was read. */
export class Known {
  n: number;
  tail: number;
  tag: number;
  ended: boolean;

  constructor({ n, tail, tag, status }: Head) {
    this.n = n;
    this.tail = tail;
    this.tag = tag;
    this.ended = status !== 'open';
  }

  /** Takes a hint of the same life, unless as much is known; gives whether it has. */
  hinted({ n, tail, tag, ended }: Hint): boolean {
    if (n <= this.n) return false;
    this.n = n;
    this.ended ||= ended;
    if (tail < this.tail) return true;
    this.tail = tail;
    this.tag = tag;
    return true;
  }

  /** Takes what a read shows, unless more is known. */
  seen({ n, tail, tag, status }: Head): void {
    if (n <= this.n) return;
    this.n = n;
    this.ended ||= status !== 'open';
    if (tail < this.tail) return;
    this.tail = tail;
    this.tag = tag;
  }

  /** Takes the stream as it is for sure, also back, but not to before what was told. */
  set({ n, tail, tag, status }: Head, told: number): void {
    this.n = n;
    this.ended = status !== 'open';
    if (tail < told) return;
    this.tail = tail;
    this.tag = tag;
  }
}
