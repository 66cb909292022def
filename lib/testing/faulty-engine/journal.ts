import type { Commit, CommitResult, Loaded, Page, ReadRequest, StreamEngine } from '../../engines/engine.js';
import { capture } from '../../engines/memory.js';
import { StreamError } from '../../errors.js';
import type { Head, Soft } from '../../log/head.js';

/** How many versions of a stream are remembered. */
const REMEMBERED = 32;

/** A version of a stream that was acknowledged. */
interface Version {
  /** `undefined` for none. */
  readonly head: Head | undefined;
  /** Makes the stream again what it was before this version; `undefined` where the engine can't. */
  readonly undo: (() => void) | undefined;
}

const journals = new WeakMap<StreamEngine, Journal>();
const NO_SOFT: Soft = { usedAt: -Infinity, beat: 0, readers: 0, dueAt: Infinity };

/** What was committed to a store, by all faulty engines on it: what a stale read gives, and what a failover loses. */
export class Journal {
  /** Called when acknowledged versions of a stream were lost. */
  readonly listeners = new Set<(id: string) => void>();
  readonly #versions = new Map<string, Version[]>();

  private constructor(private readonly engine: StreamEngine) {}

  /** That of an engine. */
  static of(engine: StreamEngine): Journal {
    const journal = journals.get(engine) ?? new Journal(engine);
    journals.set(engine, journal);
    return journal;
  }

  /** Notes what is about to be committed. Calling what it gives notes what was. */
  begin(commits: readonly Commit[]): (results: readonly CommitResult[]) => void {
    const undos = commits.map(({ id }) => capture(this.engine, id));
    return (results) => {
      for (const [i, { id, head }] of commits.entries()) {
        const result = results[i];
        if (result?.type !== 'stored') continue;
        const versions = this.#versions.get(id) ?? [];
        this.#versions.set(id, versions);
        versions.push({ head: head && { ...head, generation: result.generation }, undo: undos[i] });
        if (versions.length > REMEMBERED) versions.shift();
      }
    };
  }

  /** A page as it would have been some versions before. */
  before(page: Page, { id, generation }: ReadRequest, by: number): Page {
    const versions = this.#versions.get(id) ?? [];
    if (versions.length === 0) return page;
    const { head } = versions[versions.length - 1 - by] ?? { head: undefined };
    if (head === undefined) return { current: undefined, entries: [] };
    const { soft = NO_SOFT } = page.current ?? {};
    const current: Loaded = { head, soft, parts: {} };
    // The entries of a life that is over are gone: of those this can't tell.
    if (generation === head.generation && generation !== page.current?.head.generation) return page;
    const there = generation === head.generation;
    return { current, entries: there ? page.entries.filter(({ position }) => position < head.tail) : [] };
  }

  /** Loses the last versions of a stream that were acknowledged, as a failover to a replica that was behind does. */
  lose(id: string, count: number): void {
    const versions = this.#versions.get(id) ?? [];
    const lost = versions.splice(Math.max(0, versions.length - count));
    const undo = lost[0]?.undo;
    if (lost.length < count || undo === undefined) {
      versions.push(...lost);
      throw new StreamError(
        'FAILED_PRECONDITION',
        `Only what was committed through this to a memory engine, of late, can be lost: ${lost.length} versions, not ${count}.`,
      );
    }
    undo();
    for (const listener of this.listeners) listener(id);
  }
}
