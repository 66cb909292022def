import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { InMemoryStreamManagerOptions, StreamManager } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, codes, outcome, outcomesAt } from '../support/outcomes.js';
import { byCode } from '../support/views.js';

const lengthOf = (chunk: unknown): number => (chunk as string).length;

export function limits(createManager: ManagerFactory, place: Place = 'in memory'): void {
  const managerOf = (options: Omit<InMemoryStreamManagerOptions, 'scheduler'>): StreamManager =>
    createManager(new VirtualTimeScheduler(), options);

  describe('Promise 14: limits are explicit', () => {
    describe('maxChunks', () => {
      it(
        'fails an input that is given one more by next, and ends its stream',
        marbles((m) => {
          const streams = createManager(m.scheduler, { maxChunks: 2 });
          const source = '  a-b-c-d|      ';
          const expected = 'a-b-#         ';
          const lateSub = ' ------^       ';
          const late = '    ------(ab#)   ';
          const failed = '  ----(f|)      ';
          const input = streams.open<string>('s');
          const stream$ = byCode(streams.subscribe<string>('s'));
          m.cold<string>(source).subscribe(input);

          m.expect(stream$).toBeObservable(expected, undefined, 'RESOURCE_EXHAUSTED');
          m.expect(stream$, lateSub).toBeObservable(late, undefined, 'RESOURCE_EXHAUSTED');
          m.expect(codes(input.failed)).toBeObservable(failed, { f: 'RESOURCE_EXHAUSTED' });
        }),
      );

      it('refuses one more by write alone, and the input goes on', async () => {
        const streams = managerOf({ maxChunks: 2 });
        const input = streams.open<string, string>('s');
        await input.write('a');
        const tail = await input.write('b');
        expect(await outcome(() => input.write('c'))).toBe('RESOURCE_EXHAUSTED');
        expect(input.closed).toBe(false);
        expect(await outcome(() => input.flush())).toBe('OK');
        input.complete('output');
        expect(await streams.head('s')).toMatchObject({ status: 'done', chunks: 2, tail });
      });

      it('counts the chunks of all producers of a stream, and of each stream apart', async () => {
        const streams = managerOf({ maxChunks: 2 });
        const first = streams.open<string>('s');
        await first.write('a');
        first.close();
        const second = streams.open<string>('s', { resume: true });
        expect(await outcome(() => second.write('b'))).toBe('OK');
        expect(await outcome(() => second.write('c'))).toBe('RESOURCE_EXHAUSTED');
        expect(await outcome(() => streams.open<string>('other').write('a'))).toBe('OK');
      });

      it('is no limit unless given', async () => {
        const streams = managerOf({});
        const input = streams.open<number>('s');
        for (let i = 0; i < 100_000; i++) input.next(i);
        expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 100_000 });
      });
    });

    describe('maxStreams', () => {
      it('refuses one more, and the others go on', async () => {
        const streams = managerOf({ maxStreams: 2 });
        const input = streams.open<string>('a');
        streams.open('b').complete();
        expect(await outcome(() => claim(streams, 'c'))).toBe('RESOURCE_EXHAUSTED');
        expect(await outcome(() => input.write('a'))).toBe('OK');
        expect(await outcome(() => streams.head('c'))).toBe('NOT_FOUND');
      });

      it('still tells that an id is taken, and lets it be resumed', async () => {
        const streams = managerOf({ maxStreams: 1 });
        await claim(streams, 'a');
        expect(await outcome(() => claim(streams, 'a'))).toBe('ALREADY_EXISTS');
        expect(await outcome(() => claim(streams, 'a', { resume: true }))).toBe('OK');
      });

      it('has room again after a delete', async () => {
        const streams = managerOf({ maxStreams: 1 });
        await claim(streams, 'a');
        await streams.delete('a');
        expect(await outcome(() => claim(streams, 'b'))).toBe('OK');
      });

      it(
        'has room again from the very frame on in which a stream is gone',
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { maxStreams: 1, ttl: 3 });
          const source = '-|   ';
          const claims = '---xx';
          m.cold<string>(source).subscribe(streams.open<string>('a'));
          const claimed = outcomesAt(m.cold(claims), () => claim(streams, 'b'));

          m.flush();
          expect(await Promise.all(claimed)).toEqual(['RESOURCE_EXHAUSTED', 'OK']);
        }),
      );

      it('has room again for all that are gone before any action has run', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { maxStreams: 3 });
        await claim(streams, 'a', { expiresAt: 5 });
        await claim(streams, 'b', { expiresAt: 4 });
        await claim(streams, 'c');
        clock.frame = 5;
        expect(await outcome(() => claim(streams, 'd'))).toBe('OK');
        expect(await outcome(() => claim(streams, 'e'))).toBe('OK');
        expect(await outcome(() => claim(streams, 'f'))).toBe('RESOURCE_EXHAUSTED');
      });

      it('has room for as many as are gone, also when the first to hear of it fill it', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { maxStreams: 2 });
        const claims: Promise<string>[] = [];
        const expiring = streams.open('a', { expiresAt: 5 });
        await claim(streams, 'b', { expiresAt: 5 });
        expiring.failed.subscribe(() => {
          for (const id of ['c', 'd', 'e']) claims.push(outcome(() => claim(streams, id)));
        });
        clock.flush();
        expect(await Promise.all(claims)).toEqual(['OK', 'OK', 'RESOURCE_EXHAUSTED']);
      });
    });

    if (place === 'in memory') bytesBySizeOf(managerOf, createManager);
    else bytesAsStored(managerOf);

    for (const option of ['maxChunks', 'maxStreams', 'maxBytes']) {
      for (const value of [-1, 1.5, NaN, -Infinity, 2 ** 53, '5', null]) {
        it(`refuses ${String(value)} (${typeof value}) as ${option}`, async () => {
          const make = (): unknown => managerOf({ sizeOf: lengthOf, [option]: value });
          expect(await outcome(make)).toBe('INVALID_ARGUMENT');
          expect(make).toThrow(option);
        });
      }
    }
  });
}

