import type { Hint, Watch } from './engine.js';
import { blankHint, hintOf } from './hint.js';
import { changesBetween, readCounters } from './lmdb-journal.js';
import { decodeRecord, getRecord } from './lmdb-record.js';
import type { LmdbStore } from './lmdb-store.js';
import { Watchers } from './watchers.js';

/** Who wants to know of which ids, and what of the journal they know already. */
export class LmdbWatchers {
  readonly #watchers = new Watchers();
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

  /** Adds a watcher; see {@link Watchers.add}. */
  add(ids: readonly string[], onHint: (hint: Hint) => void, onEmpty: () => void): Watch {
    return this.#watchers.add(ids, onHint, () => {
      if (this.size === 0) onEmpty();
    });
  }

  /** A transaction of this engine is on disk. */
  own(sequence: number): void {
    // Else something of another process is between, and is looked for when that wakes us.
    if (sequence === this.#seen + 1) this.#seen = sequence;
  }

  /** Tells of what others have changed. */
  look(store: LmdbStore | undefined): void {
    if (store === undefined) return;
    let hints: readonly Hint[] | undefined;
    try {
      hints = store.read(() => this.#hints(store));
    } catch {
      // Those who look themselves are told what is wrong.
    }
    if (hints === undefined) this.#watchers.tellAll();
    else for (const hint of hints) this.tell(hint);
  }

  tell(hint: Hint): void {
    this.#watchers.tell(hint);
  }

  clear(): void {
    this.#watchers.clear();
  }

  /** What has changed; `undefined` where that is not known. */
  #hints(store: LmdbStore): Hint[] | undefined {
    const { sequence } = readCounters(store);
    if (sequence === this.#seen) return [];
    const changed = changesBetween(store, this.#seen, sequence, this.writer);
    this.#seen = sequence;
    return changed && [...changed].filter((id) => this.has(id)).map((id) => hintFrom(store, id));
  }
}

function hintFrom(store: LmdbStore, id: string): Hint {
  const record = getRecord(store, id);
  if (record === undefined) return blankHint(id);
  const { head } = decodeRecord(id, record);
  return hintOf(id, head.generation, head);
}
