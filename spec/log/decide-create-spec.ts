import { describe, expect, it } from 'vitest';

import { type Facts, type Head, MAX_TEXT_BYTES } from '../../lib/log/head.js';
import { firstTag, nextTag } from '../../lib/log/tag.js';
import {
  append,
  creation,
  DONE,
  EXACT,
  FOREVER,
  headOf,
  outcomeOf,
  owner,
  producer,
  SHARED,
  stateOf,
  Stream,
} from './support.js';

/** The head of a stream that was just created. */
function created(given: Parameters<typeof creation>[0], rules = EXACT, now = 1_000): Head {
  const stream = new Stream(rules);
  stream.now = now;
  const decision = stream.decide(creation(given));
  if (decision.type !== 'change') throw new Error(decision.type);
  return decision.head;
}

describe('A stream that is created', () => {
  it('is open, empty and the input’s, in the life that its engine gives it', () => {
    expect(created({})).toEqual({
      generation: 0,
      n: 1,
      status: 'open',
      tail: 0,
      tag: 0,
      bytes: 0,
      owner: { nonce: 'input', seq: 0, position: 0, tag: 0 },
      usedAt: 1_000,
      sequence: undefined,
      writers: 0,
      facts: { nonce: 'input', createdAt: 1_000, lifetime: FOREVER, references: 0 },
    });
  });

  it('is nobody’s where no input asks for it', () => {
    expect(created({ owned: false }).owner).toBeUndefined();
    expect(outcomeOf(stateOf(created({ owned: false })), append())).toBe('ABORTED');
    expect(outcomeOf(stateOf(created({ owned: false })), append({ writer: producer(0) }))).toBe('change');
  });

  it('keeps its lifetime and its content type', () => {
    const lifetime = { ttl: 1, idleTtl: 2, expiresAt: 3, lease: 4 };

    expect(created({ lifetime, contentType: 'text/plain' }).facts).toMatchObject({
      lifetime,
      contentType: 'text/plain',
    });
  });

  it('has chunks at once', () => {
    const decision = new Stream().decide(creation({ chunks: ['a', 'b'], bytes: 2 }));

    expect(decision).toMatchObject({
      chunks: ['a', 'b'],
      position: 0,
      head: { tail: 2, bytes: 2, status: 'open', owner: { seq: 0, position: 2 } },
      parts: undefined,
    });
  });

  it('has ended at once, with or without chunks', () => {
    const decision = new Stream().decide(creation({ chunks: ['a'], bytes: 1, outcome: DONE }));

    expect(decision).toMatchObject({
      head: { tail: 1, status: 'done', facts: { endedAt: 0 } },
      parts: { o: DONE },
    });
    expect(created({ outcome: DONE })).toMatchObject({ tail: 0, status: 'done' });
  });

  it('has a tag of its nonce and its chunks, where commits are tagged', () => {
    const tag = firstTag('input');

    expect(new Stream(SHARED).decide(creation())).toMatchObject({
      previous: tag,
      head: { tag, owner: { tag } },
    });
    expect(new Stream(SHARED).decide(creation({ chunks: ['a'] }))).toMatchObject({
      previous: tag,
      head: { tag: nextTag(tag, 'input', 0, ['a']) },
    });
  });

  it('takes the appends of its input from 1', () => {
    const stream = new Stream();
    stream.do(creation({ chunks: ['a'], bytes: 1 }));

    expect(stream.outcome(append({ writer: owner(1) }))).toBe('change');
    expect(stream.outcome(append({ writer: owner(2) }))).toBe('change');
    expect(stream.head).toMatchObject({ n: 3, tail: 3 });
  });

  it('is created once, by whoever was first', () => {
    const stream = new Stream();

    expect(stream.outcome(creation())).toBe('change');
    expect(stream.outcome(creation({ nonce: 'other' }))).toBe('ALREADY_EXISTS');
    expect(stream.outcome(creation())).toBe('duplicate');
    expect(stream.head.n).toBe(1);
  });

  it('is known to its creator also after others have written, taken over and ended it', () => {
    const stream = new Stream();
    stream.do(creation());
    stream.do(append());
    stream.do({ type: 'takeOver', nonce: 'other', lifetime: {} });

    expect(stream.outcome(creation())).toBe('duplicate');
    stream.do({ type: 'stop', reason: '', grace: 0 });
    expect(stream.outcome(creation())).toBe('duplicate');
    // Who took it over has not created it.
    expect(stream.outcome(creation({ nonce: 'other' }))).toBe('ALREADY_EXISTS');
  });

  it('is not created where one is kept for its forks', () => {
    const deleted = stateOf(headOf({ facts: { deleted: true, references: 1 } }));

    expect(outcomeOf(deleted, creation({ nonce: 'other' }))).toBe('ALREADY_EXISTS');
  });

  it.each([
    [0, 'change'],
    [3, 'change'],
    [4, 'RESOURCE_EXHAUSTED'],
  ])('may have %d chunks or bytes of at most 3: %s', (count, outcome) => {
    const chunks = Array.from({ length: count }, () => 'a');

    expect(outcomeOf(undefined, creation({ chunks, bytes: count }), 0, { ...EXACT, maxChunks: 3 })).toBe(
      outcome,
    );
    expect(outcomeOf(undefined, creation({ chunks, bytes: count }), 0, { ...EXACT, maxBytes: 3 })).toBe(
      outcome,
    );
  });

  it('can’t have a content type that makes its head long', () => {
    const contentType = 'x'.repeat(MAX_TEXT_BYTES - 2);

    expect(outcomeOf(undefined, creation({ contentType }))).toBe('change');
    expect(outcomeOf(undefined, creation({ contentType: `${contentType}x` }))).toBe('INVALID_ARGUMENT');
    expect(outcomeOf(undefined, creation({ contentType: '"'.repeat(200) }))).toBe('INVALID_ARGUMENT');
  });
});

