import { StreamError } from '../errors.js';
import type { StreamStatus } from './outcome.js';

/** How long a stream lives, in ms; `Infinity` where there is no limit. `expiresAt` is a moment, the rest are lengths. */
export interface Lifetime {
  readonly ttl: number;
  readonly idleTtl: number;
  readonly expiresAt: number;
  readonly lease: number;
}

/** The input that may write a stream: the last that opened it or took it over. */
interface Owner {
  /** A random name of this input, by which a retried claim is known. */
  readonly nonce: string;
  /** The number of the last append of its that was stored, counted from 1; 0 before. */
  readonly seq: number;
  /** The position after that append, and the tag there: what a repeated append is answered with. */
  readonly position: number;
  readonly tag: number;
  /** When it left without an outcome. */
  readonly closedAt?: number;
}

/** A stop that grants its producer time. */
interface PendingStop {
  /** From when on the stream is ended, unless its producer has ended it before. `Infinity` leaves it to the producer. */
  readonly at: number;
  readonly reason: string;
}

/** What seldom changes of a head: shared between its versions, so that a write copies little. */
export interface Facts {
  /** A random name of the creation, by which a retried one is known. */
  readonly nonce: string;
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly lifetime: Lifetime;
  /** The media type of the chunks, where a protocol has given one. */
  readonly contentType?: string;
  readonly stop?: PendingStop;
  /** How many forks read this stream's chunks. */
  readonly references: number;
  /** How many forks have ever been announced. */
  readonly announced?: number;
  /** From when on it has to be looked whether its forks are there. */
  readonly recheckAt?: number;
  /** Deleted or expired, and kept for its forks: the id stays taken, nobody else reads or writes. */
  readonly deleted?: true;
  /**
   * Of a fork: which generations' offsets it takes, each up to a position: `[generation, until]`, from the oldest. At
   * most {@link MAX_LINEAGE}.
   */
  readonly lineage?: readonly (readonly [generation: number, until: number])[];
}

/**
 * The small record beside a stream's chunks, with everything that is decided by: about 300 bytes, and not 2 kB if all
 * is as long as it may be. Its version is
 * `generation` and `n` together.
 */
export interface Head {
  /** Which life of the id this is. 0 in a head that is to be created: the engine gives the next. */
  readonly generation: number;
  /** Counts the commits of this life, from 1. */
  readonly n: number;
  readonly status: StreamStatus;
  /** How many chunks precede the end, those of a fork's source included. */
  readonly tail: number;
  /** The tag of the last commit that appended, see `tag.ts`; 0 where an engine can't lose what it acknowledged. */
  readonly tag: number;
  /** How many bytes its own chunks have, without those of a fork's source. */
  readonly bytes: number;
  readonly owner: Owner | undefined;
  /** When it was last written by a producer. */
  readonly usedAt: number;
  /** The greatest application sequence (`Stream-Seq`) so far. */
  readonly sequence: string | undefined;
  /** How many processes have registered as writers without an input. */
  readonly writers: number;
  readonly facts: Facts;
}

/**
 * A head with some things changed. Written out: a copy of an object that is spread has another hidden class, and after
 * some of them yet another, by which V8 throws away what it had compiled for all others.
 */
export const headWith = (head: Head, change: Partial<Head>): Head => ({
  generation: change.generation ?? head.generation,
  n: change.n ?? head.n,
  status: change.status ?? head.status,
  tail: change.tail ?? head.tail,
  tag: change.tag ?? head.tag,
  bytes: change.bytes ?? head.bytes,
  owner: change.owner ?? head.owner,
  usedAt: change.usedAt ?? head.usedAt,
  sequence: change.sequence ?? head.sequence,
  writers: change.writers ?? head.writers,
  facts: change.facts ?? head.facts,
});

/** What is known beside a head and changes without a new version of it. */
export interface Soft {
  /** When the stream was last read, by whoever's clock was latest. */
  readonly usedAt: number;
  /** Counts the signs of life of an idle producer. */
  readonly beat: number;
  /** How many readers are there, on an engine that knows. */
  readonly readers: number;
  /** The moment that the engine's index of deadlines has for the stream; `Infinity` if none. */
  readonly dueAt: number;
}

/** How many generations a fork may go back. */
export const MAX_LINEAGE = 8;

/** How many bytes a content type, an application sequence and the reason of a stop may each have in a head, as JSON. */
export const MAX_TEXT_BYTES = 256;

/** The parts of a stream: small records beside its head, loaded and stored by name under the head's version. */
export const PART = {
  /** The outcome: {@link StoredOutcome}. */
  outcome: 'o',
  /** Of a fork, where it comes from: {@link Origin}. */
  origin: 'f',
  /** An idempotent producer: {@link ProducerState}. */
  producer: (id: string): string => `p:${id}`,
  /** A process that writes without an input: {@link WriterState}. */
  writer: (slot: number): string => `w:${slot}`,
  writers: 'w:',
  /** A fork that reads this stream: {@link Reference}. */
  reference: (nonce: string): string => `r:${nonce}`,
  references: 'r:',
} as const;

