import type { StreamError } from '../errors.js';
import type { Head, Soft } from '../log/head.js';
import type { Awaitable } from '../maybe-promise.js';

/** A chunk as it is stored: text, or bytes. (Any value on an engine that keeps references and without a codec.) */
export type Payload = string | Uint8Array;

/**
 * A version of a stream, compared whole: a zombie of an id's former life must not commit into the next, nor upon what
 * has grown again after acknowledged commits were lost.
 */
export interface Version {
  readonly generation: number;
  readonly n: number;
  readonly tag: number;
}

/** The chunks of one commit, or some of them: what an engine stores as one record of a log. */
export interface Entry {
  /** How many chunks of the stream precede these. */
  readonly position: number;
  /** At least one. */
  readonly chunks: readonly Payload[];
  /** How many bytes they have. */
  readonly bytes: number;
  /** The tag of the commit, see `log/tag.ts`. */
  readonly tag: number;
  /** The tag of what comes before. */
  readonly previous: number;
}

/**
 * Parts by name, of which `PART` in `log/head.ts` makes all; `undefined` for one that is to be removed. A part has a
 * JSON, but for an outcome's output, which may be bytes.
 */
export type Parts = Readonly<Record<string, unknown>>;

/** What {@link StreamEngine.load} is asked for. */
export interface LoadRequest {
  readonly id: string;
  /** The parts wanted, by name. */
  readonly parts?: readonly string[];
  /** All parts whose names begin with this, too. */
  readonly partsWith?: string;
}

/** What an engine has of a stream. */
export interface Loaded {
  readonly head: Head;
  readonly soft: Soft;
  /** Those of the parts asked for that are there. */
  readonly parts: Parts;
}

/** A change of one stream that is made wholly or not at all. */
export interface Commit {
  readonly id: string;
  /** The version that must be there; `undefined`: no stream must be there. */
  readonly expected: Version | undefined;
  /**
   * What is to be there. With the generation 0 (and only where no stream is expected) it begins a life: the engine
   * gives it a generation greater than any it gave before. `undefined` removes the stream with all that it has.
   */
  readonly head: Head | undefined;
  /** Made only if {@link Soft.usedAt} is not greater than this: what has expired may have been used meanwhile. */
  readonly usedAt?: number;
  /** Parts to store, or, where `undefined`, to remove. */
  readonly parts: Parts | undefined;
  /** What to append. */
  readonly entries: readonly Entry[];
  /**
   * Where the index of deadlines is to have the stream from now on; left out where it stays. `Infinity`: nowhere. Means
   * nothing to an engine with {@link StreamEngine.presence}, which finds deadlines in heads.
   */
  readonly dueAt?: number;
}

/** What became of a commit. */
export type CommitResult =
  /**
   * It is there, as durable as the engine makes it. `generation` is the stream's, also where it was just given: a safe
   * integer.
   */
  | { readonly type: 'stored'; readonly generation: number }
  /** Another version is there, so nothing was changed. `current` need not have any parts. */
  | { readonly type: 'conflict'; readonly current: Loaded | undefined }
  /** The engine can't take it, whoever tries (`RESOURCE_EXHAUSTED`, `INVALID_ARGUMENT`). Nothing was changed. */
  | { readonly type: 'refused'; readonly error: StreamError };

/** What {@link StreamEngine.read} is asked for. */
export interface ReadRequest {
  readonly id: string;
  readonly generation: number;
  /**
   * How many chunks to leave out; `Infinity` for all. An entry that begins before this and goes on after it is given
   * whole.
   */
  readonly position: number;
  /** Give no entry that begins at or after this position. */
  readonly until: number;
  /** Stop after the entry with which there are so many bytes, or so many chunks. The first is given in any case. */
  readonly maxBytes: number;
  readonly maxChunks: number;
}

/** What a read gives: one consistent look. */
export interface Page {
  /** The stream as it is now, of whatever generation; `undefined` if there is none. Without parts. */
  readonly current: Loaded | undefined;
  /** In order, without holes. Empty if there are none, or if the generation asked for is gone. */
  readonly entries: readonly Entry[];
}

/** Says that a stream may have changed. Hints may be lost, late, doubled or out of order: the read is the truth. */
export interface Hint {
  readonly id: string;
  /** The version hinted at; 0 and 0 where hints may have been lost: look again. */
  readonly generation: number;
  readonly n: number;
  readonly tail: number;
  readonly tag: number;
  /** Whether the stream has ended. */
  readonly ended: boolean;
  /** Whether a stop is pending. */
  readonly stopping: boolean;
  /** The nonce of the input that may write it. */
  readonly owner: string | undefined;
  /** Whether this life of the stream is over, or only kept for its forks. */
  readonly gone: boolean;
  /** The entries that the commit appended, where they are at hand. */
  readonly entries?: readonly Entry[] | undefined;
}

/** A watch that is armed. */
export interface Watch {
  /** No hint is given any more, also if it is called while others are told. Calling it again changes nothing. */
  close(): void;
}

