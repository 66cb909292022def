import { printed, StreamError } from '../errors.js';
import { encodePart } from '../log/frame.js';
import { headWith } from '../log/head.js';
import type { Commit, CommitResult, EngineFeatures, Hint } from './engine.js';
import { blankHint, goneHint, hintOf } from './hint.js';
import { NO_CHAIN } from './nats-chain.js';
import type { NatsDue } from './nats-due.js';
import { type Look, loadedOf, look } from './nats-look.js';
import {
  changed,
  type Draft,
  encodeCommit,
  encodeTombstone,
  type Known,
  type Mark,
  markOf,
  NO_PARTS,
} from './nats-record.js';
import type { NatsStore, Published } from './nats-store.js';
import { MAX_PAYLOAD } from './nats-streams.js';
import type { NatsSweep } from './nats-sweep.js';

/** How many parts a stream may have: all of them are in each of its messages. */
const MAX_PARTS = 256;
/** What of a message is for what is not in its payload. */
const MARGIN = 4_096;
/** How many streams are remembered as they were after a commit, and how many bytes of parts each may have. */
const MAX_KNOWN = 8_192;
const MAX_KNOWN_PART_BYTES = 16_384;
/** How often a commit is tried again that conflicts with nothing. */
const MAX_TRIES = 20;

/** Makes generations hard to guess, so that a store that has lost its last counts gives others than before. */
const RANDOM_DIGITS = 1_000;

const contended = (id: string): StreamError =>
  new StreamError('UNAVAILABLE', `NATS has another last message of the stream ${printed(id)} than it gives.`);

const randomWriter = (): number => Math.floor(Math.random() * 2 ** 48);

const ABSENT: CommitResult = { type: 'conflict', current: undefined };

/** Commits: each is one message, which is stored if the last one of its subject is the one that it goes on from. */
export class NatsCommits {
  /** The streams as they were after their last commit, the oldest first, so that a writer need not ask. */
  readonly #known = new Map<string, Known>();
  #writer = randomWriter();
  #marks = 0;

  constructor(
    private readonly store: NatsStore,
    private readonly due: NatsDue,
    private readonly sweep: NatsSweep,
    private readonly features: EngineFeatures,
    /** Told of what is stored, and of ids of which it is not known whether anything was. */
    private readonly tell: (hint: Hint) => void,
  ) {}

  /** What the messages are marked with of which watchers here are told when they are stored, and not by the server. */
  get writer(): number {
    return this.#writer;
  }

  /** Forgets what was known of streams: the server that comes back may have been set back. */
  forget(): void {
    this.#known.clear();
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const refused = refusal(commit, this.features);
    if (refused !== undefined) return refused;
    try {
      return await this.#commit(commit);
    } catch (error) {
      // Whether it was stored, or will be, is not known: then the server has to tell of it.
      this.#writer = randomWriter();
      this.#known.delete(commit.id);
      this.tell(blankHint(commit.id));
      throw error;
    }
  }

