import type { Commit } from '../../../lib/engines/engine.js';
import { type Head, PART, type StoredOutcome } from '../../../lib/log/head.js';
import type { Snapshot } from './store.js';

/** Who writes chunks, or ends streams. */
export interface Author {
  readonly kind: 'owner' | 'producer' | 'process';
  /** The nonce, or the name. */
  readonly key: string;
}

/** A chunk that somebody has written. There is one of each. */
export interface Value {
  readonly text: string;
  readonly author: Author;
  readonly epoch: number;
  /** The number of its append, and its place in that. */
  readonly seq: number;
  readonly index: number;
  /** How many chunks are written with it, wholly or not at all. */
  readonly size: number;
  /** It was said, for sure, that it is not. */
  refused: boolean;
}

/** One life of an id: what its log is, and what is known of it by watching every commit. */
export interface Life {
  readonly id: string;
  readonly generation: number;
  readonly nonce: string;
  readonly since: number;
  log: Value[];
  /** The tag at each position. */
  tags: number[];
  /** The logs of which a part was lost. */
  readonly lost: Value[][];
  /** Whether acknowledged entries were lost, here or where it comes from. */
  cut: boolean;
  outcome: StoredOutcome | undefined;
  /** From when on nobody finds it. */
  over: number;
  removed: boolean;
  /** Inputs that were replaced. */
  readonly fenced: Set<string>;
  /** When its input was replaced for the last time. */
  replaced: number;
  /** Where each author's last chunk is. */
  last: Map<Author, Value>;
  head: Head;
  /** When its producer has last shown a sign of life, and when one came last that was as late as its lease is long. */
  sign: number;
  lateSign: number;
  readonly source: Life | undefined;
  readonly forkedAt: number;
}

/** A commit, for people. */
export function described(
  { id, entries, parts }: Commit,
  before: Snapshot | undefined,
  after: Snapshot | undefined,
): string {
  if (after === undefined) return `${id} is removed (${before?.head.generation}.${before?.head.n})`;
  const { generation, n, tail, status, owner, facts } = after.head;
  const chunks = entries.flatMap((entry) => entry.chunks).join(' ');
  const what = [
    before === undefined && 'is created',
    chunks && `+ ${chunks}`,
    before?.head.owner?.nonce !== owner?.nonce && `owner ${owner?.nonce}`,
    owner?.closedAt !== undefined && 'left',
    facts.deleted && 'deleted',
    facts.stop && `stop ${facts.stop.at}`,
    `${facts.references || ''}`,
    status !== 'open' && JSON.stringify(parts?.[PART.outcome] ?? status),
  ];
  return `${id} ${generation}.${n} to ${tail}: ${what.filter(Boolean).join(', ')}`;
}