describe('A fork that is created', () => {
  const origin = { id: 'source', generation: 3, position: 5 };
  const fork = { origin, tag: 77, lineage: [[3, 5]] } as const;

  it('begins where it leaves its source, and says which offsets it takes', () => {
    const decision = new Stream(SHARED).decide(creation({ fork }));

    expect(decision).toMatchObject({
      position: 5,
      previous: 77,
      parts: { f: origin },
      head: {
        n: 1,
        tail: 5,
        tag: 77,
        bytes: 0,
        owner: { position: 5, tag: 77 },
        facts: { lineage: [[3, 5]] },
      },
    });
  });

  it('goes on with chunks of its own', () => {
    const decision = new Stream(SHARED).decide(creation({ fork, chunks: ['a'], bytes: 1, outcome: DONE }));

    expect(decision).toMatchObject({
      chunks: ['a'],
      position: 5,
      parts: { f: origin, o: DONE },
      head: { tail: 6, bytes: 1, status: 'done', tag: nextTag(77, 'input', 0, ['a']) },
    });
  });

  it('is open, and knows nothing of who wrote its source', () => {
    expect(created({ fork, owned: false }, SHARED)).toMatchObject({
      status: 'open',
      owner: undefined,
      sequence: undefined,
      writers: 0,
    });
  });

  it('counts the chunks of its source, which it has too, but not their bytes', () => {
    const rules = { ...SHARED, maxChunks: 6, maxBytes: 1 };

    expect(outcomeOf(undefined, creation({ fork, chunks: ['a'], bytes: 1 }), 0, rules)).toBe('change');
    expect(outcomeOf(undefined, creation({ fork, chunks: ['a', 'b'], bytes: 1 }), 0, rules)).toBe(
      'RESOURCE_EXHAUSTED',
    );
    expect(outcomeOf(undefined, creation({ fork, chunks: ['ab'], bytes: 2 }), 0, rules)).toBe(
      'RESOURCE_EXHAUSTED',
    );
  });
});

describe('A stream that is taken over', () => {
  const takeOver = (nonce = 'other', lifetime: Partial<Facts['lifetime']> = {}) =>
    ({ type: 'takeOver', nonce, lifetime }) as const;

  it('belongs to the new input, which numbers its appends from 1', () => {
    const stream = new Stream(SHARED);
    stream.do(creation());
    stream.do(append());
    stream.now = 50;
    const { tag } = stream.head;

    expect(stream.outcome(takeOver())).toBe('change');
    expect(stream.head).toMatchObject({
      n: 3,
      tail: 1,
      tag,
      usedAt: 50,
      owner: { nonce: 'other', seq: 0, position: 1, tag },
    });
    expect(stream.outcome(append({ writer: owner(1, 0, 'other') }))).toBe('change');
  });

  it('takes nothing more from the former input, not even what it repeats', () => {
    const stream = new Stream();
    stream.do(creation());
    stream.do(append());
    stream.do(takeOver());

    expect(stream.outcome(append())).toBe('ABORTED');
    expect(stream.outcome(append({ writer: owner(2) }))).toBe('ABORTED');
    expect(stream.outcome(append({ writer: owner(2), chunks: [], bytes: 0, outcome: DONE }))).toBe('ABORTED');
    // Its leaving is of no importance to its successor.
    expect(stream.outcome({ type: 'release', nonce: 'input' })).toBe('duplicate');
    expect(stream.head.owner).toEqual({ nonce: 'other', seq: 0, position: 1, tag: 0 });
  });

  it('still takes what producers and processes write', () => {
    const stream = new Stream();
    stream.do(creation());
    stream.do(append({ writer: producer(0) }));
    stream.do(takeOver());

    expect(stream.outcome(append({ writer: producer(1) }))).toBe('change');
  });

  it('lives as the new input wants, where it says so', () => {
    const stream = new Stream();
    stream.do(creation({ lifetime: { ttl: 1, idleTtl: 2_000, expiresAt: 3_000, lease: 4 } }));
    stream.do(takeOver('other', { ttl: 5, lease: Infinity }));

    expect(stream.head.facts.lifetime).toEqual({ ttl: 5, idleTtl: 2_000, expiresAt: 3_000, lease: Infinity });
  });

  it('is taken over once by each, also if that is repeated after appends', () => {
    const stream = new Stream();
    stream.do(creation());

    expect(stream.outcome(takeOver())).toBe('change');
    stream.do(append({ writer: owner(1, 0, 'other') }));
    expect(stream.outcome(takeOver())).toBe('duplicate');
    expect(stream.head.owner).toMatchObject({ nonce: 'other', seq: 1 });
    expect(stream.outcome(takeOver('input'))).toBe('change');
  });

  it('can be one whose producer has left: its lease runs no more', () => {
    const stream = new Stream();
    stream.do(creation({ lifetime: { ...FOREVER, lease: 30 } }));
    stream.do({ type: 'release', nonce: 'input' });
    stream.do(takeOver());
    stream.now = 1_000;

    expect(stream.outcome({ type: 'settle' })).toBe('nothing');
    expect(stream.outcome(append({ writer: owner(1, 0, 'other') }))).toBe('change');
  });

  it('can’t be one that has ended', () => {
    expect(outcomeOf(stateOf(headOf({ status: 'done' })), takeOver())).toBe('FAILED_PRECONDITION');
  });

  it('is still to be stopped if it was to be', () => {
    const stream = new Stream();
    stream.do(creation());
    stream.do({ type: 'stop', reason: 'enough', grace: 50 });
    stream.do(takeOver());

    expect(stream.head.facts.stop).toEqual({ at: 50, reason: 'enough' });
  });
});
