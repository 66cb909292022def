import type { Head, Soft, StoredOutcome } from './head.js';

/** How exactly idleness is known: to the moment, or from marks that are renewed once per tenth of the TTL. */
export interface Precision {
  /** Whether the engine knows who is there, and everybody has the same clock. */
  readonly exact: boolean;
}

/** How many marks there are per TTL: what is renewed so seldom has to live longer by as much as marks may be behind. */
const MARKS = 10;

/** How often a mark of use has to be renewed, in ms. */
export const markEvery = (idleTtl: number, { exact }: Precision): number => (exact ? 0 : idleTtl / MARKS);

/** From when on a stream is gone, as far as is known now. */
export function goneAt({ status, usedAt, facts }: Head, soft: Soft, { exact }: Precision): number {
  const { lifetime, endedAt, deleted } = facts;
  if (deleted) return Infinity;
  const { ttl, idleTtl, expiresAt } = lifetime;
  const ended = status === 'open' || endedAt === undefined ? Infinity : endedAt + ttl;
  const idle =
    idleTtl === Infinity || soft.readers > 0
      ? Infinity
      : Math.max(usedAt, soft.usedAt) + idleTtl + (exact ? 0 : Math.ceil(idleTtl / MARKS));
  return Math.min(ended, idle, expiresAt);
}

/** An end that comes by itself unless the stream is ended before. */
export interface DueEnd {
  readonly at: number;
  readonly outcome: StoredOutcome;
}

/** The end that a stream will have by itself, if one is known. */
export function dueEnd({ status, owner, facts }: Head, { exact }: Precision): DueEnd | undefined {
  const { stop, lifetime, deleted } = facts;
  if (status !== 'open' || deleted) return undefined;
  if (stop !== undefined && stop.at !== Infinity) return { at: stop.at, outcome: cancelled(stop.reason) };
  // Elsewhere clocks differ, and a lease is lost only by whoever has seen no sign of life for its length.
  if (exact && owner?.closedAt !== undefined && lifetime.lease !== Infinity) {
    return { at: owner.closedAt + lifetime.lease, outcome: leaseLost(lifetime.lease) };
  }
  return undefined;
}

/** By when a stream has to be looked at. */
export function deadline(head: Head, soft: Soft, now: number, precision: Precision): number {
  const { status, facts } = head;
  const lease = precision.exact || status !== 'open' || facts.deleted ? Infinity : now + facts.lifetime.lease;
  return Math.min(
    goneAt(head, soft, precision),
    dueEnd(head, precision)?.at ?? Infinity,
    facts.recheckAt ?? Infinity,
    lease,
  );
}

/** The outcome of a stream that was stopped. */
export const cancelled = (reason: string): StoredOutcome => ({
  type: 'error',
  error: { code: 'CANCELLED', message: reason },
});

/** The outcome of a stream whose producer was gone for too long. */
export const leaseLost = (lease: number): StoredOutcome => ({
  type: 'error',
  error: { code: 'DEADLINE_EXCEEDED', message: `The producer was gone for ${lease} ms.` },
});

/** When a stream will be cut under those who are there. What nobody waits for has time. */
export const nearestEnd = ({ facts: { stop, lifetime } }: Head): number =>
  Math.min(stop?.at ?? Infinity, lifetime.expiresAt);

/** Whether the clock may have ended the stream, or have taken it away. */
export const mayBeDue = ({ facts: { lifetime, stop }, owner }: Head): boolean =>
  lifetime.idleTtl !== Infinity ||
  lifetime.expiresAt !== Infinity ||
  stop !== undefined ||
  owner?.closedAt !== undefined;