/** The state of an idempotent producer. */
export interface ProducerState {
  readonly epoch: number;
  readonly seq: number;
}

/** The state of a process that writes without an input. */
export interface WriterState {
  readonly id: string;
  readonly seq: number;
}

/** Where a fork's first chunks are. */
export interface Origin {
  readonly id: string;
  readonly generation: number;
  /** How many chunks are read from there. */
  readonly position: number;
  /** How many bytes of the next chunk there are in the fork's own first. */
  readonly sub?: number;
}

/** A fork that reads this stream's chunks. */
export interface Reference {
  readonly id: string;
  /** Of a fork that may not have been created: by when it must have been. */
  readonly until?: number;
  /** Of one that has been: which life of its id. A creation whose answer was lost may have been carried out twice. */
  readonly generation?: number | undefined;
}

/** An outcome as engines store it. The output went through the codec. */
export type StoredOutcome =
  | {
      readonly type: 'done';
      readonly output?: unknown;
      /** The output is `undefined`, which is not the same as none, and which no codec need know. */
      readonly undefined?: true;
    }
  | {
      readonly type: 'error';
      readonly error: { readonly code: string; readonly message: string; readonly details?: unknown };
    };

/** Whether the texts of a stream are its chunks themselves, and not what a codec has made of chunks. */
export const isText = ({ facts: { contentType = '' } }: Head): boolean => /^\s*text\//i.test(contentType);

/**
 * A head as text, short. Its inverse is {@link decodeHead}. The facts are the bulk of it and seldom change, so their
 * text is kept with them.
 */
export function encodeHead(head: Head): string {
  const { generation, n, status, tail, tag, bytes, owner, usedAt, sequence, writers, facts } = head;
  // Written out: JSON.stringify takes twice as long for what is mostly numbers.
  const numbers = `${generation},${n},"${status}",${tail},${tag},${bytes},${usedAt},${writers}`;
  const ownerText = owner === undefined ? '0' : textOfOwner(owner);
  const sequenceText = sequence === undefined ? '0' : JSON.stringify(sequence);
  return `[${factsText(facts)},${numbers},${ownerText},${sequenceText}]`;
}

function textOfOwner({ nonce, seq, position, tag, closedAt }: Owner): string {
  const closed = closedAt === undefined ? '' : `,"closedAt":${closedAt}`;
  return `{"nonce":${JSON.stringify(nonce)},"seq":${seq},"position":${position},"tag":${tag}${closed}}`;
}

/** The head that {@link encodeHead} made a text of. Throws `DATA_LOSS` for what is none. */
export function decodeHead(text: string): Head {
  const [facts, generation, n, status, tail, tag, bytes, usedAt, writers, owner, sequence] = parsed(text);
  return {
    generation,
    n,
    status,
    tail,
    tag,
    bytes,
    owner: owner === 0 ? undefined : owner,
    usedAt,
    sequence: sequence === 0 ? undefined : sequence,
    writers,
    facts: factsOf(facts),
  };
}

/** JSON has no `Infinity`. */
type Stored<T> = { readonly [K in keyof T]: T[K] | null };
type StoredFacts = Omit<Facts, 'lifetime' | 'stop'> & {
  readonly lifetime: Stored<Lifetime>;
  readonly stop?: Pick<PendingStop, 'reason'> & Stored<Pick<PendingStop, 'at'>>;
};
type StoredHead = [
  facts: StoredFacts,
  generation: number,
  n: number,
  status: StreamStatus,
  tail: number,
  tag: number,
  bytes: number,
  usedAt: number,
  writers: number,
  owner: Owner | 0,
  sequence: string | 0,
];

function parsed(text: string): StoredHead {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What is torn is no JSON.
  }
  if (Array.isArray(value) && value.length === 11) return value as StoredHead;
  throw new StreamError('DATA_LOSS', 'The store has a head that is torn.');
}

const texts = new WeakMap<Facts, string>();

function factsText(facts: Facts): string {
  let text = texts.get(facts);
  if (text === undefined) {
    // JSON.stringify makes `Infinity` null, which is read back as such.
    text = JSON.stringify(facts);
    texts.set(facts, text);
  }
  return text;
}

const orInfinity = (value: number | null): number => value ?? Infinity;

function factsOf({ lifetime, stop, ...facts }: StoredFacts): Facts {
  return {
    ...facts,
    lifetime: {
      ttl: orInfinity(lifetime.ttl),
      idleTtl: orInfinity(lifetime.idleTtl),
      expiresAt: orInfinity(lifetime.expiresAt),
      lease: orInfinity(lifetime.lease),
    },
    ...(stop !== undefined && { stop: { at: orInfinity(stop.at), reason: stop.reason } }),
  };
}
