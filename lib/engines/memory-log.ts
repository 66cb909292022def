import type { Entry, Payload, ReadRequest } from './engine.js';

/** Entries of one chunk and no tag, one after another: each by itself would take ten times the memory. */
interface Run {
  readonly position: number;
  readonly chunks: Payload[];
  /** How many bytes each has. */
  readonly sizes: number[];
}

/** The log of a stream in memory: an array, in which a position is found by halving. */
export class MemoryLog {
  readonly #items: (Entry | Run)[] = [];
  /** The last of them, if what follows it can be put there. */
  #run: Run | undefined;

  /** Puts an entry behind the last. */
  append(entry: Entry): void {
    const { position, chunks, bytes, tag, previous } = entry;
    if (chunks.length !== 1 || tag !== 0 || previous !== 0) {
      this.#run = undefined;
      this.#items.push(entry);
      return;
    }
    let run = this.#run;
    if (run === undefined || run.position + run.chunks.length !== position) {
      this.#run = run = { position, chunks: [], sizes: [] };
      this.#items.push(run);
    }
    run.chunks.push(chunks[0] as Payload);
    run.sizes.push(bytes);
  }

  /** Gives what cuts the log back to how it is now. */
  capture(): () => void {
    this.#run = undefined;
    const { length } = this.#items;
    return () => {
      this.#run = undefined;
      this.#items.length = length;
    };
  }

  /** Entries after a position. */
  page({ position, until, maxBytes, maxChunks }: ReadRequest): readonly Entry[] {
    const items = this.#items;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { position: start, chunks } = items[middle] as Entry | Run;
      if (start + chunks.length <= position) low = middle + 1;
      else high = middle;
    }
    const entries: Entry[] = [];
    let bytes = 0;
    let chunks = 0;
    for (; low < items.length; low++) {
      const item = items[low] as Entry | Run;
      const isRun = 'sizes' in item;
      const count = isRun ? item.chunks.length : 1;
      for (let i = isRun ? Math.max(position - item.position, 0) : 0; i < count; i++) {
        if (entries.length > 0 && (bytes >= maxBytes || chunks >= maxChunks)) return entries;
        if (item.position + i >= until) return entries;
        const entry = isRun ? entryAt(item, i) : item;
        entries.push(entry);
        bytes += entry.bytes;
        chunks += entry.chunks.length;
      }
    }
    return entries;
  }
}

/** The entry of a run at an index. */
const entryAt = ({ position, chunks, sizes }: Run, index: number): Entry => ({
  position: position + index,
  chunks: [chunks[index] as Payload],
  bytes: sizes[index] as number,
  tag: 0,
  previous: 0,
});
