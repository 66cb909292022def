import { describe, expect, it } from 'vitest';

import { isDue } from '../../lib/log/decide.js';
import { type Facts, type Lifetime, MAX_TEXT_BYTES } from '../../lib/log/head.js';
import { cancelled, leaseLost } from '../../lib/log/time.js';
import {
  append,
  creation,
  DONE,
  EXACT,
  FOREVER,
  headOf,
  outcomeOf,
  owner,
  SHARED,
  stateOf,
  Stream,
} from './support.js';

const living = (lifetime: Partial<Lifetime> = {}, rules = EXACT): Stream => {
  const stream = new Stream(rules);
  stream.do(creation({ lifetime: { ...FOREVER, ...lifetime } }));
  return stream;
};

const stop = (grace = 0, reason = 'enough') => ({ type: 'stop', reason, grace }) as const;
const RELEASE = { type: 'release', nonce: 'input' } as const;
const SETTLE = { type: 'settle' } as const;
const REMOVE = { type: 'remove' } as const;

describe('A stop', () => {
  it('without grace ends the stream CANCELLED at once', () => {
    const stream = living();
    stream.now = 50;

    expect(stream.do(stop())).toMatchObject({
      parts: { o: cancelled('enough') },
      chunks: [],
      head: { n: 2, status: 'error', facts: { endedAt: 50 } },
    });
    expect(stream.outcome(append())).toBe('FAILED_PRECONDITION');
  });

  it('with grace leaves the stream open until then', () => {
    const stream = living();
    stream.now = 10;

    expect(stream.outcome(stop(50))).toBe('change');
    expect(stream.head).toMatchObject({
      n: 2,
      status: 'open',
      facts: { stop: { at: 60, reason: 'enough' } },
    });
    expect(stream.outcome(append())).toBe('change');
    stream.now = 59;
    expect(stream.outcome(SETTLE)).toBe('nothing');
    stream.now = 60;
    expect(stream.outcome(SETTLE)).toBe('change');
    expect(stream.head).toMatchObject({ status: 'error', facts: { endedAt: 60 } });
    expect(stream.parts.get('o')).toEqual(cancelled('enough'));
  });

  it('with all the time there is waits for the producer', () => {
    const stream = living();
    stream.do(stop(Infinity));
    stream.now = Number.MAX_SAFE_INTEGER;

    expect(stream.outcome(SETTLE)).toBe('nothing');
    expect(stream.outcome(RELEASE)).toBe('change');
    expect(stream.parts.get('o')).toEqual(cancelled('enough'));
  });

  it.each<[what: string, owner: ReturnType<typeof headOf>['owner']]>([
    ['nobody owns it', undefined],
    ['its producer has left', { nonce: 'input', seq: 0, position: 0, tag: 0, closedAt: 5 }],
  ])('grants no time where %s', (_, owner) => {
    const stream = new Stream(EXACT, stateOf(headOf({ owner })));

    expect(stream.outcome(stop(50))).toBe('change');
    expect(stream.head.status).toBe('error');
  });

  it('can make the time that another granted shorter, not longer', () => {
    const stream = living();
    stream.do(stop(50, 'first'));
    stream.now = 10;

    expect(stream.outcome(stop(41, 'second'))).toBe('duplicate');
    expect(stream.outcome(stop(Infinity, 'second'))).toBe('duplicate');
    expect(stream.outcome(stop(40, 'second'))).toBe('duplicate');
    expect(stream.head.facts.stop).toEqual({ at: 50, reason: 'first' });
    expect(stream.outcome(stop(39, 'third'))).toBe('change');
    expect(stream.head.facts.stop).toEqual({ at: 49, reason: 'third' });
    expect(stream.outcome(stop(0, 'last'))).toBe('change');
    expect(stream.parts.get('o')).toEqual(cancelled('last'));
  });

  it('asks for nothing where the stream has ended', () => {
    expect(outcomeOf(stateOf(headOf({ status: 'done' })), stop())).toBe('duplicate');
    expect(outcomeOf(stateOf(headOf({ status: 'error' })), stop(50))).toBe('duplicate');
  });

  it('can’t have a reason that makes the head long', () => {
    const reason = 'x'.repeat(MAX_TEXT_BYTES - 2);

    for (const grace of [0, 50]) {
      expect(outcomeOf(stateOf(), stop(grace, reason))).toBe('change');
      expect(outcomeOf(stateOf(), stop(grace, `${reason}x`))).toBe('INVALID_ARGUMENT');
    }
  });
});

