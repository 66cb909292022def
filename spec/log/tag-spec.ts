import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Payload } from '../../lib/engines/engine.js';
import { firstTag, MAX_TAG, nextTag } from '../../lib/log/tag.js';
import { counts, payloads, texts } from './support.js';

const tags = fc.integer({ min: 1, max: MAX_TAG });
const chunks = fc.array(payloads, { maxLength: 4 });

/** How many of the tags of 10,000 logs are not the first with their value. */
function collisions(tagOf: (i: number) => number): number {
  const seen = new Set<number>();
  for (let i = 0; i < 10_000; i++) seen.add(tagOf(i));
  return 10_000 - seen.size;
}

describe('A tag', () => {
  it('is a number from 1 of at most six digits', () => {
    expect(MAX_TAG).toBe(999_999);
    fc.assert(
      fc.property(texts(), tags, counts, chunks, (name, previous, seq, written) => {
        for (const tag of [firstTag(name), nextTag(previous, name, seq, written)]) {
          expect(tag).toSatisfy(Number.isInteger);
          expect(tag).toBeGreaterThanOrEqual(1);
          expect(tag).toBeLessThanOrEqual(MAX_TAG);
        }
      }),
    );
  });

  it('is the same for the same', () => {
    fc.assert(
      fc.property(texts(), tags, counts, chunks, (name, previous, seq, written) => {
        const copy = written.map((chunk) => (typeof chunk === 'string' ? chunk : chunk.slice()));

        expect(firstTag(name)).toBe(firstTag(name));
        expect(nextTag(previous, name, seq, copy)).toBe(nextTag(previous, name, seq, written));
      }),
    );
  });

  it('stays what it is from one version of this library to the next', () => {
    expect([
      firstTag('nonce'),
      nextTag(1, 'nonce', 1, ['a']),
      nextTag(999_999, 'p', 2 ** 40, ['é', '😀', Uint8Array.of(0, 255)]),
      // Longer texts, which are read another way: of ASCII, of others, and of more than is read at once.
      firstTag('nonce-'.repeat(10)),
      nextTag(1, 'nonce', 1, ['{"text":"the quick brown fox"}']),
      nextTag(7, 'p', 3, [
        'plain é and 😀 text',
        'x'.repeat(5_000),
        `${'x'.repeat(4_095)}€${'y'.repeat(20)}`,
        '😀'.repeat(1_500),
      ]),
    ]).toEqual([985_456, 673_960, 337_827, 275_009, 713_097, 924_434]);
  });

  it.each([
    ['a'.repeat(32), 353_908],
    ['abc'.repeat(1_000), 428_291],
    ['abcd'.repeat(1_024), 232_516],
    [`${'abcd'.repeat(1_024)}e`, 609_023],
    [`é${'a'.repeat(40)}`, 478_858],
  ])('stays what it is also of a longer text, %#', (text, tag) => {
    expect(nextTag(1, 'n', 1, [text])).toBe(tag);
  });

  it('is 0 after 0, whatever is written, also what is kept by reference', () => {
    fc.assert(
      fc.property(texts(), counts, fc.array(fc.anything()), (name, seq, written) => {
        expect(nextTag(0, name, seq, written as Payload[])).toBe(0);
      }),
    );
  });

  it.each<[what: string, previous: number, writer: string, seq: number, chunks: Payload[]]>([
    ['another tag before', 6, 'w', 1, ['ab', 'c']],
    ['another writer', 5, 'v', 1, ['ab', 'c']],
    ['another number', 5, 'w', 2, ['ab', 'c']],
    ['another chunk', 5, 'w', 1, ['ab', 'd']],
    ['chunks in another order', 5, 'w', 1, ['c', 'ab']],
    ['chunks cut elsewhere', 5, 'w', 1, ['a', 'bc']],
    ['one chunk of two', 5, 'w', 1, ['abc']],
    ['one chunk more, an empty one', 5, 'w', 1, ['ab', 'c', '']],
    ['bytes instead of text', 5, 'w', 1, ['ab', Uint8Array.of(0x63)]],
    ['no chunks', 5, 'w', 1, []],
  ])('differs for %s', (_, previous, writer, seq, written) => {
    expect(nextTag(previous, writer, seq, written)).not.toBe(nextTag(5, 'w', 1, ['ab', 'c']));
  });

  it('differs for an empty text and no bytes', () => {
    expect(nextTag(5, 'w', 1, [''])).not.toBe(nextTag(5, 'w', 1, [new Uint8Array()]));
  });

  // Of 10,000 among 999,999 some 50 are to be expected.
  it.each<[what: string, tagOf: (i: number) => number]>([
    ['nonces', (i) => firstTag(`nonce-${i}`)],
    ['chunks', (i) => nextTag(5, 'w', 1, [`{"token":${i}}`])],
    ['bytes', (i) => nextTag(5, 'w', 1, [Uint8Array.of(i, i >> 8)])],
    ['numbers', (i) => nextTag(5, 'w', i, ['a'])],
    ['writers', (i) => nextTag(5, `w${i}`, 1, ['a'])],
    ['tags before', (i) => nextTag(i + 1, 'w', 1, ['a'])],
  ])('is another for almost each of many %s', (_, tagOf) => {
    expect(collisions(tagOf)).toBeLessThan(100);
  });
});
