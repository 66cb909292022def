import fc from 'fast-check';
import { type Observable, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { outcome } from '../support/outcomes.js';
import { codesOf, inEveryView, noted } from '../support/views.js';

/** Any string of UTF-16 units, lone surrogates and all, often with a length near the limit. */
const anyString = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    maxLength: 5,
  }),
  fc
    .tuple(fc.constantFrom('a', 'é', '～', '😀', '\ud800'), fc.integer({ min: 250, max: 1_030 }), fc.string())
    .map(([character, times, end]) => character.repeat(times) + end),
);

/** What UTF-8 can carry and give back. */
const isId = (text: string): boolean =>
  text !== '' && Buffer.from(text).toString() === text && Buffer.byteLength(text) <= 1_024;

/** Throws what an observable errors with at once, if it does. */
function firstError(source: Observable<unknown>): void {
  const errors: unknown[] = [];
  source.subscribe({ error: (error: unknown) => errors.push(error) }).unsubscribe();
  for (const error of errors) throw error;
}

const BAD_TIMES: [text: string, time: unknown][] = [
  ['-1', -1],
  ['1.5', 1.5],
  ['NaN', NaN],
  ['-Infinity', -Infinity],
  ['9007199254740992', 2 ** 53],
  ['"5"', '5'],
  ['""', ''],
  ['null', null],
  ['true', true],
];

