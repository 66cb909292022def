/** What is written and who reads it. Every reader adds up what it gets, so that nothing can be optimised away. */

const CHUNKS = Array.from({ length: 1024 }, (_, i) => {
  const text = `token ${i}`;
  return { text, size: text.length };
});

/** The chunk to write at a position. */
export const chunkAt = (i) => CHUNKS[i & 1023];

/** The size of the first so many chunks. */
export function sizeOf(count) {
  let size = 0;
  for (let i = 0; i < count; i++) size += chunkAt(i).size;
  return size;
}

const fail = (error) => {
  throw error;
};

/** The same reader, from four places of the source. */
const SORTS = [
  (tally) => ({
    next: (chunk) => void (tally.size += chunk.size),
    error: fail,
    complete: () => void tally.ends++,
  }),
  (tally) => ({
    next: ({ size }) => void (tally.size += size),
    error: fail,
    complete: () => void ++tally.ends,
  }),
  (tally) => ({
    next(chunk) {
      tally.size += chunk.size;
    },
    error: fail,
    complete() {
      tally.ends++;
    },
  }),
  (tally) => ({
    next({ size }) {
      tally.size += size;
    },
    error: fail,
    complete() {
      ++tally.ends;
    },
  }),
];

let made = 0;

/**
 * So many plain observers, each with closures and a tally of its own. They come from one place of the source, so that
 * the least of the time is theirs; `mixed` ones from four in turn, which no compiler inlines into what calls them.
 */
export function readers(count, mixed = false) {
  const tallies = Array.from({ length: count }, () => ({ size: 0, ends: 0 }));
  return {
    observers: tallies.map((tally) => SORTS[mixed ? made++ % SORTS.length : 0](tally)),
    /** Throws unless each got that much. */
    check(size, ends = 0) {
      for (const tally of tallies) {
        if (tally.size !== size || tally.ends !== ends)
          throw new Error(`A reader got ${JSON.stringify(tally)}.`);
      }
    },
  };
}
