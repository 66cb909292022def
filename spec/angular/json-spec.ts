import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isJson } from '../../lib/angular/json.js';

const isSame = (value: unknown): boolean => {
  try {
    const text = JSON.stringify(value) as string | undefined;
    expect(JSON.parse(text as string)).toStrictEqual(value);
    return true;
  } catch {
    return false;
  }
};

describe('isJson', () => {
  it('is true of what JSON gives back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as unknown;
        expect(isJson(parsed)).toBe(true);
      }),
    );
  });

  it('is true of nothing that JSON does not give back', () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withSparseArray: true }), (value) => {
        expect(!isJson(value) || isSame(value)).toBe(true);
      }),
    );
  });

  it.each([
    ['undefined', undefined],
    ['a number that is none', NaN],
    ['minus zero', -0],
    ['a date', new Date(0)],
    ['bytes', new Uint8Array(1)],
    ['a set', new Set()],
    ['a member that is undefined', { a: undefined }],
    ['an object with toJSON', { toJSON: () => 1 }],
    ['a hole in an array', [1, , 2]], // eslint-disable-line no-sparse-arrays -- That is what is looked at.
    ['more than elements in an array', Object.assign([1], { a: 1 })],
    ['a bigint', 1n],
    ['a function', () => 1],
  ])('is false of %s, at any depth', (_what, value) => {
    expect([isJson(value), isJson([value]), isJson({ a: { b: value } })]).toEqual([false, false, false]);
  });
});
