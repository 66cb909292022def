import { byCodePoint } from '../code-points.js';
import { type Dated, DeadlineIndex } from '../deadlines.js';
import { StreamError } from '../errors.js';
import { Line } from '../line.js';
import { type Head, headWith } from '../log/head.js';
import { dueEnd, goneAt } from '../log/time.js';
import { checkInteger } from '../validation.js';

import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Entry,
  Hint,
  Loaded,
  LoadRequest,
  Move,
  Page,
  Parts,
  Presence,
  ReadRequest,
  StreamEngine,
  Touch,
  Version,
  Watch,
} from './engine.js';
import { hintOfCommit } from './hint.js';
import { MemoryLog } from './memory-log.js';

/** Options of {@link memoryEngine}. What is out of range is `INVALID_ARGUMENT`. */
export interface MemoryEngineOptions {
  /** How many streams there may be at once; one more is `RESOURCE_EXHAUSTED`. Default: 1,000,000. */
  maxStreams?: number | undefined;
  /**
   * Whether it knows who is there, and by that every deadline. Without, it is told deadlines and holds nobody, as an
   * engine of several processes: for tests of what will run on one. Default: true.
   */
  presence?: boolean | undefined;
}

/**
 * Keeps streams in this process: everything is synchronous and exact to the millisecond, and gone with the process.
 * Several managers may share one. Use it to test what will run on another engine, or with `codec: 'none'` to keep
 * values by reference; where that is all, `InMemoryStreamManager` is faster.
 */
export function memoryEngine({ maxStreams, presence = true }: MemoryEngineOptions = {}): StreamEngine {
  return new MemoryEngine(checkInteger('maxStreams', maxStreams, 1_000_000), presence);
}

/**
 * Keeps a stream of a memory engine as it is, to be put back by calling what is given: a test loses what was
 * acknowledged that way. `undefined` for any other engine.
 *
 * @internal
 */
export function capture(engine: StreamEngine, id: string): (() => void) | undefined {
  return engine instanceof MemoryEngine ? engine.capture(id) : undefined;
}

type Watcher = (hint: Hint) => void;

/** A stream. */
interface Stream extends Dated {
  readonly id: string;
  head: Head;
  /** What a commit that is stored is answered with. */
  readonly stored: CommitResult;
  usedAt: number;
  beat: number;
  readers: number;
  readonly parts: Map<string, unknown>;
  readonly log: MemoryLog;
}

const FEATURES: EngineFeatures = {
  durable: false,
  multiProcess: false,
  synchronous: true,
  byReference: true,
  staleReads: false,
  lossyHints: false,
  tagged: false,
  maxChunkBytes: Infinity,
  maxCommitBytes: Infinity,
};

const EXACT = { exact: true };
const NO_ENTRIES: readonly Entry[] = [];
const NO_PARTS: Parts = {};
const ABSENT: CommitResult = { type: 'conflict', current: undefined };

class MemoryEngine implements StreamEngine {
  readonly name = 'memory';
  readonly features = FEATURES;
  readonly presence?: Presence;
  readonly #streams = new Map<string, Stream>();
  readonly #watchers = new Map<string, Line<Watcher>>();
  readonly #deadlines = new DeadlineIndex<Stream>();
  readonly #listeners = new Set<(deadline: number) => void>();
  readonly #maxStreams: number;
  /** The last generation given. Random at first, so that an offset kept from before a restart is another life's. */
  #generation = Math.floor(Math.random() * 2 ** 48);
  #closed = false;