describe('An input that leaves without an outcome', () => {
  it('leaves the stream open, and itself remembered', () => {
    const stream = living();
    stream.do(append());
    stream.now = 50;

    expect(stream.outcome(RELEASE)).toBe('change');
    expect(stream.head).toMatchObject({
      n: 3,
      status: 'open',
      owner: { nonce: 'input', seq: 1, closedAt: 50 },
    });
  });

  it('leaves once', () => {
    const stream = living();
    stream.do(RELEASE);
    stream.now = 50;

    expect(stream.outcome(RELEASE)).toBe('duplicate');
    expect(stream.head.owner?.closedAt).toBe(0);
  });

  it.each<[what: string, head: Parameters<typeof headOf>[0]]>([
    ['it was replaced', { owner: { nonce: 'other', seq: 0, position: 0, tag: 0 } }],
    ['nobody owns the stream', { owner: undefined }],
    ['the stream has ended', { status: 'done' }],
  ])('leaves nothing behind where %s', (_, head) => {
    expect(outcomeOf(stateOf(headOf(head)), RELEASE)).toBe('duplicate');
  });

  it('ends the stream at once if a stop waited for it', () => {
    const stream = living();
    stream.do(stop(50));
    stream.now = 10;

    expect(stream.do(RELEASE)).toMatchObject({
      parts: { o: cancelled('enough') },
      head: { n: 3, status: 'error', owner: { closedAt: 10 }, facts: { endedAt: 10 } },
    });
    expect(stream.head.facts.stop).toBeUndefined();
  });

  it('ends the stream when its lease is over, to the moment, where clocks are one', () => {
    const stream = living({ lease: 30 });
    stream.now = 100;
    stream.do(RELEASE);
    stream.now = 129;
    expect(stream.outcome(SETTLE)).toBe('nothing');
    stream.now = 500;
    expect(stream.outcome(SETTLE)).toBe('change');

    // The moment at which it was, not that at which somebody looked.
    expect(stream.head).toMatchObject({ status: 'error', facts: { endedAt: 130 } });
    expect(stream.parts.get('o')).toEqual(leaseLost(30));
  });

  it('ends the stream at once with a lease of 0, where clocks are one', () => {
    const stream = living({ lease: 0 });

    expect(stream.do(RELEASE)).toMatchObject({ parts: { o: leaseLost(0) }, head: { n: 2, status: 'error' } });
  });

  it('ends nothing by its clock alone where clocks are many', () => {
    for (const lease of [0, 30]) {
      const stream = living({ lease }, SHARED);
      stream.do(RELEASE);
      stream.now = 1_000_000;

      expect(stream.outcome(SETTLE)).toBe('nothing');
      expect(stream.head.status).toBe('open');
    }
  });
});

describe('A lease', () => {
  const lose = (n = 1, beat = 0, generation = 7) => ({ type: 'loseLease', generation, n, beat }) as const;

  it('is lost if neither the version nor the beat has changed since it was looked at', () => {
    const stream = living({ lease: 30 }, SHARED);
    stream.now = 50;

    expect(stream.do(lose())).toMatchObject({
      parts: { o: leaseLost(30) },
      head: { n: 2, status: 'error', facts: { endedAt: 50 } },
    });
    expect(stream.outcome(lose())).toBe('duplicate');
  });

  it('is kept by a write and by a beat', () => {
    const stream = living({ lease: 30 }, SHARED);
    stream.do(append());
    expect(stream.outcome(lose())).toBe('duplicate');

    expect(outcomeOf(stateOf(headOf(), { beat: 1 }), lose())).toBe('duplicate');
    expect(outcomeOf(stateOf(headOf(), { beat: 1 }), lose(1, 1))).toBe('change');
    expect(stream.head.status).toBe('open');
  });

  it('is that of one life', () => {
    expect(living({ lease: 30 }, SHARED).outcome(lose(1, 0, 8))).toBe('NOT_FOUND');
  });

  it('is not lost by what has ended', () => {
    expect(outcomeOf(stateOf(headOf({ status: 'done' })), lose())).toBe('duplicate');
  });
});

