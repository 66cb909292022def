import { type Offset } from '../offset.js';

/** Keeps the offset after what was delivered last. */
export interface OffsetMemory {
  /** The offset that was kept, if one was. */
  load(): Offset | undefined;
  /** Keeps an offset in place of the one before; `undefined` forgets it. */
  save(offset: Offset | undefined): void;
}

/** What of `localStorage` and `sessionStorage` is used. */
export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Keeps the offset after what was delivered last under a key, so that a reload continues there: `localStorage`,
 * `sessionStorage`, or whatever has the same three methods. A storage that is full, or that the browser denies, is as if
 * it were empty. Give each stream a key of its own, and keep with it what was made of its chunks: only what follows
 * comes again.
 */
export function remember(storage: TextStorage, key: string): OffsetMemory {
  return {
    load() {
      try {
        return storage.getItem(key) ?? undefined;
      } catch {
        return undefined;
      }
    },
    save(offset) {
      try {
        if (offset === undefined) storage.removeItem(key);
        else storage.setItem(key, offset);
      } catch {
        // Then it begins anew after a reload.
      }
    },
  };
}