  constructor(maxStreams: number, presence: boolean) {
    this.#maxStreams = maxStreams;
    if (!presence) return;
    this.presence = {
      hold: (id, generation) => this.#hold(id, generation),
      onDeadline: (listener) => {
        this.#listeners.add(listener);
        listener(this.#earliest());
        return () => this.#listeners.delete(listener);
      },
    };
  }

  load(requests: readonly LoadRequest[]): (Loaded | undefined)[] {
    this.#assertOpen();
    return requests.map(({ id, parts, partsWith }) => {
      const stream = this.#streams.get(id);
      return stream && loaded(stream, partsOf(stream, parts, partsWith));
    });
  }

  commit(commits: readonly Commit[]): CommitResult[] {
    this.#assertOpen();
    const [only] = commits;
    if (only !== undefined && commits.length === 1) {
      const result = this.#store(only);
      this.#tell(only, result);
      return [result];
    }
    const results = commits.map((commit) => this.#store(commit));
    // After all is stored: watchers may write.
    for (const [i, commit] of commits.entries()) this.#tell(commit, results[i] as CommitResult);
    return results;
  }

  read(requests: readonly ReadRequest[]): Page[] {
    this.#assertOpen();
    return requests.map((request) => {
      const stream = this.#streams.get(request.id);
      if (stream === undefined) return { current: undefined, entries: NO_ENTRIES };
      const entries = stream.head.generation === request.generation ? stream.log.page(request) : NO_ENTRIES;
      return { current: loaded(stream), entries };
    });
  }

  watch(ids: readonly string[], onHint: Watcher): Watch {
    this.#assertOpen();
    // Its own function: whoever watches twice is told twice.
    const watcher: Watcher = (hint) => {
      onHint(hint);
    };
    for (const id of ids) {
      const watchers = this.#watchers.get(id);
      if (watchers) watchers.add(watcher);
      else this.#watchers.set(id, new Line<Watcher>().add(watcher));
    }
    return {
      close: () => {
        for (const id of ids) {
          const watchers = this.#watchers.get(id);
          if (watchers?.delete(watcher) === true && watchers.size === 0) this.#watchers.delete(id);
        }
      },
    };
  }

  touch(touches: readonly Touch[]): void {
    this.#assertOpen();
    for (const { id, generation, usedAt = -Infinity, beat = -Infinity } of touches) {
      const stream = this.#streams.get(id);
      if (stream?.head.generation !== generation) continue;
      stream.usedAt = Math.max(stream.usedAt, usedAt);
      stream.beat = Math.max(stream.beat, beat);
      this.#schedule(stream, undefined);
    }
  }

  list({
    prefix,
    after,
    limit,
  }: {
    prefix: string;
    after: string;
    limit: number;
  }): { id: string; loaded: Loaded }[] {
    this.#assertOpen();
    const first = byCodePoint(after);
    return [...this.#streams.values()]
      .filter(({ id, head }) => id.startsWith(prefix) && !head.facts.deleted)
      .map((stream) => ({ stream, key: byCodePoint(stream.id) }))
      .filter(({ key }) => key > first)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, limit)
      .map(({ stream }) => ({ id: stream.id, loaded: loaded(stream) }));
  }

  due(now: number, limit: number): { ids: string[]; next: number } {
    this.#assertOpen();
    const { due, next } = this.#deadlines.due(now, limit);
    return { ids: due.map(({ id }) => id), next: next?.deadline ?? Infinity };
  }

  schedule(moves: readonly Move[]): void {
    this.#assertOpen();
    for (const { id, generation, from, to } of moves) {
      const stream = this.#streams.get(id);
      if (stream?.head.generation === generation && stream.deadline === from) this.#schedule(stream, to);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#streams.clear();
    this.#watchers.clear();
    for (const listener of this.#listeners) listener(Infinity);
  }

  capture(id: string): () => void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      return () => {
        const late = this.#streams.get(id);
        if (late !== undefined) this.#setDeadline(late, Infinity);
        this.#streams.delete(id);
      };
    }
    const { head, usedAt, beat, deadline } = stream;
    const parts = [...stream.parts];
    const cut = stream.log.capture();
    return () => {
      const late = this.#streams.get(id);
      if (late !== undefined && late !== stream) this.#setDeadline(late, Infinity);
      this.#streams.set(id, Object.assign(stream, { head, usedAt, beat }));
      stream.parts.clear();
      for (const [name, part] of parts) stream.parts.set(name, part);
      cut();
      this.#setDeadline(stream, deadline);
    };
  }

  #store(commit: Commit): CommitResult {
    const { id, expected, head } = commit;
    const found = this.#streams.get(id);
    if (expected === undefined ? found !== undefined : !isAt(found, expected)) {
      return found === undefined ? ABSENT : { type: 'conflict', current: loaded(found) };
    }
    if (found !== undefined && commit.usedAt !== undefined && found.usedAt > commit.usedAt) {
      return { type: 'conflict', current: loaded(found) };
    }
    if (head === undefined) return this.#remove(found, commit);
    const stream = found ?? this.#begin(id, head);
    if (stream === undefined) {
      const message = `No room for another stream: maxStreams is ${this.#maxStreams}.`;
      return { type: 'refused', error: new StreamError('RESOURCE_EXHAUSTED', message) };
    }
    const before = found?.head;
    if (found !== undefined) stream.head = head;
    for (const entry of commit.entries) stream.log.append(entry);
    for (const name in commit.parts) {
      const part = commit.parts[name];
      if (part === undefined) stream.parts.delete(name);
      else stream.parts.set(name, part);
    }
    if (before === undefined || commit.dueAt !== undefined || movesDeadline(before, head)) {
      this.#schedule(stream, commit.dueAt);
    }
    return stream.stored;
  }

  #begin(id: string, head: Head): Stream | undefined {
    if (this.#streams.size >= this.#maxStreams) return undefined;
    const generation = ++this.#generation;
    const stream: Stream = {
      id,
      head: headWith(head, { generation }),
      stored: { type: 'stored', generation },
      usedAt: -Infinity,
      beat: 0,
      readers: 0,
      parts: new Map(),
      log: new MemoryLog(),
      deadline: Infinity,
      slot: -1,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #remove(stream: Stream | undefined, { id }: Commit): CommitResult {
    if (stream === undefined) return ABSENT;
    this.#streams.delete(id);
    this.#setDeadline(stream, Infinity);
    return stream.stored;
  }

  #hold(id: string, generation: number): () => void {
    const stream = this.#streams.get(id);
    if (stream?.head.generation !== generation) return () => undefined;
    stream.readers++;
    this.#schedule(stream, undefined);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      stream.readers--;
      if (this.#streams.get(id) === stream) this.#schedule(stream, undefined);
    };
  }

  /** Moves a stream in the index of deadlines: to where its head says, or, without presence, to where it is told. */
  #schedule(stream: Stream, told: number | undefined): void {
    const deadline = this.presence === undefined ? told : deadlineOf(stream);
    if (deadline !== undefined && deadline !== stream.deadline) this.#setDeadline(stream, deadline);
  }

