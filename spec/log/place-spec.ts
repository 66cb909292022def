import { describe, expect, it } from 'vitest';

import type { Head } from '../../lib/log/head.js';
import { AT_START, placeOf } from '../../lib/log/place.js';
import { encodeOffset, START } from '../../lib/offset.js';
import { headOf } from './support.js';

const placed = (head: Head, generation: number, position: number, tag = 0): string => {
  try {
    const place = placeOf('s', encodeOffset(generation, position, tag), head);
    return `${place.position} ${place.tag}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('A place', () => {
  it('is the start of any stream for the offset of the start', () => {
    expect(placeOf('s', START, headOf({ tail: 3 }))).toBe(AT_START);
  });

  it('is where an offset of this life says, up to the tail', () => {
    const head = headOf({ tail: 3 });

    expect([0, 1, 2, 3].map((position) => placed(head, 7, position))).toEqual(['0 0', '1 0', '2 0', '3 0']);
  });

  it('is OUT_OF_RANGE for an offset of another life, earlier or later', () => {
    const head = headOf({ tail: 3 });

    expect([placed(head, 6, 1), placed(head, 8, 1)]).toEqual(['OUT_OF_RANGE', 'OUT_OF_RANGE']);
  });

  it('is OUT_OF_RANGE beyond the tail, or with a tag, where nothing is tagged or lost', () => {
    const head = headOf({ tail: 3 });

    expect([placed(head, 7, 4), placed(head, 7, 2, 5)]).toEqual(['OUT_OF_RANGE', 'OUT_OF_RANGE']);
  });

  it('is DATA_LOSS beyond the tail, or with another tag at the tail, where commits are tagged', () => {
    const head = headOf({ tail: 3, tag: 33 });

    expect(placed(head, 7, 3, 33)).toBe('3 33');
    expect(placed(head, 7, 2, 22)).toBe('2 22');
    expect([placed(head, 7, 4, 44), placed(head, 7, 3, 34)]).toEqual(['DATA_LOSS', 'DATA_LOSS']);
  });

  describe('in a fork', () => {
    const fork = headOf({
      generation: 9,
      tail: 8,
      facts: {
        lineage: [
          [5, 3],
          [7, 6],
        ],
      },
    });

    it('is where an offset of a source says, up to where the fork begins', () => {
      expect([1, 3].map((position) => placed(fork, 5, position))).toEqual(['1 0', '3 0']);
      expect([4, 6].map((position) => placed(fork, 7, position))).toEqual(['4 0', '6 0']);
      expect([7, 8].map((position) => placed(fork, 9, position))).toEqual(['7 0', '8 0']);
    });

    it('is OUT_OF_RANGE for what a source has beyond that, and for others', () => {
      expect([placed(fork, 5, 4), placed(fork, 7, 7), placed(fork, 6, 1)]).toEqual([
        'OUT_OF_RANGE',
        'OUT_OF_RANGE',
        'OUT_OF_RANGE',
      ]);
    });
  });
});