type ManagerOf = (options: Omit<InMemoryStreamManagerOptions, 'scheduler'>) => StreamManager;

function bytesBySizeOf(managerOf: ManagerOf, createManager: ManagerFactory): void {
  describe('maxBytes', () => {
    it('is a limit of the sum of what sizeOf gives', async () => {
      const streams = managerOf({ maxBytes: 5, sizeOf: lengthOf });
      const input = streams.open<string>('s');
      expect(await outcome(() => input.write('ab'))).toBe('OK');
      expect(await outcome(() => input.write('cdef'))).toBe('RESOURCE_EXHAUSTED');
      expect(await outcome(() => input.write('cde'))).toBe('OK');
      expect(await outcome(() => input.write('f'))).toBe('RESOURCE_EXHAUSTED');
      expect(await outcome(() => input.write(''))).toBe('OK');
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 3 });
      expect(await outcome(() => streams.open<string>('other').write('abcde'))).toBe('OK');
    });

    it(
      'fails an input that is given more by next, and ends its stream',
      marbles((m) => {
        const streams = createManager(m.scheduler, { maxBytes: 5, sizeOf: lengthOf });
        const source = '  a-b-c         ';
        const expected = 'a-#           ';
        const failed = '  --(f|)        ';
        const input = streams.open<string>('s');
        m.cold(source, { a: 'abcd', b: 'ef', c: 'g' }).subscribe(input);

        m.expect(byCode(streams.subscribe<string>('s'))).toBeObservable(
          expected,
          { a: 'abcd' },
          'RESOURCE_EXHAUSTED',
        );
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'RESOURCE_EXHAUSTED' });
      }),
    );

    it('needs a sizeOf', async () => {
      expect(await outcome(() => managerOf({ maxBytes: 5 }))).toBe('INVALID_ARGUMENT');
      expect(() => managerOf({ maxBytes: 5 })).toThrow(/sizeOf/);
    });

    for (const [name, sizeOf] of BAD_SIZES) {
      it(`refuses a chunk for which sizeOf ${name}`, async () => {
        const streams = managerOf({ maxBytes: 5, sizeOf });
        const input = streams.open<string>('s');
        expect(await outcome(() => input.write('bad'))).toBe('INVALID_ARGUMENT');
        expect(await outcome(() => input.write('good'))).toBe('OK');

        const failures: string[] = [];
        codes(input.failed).subscribe((code) => failures.push(code));
        input.next('bad');
        input.next('good');
        expect(failures).toEqual(['INVALID_ARGUMENT']);
        expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1 });
      });
    }

    it('keeps what sizeOf threw as the cause', async () => {
      const cause = new Error('sizeOf');
      const streams = managerOf({
        sizeOf: () => {
          throw cause;
        },
      });
      const input = streams.open<string>('s');
      await expect(input.write('a')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', cause });
    });
  });
}

/** An engine counts what it stores: with JSON two quotes for each text. */
function bytesAsStored(managerOf: ManagerOf): void {
  describe('maxBytes', () => {
    it('is a limit of the sum of what is stored', async () => {
      const streams = managerOf({ maxBytes: 11 });
      const input = streams.open<string>('s');
      expect(await outcome(() => input.write('ab'))).toBe('OK');
      expect(await outcome(() => input.write('cdefgh'))).toBe('RESOURCE_EXHAUSTED');
      expect(await outcome(() => input.write('cdefg'))).toBe('OK');
      expect(await outcome(() => input.write('h'))).toBe('RESOURCE_EXHAUSTED');
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 2 });
      expect(await outcome(() => streams.open<string>('other').write('abcdefghi'))).toBe('OK');
    });

    it('counts bytes of UTF-8, not characters', async () => {
      const input = managerOf({ maxBytes: 6 }).open<string>('s');
      expect(await outcome(() => input.write('\u20ac\u20ac'))).toBe('RESOURCE_EXHAUSTED');
      expect(await outcome(() => input.write('\u{1f600}'))).toBe('OK');
    });

    it('fails an input that is given more by next, and ends its stream', async () => {
      const streams = managerOf({ maxBytes: 6 });
      const input = streams.open<string>('s');
      const failures: string[] = [];
      codes(input.failed).subscribe((code) => failures.push(code));
      for (const chunk of ['abcd', 'e', 'f']) input.next(chunk);
      expect(failures).toEqual(['RESOURCE_EXHAUSTED']);
      expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1 });
    });
  });
}

const BAD_SIZES: [name: string, sizeOf: (chunk: unknown) => number][] = [
  ['gives NaN', (chunk) => (chunk === 'bad' ? NaN : 1)],
  ['gives a negative number', (chunk) => (chunk === 'bad' ? -1 : 1)],
  ['gives no number', (chunk) => (chunk === 'bad' ? (undefined as unknown as number) : 1)],
  [
    'throws',
    (chunk) => {
      if (chunk === 'bad') throw new Error('sizeOf');
      return 1;
    },
  ],
];
