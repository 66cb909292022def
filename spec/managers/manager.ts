import fc from 'fast-check';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { ListOptions, StreamInput, StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, codes, outcome } from '../support/outcomes.js';
import { RecordingScheduler } from '../support/schedulers.js';
import { byCode, codesOf, inEveryView, noted, pulled } from '../support/views.js';

const ids = async (streams: StreamManager, options?: ListOptions): Promise<string[]> =>
  (await streams.list(options)).map(({ id }) => id);

const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What holds for every manager whose effects are immediate. */
export function managers(createManager: ManagerFactory): void {
  const managerOf = (options?: Parameters<ManagerFactory>[1]): StreamManager =>
    createManager(new VirtualTimeScheduler(), options);

  describe('A manager', () => {
    it('serves without any option', async () => {
      const streams = managerOf();
      const input = streams.open<string>('s');
      input.next('a');
      input.complete();
      expect(await pulled(streams.subscribe<string>('s'))).toEqual(['a']);
      await streams.close();
    });

    describe('head', () => {
      it('tells of a stream from its opening to its end', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { ttl: 100 });
        clock.frame = 3;
        const input = streams.open<string, string>('s');
        const opened = await streams.head('s');
        expect(opened).toStrictEqual({ id: 's', status: 'open', tail: input.tail, chunks: 0, createdAt: 3 });

        clock.frame = 4;
        input.next('a');
        input.next('b');
        expect(await streams.head('s')).toStrictEqual({ ...opened, tail: input.tail, chunks: 2 });
        expect(input.tail > opened.tail).toBe(true);

        clock.frame = 7;
        input.complete('output');
        expect(await streams.head('s')).toStrictEqual({
          ...opened,
          status: 'done',
          tail: input.tail,
          chunks: 2,
          endedAt: 7,
          expiresAt: 107,
        });
        expect(opened).toMatchObject({ status: 'open', chunks: 0 });
      });

      it('tells of a failed stream', async () => {
        const streams = managerOf({ ttl: Infinity });
        const input = streams.open<string>('s');
        input.error(new Error('e'));
        expect(await streams.head('s')).toStrictEqual({
          id: 's',
          status: 'error',
          tail: input.tail,
          chunks: 0,
          createdAt: 0,
          endedAt: 0,
        });
      });

      it('gives a tail after which only what is later comes', async () => {
        const streams = managerOf();
        const input = streams.open<string>('s');
        input.next('a');
        const { tail } = await streams.head('s');
        input.next('b');
        input.complete();
        expect(noted(streams.subscribe<string>('s', { after: tail }))).toEqual(['b', '|']);
        const { tail: end } = await streams.head('s');
        expect(noted(streams.subscribe<string>('s', { after: end }))).toEqual(['|']);
      });

      it('tells the earliest moment at which a stream goes', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { ttl: 10 });
        const earlier = streams.open('earlier', { expiresAt: 7 });
        const later = streams.open('later', { expiresAt: 70 });
        expect((await streams.head('earlier')).expiresAt).toBe(7);
        expect((await streams.head('later')).expiresAt).toBe(70);
        earlier.complete();
        later.complete();
        expect((await streams.head('earlier')).expiresAt).toBe(7);
        expect((await streams.head('later')).expiresAt).toBe(10);
      });

      it('is NOT_FOUND for an unknown stream', async () => {
        const streams = managerOf();
        expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      });
    });

    describe('list', () => {
      const listed = (...given: string[]): StreamManager => {
        const streams = managerOf();
        for (const id of given) streams.open(id);
        return streams;
      };

      it('gives the heads of all streams in the order of their ids', async () => {
        const streams = listed('b', 'c', 'a');
        streams.subscribe('b').subscribe();
        expect(await streams.list()).toStrictEqual(
          await Promise.all(['a', 'b', 'c'].map(async (id) => streams.head(id))),
        );
      });

      it('gives nothing where nothing is', async () => {
        expect(await listed().list()).toEqual([]);
        expect(await listed('a').list({ prefix: 'b' })).toEqual([]);
        expect(await listed('a').list({ after: 'a' })).toEqual([]);
      });

      it('gives those with a prefix', async () => {
        const streams = listed('a', 'ab', 'abc', 'b', 'ac', 'A', 'xab');
        expect(await ids(streams, { prefix: 'ab' })).toEqual(['ab', 'abc']);
        expect(await ids(streams, { prefix: '' })).toHaveLength(7);
      });

      it('gives those after an id, which need not be there', async () => {
        const streams = listed('a', 'b', 'c', 'd');
        expect(await ids(streams, { after: 'b' })).toEqual(['c', 'd']);
        expect(await ids(streams, { after: 'bb' })).toEqual(['c', 'd']);
        expect(await ids(streams, { after: 'd' })).toEqual([]);
        expect(await ids(streams, { after: '' })).toHaveLength(4);
      });

      it('gives no more than the limit, the first ones', async () => {
        const streams = listed('d', 'b', 'a', 'c');
        expect(await ids(streams, { limit: 2 })).toEqual(['a', 'b']);
        expect(await ids(streams, { limit: 2, after: 'a' })).toEqual(['b', 'c']);
        expect(await ids(streams, { limit: Infinity })).toHaveLength(4);
      });

      it('gives 1,000 unless told otherwise', async () => {
        const streams = listed(...Array.from({ length: 1_001 }, (_, i) => `s${i}`));
        expect(await streams.list()).toHaveLength(1_000);
        expect(await streams.list({ limit: 1_001 })).toHaveLength(1_001);
      });

      it('orders by code point, not by UTF-16 unit', async () => {
        // As UTF-16, the emoji begins with a unit that is less than the other two.
        const emoji = '\u{1f600}';
        const wide = '\uff5e';
        const privateUse = '\ue000';

        const streams = listed(emoji, wide, privateUse, 'a', `a${emoji}`, `a${wide}`, '\ud7ff');
        const ordered = ['a', `a${wide}`, `a${emoji}`, '\ud7ff', privateUse, wide, emoji];
        expect(await ids(streams)).toEqual(ordered);
        expect(await ids(streams, { after: wide })).toEqual([emoji]);
        expect(await ids(streams, { after: emoji })).toEqual([]);
      });

      it('gives every stream once, page by page, in the order of their UTF-8', async () => {
        const id = fc.string({
          unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '😀'),
        });
        const arbitrary = fc.uniqueArray(
          id.filter((it) => it !== ''),
          { maxLength: 20 },
        );
        await fc.assert(
          fc.asyncProperty(arbitrary, fc.integer({ min: 1, max: 5 }), async (given, limit) => {
            const streams = listed(...given);
            const all: string[] = [];
            for (
              let page = await ids(streams, { limit });
              page.length > 0;
              page = await ids(streams, { limit, after: all.at(-1) })
            ) {
              expect(page.length).toBeLessThanOrEqual(limit);
              all.push(...page);
            }
            expect(all).toEqual([...given].sort(byCodePoint));
          }),
        );
      });

      it.each([
        { prefix: 5 },
        { after: 5 },
        { after: null },
        { limit: -1 },
        { limit: 1.5 },
        { limit: NaN },
        { limit: '5' },
      ])('refuses %j, and says what it is', async (options) => {
        const streams = listed('a');
        const [[name, value]] = Object.entries(options) as [[string, unknown]];
        const call = async (): Promise<unknown> => streams.list(options as never);
        expect(await outcome(call)).toBe('INVALID_ARGUMENT');
        await expect(call()).rejects.toThrow(new RegExp(`^${name} .*${String(value)}`));
      });
    });

    describe('delete', () => {
      it('frees the id, once', async () => {
        const streams = managerOf();
        streams.open('s').complete();
        await streams.delete('s');
        expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
        expect(await outcome(() => streams.delete('s'))).toBe('NOT_FOUND');
        expect(await streams.list()).toEqual([]);
        expect(await outcome(() => streams.open('s'))).toBe('OK');
      });

      it('leaves the next stream of the id alone, which may be opened by who is told', async () => {
        const streams = managerOf();
        const former = streams.open<string>('s');
        let latter: StreamInput<string> | undefined;
        former.failed.subscribe(() => {
          latter = streams.open<string>('s');
          latter.next('new');
        });
        const seen = noted(streams.subscribe<string>('s'));
        former.next('old');
        await streams.delete('s');
        expect(seen).toEqual(['old', 'NOT_FOUND']);
        expect(latter?.closed).toBe(false);
        expect(noted(streams.subscribe<string>('s'))).toEqual(['new']);
        expect((await streams.head('s')).chunks).toBe(1);
      });
    });

    describe('close', () => {
      it('makes everything UNAVAILABLE, also what was there before', async () => {
        const streams = managerOf();
        const before = streams.subscribe<string>('s');
        streams.open<string>('s').complete();
        await streams.close();

        for (const call of [
          () => streams.open('s'),
          () => streams.open('s', { resume: true }),
          () => streams.head('s'),
          () => streams.list(),
          () => streams.delete('s'),
          () => streams.stop('s'),
        ]) {
          expect(await outcome(call)).toBe('UNAVAILABLE');
        }
        expect(await codesOf(before)).toEqual(inEveryView('UNAVAILABLE'));
        expect(await codesOf(streams.subscribe<string>('s'))).toEqual(inEveryView('UNAVAILABLE'));
        expect(await codesOf(streams.subscribe<string>('s', { wait: 5 }))).toEqual(
          inEveryView('UNAVAILABLE'),
        );
      });

      it(
        'ends all who read, wait or write',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const source = ' a-b-c|   ';
          const close = '  ---x      ';
          const read = '   a-b#      ';
          const waiting = '---#      ';
          const status = ' o--#      ';
          const failed = ' ---(f|)   ';
          const input = streams.open<string>('s');
          const stream = streams.subscribe<string>('s');
          m.cold<string>(source).subscribe(input);
          m.cold(close).subscribe(() => void streams.close());

          m.expect(byCode(stream)).toBeObservable(read, undefined, 'UNAVAILABLE');
          m.expect(byCode(stream.output())).toBeObservable(waiting, undefined, 'UNAVAILABLE');
          m.expect(byCode(stream.status())).toBeObservable(status, { o: 'open' }, 'UNAVAILABLE');
          for (const wait of [10, Infinity]) {
            m.expect(byCode(streams.subscribe('unknown', { wait }))).toBeObservable(
              waiting,
              undefined,
              'UNAVAILABLE',
            );
          }
          m.expect(codes(input.failed)).toBeObservable(failed, { f: 'UNAVAILABLE' });
        }),
      );

      it('ends an iterator that waits, and one between two pulls', async () => {
        const streams = managerOf();
        const input = streams.open<string>('s');
        input.next('a');
        input.next('b');
        const between = streams.subscribe<string>('s')[Symbol.asyncIterator]();
        await between.next();
        const waiting = streams.subscribe<string>('s', { from: 'now' })[Symbol.asyncIterator]().next();
        await streams.close();
        expect(await outcome(() => waiting)).toBe('UNAVAILABLE');
        expect(await outcome(() => between.next())).toBe('UNAVAILABLE');
      });

      it('leaves what an input ended itself as it is, and refuses what it still writes', async () => {
        const streams = managerOf();
        const input = streams.open<string>('s');
        await streams.close();
        expect(input.closed).toBe(true);
        expect(input.signal.reason).toMatchObject({ code: 'UNAVAILABLE' });
        expect(await outcome(() => input.write('a'))).toBe('UNAVAILABLE');
        expect(await outcome(() => input.flush())).toBe('UNAVAILABLE');
        expect(() => {
          input.next('a');
          input.complete();
          input.close();
        }).not.toThrow();
      });

      it('changes nothing the second time', async () => {
        const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
        const streams = createManager(scheduler);
        const failures: string[] = [];
        codes(streams.open('s').failed).subscribe((code) => failures.push(code));
        await streams.close();
        await streams.close();
        expect(failures).toEqual(['UNAVAILABLE']);
        expect(scheduler.pending).toBe(0);
      });

      it.each([
        ['that looks its id up', {}, 's'],
        ['that makes room for itself', { maxStreams: 1 }, 'another'],
      ])('holds also for the open %s and so tells who closes', async (_, options, id) => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, options);
        streams.open('s', { expiresAt: 5 }).failed.subscribe(() => void streams.close());
        clock.frame = 5;
        expect(await outcome(() => claim(streams, id))).toBe('UNAVAILABLE');
      });

      it('holds also for who is told of it, and for who closes in a callback', async () => {
        const streams = managerOf();
        const input = streams.open<string>('s');
        const retries: Promise<string>[] = [];
        input.failed.subscribe(() => {
          void streams.close();
          retries.push(outcome(() => streams.open('again')));
        });
        streams.subscribe<string>('s').subscribe({ next: () => void streams.close(), error: () => {} });
        const sibling = noted(streams.subscribe<string>('s'));
        input.next('a');
        expect(await Promise.all(retries)).toEqual(['UNAVAILABLE']);
        expect(sibling).toEqual(['UNAVAILABLE']);
      });
    });
  });
}
