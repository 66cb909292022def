import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Entry,
  Loaded,
  LoadRequest,
  Page,
  Parts,
  Payload,
  ReadRequest,
  StreamEngine,
} from '../../engines/engine.js';
import { payloadBytes } from '../../log/bytes.js';
import type { Facts, Head, Lifetime } from '../../log/head.js';
import { check, eventually, same } from './assert.js';

/** What a commit changes beside the chunks. */
export interface Change {
  readonly head?: Partial<Omit<Head, 'facts'>>;
  readonly facts?: Partial<Facts>;
  readonly parts?: Parts;
  readonly dueAt?: number;
}

const FOREVER: Lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };

/** The facts of a stream that expires at a moment. */
export const expiring = (expiresAt: number): Partial<Facts> => ({ lifetime: { ...FOREVER, expiresAt } });

/** A read of everything. */
const ALL: Omit<ReadRequest, 'id' | 'generation'> = {
  position: 0,
  until: Infinity,
  maxBytes: Infinity,
  maxChunks: Infinity,
};

/** The chunks of some entries. */
export const chunksOf = (entries: readonly Entry[]): Payload[] => entries.flatMap(({ chunks }) => chunks);

/** An engine as the cases of the suite use it: one stream at a time, with whatever a commit needs filled in. */
export class Store {
  constructor(
    readonly engine: StreamEngine,
    readonly features: EngineFeatures,
    readonly patience: number,
  ) {}

  /** A commit that begins a stream. */
  creation(id: string, chunks: readonly Payload[] = [], change: Change = {}): Commit {
    const head: Head = {
      generation: 0,
      n: 0,
      status: 'open',
      tail: 0,
      tag: this.features.tagged ? 1 : 0,
      bytes: 0,
      owner: undefined,
      usedAt: 0,
      sequence: undefined,
      writers: 0,
      facts: { nonce: 'nonce', createdAt: 0, lifetime: FOREVER, references: 0 },
    };
    // What a head is given beforehand counts as where it begins, as a fork's does.
    return { ...this.next(id, { ...head, ...change.head }, chunks, change), expected: undefined };
  }

  /** A commit upon a head: the next version, with more chunks. */
  next(id: string, head: Head, chunks: readonly Payload[] = [], change: Change = {}): Commit {
    const { n, tag, facts } = head;
    const entry = entryOf(head.tail, chunks, this.features.tagged ? 1 + ((tag * 31 + n) % 999_999) : 0, tag);
    const appended = chunks.length > 0 && {
      tail: head.tail + chunks.length,
      bytes: head.bytes + entry.bytes,
      tag: entry.tag,
    };
    return {
      id,
      expected: head,
      head: { ...head, ...change.head, n: n + 1, ...appended, facts: { ...facts, ...change.facts } },
      parts: change.parts,
      entries: chunks.length > 0 ? [entry] : [],
      ...(change.dueAt !== undefined && { dueAt: change.dueAt }),
    };
  }

  /** A commit that removes a stream, unless it was used later. */
  removal(id: string, head: Head, usedAt?: number): Commit {
    const guard = usedAt !== undefined && { usedAt };
    return { id, expected: head, head: undefined, parts: undefined, entries: [], ...guard };
  }

  /** Begins a stream; gives its head. */
  create(id: string, chunks?: readonly Payload[], change?: Change): Promise<Head> {
    return this.stored(this.creation(id, chunks, change));
  }

  /** Stores the next version; gives its head. */
  append(id: string, head: Head, chunks?: readonly Payload[], change?: Change): Promise<Head> {
    return this.stored(this.next(id, head, chunks, change));
  }

  /** Removes a stream. */
  async remove(id: string, head: Head): Promise<void> {
    const [result] = await this.engine.commit([this.removal(id, head)]);
    same(result?.type, 'stored', 'What became of a removal');
  }

  /** Stores a commit; gives its head. */
  async stored(commit: Commit): Promise<Head> {
    const [head] = await this.allStored([commit]);
    return head as Head;
  }

  /** Stores commits in one call; gives their heads. */
  async allStored(commits: readonly Commit[]): Promise<Head[]> {
    const results = await this.engine.commit(commits);
    same(results.length, commits.length, 'How many results there are');
    return commits.map(({ head }, i) => {
      const result = results[i] as CommitResult;
      check(result.type === 'stored', `commit ${i} of ${commits.length} is stored, and not ${result.type}`);
      check(head !== undefined, 'a head is stored');
      if (head.generation !== 0)
        same(result.generation, head.generation, 'The generation of what was stored');
      return { ...head, generation: result.generation };
    });
  }

  /** Makes a commit that has to conflict; gives what it met. */
  async conflicting(commit: Commit, what: string): Promise<Loaded | undefined> {
    const [result] = await this.engine.commit([commit]);
    check(result?.type === 'conflict', `${what} is a conflict, and not ${result?.type}`);
    return result.current;
  }

  /** Loads one stream. */
  async load(id: string, request: Omit<LoadRequest, 'id'> = {}): Promise<Loaded | undefined> {
    const [loaded] = await this.engine.load([{ id, ...request }]);
    return loaded;
  }

  /** The head that is there. */
  async head(id: string): Promise<Head | undefined> {
    return (await this.load(id))?.head;
  }

  /** The parts of a stream. */
  async parts(id: string, request: Omit<LoadRequest, 'id'>): Promise<Parts> {
    const loaded = await this.load(id, request);
    check(loaded !== undefined, `there is a stream ${JSON.stringify(id)}`);
    return loaded.parts;
  }

  /** Reads one stream, all of it if not told otherwise; where reads can be stale, until they have this head. */
  async read(id: string, head: Head, request: Partial<ReadRequest> = {}): Promise<Page> {
    let page: Page | undefined;
    const look = async (): Promise<boolean> => {
      [page] = await this.engine.read([{ id, generation: head.generation, ...ALL, ...request }]);
      const { generation, n } = page?.current?.head ?? {};
      return !this.features.staleReads || (generation === head.generation && n === head.n);
    };
    await eventually(this.patience, 'a read has what was stored', look);
    return page as Page;
  }

  /** All chunks of a stream. */
  async chunks(id: string, head: Head, request?: Partial<ReadRequest>): Promise<Payload[]> {
    return chunksOf((await this.read(id, head, request)).entries);
  }

  /** The ids that are due, and the next deadline. */
  due(now: number, limit = 1_000): ReturnType<StreamEngine['due']> {
    return this.engine.due(now, limit);
  }
}

/** Chunks as an entry of a log. */
export const entryOf = (position: number, chunks: readonly Payload[], tag = 0, previous = 0): Entry => ({
  position,
  chunks,
  bytes: chunks.reduce((bytes, chunk) => bytes + payloadBytes(chunk), 0),
  tag,
  previous,
});
