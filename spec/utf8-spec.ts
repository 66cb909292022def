import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { incompleteEnd } from '../lib/utf8.js';

const encoder = new TextEncoder();

describe('The end of bytes that are cut anywhere', () => {
  it('is incomplete by the bytes of the character that the cut is in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, at) => {
        const bytes = encoder.encode(text);
        const cut = bytes.subarray(0, at % (bytes.length + 1));
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(cut, { stream: true });
        expect(incompleteEnd(cut)).toBe(cut.length - encoder.encode(whole).length);
      }),
    );
  });

  it.each([
    ['no bytes', []],
    ['ASCII', [0x61]],
    ['a byte that begins no character', [0xc1]],
    ['one that would begin a character beyond the last', [0xf5, 0x80, 0x80]],
    ['bytes that continue nothing', [0x80, 0x80, 0x80, 0x80]],
    ['a character with more bytes than it has', [0xc3, 0xa4, 0x80]],
  ])('is complete for %s', (_, bytes) => {
    expect(incompleteEnd(Uint8Array.from(bytes))).toBe(0);
  });
});
