import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Payload } from '../../lib/engines/engine.js';
import { payloadBytes, utf8Length } from '../../lib/log/bytes.js';
import { bytes, texts } from './support.js';

const encoder = new TextEncoder();

describe('The length of a text in UTF-8', () => {
  it('is that of the bytes that an encoder makes', () => {
    fc.assert(
      fc.property(texts(), (text) => {
        expect(utf8Length(text)).toBe(encoder.encode(text).length);
      }),
    );
  });

  it.each([31, 32, 33, 4_095, 4_096, 4_097, 20_000])('is right for a text of %d units', (length) => {
    for (const unit of ['a', '\u00e9', '\u20ac', '\u{1f600}']) {
      for (const first of ['', 'a', 'ab', 'abc']) {
        const text = first + unit.repeat(Math.floor((length - first.length) / unit.length));
        expect(utf8Length(text)).toBe(encoder.encode(text).length);
      }
    }
  });

  it.each([
    ['nothing', '', 0],
    ['the last of one byte', '\x7f', 1],
    ['the first of two', '\x80', 2],
    ['the last of two', '\u07ff', 2],
    ['the first of three', '\u0800', 3],
    ['the last before surrogates', '\ud7ff', 3],
    ['the first after surrogates', '\ue000', 3],
    ['the last of three', '\uffff', 3],
    ['the first of four, a pair of surrogates', '\u{10000}', 4],
    ['the last of all', '\u{10ffff}', 4],
  ])('is right for %s', (_, text, length) => {
    expect(utf8Length(text)).toBe(length);
    expect(utf8Length(`a${text}b`)).toBe(length + 2);
  });
});

describe('The size of a chunk', () => {
  it('is that of its text, or of its bytes', () => {
    fc.assert(
      fc.property(texts(), bytes, (text, chunk) => {
        expect(payloadBytes(text)).toBe(encoder.encode(text).length);
        expect(payloadBytes(chunk)).toBe(chunk.length);
        expect(payloadBytes(Buffer.from(chunk))).toBe(chunk.length);
      }),
    );
  });

  it('is that of a part where the bytes are a part of more', () => {
    expect(payloadBytes(new Uint8Array(100).subarray(10, 13))).toBe(3);
  });

  it.each([5, null, undefined, { length: 5 }, [1, 2]])(
    'is 0 for what is kept by reference, as %j',
    (value) => {
      expect(payloadBytes(value as unknown as Payload)).toBe(0);
    },
  );
});
