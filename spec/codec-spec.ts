import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { jsonCodec, noCodec } from '../lib/codec.js';
import { bytes } from './log/support.js';

const invalid = expect.objectContaining({ name: 'StreamError', code: 'INVALID_ARGUMENT' }) as Error;

/** With one zero: JSON has no other. */
const jsonValues = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('The JSON codec', () => {
  it('gives back every value that JSON has', () => {
    fc.assert(
      fc.property(jsonValues, (value) => {
        expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value);
      }),
    );
  });

  it('makes texts that UTF-8 can have, also of strings that it can not', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }), (value) => {
        const text = jsonCodec.encode(value);

        expect(text).not.toMatch(/\p{Cs}/u);
        expect(jsonCodec.decode(text)).toBe(value);
      }),
    );
    expect(jsonCodec.encode('\ud800')).toBe('"\\ud800"');
  });

  it('keeps bytes as they are', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value);
      }),
    );
  });

  it.each<[what: string, value: Uint8Array]>([
    ['bytes', Uint8Array.of(1, 2, 3)],
    ['a part of more bytes', Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4)],
    ["one of Node's buffers", Buffer.from([1, 2, 3])],
  ])('copies %s, since the producer may go on to use them', (_, value) => {
    const stored = jsonCodec.encode(value);
    value.fill(9);

    expect(stored).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("changes values by JSON's rules", () => {
    const value = { at: new Date(0), none: undefined, list: [undefined, NaN, () => 5], not: -Infinity };

    expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      list: [null, null, null],
      not: null,
    });
  });

  it('gives back a property with the name of a prototype as a property', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":5}') as object;
    const decoded = jsonCodec.decode(jsonCodec.encode(value)) as object;

    expect(Object.keys(decoded)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(decoded).not.toHaveProperty('polluted');
  });

  it.each<[what: string, value: unknown]>([
    ['undefined', undefined],
    ['a function', () => 5],
    ['a symbol', Symbol('x')],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['a BigInt', 5n],
    ['an object with a BigInt in it', { a: [5n] }],
    ['what says that it is nothing', { toJSON: () => undefined }],
  ])('refuses %s', (_, value) => {
    expect(() => jsonCodec.encode(value)).toThrow(invalid);
  });

  it('refuses what contains itself, and says why', () => {
    const value: Record<string, unknown> = {};
    value['self'] = value;

    expect(() => jsonCodec.encode(value)).toThrow(invalid);
    expect(() => jsonCodec.encode(value)).toThrow(/circular/);
  });

  it.each([new RangeError('not today'), 'text', undefined, Object.create(null) as object])(
    'refuses what throws when it is asked for its JSON, as %#',
    (thrown) => {
      const value = {
        toJSON: () => {
          throw thrown;
        },
      };

      expect(() => jsonCodec.encode(value)).toThrow(invalid);
      expect(() => jsonCodec.encode(value)).toThrow(expect.objectContaining({ cause: thrown }) as Error);
    },
  );
});

describe('No codec', () => {
  it('passes values on by reference', () => {
    const value = { a: [() => 5] };

    expect(noCodec.encode(value)).toBe(value);
    expect(noCodec.decode(noCodec.encode(value))).toBe(value);
  });
});
