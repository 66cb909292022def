import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Facts, Head, Lifetime } from '../../lib/log/head.js';
import { cancelled, deadline, dueEnd, goneAt, leaseLost, markEvery } from '../../lib/log/time.js';
import { FOREVER, headOf, UNREAD } from './support.js';

const EXACT = { exact: true };
const SHARED = { exact: false };
const both = [EXACT, SHARED];

const living = (lifetime: Partial<Lifetime>, facts?: Partial<Facts>): Partial<Facts> => ({
  lifetime: { ...FOREVER, ...lifetime },
  ...facts,
});
const openFor = (lifetime: Partial<Lifetime>, facts?: Partial<Facts>, head?: Partial<Head>): Head =>
  headOf({ usedAt: 100, ...head, facts: living(lifetime, facts) });
const endedAt = (at: number, lifetime: Partial<Lifetime>, facts?: Partial<Facts>): Head =>
  openFor(lifetime, { endedAt: at, ...facts }, { status: 'done' });

const left = (at: number): Head['owner'] => ({ nonce: 'input', seq: 0, position: 0, tag: 0, closedAt: at });

describe('A stream is gone', () => {
  it.each(both)('never, without limits (%j)', (precision) => {
    expect(goneAt(openFor({}), UNREAD, precision)).toBe(Infinity);
    expect(goneAt(endedAt(5, {}), UNREAD, precision)).toBe(Infinity);
  });

  it.each(both)('its TTL after its end, to the moment (%j)', (precision) => {
    expect(goneAt(endedAt(50, { ttl: 30 }), UNREAD, precision)).toBe(80);
    expect(goneAt(endedAt(50, { ttl: 0 }), UNREAD, precision)).toBe(50);
    expect(goneAt(openFor({ ttl: 30 }), UNREAD, precision)).toBe(Infinity);
  });

  it.each(both)('at the moment it was given, open or ended (%j)', (precision) => {
    expect(goneAt(openFor({ expiresAt: 70 }), UNREAD, precision)).toBe(70);
    expect(goneAt(endedAt(50, { ttl: 30, expiresAt: 70 }), UNREAD, precision)).toBe(70);
    expect(goneAt(endedAt(50, { ttl: 10, expiresAt: 70 }), UNREAD, precision)).toBe(60);
  });

  it('its idle TTL after the last write or read, whichever was later', () => {
    const head = openFor({ idleTtl: 30 });

    expect(goneAt(head, UNREAD, EXACT)).toBe(130);
    expect(goneAt(head, { ...UNREAD, usedAt: 90 }, EXACT)).toBe(130);
    expect(goneAt(head, { ...UNREAD, usedAt: 120 }, EXACT)).toBe(150);
    expect(goneAt(endedAt(100, { idleTtl: 30 }), UNREAD, EXACT)).toBe(130);
  });

  it('not for being idle while a reader is there', () => {
    const read = { ...UNREAD, readers: 1 };

    expect(goneAt(openFor({ idleTtl: 30 }), read, EXACT)).toBe(Infinity);
    expect(goneAt(openFor({ idleTtl: 30, expiresAt: 500 }), read, EXACT)).toBe(500);
    expect(goneAt(endedAt(100, { idleTtl: 30, ttl: 300 }), read, EXACT)).toBe(400);
  });

  it.each(both)('not at all while it is kept for its forks (%j)', (precision) => {
    const lifetime = { ttl: 1, idleTtl: 1, expiresAt: 1 };

    expect(goneAt(openFor(lifetime, { deleted: true }), UNREAD, precision)).toBe(Infinity);
    expect(goneAt(endedAt(1, lifetime, { deleted: true }), UNREAD, precision)).toBe(Infinity);
  });
});

describe('Idleness that is known from marks', () => {
  const idleTtls = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 2 ** 45 }));

  it('is a tenth late at most, up to the millisecond, and never early', () => {
    fc.assert(
      fc.property(
        idleTtls,
        fc.nat(2 ** 41),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (idleTtl, used, share) => {
          const marked = used - markEvery(idleTtl, SHARED) * share;
          const gone = goneAt(openFor({ idleTtl }, {}, { usedAt: 0 }), { ...UNREAD, usedAt: marked }, SHARED);
          const right = used + idleTtl;

          expect(gone).toBeGreaterThanOrEqual(right);
          expect(gone).toBeLessThan(right + idleTtl / 10 + 1);
        },
      ),
    );
  });

  it.each([
    [0, 100],
    [1, 102],
    [10, 111],
    [100, 210],
    [105, 216],
    [300_000, 330_100],
  ])('of %d ms ends at %d if it began at 100', (idleTtl, gone) => {
    expect(goneAt(openFor({ idleTtl }), UNREAD, SHARED)).toBe(gone);
  });

  it('needs no marks where it is exact', () => {
    expect(markEvery(100, EXACT)).toBe(0);
    expect(markEvery(100, SHARED)).toBe(10);
    expect(markEvery(Infinity, SHARED)).toBe(Infinity);
  });
});

