import type { Content } from './content.js';
import { encodePlace, type Place } from './place.js';

/** Chunks in a row. */
export interface Batch {
  readonly chunks: readonly unknown[];
  /** The offset after one of them. */
  readonly offsetAt: (index: number) => string;
}

/** The chunks of what lies between a place and an offset of the server. */
export function batchOf({ chunks, length, held }: Content, { offset, skip }: Place, next: string): Batch {
  const last = chunks.length - 1;
  return {
    chunks,
    offsetAt: (index) => {
      if (index < last) return encodePlace({ offset, skip: skip + index + 1 });
      return held.byteLength > 0 ? encodePlace({ offset, skip: length }) : next;
    },
  };
}
