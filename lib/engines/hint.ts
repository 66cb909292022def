import type { Head } from '../log/head.js';
import type { Commit, Entry, Hint } from './engine.js';

/** The hint of a commit to a life of a stream, whose head need not have its generation yet. */
export const hintOf = (id: string, generation: number, head: Head, entries?: readonly Entry[]): Hint => ({
  id,
  generation,
  n: head.n,
  tail: head.tail,
  tag: head.tag,
  ended: head.status !== 'open',
  stopping: head.facts.stop !== undefined,
  owner: head.owner?.nonce,
  gone: head.facts.deleted === true,
  entries,
});

/** The hint that hints may have been lost. */
export const blankHint = (id: string): Hint => ({
  id,
  generation: 0,
  n: 0,
  tail: 0,
  tag: 0,
  ended: false,
  stopping: false,
  owner: undefined,
  gone: false,
});

/** The hint that the life of a stream is over. */
export const goneHint = (id: string, generation: number, n: number): Hint => ({
  ...blankHint(id),
  generation,
  n,
  gone: true,
});

/** The hint of a commit that is stored, in the generation that it was given. */
export const hintOfCommit = ({ id, expected, head, entries }: Commit, generation: number): Hint =>
  head === undefined ? goneHint(id, generation, expected?.n ?? 0) : hintOf(id, generation, head, entries);