/** What holds for every manager. */
export function managerArguments(createManager: ManagerFactory): void {
  const managerOf = (options?: Parameters<ManagerFactory>[1]): StreamManager =>
    createManager(new VirtualTimeScheduler(), options);

  function withStream(ended?: 'ended'): StreamManager {
    const streams = managerOf();
    const input = streams.open('s');
    if (ended) input.complete();
    return streams;
  }

  describe('The ids of a manager', () => {
    it('may be any non-empty, well-formed string of at most 1,024 bytes, everywhere', async () => {
      await fc.assert(
        fc.asyncProperty(anyString, async (id) => {
          const streams = managerOf();
          const calls = [
            () => streams.open<string>(id).next('a'),
            async () => expect(await streams.head(id)).toMatchObject({ id, chunks: 1 }),
            () => streams.stop(id),
            () => streams.delete(id),
          ];
          if (isId(id)) {
            for (const call of calls.slice(0, 2)) expect(await outcome(call)).toBe('OK');
            expect(await streams.list({ prefix: id })).toEqual([await streams.head(id)]);
            expect(noted(streams.subscribe<string>(id))).toEqual(['a']);
            for (const call of calls.slice(2)) expect(await outcome(call)).toBe('OK');
          } else {
            for (const call of calls) expect(await outcome(call)).toBe('INVALID_ARGUMENT');
            expect(await codesOf(streams.subscribe(id, { wait: 5 }))).toEqual(
              inEveryView('INVALID_ARGUMENT'),
            );
          }
        }),
        { numRuns: 500 },
      );
    });

    it.each<[name: string, id: unknown]>([
      ['an empty string', ''],
      ['undefined', undefined],
      ['null', null],
      ['a number', 5],
      ['an array', ['s']],
      ['an object', { toString: () => 's' }],
      ['a symbol', Symbol('s')],
      ['a lone high surrogate', 'a\ud800b'],
      ['a lone low surrogate', 'a\udc00b'],
      ['surrogates in the wrong order', '\udc00\ud800'],
      ['1,025 bytes of ASCII', 'a'.repeat(1_025)],
      ['1,025 bytes, the last character of two', `${'a'.repeat(1_023)}é`],
      ['1,025 bytes, the last character of three', `${'a'.repeat(1_022)}～`],
      ['1,025 bytes, the last character of four', `${'a'.repeat(1_021)}😀`],
      ['1,026 bytes of 342 characters', '～'.repeat(342)],
    ])('may not be %s', async (_, id) => {
      const streams = managerOf();
      const bad = id as string;
      expect(await outcome(() => streams.open(bad))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => streams.open(bad, { resume: true }))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => streams.head(bad))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => streams.delete(bad))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => streams.stop(bad))).toBe('INVALID_ARGUMENT');
      expect(await codesOf(streams.subscribe(bad))).toEqual(inEveryView('INVALID_ARGUMENT'));
      expect(await streams.list()).toEqual([]);
    });

    it.each([
      ['1,024 bytes of ASCII', 'a'.repeat(1_024)],
      ['1,024 bytes, the last character of two', `${'a'.repeat(1_022)}é`],
      ['1,024 bytes, the last character of three', `${'a'.repeat(1_021)}～`],
      ['1,024 bytes, the last character of four', `${'a'.repeat(1_020)}😀`],
      ['1,023 bytes of 341 characters', '～'.repeat(341)],
      ['what objects have anyway', '__proto__'],
      ['a NUL', '\0'],
    ])('may be %s', async (_, id) => {
      const streams = managerOf();
      streams.open<string>(id).next('a');
      expect(await streams.list()).toMatchObject([{ id, chunks: 1 }]);
      expect(noted(streams.subscribe<string>(id))).toEqual(['a']);
    });

    it('are compared as they are, not normalised', async () => {
      const streams = managerOf();
      streams.open('\u00e9');
      streams.open('e\u0301');
      expect(await streams.list()).toHaveLength(2);
    });
  });

  /** Every place where a time is given. */
  const TIMES: [option: string, where: string, give: (time: number) => unknown][] = [
    ['ttl', 'a manager', (ttl) => managerOf({ ttl })],
    ['idleTtl', 'a manager', (idleTtl) => managerOf({ idleTtl })],
    ['expiresAt', 'a manager', (expiresAt) => managerOf({ expiresAt })],
    ['lease', 'a manager', (lease) => managerOf({ lease })],
    ['ttl', 'a stream', (ttl) => managerOf().open('s', { ttl })],
    ['idleTtl', 'a stream', (idleTtl) => managerOf().open('s', { idleTtl })],
    ['expiresAt', 'a stream', (expiresAt) => managerOf().open('s', { expiresAt })],
    ['lease', 'a stream', (lease) => managerOf().open('s', { lease })],
    ['ttl', 'a resumed stream', (ttl) => withStream().open('s', { resume: true, ttl })],
    ['idleTtl', 'a resumed stream', (idleTtl) => withStream().open('s', { resume: true, idleTtl })],
    ['expiresAt', 'a resumed stream', (expiresAt) => withStream().open('s', { resume: true, expiresAt })],
    ['lease', 'a resumed stream', (lease) => withStream().open('s', { resume: true, lease })],
    ['grace', 'a stop', (grace) => withStream().stop('s', { grace })],
    ['grace', 'a stop of a stream that has ended', (grace) => withStream('ended').stop('s', { grace })],
    ['wait', 'a subscription', (wait) => firstError(managerOf().subscribe('s', { wait }))],
    [
      'wait',
      'a subscription to a stream that is there',
      (wait) => firstError(withStream().subscribe('s', { wait })),
    ],
  ];

  describe.each(TIMES)('%s of %s', (option, _, give) => {
    it.each(BAD_TIMES)('may not be %s, and is named with it', async (text, time) => {
      const call = async (): Promise<unknown> => await give(time as number);
      expect(await outcome(call)).toBe('INVALID_ARGUMENT');
      await expect(call()).rejects.toThrow(new RegExp(`^${option} .* ${text}\\.$`));
    });

    it.each([1, 2 ** 31, Number.MAX_SAFE_INTEGER, Infinity, undefined])('may be %s', async (time) => {
      expect(await outcome(() => give(time as number))).not.toBe('INVALID_ARGUMENT');
    });
  });

  describe('Times that a manager has refused', () => {
    it('leave nothing behind', async () => {
      const streams = managerOf();
      expect(await outcome(() => streams.open('s', { ttl: -1 }))).toBe('INVALID_ARGUMENT');
      expect(await streams.list()).toEqual([]);
      const input = streams.open<string>('s');
      expect(await outcome(() => streams.stop('s', { grace: -1 }))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => input.write('a'))).toBe('OK');
    });
  });
}