  async #commit(commit: Commit): Promise<CommitResult> {
    const { id, expected, head, usedAt } = commit;
    const { store } = this;
    let known = this.#known.get(id);
    if (known !== undefined && !isAt(known, commit)) known = undefined;
    // A removal has to know what is beside the stream.
    let seen = known === undefined || usedAt !== undefined ? await look(store, id) : undefined;
    for (let tries = 1; ; tries++) {
      if (seen !== undefined) {
        known = seen.known;
        const holds =
          expected === undefined ? known === undefined && head !== undefined : isAt(known, commit);
        if (!holds || (seen.soft?.usedAt ?? -Infinity) > (usedAt ?? Infinity)) return conflict(seen);
      }
      const result =
        head === undefined
          ? await this.#remove(id, known as Known)
          : await this.#store(commit, head, known, seen);
      if (result !== undefined) return result;
      if (tries === MAX_TRIES) throw contended(id);
      // Somebody else was before us.
      seen = await look(store, id);
    }
  }

  /** Stores a commit upon a message; `undefined` where that is not the last one. */
  async #store(
    commit: Commit,
    head: NonNullable<Commit['head']>,
    known: Known | undefined,
    seen: Look | undefined,
  ): Promise<CommitResult | undefined> {
    const { id, dueAt, entries } = commit;
    const [generation] = await Promise.all([
      known === undefined ? this.#nextGeneration() : head.generation,
      // It may be found there too early, and never too late.
      dueAt === undefined ? undefined : this.due.insert(id, dueAt),
    ]);
    const draft: Draft = {
      head: known === undefined ? headWith(head, { generation }) : head,
      dueAt: dueAt ?? known?.dueAt ?? Infinity,
      dueN: dueAt === undefined ? (known?.dueN ?? head.n) : head.n,
      parts: changed(known?.parts ?? NO_PARTS, commit.parts),
      chain: known?.chain ?? NO_CHAIN,
      recent: known?.recent,
      entries,
    };
    const refused = tooMuch(draft);
    if (refused !== undefined) return refused;
    const mark = this.#nextMark();
    const { data, stored } = encodeCommit(mark, draft);
    if (data.length > MAX_PAYLOAD - MARGIN)
      return refuse(
        `The commit has ${data.length} bytes with all parts of its stream, but at most ${MAX_PAYLOAD - MARGIN} fit into a message.`,
      );
    const upon = known?.seq ?? seen?.seq ?? 0;
    const result = await this.#publish(id, data, mark, upon);
    if (result.type === 'refused') return result;
    if (result.type === 'conflict') return undefined;
    this.#remember(id, stored(result.seq));
    this.tell(hintOf(id, generation, draft.head, entries));
    // What the life before has left.
    if (seen?.over !== undefined) this.sweep.add(id, seen.seq, seen.over);
    return { type: 'stored', generation };
  }

  /** Ends a life; `undefined` where another message is the last. */
  async #remove(id: string, { head, seq }: Known): Promise<CommitResult | undefined> {
    const mark = this.#nextMark();
    const result = await this.#publish(id, encodeTombstone(mark, head), mark, seq);
    if (result.type === 'refused') return result;
    if (result.type === 'conflict') return undefined;
    this.#known.delete(id);
    this.sweep.add(id, result.seq, head.generation);
    this.tell(goneHint(id, head.generation, head.n));
    return { type: 'stored', generation: head.generation };
  }

  /** Stores a message upon another one. Where there is no answer, it is looked whether it was, and tried again if not. */
  async #publish(
    id: string,
    data: Uint8Array,
    mark: Mark,
    upon: number,
  ): Promise<Exclude<Published, { type: 'unanswered' }>> {
    const { store } = this;
    const { keys } = store;
    const until = store.deadline();
    for (let unknown: StreamError | undefined; ;) {
      const result = await store.publish(keys.logSubject(id), data, upon);
      if (result.type === 'unanswered') unknown = result.error;
      else if (result.type !== 'conflict' || unknown === undefined) return result;
      const last = await store.last(keys.logStream(id), keys.logSubject(id));
      const found = last && markOf(last.data);
      if (last !== undefined && found?.writer === mark.writer && found.mark === mark.mark)
        return { type: 'stored', seq: last.seq };
      // It may be there, under what others have stored since.
      if ((last?.seq ?? 0) !== upon || performance.now() > until) throw unknown;
    }
  }

  /** A generation greater than any before: the sequence of a message that is made for it. */
  async #nextGeneration(): Promise<number> {
    const { store } = this;
    const { keys } = store;
    for (const until = store.deadline(); ;) {
      const result = await store.publish(keys.generation, '');
      if (result.type === 'stored')
        return result.seq * RANDOM_DIGITS + Math.floor(Math.random() * RANDOM_DIGITS);
      if (result.type === 'refused') throw result.error;
      if (result.type === 'unanswered' && performance.now() > until) throw result.error;
      // Waits until there is an answer. Nobody misses a number.
      await store.last(keys.soft, keys.generation);
    }
  }

  #nextMark(): Mark {
    return { writer: this.#writer, mark: ++this.#marks };
  }

  #remember(id: string, known: Known): void {
    this.#known.delete(id);
    let bytes = 0;
    for (const part of known.parts.values()) bytes += part.length;
    if (bytes > MAX_KNOWN_PART_BYTES) return;
    if (this.#known.size >= MAX_KNOWN)
      this.#known.delete((this.#known.keys().next() as { value: string }).value);
    this.#known.set(id, known);
  }
}

const isAt = (known: Known | undefined, { expected }: Commit): boolean =>
  expected !== undefined &&
  known?.head.generation === expected.generation &&
  known.head.n === expected.n &&
  known.head.tag === expected.tag;

function conflict(seen: Look): CommitResult {
  const current = loadedOf(seen);
  return current === undefined ? ABSENT : { type: 'conflict', current };
}

/** Why a commit can't be stored, whatever is there. */
function refusal(
  { entries, parts }: Commit,
  { maxCommitBytes, maxChunkBytes }: EngineFeatures,
): CommitResult | undefined {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > maxCommitBytes)
    return refuse(`A commit has ${bytes} bytes, but the nats engine takes at most ${maxCommitBytes}.`);
  for (const name in parts) {
    const length = parts[name] === undefined ? 0 : encodePart(parts[name]).length;
    if (length > maxChunkBytes + MARGIN)
      return refuse(
        `The part ${name} has ${length} bytes, but the nats engine takes at most ${maxChunkBytes}.`,
      );
  }
  return undefined;
}

const tooMuch = ({ parts }: Draft): CommitResult | undefined =>
  parts.size > MAX_PARTS
    ? refuse(`A stream can have at most ${MAX_PARTS} producers, forks and other parts on the nats engine.`)
    : undefined;

const refuse = (message: string): CommitResult => ({
  type: 'refused',
  error: new StreamError('RESOURCE_EXHAUSTED', message),
});
