import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkId, checkInteger, checkIntegers, checkString, demand } from '../lib/validation.js';

const MAX = 1024;

const invalid = (...parts: string[]): Error =>
  expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(parts.map((part) => part.replace(/\W/g, '\\$&')).join('.*')) as unknown,
  }) as Error;

const accepted = (id: unknown): void => {
  expect(() => {
    checkId(id as string);
  }).not.toThrow();
};

const refused = (id: unknown): void => {
  expect(() => {
    checkId(id as string);
  }).toThrow(invalid('id must be', '1024 bytes'));
};

describe('An id', () => {
  it.each([
    'a',
    ' ',
    '0',
    'toString',
    '__proto__',
    'tab\there',
    'a/b{c}.d*',
    '\0',
    'Ω',
    '日本',
    '👩‍👩‍👧‍👦',
    '\uffff',
  ])('may be %j', (id) => {
    accepted(id);
  });

  it.each([
    ['one byte', 'a'],
    ['two bytes', 'é'],
    ['three bytes', '日'],
    ['four bytes', '😀'],
  ])('has at most 1,024 bytes, also in characters of %s', (_, character) => {
    const most = Math.floor(MAX / Buffer.byteLength(character));
    accepted(character.repeat(most));
    accepted(
      character
        .repeat(most)
        .padEnd(character.repeat(most).length + (MAX % Buffer.byteLength(character)), 'a'),
    );
    refused(character.repeat(most + 1));
    refused(`${character.repeat(most)}${'a'.repeat((MAX % Buffer.byteLength(character)) + 1)}`);
  });

  it.each([
    ['an empty string', ''],
    ['a lone high surrogate', 'a\ud800b'],
    ['a lone low surrogate', 'a\udc00b'],
    ['a high surrogate at its end', 'a\ud83d'],
    ['surrogates the wrong way round', '\ude00\ud83d'],
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['a list of one id', ['a']],
    ['an object', { toString: () => 'a' }],
    ['a boxed string', Object('a')],
    ['a symbol', Symbol('a')],
  ])('may not be %s', (_, id) => {
    refused(id);
  });

  it('is any well-formed string with as many bytes as it may have', () => {
    const characters = fc.constantFrom('a', 'é', '日', '😀', '\ud800', '\udc00');
    const ids = fc.array(fc.tuple(characters, fc.integer({ min: 0, max: 300 })), { maxLength: 6 });
    fc.assert(
      fc.property(ids, (parts) => {
        const id = parts.map(([character, times]) => character.repeat(times)).join('');
        const isWellFormed = Buffer.from(id).toString() === id;
        const bytes = Buffer.byteLength(id);

        if (isWellFormed && bytes > 0 && bytes <= MAX) accepted(id);
        else refused(id);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('A number of an option', () => {
  it.each([0, 1, 250, 2 ** 31, Number.MAX_SAFE_INTEGER, Infinity])('may be %d', (value) => {
    expect(checkInteger('ttl', value, 7)).toBe(value);
  });

  it('is the default if it is left out', () => {
    expect(checkInteger('ttl', undefined, 7)).toBe(7);
    expect(checkInteger('ttl', undefined, Infinity)).toBe(Infinity);
  });

  it.each<[text: string, value: unknown]>([
    ['-1', -1],
    ['0.5', 0.5],
    ['NaN', NaN],
    ['-Infinity', -Infinity],
    ['9007199254740992', 2 ** 53],
    ['"5"', '5'],
    ['null', null],
    ['true', true],
    ['5', 5n],
    ['object', [5]],
    ['object', new Date(0)],
  ])('may not be %s', (text, value) => {
    expect(() => checkInteger('ttl', value as number, 7)).toThrow(invalid('ttl must be', `it is ${text}.`));
  });

  it('is checked together with others', () => {
    const defaults = { ttl: 1, lease: 2, idleTtl: 3 };
    const given = { lease: 5, idleTtl: undefined, other: -1 };

    expect(checkIntegers(given, defaults)).toEqual({ ttl: 1, lease: 5, idleTtl: 3 });
    expect(defaults).toEqual({ ttl: 1, lease: 2, idleTtl: 3 });
    expect(checkIntegers({ lease: 2 }, defaults)).toBe(defaults);
    expect(() => checkIntegers({ lease: -5 }, defaults)).toThrow(invalid('lease must be', 'it is -5.'));
  });
});

describe('A text of an option', () => {
  it.each(['', 'a'])('may be %j', (value) => {
    expect(() => {
      checkString('prefix', value);
    }).not.toThrow();
  });

  it.each([undefined, null, 5, ['a']])('may not be %j', (value) => {
    expect(() => {
      checkString('prefix', value as unknown as string);
    }).toThrow(invalid('prefix must be a string'));
  });
});

describe('A rule', () => {
  it('says the name, the rule and the value when it is broken', () => {
    expect(() => {
      demand(false, 'from', "'start' or 'now'", 'then');
    }).toThrow(invalid(`from must be 'start' or 'now', but it is "then".`));
  });

  it('says nothing when it holds', () => {
    expect(() => {
      demand(true, 'from', "'start' or 'now'", 'then');
    }).not.toThrow();
  });
});
