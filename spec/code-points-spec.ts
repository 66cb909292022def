import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { byCodePoint } from '../lib/code-points.js';
import { texts } from './log/support.js';

/** Code points around every border where units, code points and bytes of UTF-8 could be in another order. */
const border = fc
  .constantFrom(
    0,
    0x7f,
    0x80,
    0x7ff,
    0x800,
    0xd7ff,
    0xe000,
    0xf7ff,
    0xf800,
    0xffff,
    0x10000,
    0x103ff,
    0x10400,
    0x10ffff,
  )
  .map((codePoint) => String.fromCodePoint(codePoint));
const text = fc.oneof(texts(), fc.string({ unit: border, maxLength: 4 }));

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe('The order by code point', () => {
  it('is that of the bytes in UTF-8', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(order(byCodePoint(a), byCodePoint(b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('puts what is beyond the first plane behind it, which the order of strings does not', () => {
    const [last, beyond] = ['\uffff', '\u{10000}'];

    expect(beyond < last).toBe(true);
    expect(byCodePoint(last) < byCodePoint(beyond)).toBe(true);
  });

  it('is that of strings where there is nothing above the surrogates', () => {
    expect(['', 'Z', 'a', 'aa', 'é', '€'].map(byCodePoint)).toEqual(['', 'Z', 'a', 'aa', 'é', '€']);
  });

  it('keeps a prefix a prefix', () => {
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        expect(byCodePoint(prefix + rest).startsWith(byCodePoint(prefix))).toBe(true);
      }),
    );
  });
});