  #setDeadline(stream: Stream, deadline: number): void {
    const before = this.#earliest();
    this.#deadlines.set(stream, deadline);
    const after = this.#earliest();
    if (after !== before) for (const listener of this.#listeners) listener(after);
  }

  #earliest(): number {
    return this.#deadlines.first?.deadline ?? Infinity;
  }

  /** Tells those who watch of what was stored. */
  #tell(commit: Commit, result: CommitResult): void {
    const watchers = this.#watchers.get(commit.id);
    if (watchers === undefined || result.type !== 'stored') return;
    const hint = hintOfCommit(commit, result.generation);
    for (const watcher of watchers.inOrder) if (watchers.has(watcher)) watcher(hint);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StreamError('UNAVAILABLE', 'The memory engine is closed.');
  }
}

const deadlineOf = (stream: Stream): number =>
  Math.min(
    goneAt(stream.head, softOf(stream), EXACT),
    dueEnd(stream.head, EXACT)?.at ?? Infinity,
    stream.head.facts.recheckAt ?? Infinity,
  );

/** Whether a stream may have to be looked at at another time: appending alone changes that only where it is a use. */
const movesDeadline = (before: Head, { facts, owner }: Head): boolean =>
  before.facts !== facts || facts.lifetime.idleTtl !== Infinity || before.owner?.closedAt !== owner?.closedAt;

const isAt = (stream: Stream | undefined, { generation, n, tag }: Version): boolean =>
  stream?.head.generation === generation && stream.head.n === n && stream.head.tag === tag;

const softOf = ({ usedAt, beat, readers, deadline }: Stream): Loaded['soft'] => ({
  usedAt,
  beat,
  readers,
  dueAt: deadline,
});

const loaded = (stream: Stream, parts = NO_PARTS): Loaded => ({
  head: stream.head,
  soft: softOf(stream),
  parts,
});

function partsOf(stream: Stream, names: readonly string[] = [], prefix?: string): Parts {
  const parts: Record<string, unknown> = {};
  for (const name of names) {
    if (stream.parts.has(name)) parts[name] = stream.parts.get(name);
  }
  if (prefix === undefined) return parts;
  for (const [name, part] of stream.parts) if (name.startsWith(prefix)) parts[name] = part;
  return parts;
}
