import type { Hint, Watch } from './engine.js';
import { blankHint, hintOf } from './hint.js';
import { changesBetween, readCounters } from './lmdb-journal.js';
import { decodeRecord, getRecord } from './lmdb-record.js';
import type { LmdbStore } from './lmdb-store.js';

type Watcher = (hint: Hint) => void;

/** Who wants to know of which ids, and what of the journal they know already. */
export class LmdbWatchers {
  readonly #watchers = new Map<string, Set<Watcher>>();
  /** The number of the last transaction that they know of. */
  #seen = 0;

  /** @param writer what the journal calls this engine, whose own changes are told when they are made. */
  constructor(private readonly writer: string) {}

  get size(): number {
    return this.#watchers.size;
  }

  has(id: string): boolean {
    return this.#watchers.has(id);
  }

  /** Whoever watches is told of what comes after this moment. */
  begin(store: LmdbStore): void {
    this.#seen = store.read(() => readCounters(store)).sequence;
  }

  /** Adds a watcher, which may be one that watches already: then it is told twice. */
  add(ids: readonly string[], onHint: Watcher, onEmpty: () => void): Watch {
    const watcher: Watcher = (hint) => {
      onHint(hint);
    };
    for (const id of ids) {
      const watchers = this.#watchers.get(id);
      if (watchers) watchers.add(watcher);
      else this.#watchers.set(id, new Set([watcher]));
    }
    return {
      close: () => {
        for (const id of ids) {
          const watchers = this.#watchers.get(id);
          if (watchers?.delete(watcher) === true && watchers.size === 0) this.#watchers.delete(id);
        }
        if (this.#watchers.size === 0) onEmpty();
      },
    };
  }

  /** A transaction of this engine is on disk. */
  own(sequence: number): void {
    // Else something of another process is between, and is looked for when that wakes us.
    if (sequence === this.#seen + 1) this.#seen = sequence;
  }

  /** Tells of what others have changed. */
  look(store: LmdbStore | undefined): void {
    let hints: readonly Hint[];
    try {
      hints = store === undefined ? [] : store.read(() => this.#hints(store));
    } catch {
      // Those who look themselves are told what is wrong.
      hints = [...this.#watchers.keys()].map(blankHint);
    }
    for (const hint of hints) this.tell(hint);
  }

  #hints(store: LmdbStore): Hint[] {
    const { sequence } = readCounters(store);
    if (sequence === this.#seen) return [];
    const changed = changesBetween(store, this.#seen, sequence, this.writer);
    this.#seen = sequence;
    if (changed === undefined) return [...this.#watchers.keys()].map(blankHint);
    return [...changed].filter((id) => this.has(id)).map((id) => hintFrom(store, id));
  }

  /** Tells whoever watches the stream; not who begins to meanwhile, and no more who has stopped. */
  tell(hint: Hint): void {
    const watchers = this.#watchers.get(hint.id);
    if (watchers !== undefined) for (const watcher of [...watchers]) if (watchers.has(watcher)) watcher(hint);
  }

  clear(): void {
    this.#watchers.clear();
  }
}

function hintFrom(store: LmdbStore, id: string): Hint {
  const record = getRecord(store, id);
  if (record === undefined) return blankHint(id);
  const { head } = decodeRecord(id, record);
  return hintOf(id, head.generation, head);
}
