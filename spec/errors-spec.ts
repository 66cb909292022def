import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { printed, toStreamError } from '../lib/errors.js';
import { StreamError, type StreamErrorCode } from '../lib/index.js';

const codes = Object.keys({
  ABORTED: true,
  ALREADY_EXISTS: true,
  CANCELLED: true,
  DATA_LOSS: true,
  DEADLINE_EXCEEDED: true,
  FAILED_PRECONDITION: true,
  INTERNAL: true,
  INVALID_ARGUMENT: true,
  NOT_FOUND: true,
  OUT_OF_RANGE: true,
  PERMISSION_DENIED: true,
  RESOURCE_EXHAUSTED: true,
  UNAUTHENTICATED: true,
  UNAVAILABLE: true,
  UNKNOWN: true,
} satisfies Record<StreamErrorCode, true>) as StreamErrorCode[];

/** Objects that answer every question with an exception. */
const hostile: Record<string, object> = {
  'a revoked proxy': (() => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  })(),
  'getters that throw': Object.defineProperties(
    {},
    Object.fromEntries(
      ['name', 'code', 'message', 'details', Symbol.toStringTag].map((key) => [
        key,
        {
          get: () => {
            throw new TypeError('none of your business');
          },
        },
      ]),
    ),
  ),
};

describe('StreamError', () => {
  it('is an error with a code', () => {
    const error = new StreamError('NOT_FOUND', 'no such stream');

    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(StreamError);
    expect(error.name).toBe('StreamError');
    expect(error.code).toBe('NOT_FOUND');
    expect(error.message).toBe('no such stream');
    expect(String(error)).toBe('StreamError: no such stream');
    expect(error.stack).toMatch(/^StreamError: no such stream\n/);
  });

  it('shows its code and nothing else when it is printed', () => {
    const error = new StreamError('NOT_FOUND', 'x');

    expect(Object.keys(error)).toEqual(['code']);
    expect('details' in error).toBe(false);
    expect('cause' in error).toBe(false);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'NOT_FOUND' });
  });

  it.each([{ limit: 5 }, 'text', 0, false, null])('carries details (%j), in JSON too', (details) => {
    const error = new StreamError('NOT_FOUND', 'x', { details });

    expect(error.details).toBe(details);
    expect(Object.keys(error)).toEqual(['code', 'details']);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'NOT_FOUND', details });
  });

  it('carries a cause, which nobody who lists its keys sees', () => {
    const cause = new TypeError('y');
    const error = new StreamError('NOT_FOUND', 'x', { cause });

    expect(error.cause).toBe(cause);
    expect(Object.keys(error)).toEqual(['code']);
  });

  it('takes details of undefined for none', () => {
    expect('details' in new StreamError('NOT_FOUND', 'x', { details: undefined })).toBe(false);
  });

  it('has a page for each of its codes, and for nothing else', () => {
    const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);

    expect(headings.sort()).toEqual(codes);
  });
});