describe('What the clock has made true', () => {
  const ended = (lifetime: Partial<Lifetime>, facts?: Partial<Facts>) =>
    stateOf(
      headOf({ status: 'done', facts: { endedAt: 100, lifetime: { ...FOREVER, ...lifetime }, ...facts } }),
    );

  it.each([EXACT, SHARED])('is that a stream is gone its TTL after its end, to the moment', (rules) => {
    expect(isDue(ended({ ttl: 30 }), 129, rules)).toBe(false);
    expect(outcomeOf(ended({ ttl: 30 }), SETTLE, 129, rules)).toBe('nothing');
    expect(isDue(ended({ ttl: 30 }), 130, rules)).toBe(true);
    expect(outcomeOf(ended({ ttl: 30 }), SETTLE, 130, rules)).toBe('removal');
  });

  it('is that an idle stream is gone, to the moment or a tenth later', () => {
    const stream = living({ idleTtl: 100 });
    for (const [rules, at] of [
      [EXACT, 100],
      [SHARED, 110],
    ] as const) {
      expect(outcomeOf(stream.state, SETTLE, at - 1, rules)).toBe('nothing');
      expect(isDue(stream.state!, at - 1, rules)).toBe(false);
      expect(isDue(stream.state!, at, rules)).toBe(true);
      expect(outcomeOf(stream.state, SETTLE, at, rules)).toBe('removal');
    }
  });

  it('is nothing else: settling a stream that is not due changes nothing', () => {
    for (const state of [stateOf(), ended({}), stateOf(headOf({ facts: { recheckAt: 0 } }))]) {
      expect(isDue(state, 1e15, EXACT)).toBe(false);
      expect(outcomeOf(state, SETTLE, 1e15)).toBe('nothing');
    }
  });

  it('is an end first, of which whoever is there is told, and the TTL runs from it', () => {
    const stream = living({ ttl: 30 });
    stream.do(stop(50));
    stream.now = 79;
    expect(stream.outcome(SETTLE)).toBe('change');
    expect(stream.head.facts.endedAt).toBe(50);
    expect(isDue(stream.state!, 79, EXACT)).toBe(false);

    stream.now = 80;
    expect(stream.outcome(SETTLE)).toBe('removal');
  });

  it('is an end and then that the stream is gone, where both were long ago', () => {
    const stream = living({ ttl: 30, expiresAt: 70 });
    stream.do(stop(50));
    stream.now = 1_000;

    expect(stream.outcome(SETTLE)).toBe('change');
    expect(isDue(stream.state!, stream.now, EXACT)).toBe(true);
    expect(stream.outcome(SETTLE)).toBe('removal');
  });

  it('is not an end that would have come once the stream was gone', () => {
    const stream = living({ expiresAt: 40 });
    stream.do(stop(50));
    stream.now = 1_000;

    expect(stream.outcome(SETTLE)).toBe('removal');
  });

  it('is not the end of a stop if the producer ended the stream before', () => {
    const stream = living();
    stream.do(stop(50));
    stream.do(append({ writer: owner(1), outcome: DONE }));
    stream.now = 1_000;

    expect(stream.outcome(SETTLE)).toBe('nothing');
  });
});

describe('Removing a stream', () => {
  it('is removing all of it, open or not', () => {
    expect(living().outcome(REMOVE)).toBe('removal');
    expect(outcomeOf(stateOf(headOf({ status: 'done' })), REMOVE)).toBe('removal');
  });

  it('frees its id', () => {
    const stream = living();
    stream.do(REMOVE);

    expect(stream.outcome(creation({ nonce: 'other' }))).toBe('change');
    expect(stream.outcome(REMOVE)).toBe('removal');
    expect(stream.outcome(REMOVE)).toBe('NOT_FOUND');
  });
});
