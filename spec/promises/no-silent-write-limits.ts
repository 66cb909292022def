import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamErrorCode } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { testScheduler } from '../support/marbles.js';
import { unhandledBy } from '../support/unhandled.js';
import { codeOf, eventWord, noted } from '../support/views.js';

const lengthOf = (chunk: unknown): number => (chunk as string).length;

/** Ways to refuse the chunk `too long` after the chunks a and b. */
const REFUSALS: [string, StreamErrorCode, Parameters<ManagerFactory>[1]][] = [
  ['maxChunks', 'RESOURCE_EXHAUSTED', { maxChunks: 2 }],
  ['maxBytes', 'RESOURCE_EXHAUSTED', { maxBytes: 3, sizeOf: lengthOf }],
  [
    'a sizeOf that throws',
    'INVALID_ARGUMENT',
    {
      sizeOf: (chunk) => {
        if (lengthOf(chunk) > 1) throw new Error('unmeasured');
        return 1;
      },
    },
  ],
  ...[NaN, -1, undefined, 'long'].map((size): (typeof REFUSALS)[number] => [
    `a sizeOf that gives ${String(size)}`,
    'INVALID_ARGUMENT',
    { sizeOf: (chunk) => (lengthOf(chunk) > 1 ? (size as number) : 1) },
  ]),
];

/** An engine counts the bytes of the JSON that it stores. */
const REFUSALS_ON_ENGINES: typeof REFUSALS = [
  ['maxChunks', 'RESOURCE_EXHAUSTED', { maxChunks: 2 }],
  ['maxBytes', 'RESOURCE_EXHAUSTED', { maxBytes: 9 }],
];

export function limits(createManager: ManagerFactory, place: Place): void {
  describe.each(place === 'in memory' ? REFUSALS : REFUSALS_ON_ENGINES)(
    'of a chunk that is refused by %s',
    (_by, code, options) => {
      const prepared = () => {
        const streams = createManager(testScheduler(), options);
        const input = streams.open<string, string>('s');
        const events$ = streams.subscribe<string, string>('s').events().pipe(map(eventWord));
        input.next('a');
        input.next('b');
        return { input, events$ };
      };

      it('ends the stream with that error if it was given to next', async () => {
        const unhandled = await unhandledBy(async () => {
          const { input, events$ } = prepared();
          const failed = noted(input.failed.pipe(map((error) => error.code)));
          const live = noted(events$);
          input.next('too long');
          input.next('c');
          expect(live).toEqual(['a', 'b', `error:${code}`, '|']);
          expect(noted(events$)).toEqual(live);
          expect(failed).toEqual([code, '|']);
          expect([input.status, input.closed]).toEqual(['error', true]);
          expect(await codeOf(() => input.flush())).toBe(code);
          expect(await codeOf(() => input.write('d'))).toBe(code);
        });
        expect(unhandled).toEqual([]);
      });

      it('reports it once if it was given to next and nobody watches', async () => {
        const unhandled = await unhandledBy(() => {
          const { input } = prepared();
          input.next('too long');
          input.next('too long');
          input.complete();
        });
        expect(unhandled).toMatchObject([{ code }]);
      });

      it('rejects that call alone if it was given to write, and the input goes on', async () => {
        const unhandled = await unhandledBy(async () => {
          const { input, events$ } = prepared();
          const failed = noted(input.failed);
          const live = noted(events$);
          const { tail } = input;
          expect(await codeOf(() => input.write('too long'))).toBe(code);
          expect([input.status, input.closed, input.tail]).toEqual(['open', false, tail]);
          expect(await codeOf(() => input.flush())).toBeUndefined();
          input.complete('o');
          expect(live).toEqual(['a', 'b', 'done:o', '|']);
          expect(failed).toEqual(['|']);
        });
        expect(unhandled).toEqual([]);
      });
    },
  );

  it('counts no bytes of a chunk that it refused', async () => {
    const quotes = place === 'in memory' ? 0 : 2;
    const managerOf = (chunks: number) =>
      createManager(testScheduler(), {
        maxBytes: 4 + chunks * quotes,
        ...(place === 'in memory' && { sizeOf: lengthOf }),
      });
    const input = managerOf(1).open<string, string>('s');
    const refused = [await codeOf(() => input.write('four')), await codeOf(() => input.write('x'))];
    const other = managerOf(2).open<string, string>('other');
    const taken = ['abc', 'too long', 'd', 'e'].map((chunk) => codeOf(() => other.write(chunk)));
    expect(refused).toEqual([undefined, 'RESOURCE_EXHAUSTED']);
    expect(await Promise.all(taken)).toEqual([
      undefined,
      'RESOURCE_EXHAUSTED',
      undefined,
      'RESOURCE_EXHAUSTED',
    ]);
  });

  it('ends a stream whose callback writes more than it may, after what was written before', async () => {
    const streams = createManager(testScheduler(), { maxChunks: 2 });
    const input = streams.open<string, string>('s');
    const unhandled = await unhandledBy(() => {
      const seen = noted(streams.subscribe<string>('s'), (chunk) => {
        if (chunk === 'a') for (const more of ['b', 'c', 'd']) input.next(more);
      });
      input.next('a');
      expect(seen).toEqual(['a', 'b', 'RESOURCE_EXHAUSTED']);
    });
    expect(unhandled).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }]);
  });
}