describe('toStreamError', () => {
  it.each(codes)('leaves a StreamError as it is (%s)', (code) => {
    const error = new StreamError(code, 'x', { details: 1, cause: 2 });

    expect(toStreamError(error)).toBe(error);
  });

  it('leaves one of another copy of the library as it is', () => {
    const error = Object.assign(new Error('x'), { name: 'StreamError', code: 'ABORTED' });

    expect(toStreamError(error)).toBe(error);
  });

  it.each(codes)('keeps a canonical code of a foreign error, its message and details (%s)', (code) => {
    const foreign = Object.assign(new RangeError('x'), { code, details: { limit: 5 } });

    const error = toStreamError(foreign);

    expect(error).toBeInstanceOf(StreamError);
    expect(error).toMatchObject({ code, message: 'x', details: { limit: 5 } });
    expect(error.cause).toBe(foreign);
  });

  it('keeps a canonical code of what is not even an error', () => {
    const foreign = { code: 'ABORTED', message: 'x' };

    expect(toStreamError(foreign)).toMatchObject({
      name: 'StreamError',
      code: 'ABORTED',
      message: 'x',
      cause: foreign,
    });
    expect('details' in toStreamError(foreign)).toBe(false);
  });

  it.each<[what: string, foreign: unknown, message: string]>([
    ['an error', new TypeError('fetch failed'), 'fetch failed'],
    ['an error without a message', new Error(), ''],
    ['an error with a code of its own', Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'x'],
    ['an error with a numeric code', Object.assign(new Error('x'), { code: 5 }), 'x'],
    ['an error with a code in lower case', Object.assign(new Error('x'), { code: 'not_found' }), 'x'],
    ['an error with a code of every object', Object.assign(new Error('x'), { code: 'toString' }), 'x'],
    [
      'a StreamError without a canonical code',
      Object.assign(new Error('x'), { name: 'StreamError', code: 'OK' }),
      'x',
    ],
    ['an object with a message', { message: 'x' }, 'x'],
    ['an object with a message that is no string', { message: 5 }, 'The producer failed with object.'],
    ['an object', {}, 'The producer failed with object.'],
    ['an object without a prototype', Object.create(null), 'The producer failed with object.'],
    ['a function', () => 'x', 'The producer failed with function.'],
    ['a string', 'x', 'The producer failed with "x".'],
    ['an empty string', '', 'The producer failed with "".'],
    ['a canonical code itself', 'NOT_FOUND', 'The producer failed with "NOT_FOUND".'],
    ['a number', -0.5, 'The producer failed with -0.5.'],
    ['a bigint', 5n, 'The producer failed with 5.'],
    ['a symbol', Symbol('x'), 'The producer failed with Symbol(x).'],
    ['a boolean', false, 'The producer failed with false.'],
    ['null', null, 'The producer failed with null.'],
    ['undefined', undefined, 'The producer failed with undefined.'],
  ])('makes %s UNKNOWN, and keeps it as the cause', (_, foreign, message) => {
    const error = toStreamError(foreign);

    expect(error).toBeInstanceOf(StreamError);
    expect(error.code).toBe('UNKNOWN');
    expect(error.message).toBe(message);
    expect(Object.hasOwn(error, 'cause')).toBe(true);
    expect(error.cause).toBe(foreign);
  });

  it.each(Object.keys(hostile))('makes %s UNKNOWN, and never throws', (what) => {
    const error = toStreamError(hostile[what]);

    expect(error.code).toBe('UNKNOWN');
    expect(error.cause === hostile[what]).toBe(true);
  });
});

describe('printed', () => {
  it.each<[value: unknown, text: string]>([
    ['text', '"text"'],
    ['', '""'],
    ['two\nlines\r\n"quoted" \u0000', '"two\\nlines\\r\\n\\"quoted\\" \\u0000"'],
    [5, '5'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [5n, '5'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('x'), 'Symbol(x)'],
    [() => 5, 'function'],
    [[1, 2], 'object'],
    [new Date(0), 'object'],
    [new Error('x'), 'object'],
    [Object.create(null), 'object'],
    [new Map([['secret', 1]]), 'object'],
  ])('shows values without what is in them (%#)', (value, text) => {
    expect(printed(value)).toBe(text);
  });

  it('shows the beginning of what is long', () => {
    const text = printed('x'.repeat(1000));

    expect(text.length).toBeLessThanOrEqual(80);
    expect(text).toMatch(/^"x{70}/);
  });

  it.each<[what: string, value: unknown]>([
    ['symbol', Symbol('two\nlines')],
    ['tag', { [Symbol.toStringTag]: 'two\nlines' }],
    ['string', 'two\nlines\r'],
  ])('shows a %s of two lines on one', (_, value) => {
    expect(printed(value)).not.toMatch(/[\n\r]/);
  });

  it.each(Object.keys(hostile))('shows %s somehow', (what) => {
    expect(typeof printed(hostile[what])).toBe('string');
  });

  it('never fails, and is short, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (value) => {
        expect(printed(value).length).toBeLessThanOrEqual(80);
      }),
    );
  });
});
