import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodeHead,
  encodeHead,
  type Facts,
  type Head,
  headWith,
  MAX_LINEAGE,
  MAX_TEXT_BYTES,
  PART,
} from '../../lib/log/head.js';
import { MAX_TAG } from '../../lib/log/tag.js';
import { counts, headOf, texts } from './support.js';

const dataLoss = expect.objectContaining({ name: 'StreamError', code: 'DATA_LOSS' }) as Error;
const length = fc.oneof(counts, fc.constant(Infinity));
const nonce = fc.oneof(texts(20), fc.uuid());
const tag = fc.nat(MAX_TAG);
const lineage = fc.array(fc.tuple(counts, counts), { minLength: 1, maxLength: MAX_LINEAGE });

const facts: fc.Arbitrary<Facts> = fc.record(
  {
    nonce,
    createdAt: counts,
    lifetime: fc.record({ ttl: length, idleTtl: length, expiresAt: length, lease: length }),
    references: counts,
    announced: counts,
    endedAt: counts,
    contentType: texts(40),
    stop: fc.record({ at: length, reason: texts(40) }),
    recheckAt: counts,
    deleted: fc.constant(true as const),
    lineage,
  },
  { requiredKeys: ['nonce', 'createdAt', 'lifetime', 'references'] },
);

const heads: fc.Arbitrary<Head> = fc.record({
  generation: counts,
  n: counts,
  status: fc.constantFrom('open', 'done', 'error'),
  tail: counts,
  tag,
  bytes: counts,
  owner: fc.option(
    fc.record(
      { nonce, seq: counts, position: counts, tag, closedAt: counts },
      { requiredKeys: ['nonce', 'seq', 'position', 'tag'] },
    ),
    { nil: undefined },
  ),
  usedAt: counts,
  sequence: fc.option(texts(40), { nil: undefined }),
  writers: counts,
  facts,
});

/** A text that takes exactly the bytes that a head allows for it, quotes included. */
const longest = (character: string): string => {
  const text = character.repeat(Math.floor((MAX_TEXT_BYTES - 2) / Buffer.byteLength(character)));
  return text + 'x'.repeat(MAX_TEXT_BYTES - 2 - Buffer.byteLength(text));
};

const NONCE = '0123456789abcdefghijkl';
/** A moment in the year 2286, the last with 13 digits is later. */
const MOMENT = 9_999_999_999_999;
const GENERATION = Number.MAX_SAFE_INTEGER;
const POSITION = 9_999_999_999;

/** Everything that a head can have, as long as it may be. */
const greatest = (text: string): Head => ({
  generation: GENERATION,
  n: GENERATION,
  status: 'error',
  tail: POSITION,
  tag: MAX_TAG,
  bytes: GENERATION,
  owner: { nonce: NONCE, seq: POSITION, position: POSITION, tag: MAX_TAG, closedAt: MOMENT },
  usedAt: MOMENT,
  sequence: text,
  writers: POSITION,
  facts: {
    nonce: NONCE,
    createdAt: MOMENT,
    endedAt: MOMENT,
    lifetime: { ttl: MOMENT, idleTtl: MOMENT, expiresAt: MOMENT, lease: MOMENT },
    contentType: text,
    stop: { at: MOMENT, reason: text },
    references: POSITION,
    announced: POSITION,
    recheckAt: MOMENT,
    deleted: true,
    lineage: Array.from({ length: MAX_LINEAGE }, () => [GENERATION, POSITION] as const),
  },
});

const sizeOf = (head: Head): number => Buffer.byteLength(encodeHead(head));

describe('A head with some things changed', () => {
  it('has these, and all else as it was', () => {
    const change = fc
      .tuple(heads, fc.subarray(Object.keys(headOf({})) as (keyof Head)[]))
      .map(([head, names]) =>
        // What is not there can't be a change.
        Object.fromEntries(names.flatMap((name) => (head[name] === undefined ? [] : [[name, head[name]]]))),
      );
    fc.assert(
      fc.property(heads, change, (head, changed) => {
        expect(headWith(head, changed)).toStrictEqual({ ...head, ...changed });
      }),
    );
  });
});

