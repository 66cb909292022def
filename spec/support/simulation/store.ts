import type {
  Commit,
  CommitResult,
  Entry,
  Loaded,
  LoadRequest,
  Move,
  Page,
  Parts,
  ReadRequest,
  Touch,
  Version,
} from '../../../lib/engines/engine.js';
import type { Head, Soft } from '../../../lib/log/head.js';

/** A stream after one commit. Never changed. */
export interface Snapshot {
  readonly head: Head;
  readonly parts: Parts;
  /** Shared with later snapshots, which have more. */
  readonly entries: Entry[];
  readonly count: number;
}

/** An id: all that it was, the last being what it is; `undefined` where there was no stream. */
interface Row {
  readonly id: string;
  readonly history: (Snapshot | undefined)[];
  usedAt: number;
  beat: number;
  dueAt: number;
}

/** Told of every change, with what was there before. May throw. */
export type OnCommit = (commit: Commit, before: Snapshot | undefined, after: Snapshot | undefined) => void;

const ABSENT: CommitResult = { type: 'conflict', current: undefined };
const NO_PARTS: Parts = {};

/**
 * What an engine keeps, by the contract of `engines/engine.ts` and with all that it was before: so that a read can be
 * old, and a tail can be lost. It is as synchronous as memory; what is late, lost or repeated is so on the way to it.
 */
export class Store {
  readonly #rows = new Map<string, Row>();
  #generation = 1000;

  constructor(
    private readonly onCommit: OnCommit,
    /** Told of every sign of life. */
    private readonly onBeat: (id: string) => void,
  ) {}

  current(id: string): Snapshot | undefined {
    return this.#rows.get(id)?.history.at(-1);
  }

