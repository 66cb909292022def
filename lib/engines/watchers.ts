import type { Hint, Watch } from './engine.js';
import { blankHint } from './hint.js';

type Watcher = (hint: Hint) => void;

/** Who wants to know of which ids. */
export class Watchers {
  readonly #watchers = new Map<string, Set<Watcher>>();

  /** The ids that are watched. */
  get ids(): Iterable<string> {
    return this.#watchers.keys();
  }

  /** How many ids are watched. */
  get size(): number {
    return this.#watchers.size;
  }

  /** Whether an id is watched. */
  has(id: string): boolean {
    return this.#watchers.has(id);
  }

  /**
   * Adds a watcher, which may be one that watches already: then it is told twice. `unwatched` is told of ids that nobody
   * watches any more.
   */
  add(ids: readonly string[], onHint: Watcher, unwatched: (ids: readonly string[]) => void): Watch {
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
        const left = ids.filter((id) => {
          const watchers = this.#watchers.get(id);
          return watchers?.delete(watcher) === true && watchers.size === 0 && this.#watchers.delete(id);
        });
        if (left.length > 0) unwatched(left);
      },
    };
  }

  /** Tells whoever watches the stream; not who begins to meanwhile, and no more who has stopped. */
  tell(hint: Hint): void {
    const watchers = this.#watchers.get(hint.id);
    if (watchers !== undefined) for (const watcher of [...watchers]) if (watchers.has(watcher)) watcher(hint);
  }

  /** Tells all that hints may have been lost. */
  tellAll(): void {
    for (const id of [...this.#watchers.keys()]) this.tell(blankHint(id));
  }

  /** Tells nobody any more. */
  clear(): void {
    this.#watchers.clear();
  }
}