/** Something that was used or lives. */
export interface Touch {
  readonly id: string;
  readonly generation: number;
  /** When it was read. */
  readonly usedAt?: number;
  /** A sign of life of its producer: a number greater than the last. */
  readonly beat?: number;
}

/** A move in the index of deadlines, made if the generation is there and nobody has moved the stream meanwhile. */
export interface Move {
  readonly id: string;
  readonly generation: number;
  /** Where the index has it, which is {@link Soft.dueAt}. */
  readonly from: number;
  /** Where the index is to have it; `Infinity`: nowhere. */
  readonly to: number;
}

/** What an engine is, as data. */
export interface EngineFeatures {
  /** What was acknowledged survives the process. */
  readonly durable: boolean;
  /** Several processes may use one store at once. */
  readonly multiProcess: boolean;
  /** Every method gives plain values. */
  readonly synchronous: boolean;
  /** Values are kept as they are, so a chunk need not be text or bytes. */
  readonly byReference: boolean;
  /** A read may be behind what was acknowledged, so {@link StreamEngine.confirm} has to be asked. */
  readonly staleReads: boolean;
  /** Hints can be lost, so tails have to be polled as a safety net. */
  readonly lossyHints: boolean;
  /** Acknowledged entries can be lost (a failover, a restored backup), so commits are tagged. */
  readonly tagged: boolean;
  /** The most bytes that a chunk, an outcome or a part may have. */
  readonly maxChunkBytes: number;
  /** The most bytes of chunks that one commit may have. */
  readonly maxCommitBytes: number;
}

/** What only an engine can know that lives and dies with the one process that uses it. */
export interface Presence {
  /** Says that a reader of a stream is there until the function given back is called. */
  hold(id: string, generation: number): () => void;
  /** Calls back with the earliest deadline of any stream whenever that changes. Gives back what ends it. */
  onDeadline(listener: (deadline: number) => void): () => void;
}

/**
 * Where streams are stored. An engine decides nothing about streams: it stores a head, parts and entries if the
 * version that the decision was made on is still there, and gives them back. Every method may give plain values.
 *
 * Methods that take several requests give as many results, in order; the results are independent of each other, and
 * an id occurs once in a call. What they throw, or reject with, is a failure of the engine: `UNAVAILABLE` where a
 * later try can succeed, `DATA_LOSS` where the store is broken, `PERMISSION_DENIED` and so on.
 */
export interface StreamEngine {
  /** For messages: `memory`, `lmdb`, … */
  readonly name: string;
  readonly features: EngineFeatures;
  /** Only where {@link EngineFeatures.multiProcess} is false and every hint arrives. */
  readonly presence?: Presence;

  /** The streams, `undefined` where there is none. Never stale. */
  load(requests: readonly LoadRequest[]): Awaitable<readonly (Loaded | undefined)[]>;
  /**
   * Stores each commit whole, or nothing of it. What a hint tells of has been stored; on a synchronous engine all
   * watchers have been told when the call returns. If it throws, each commit may or may not have been stored.
   */
  commit(commits: readonly Commit[]): Awaitable<readonly CommitResult[]>;
  /**
   * Calls back, once and later, when it is the turn of what is committed within the callback: where commits wait for
   * each other, so that what is asked for meanwhile shares one. Calls back also where nothing can be committed, which
   * the commit is told. Within the callback nothing but {@link commit} is called.
   */
  ready?(callback: () => void): void;
  /** Entries after a position. May be behind where {@link EngineFeatures.staleReads} is set. */
  read(requests: readonly ReadRequest[]): Awaitable<readonly Page[]>;
  /** Gives hints of what is committed to these ids, by whomever, from when the watch is given. */
  watch(ids: readonly string[], onHint: (hint: Hint) => void): Awaitable<Watch>;
  /** Raises {@link Soft.usedAt} and {@link Soft.beat} to what is given, if the generation is there; makes no version. */
  touch(touches: readonly Touch[]): Awaitable<void>;
  /** As `load`, linearizable where reads can be stale. Only there. */
  confirm?(ids: readonly string[]): Awaitable<readonly (Loaded | undefined)[]>;
  /** Streams in order of their ids in UTF-8. Those that are kept only for their forks are left out. */
  list(options: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): Awaitable<readonly { readonly id: string; readonly loaded: Loaded }[]>;
  /**
   * Up to `limit` ids whose deadline in the index is at or before `now`, earliest first, and the earliest deadline
   * beyond those given (`Infinity` if none).
   */
  due(now: number, limit: number): Awaitable<{ readonly ids: readonly string[]; readonly next: number }>;
  /**
   * Moves streams in the index of deadlines; makes no version. Does nothing where there is {@link presence}.
   */
  schedule(moves: readonly Move[]): Awaitable<void>;
  /** Gives back everything it holds. After it, every method rejects with `UNAVAILABLE`. Calling it again changes nothing. */
  close(): Awaitable<void>;
}
