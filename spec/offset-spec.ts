import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Offset } from '../lib/index.js';
import { checkOffset, decodeOffset, encodeOffset, positionIn, START } from '../lib/offset.js';

const generations = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const positions = fc.integer({ min: 0, max: 9_999_999_999 });
const digits = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
    minLength: length,
    maxLength: length,
  });
/** Everything that has the form, from whatever engine. */
const wellFormed = fc.tuple(digits(16), digits(16)).map((parts) => parts.join('_'));

const outOfRange = expect.objectContaining({ code: 'OUT_OF_RANGE' }) as Error;
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

/** One too short, one too long, in other words, and so on. */
const malformed: [what: string, offset: unknown][] = [
  ['an empty string', ''],
  ['a word', 'now'],
  ['-1', '-1'],
  ['a number', '5'],
  ['a short generation', START.slice(1)],
  ['a short position', START.slice(0, -1)],
  ['a digit too much', `${START}0`],
  ['a space before', ` ${START}`],
  ['a line break behind', `${START}\n`],
  ['two lines', `${START}\n${START}`],
  ['another separator', START.replace('_', '-')],
  ['a letter', START.replace(/.$/, 'a')],
  ['digits of another script', START.replace(/0$/, '٠')],
  ['a sign', START.replace(/^0/, '-')],
  ['null', null],
  ['a value that is a number', 5],
  ['an object', {}],
  ['a list of one offset', [START]],
];

describe('An offset', () => {
  it('is a string of a generation of 16 digits, a position of 10 and a tag of 6', () => {
    expect(encodeOffset(12, 345)).toBe('0000000000000012_0000000345000000');
    expect(START).toBe('0000000000000000_0000000000000000');
    expect(encodeOffset(Number.MAX_SAFE_INTEGER, 9_999_999_999)).toBe('9007199254740991_9999999999000000');
  });

  it('sorts as a string by generation, then by position', () => {
    fc.assert(
      fc.property(generations, positions, generations, positions, (g1, p1, g2, p2) => {
        const [first, second] = [encodeOffset(g1, p1), encodeOffset(g2, p2)];

        expect(Math.sign(g1 - g2) || Math.sign(p1 - p2)).toBe(first < second ? -1 : first > second ? 1 : 0);
      }),
    );
  });

  it('sorts after the start of any stream', () => {
    fc.assert(
      fc.property(generations, positions, (generation, position) => {
        expect(encodeOffset(generation, position) > START).toBe(true);
      }),
    );
  });

  it('gives back what it was made of', () => {
    fc.assert(
      fc.property(
        generations,
        positions,
        fc.integer({ min: 0, max: 999_999 }),
        (generation, position, tag) => {
          expect(decodeOffset(encodeOffset(generation, position, tag))).toEqual({
            generation,
            position,
            tag,
          });
        },
      ),
    );
  });

  it('is decoded with its tag', () => {
    expect(decodeOffset('0000000000000012_0000000345678901')).toEqual({
      generation: 12,
      position: 345,
      tag: 678_901,
    });
  });

  it.each(malformed)('is of a foreign form if it is %s', (_, offset) => {
    expect(decodeOffset(offset as Offset)).toBeUndefined();
    expect(() => {
      checkOffset(offset as Offset);
    }).toThrow(invalid);
  });

  it('is of its own form whatever the digits', () => {
    fc.assert(
      fc.property(wellFormed, (offset) => {
        expect(decodeOffset(offset)).toBeDefined();
        expect(() => {
          checkOffset(offset);
        }).not.toThrow();
      }),
    );
  });
});

describe('The position of an offset in a stream', () => {
  it('is where the stream gave it', () => {
    fc.assert(
      fc.property(generations, positions, positions, (generation, a, b) => {
        const [position, length] = [Math.min(a, b), Math.max(a, b)];

        expect(positionIn(encodeOffset(generation, position), generation, length)).toBe(position);
        expect(positionIn(encodeOffset(generation, length), generation, length)).toBe(length);
      }),
    );
  });

  it('is 0 for the start of any stream', () => {
    fc.assert(
      fc.property(generations, positions, (generation, length) => {
        expect(positionIn(START, generation, length)).toBe(0);
      }),
    );
  });

  it('is out of range beyond the tail', () => {
    fc.assert(
      fc.property(generations, positions, positions, (generation, a, b) => {
        fc.pre(a !== b);
        const [length, position] = [Math.min(a, b), Math.max(a, b)];

        expect(() => positionIn(encodeOffset(generation, position), generation, length)).toThrow(outOfRange);
      }),
    );
    expect(() => positionIn(encodeOffset(7, 1), 7, 0)).toThrow(outOfRange);
  });

  it('is out of range in another generation, before or after', () => {
    fc.assert(
      fc.property(generations, generations, positions, (generation, other, position) => {
        fc.pre(generation !== other);

        expect(() => positionIn(encodeOffset(other, position), generation, position)).toThrow(outOfRange);
      }),
    );
    for (const other of [6, 8]) expect(() => positionIn(encodeOffset(other, 0), 7, 5)).toThrow(outOfRange);
  });

  it('is out of range with a tag, which streams in memory do not have', () => {
    fc.assert(
      fc.property(generations, positions, digits(6), (generation, position, tag) => {
        fc.pre(tag !== '000000');
        const offset = encodeOffset(generation, position).slice(0, -6) + tag;

        expect(() => positionIn(offset, generation, position)).toThrow(outOfRange);
      }),
    );
    expect(() => positionIn('0000000000000000_0000000000000001', 7, 5)).toThrow(outOfRange);
  });

  it('is out of range where only rounding would make the generation the same', () => {
    const beyond = fc.bigInt({ min: 2n ** 53n, max: 10n ** 16n - 1n });
    fc.assert(
      fc.property(beyond, positions, (generation, position) => {
        fc.pre(BigInt(Number(generation)) !== generation);
        const offset = `${String(generation)}_${encodeOffset(0, position).slice(17)}`;

        expect(() => positionIn(offset, Number(generation), position)).toThrow(outOfRange);
      }),
    );
    expect(() => positionIn('9007199254740993_0000000001000000', 2 ** 53, 5)).toThrow(outOfRange);
  });

  it('is out of range for digits that the stream never gave', () => {
    fc.assert(
      fc.property(wellFormed, generations, fc.nat(100), (offset, generation, length) => {
        fc.pre(offset !== START && Number(offset.slice(0, 16)) !== generation);

        expect(() => positionIn(offset, generation, length)).toThrow(outOfRange);
      }),
    );
  });

  it.each(malformed)('is not asked of %s', (_, offset) => {
    expect(() => positionIn(offset as Offset, 7, 5)).toThrow(invalid);
  });
});