  soft(id: string): Soft {
    return softOf(this.#rows.get(id));
  }

  load({ id, parts = [], partsWith }: LoadRequest): Loaded | undefined {
    const row = this.#rows.get(id);
    const stream = row?.history.at(-1);
    if (row === undefined || stream === undefined) return undefined;
    const { head } = stream;
    if (parts.length === 0 && partsWith === undefined) return { head, soft: softOf(row), parts: NO_PARTS };
    const found: Record<string, unknown> = {};
    for (const name of parts) if (stream.parts[name] !== undefined) found[name] = stream.parts[name];
    if (partsWith !== undefined) {
      for (const name in stream.parts)
        if (name.startsWith(partsWith) && stream.parts[name] !== undefined) found[name] = stream.parts[name];
    }
    return { head, soft: softOf(row), parts: found };
  }

  commit(commit: Commit): CommitResult {
    const { id, expected, head, usedAt = Infinity } = commit;
    let row = this.#rows.get(id);
    const before = row?.history.at(-1);
    if (expected === undefined ? before !== undefined : !isAt(before, expected)) {
      return before === undefined ? ABSENT : { type: 'conflict', current: this.load({ id }) };
    }
    if (row !== undefined && row.usedAt > usedAt) return { type: 'conflict', current: this.load({ id }) };
    if (row === undefined) {
      row = { id, history: [], usedAt: -Infinity, beat: 0, dueAt: Infinity };
      this.#rows.set(id, row);
    }
    if (head === undefined) {
      if (before === undefined) return ABSENT;
      row.history.push(undefined);
      row.dueAt = Infinity;
      this.onCommit(commit, before, undefined);
      return { type: 'stored', generation: before.head.generation };
    }
    const after = this.#after(before, commit, head);
    if (before === undefined) {
      row.usedAt = -Infinity;
      row.beat = 0;
      row.dueAt = Infinity;
    }
    row.history.push(after);
    if (commit.dueAt !== undefined) row.dueAt = commit.dueAt;
    this.onCommit(commit, before, after);
    return { type: 'stored', generation: after.head.generation };
  }

  /** A page of the stream as it was `behind` commits ago. */
  read({ id, generation, position, until, maxBytes, maxChunks }: ReadRequest, behind: number): Page {
    const row = this.#rows.get(id);
    const stream = row?.history[Math.max(0, row.history.length - 1 - behind)];
    if (stream === undefined) return { current: undefined, entries: [] };
    const current: Loaded = { head: stream.head, soft: softOf(row), parts: NO_PARTS };
    const entries: Entry[] = [];
    if (stream.head.generation !== generation) return { current, entries };
    let bytes = 0;
    let chunks = 0;
    for (let i = 0; i < stream.count && bytes < maxBytes && chunks < maxChunks; i++) {
      const entry = stream.entries[i] as Entry;
      if (entry.position + entry.chunks.length <= position) continue;
      if (entry.position >= until) break;
      entries.push(entry);
      bytes += entry.bytes;
      chunks += entry.chunks.length;
    }
    return { current, entries };
  }

  touch({ id, generation, usedAt = -Infinity, beat = -Infinity }: Touch): void {
    const row = this.#rows.get(id);
    if (row?.history.at(-1)?.head.generation !== generation) return;
    row.usedAt = Math.max(row.usedAt, usedAt);
    if (beat <= row.beat) return;
    row.beat = beat;
    this.onBeat(id);
  }

  list(prefix: string, after: string, limit: number): { id: string; loaded: Loaded }[] {
    const ids = [...this.#rows.keys()].filter((id) => id.startsWith(prefix) && id > after).sort();
    return ids
      .flatMap((id) => {
        const loaded = this.load({ id });
        return loaded === undefined || loaded.head.facts.deleted ? [] : { id, loaded };
      })
      .slice(0, limit);
  }

  due(now: number, limit: number): { ids: string[]; next: number } {
    const dated = [...this.#rows.values()].filter(({ dueAt }) => dueAt !== Infinity);
    dated.sort((a, b) => a.dueAt - b.dueAt);
    const due = dated.filter(({ dueAt }) => dueAt <= now).slice(0, limit);
    return { ids: due.map(({ id }) => id), next: dated[due.length]?.dueAt ?? Infinity };
  }

  schedule({ id, generation, from, to }: Move): void {
    const row = this.#rows.get(id);
    if (row?.dueAt === from && row.history.at(-1)?.head.generation === generation) row.dueAt = to;
  }

  /** Loses up to so many commits of a stream's present life, but never the first; gives what it was and what it is. */
  lose(id: string, commits: number): { before: Snapshot; after: Snapshot } | undefined {
    const row = this.#rows.get(id);
    const before = row?.history.at(-1);
    if (row === undefined || before === undefined) return undefined;
    let at = row.history.length - 1;
    for (let left = commits; left > 0; left--) {
      if (row.history[at - 1]?.head.generation !== before.head.generation) break;
      at--;
    }
    const kept = row.history[at] as Snapshot;
    if (kept === before) return undefined;
    row.history.length = at;
    const after = { ...kept, entries: kept.entries.slice(0, kept.count) };
    row.history.push(after);
    // An index is rebuilt from what is there.
    row.dueAt = 0;
    return { before, after };
  }

  #after(before: Snapshot | undefined, commit: Commit, head: Head): Snapshot {
    const created = before === undefined ? { ...head, generation: ++this.#generation } : head;
    const entries = before?.entries ?? [];
    for (const entry of commit.entries) entries.push(entry);
    if (commit.parts === undefined)
      return { head: created, parts: before?.parts ?? NO_PARTS, entries, count: entries.length };
    const parts: Record<string, unknown> = { ...before?.parts };
    for (const name in commit.parts) {
      const part = commit.parts[name];
      // Left in where it is undefined: nobody tells the difference.
      parts[name] = part;
    }
    return { head: created, parts, entries, count: entries.length };
  }
}

const isAt = (stream: Snapshot | undefined, { generation, n, tag }: Version): boolean =>
  stream?.head.generation === generation && stream.head.n === n && stream.head.tag === tag;

const softOf = (row: Row | undefined): Soft => ({
  usedAt: row?.usedAt ?? -Infinity,
  beat: row?.beat ?? 0,
  readers: 0,
  dueAt: row?.dueAt ?? Infinity,
});