describe('An end that comes by itself', () => {
  it.each(both)('is none without a stop and a lease (%j)', (precision) => {
    expect(dueEnd(openFor({}), precision)).toBeUndefined();
    expect(dueEnd(openFor({}, {}, { owner: left(50) }), precision)).toBeUndefined();
    expect(dueEnd(openFor({ lease: 30 }), precision)).toBeUndefined();
  });

  it.each(both)('is CANCELLED when the grace of a stop is over (%j)', (precision) => {
    const head = openFor({}, { stop: { at: 70, reason: 'enough' } });

    expect(dueEnd(head, precision)).toEqual({ at: 70, outcome: cancelled('enough') });
    expect(cancelled('enough')).toEqual({ type: 'error', error: { code: 'CANCELLED', message: 'enough' } });
  });

  it.each(both)('is none for a stop that leaves it to the producer (%j)', (precision) => {
    expect(dueEnd(openFor({}, { stop: { at: Infinity, reason: '' } }), precision)).toBeUndefined();
  });

  it('is DEADLINE_EXCEEDED a lease after the producer left, where clocks are one', () => {
    const head = openFor({ lease: 30 }, {}, { owner: left(50) });

    expect(dueEnd(head, EXACT)).toEqual({ at: 80, outcome: leaseLost(30) });
    expect(leaseLost(30)).toMatchObject({ type: 'error', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(dueEnd(head, SHARED)).toBeUndefined();
  });

  it('is none for a stream that nobody owns', () => {
    expect(dueEnd(openFor({ lease: 30 }, {}, { owner: undefined }), EXACT)).toBeUndefined();
  });

  it.each(both)('is none for what has ended or is deleted (%j)', (precision) => {
    const stop = { at: 70, reason: '' };

    expect(dueEnd(endedAt(50, { lease: 30 }, { stop }), precision)).toBeUndefined();
    expect(
      dueEnd(openFor({ lease: 30 }, { stop, deleted: true }, { owner: left(50) }), precision),
    ).toBeUndefined();
  });
});

describe('The deadline of a stream', () => {
  it.each<[what: string, head: Head, exact: number, shared: number]>([
    ['nothing', openFor({}), Infinity, Infinity],
    ['its TTL', endedAt(50, { ttl: 30 }), 80, 80],
    ['its idle TTL', openFor({ idleTtl: 100 }), 200, 210],
    ['its last moment', openFor({ expiresAt: 70 }), 70, 70],
    ['a stop', openFor({ expiresAt: 90 }, { stop: { at: 70, reason: '' } }), 70, 70],
    ['a stop without an end', openFor({}, { stop: { at: Infinity, reason: '' } }), Infinity, Infinity],
    ['its forks', openFor({ expiresAt: 90 }, { recheckAt: 70 }), 70, 70],
    [
      'its forks alone, if it is deleted',
      openFor({ expiresAt: 5, lease: 1 }, { recheckAt: 70, deleted: true }),
      70,
      70,
    ],
    // Whoever looks then compares what it sees with what it saw.
    ['its lease', openFor({ lease: 30 }), Infinity, 1_030],
    ['its lease without a producer', openFor({ lease: 30 }, {}, { owner: left(50) }), 80, 1_030],
    ['its end, which is over', endedAt(50, { lease: 30 }), Infinity, Infinity],
  ])('is that of %s', (_, head, exact, shared) => {
    expect(deadline(head, UNREAD, 1_000, EXACT)).toBe(exact);
    expect(deadline(head, UNREAD, 1_000, SHARED)).toBe(shared);
  });

  it('moves with what is known beside the head', () => {
    const head = openFor({ idleTtl: 100 });

    expect(deadline(head, { ...UNREAD, usedAt: 150 }, 0, EXACT)).toBe(250);
    expect(deadline(head, { ...UNREAD, readers: 2 }, 0, EXACT)).toBe(Infinity);
  });
});