describe('The text of a head', () => {
  it('gives back the head', () => {
    fc.assert(
      fc.property(heads, (head) => {
        expect(decodeHead(encodeHead(head))).toEqual(head);
      }),
      { numRuns: 500 },
    );
  });

  it('is of the facts that the head has, also where another head has others', () => {
    fc.assert(
      fc.property(heads, facts, (head, other) => {
        encodeHead(head);

        expect(decodeHead(encodeHead({ ...head, facts: other })).facts).toEqual(other);
        expect(decodeHead(encodeHead({ ...head, n: 5 }))).toEqual({ ...head, n: 5 });
      }),
    );
  });

  it.each<[what: string, head: Head]>([
    ['no time limits', headOf()],
    ['time limits of 0', headOf({ facts: { lifetime: { ttl: 0, idleTtl: 0, expiresAt: 0, lease: 0 } } })],
    ['a stop without an end to its grace', headOf({ facts: { stop: { at: Infinity, reason: '' } } })],
    ['no owner', headOf({ owner: undefined })],
    ['an empty sequence', headOf({ sequence: '' })],
    ['a sequence like a number', headOf({ sequence: '0' })],
    ['texts that UTF-8 has not', headOf({ sequence: '\ud800', facts: { contentType: '\udc00"' } })],
    ['a nonce like a name of prototypes', headOf({ facts: { nonce: '__proto__' } })],
  ])('keeps %s', (_, head) => {
    expect(decodeHead(encodeHead(head))).toEqual(head);
  });

  it('is one line of characters that UTF-8 has', () => {
    fc.assert(
      fc.property(heads, (head) => {
        expect(encodeHead(head)).not.toMatch(/[\n\r\0]|\p{Cs}/u);
      }),
    );
  });

  it('takes some 300 bytes as most heads are', () => {
    const head = headOf({
      generation: 123_456_789_012_345,
      n: 500,
      tail: 500,
      tag: 123_456,
      bytes: 20_000,
      owner: { nonce: NONCE, seq: 400, position: 500, tag: 123_456 },
      usedAt: 1_800_000_000_000,
      facts: {
        nonce: NONCE,
        createdAt: 1_800_000_000_000,
        lifetime: { ttl: 300_000, idleTtl: Infinity, expiresAt: Infinity, lease: 30_000 },
        contentType: 'application/json',
      },
    });

    expect(sizeOf(head)).toBeLessThan(320);
  });

  it.each(['x', 'é', '😀'])(
    'takes less than 2 kB if everything is as long as it may be, with texts of %s',
    (character) => {
      const head = greatest(longest(character));

      expect(Buffer.byteLength(JSON.stringify(head.sequence))).toBe(MAX_TEXT_BYTES);
      expect(sizeOf(head)).toBeLessThan(2_000);
      // Without these texts and forks it is the kilobyte that it is meant to be.
      expect(sizeOf(greatest(''))).toBeLessThan(1_024);
    },
  );

  it('is known to be torn wherever it is cut off', () => {
    const text = encodeHead(greatest('x'));
    for (let end = 0; end < text.length; end++)
      expect(() => decodeHead(text.slice(0, end))).toThrow(dataLoss);
  });

  it.each(['null', '5', '{}', '[]', '[{},1]', `[${'0,'.repeat(11)}0]`, '\0'])(
    'is known to be torn if it is %j',
    (text) => {
      expect(() => decodeHead(text)).toThrow(dataLoss);
    },
  );
});

describe('The name of a part', () => {
  it.each(['', '__proto__', 'constructor', 'o', 'p:', '\0', 'w:0'])(
    'is its own for the producer or fork %j',
    (id) => {
      const names = [PART.outcome, PART.origin, PART.producer(id), PART.reference(id), PART.writer(0)];
      const parts: Record<string, unknown> = {};
      for (const name of names) parts[name] = name;

      expect(Object.keys(parts)).toEqual(names);
      expect({ ...parts }).toEqual(Object.fromEntries(names.map((name) => [name, name])));
      expect(JSON.parse(JSON.stringify(parts))).toEqual(parts);
    },
  );

  it('begins with what parts of its kind begin with', () => {
    expect(PART.writer(63).startsWith(PART.writers)).toBe(true);
    expect(PART.reference('x').startsWith(PART.references)).toBe(true);
    expect(PART.producer('w:0').startsWith(PART.writers)).toBe(false);
    expect(PART.producer('r:x').startsWith(PART.references)).toBe(false);
  });
});
