import fc from 'fast-check';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager, type StreamInput, type StreamManager } from '../lib/index.js';
import { marbles } from './support/marbles.js';
import { codes, outcome } from './support/outcomes.js';
import { RecordingScheduler } from './support/schedulers.js';
import { byCode, codesOf, inEveryView, noted, pulled } from './support/views.js';

const ids = (streams: InMemoryStreamManager, options?: Parameters<StreamManager['list']>[0]): string[] =>
  streams.list(options).map(({ id }) => id);

const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('InMemoryStreamManager', () => {
  it('serves without any option', async () => {
    const streams = new InMemoryStreamManager();
    const input = streams.open<string>('s');
    input.next('a');
    input.complete();
    expect(await pulled(streams.subscribe<string>('s'))).toEqual(['a']);
    streams.close();
  });

  describe('head', () => {
    it('tells of a stream from its opening to its end', () => {
      const clock = new VirtualTimeScheduler();
      const streams = new InMemoryStreamManager({ scheduler: clock, ttl: 100 });
      clock.frame = 3;
      const input = streams.open<string, string>('s');
      const opened = streams.head('s');
      expect(opened).toStrictEqual({ id: 's', status: 'open', tail: input.tail, chunks: 0, createdAt: 3 });

      clock.frame = 4;
      input.next('a');
      input.next('b');
      expect(streams.head('s')).toStrictEqual({ ...opened, tail: input.tail, chunks: 2 });
      expect(input.tail > opened.tail).toBe(true);

      clock.frame = 7;
      input.complete('output');
      expect(streams.head('s')).toStrictEqual({
        ...opened,
        status: 'done',
        tail: input.tail,
        chunks: 2,
        endedAt: 7,
        expiresAt: 107,
      });
      expect(opened).toMatchObject({ status: 'open', chunks: 0 });
    });

    it('tells of a failed stream', () => {
      const streams = new InMemoryStreamManager({ scheduler: new VirtualTimeScheduler(), ttl: Infinity });
      const input = streams.open<string>('s');
      input.error(new Error('e'));
      expect(streams.head('s')).toStrictEqual({
        id: 's',
        status: 'error',
        tail: input.tail,
        chunks: 0,
        createdAt: 0,
        endedAt: 0,
      });
    });

    it('gives a tail after which only what is later comes', () => {
      const streams = new InMemoryStreamManager({ scheduler: new VirtualTimeScheduler() });
      const input = streams.open<string>('s');
      input.next('a');
      const { tail } = streams.head('s');
      input.next('b');
      input.complete();
      expect(noted(streams.subscribe<string>('s', { after: tail }))).toEqual(['b', '|']);
      expect(noted(streams.subscribe<string>('s', { after: streams.head('s').tail }))).toEqual(['|']);
    });

    it('tells the earliest moment at which a stream goes', () => {
      const clock = new VirtualTimeScheduler();
      const streams = new InMemoryStreamManager({ scheduler: clock, ttl: 10 });
      const earlier = streams.open('earlier', { expiresAt: 7 });
      const later = streams.open('later', { expiresAt: 70 });
      expect(streams.head('earlier').expiresAt).toBe(7);
      expect(streams.head('later').expiresAt).toBe(70);
      earlier.complete();
      later.complete();
      expect(streams.head('earlier').expiresAt).toBe(7);
      expect(streams.head('later').expiresAt).toBe(10);
    });

    it('is NOT_FOUND for an unknown stream', async () => {
      const streams = new InMemoryStreamManager();
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });
  });

  describe('list', () => {
    const listed = (...given: string[]): InMemoryStreamManager => {
      const streams = new InMemoryStreamManager({ scheduler: new VirtualTimeScheduler() });
      for (const id of given) streams.open(id);
      return streams;
    };

    it('gives the heads of all streams in the order of their ids', () => {
      const streams = listed('b', 'c', 'a');
      streams.subscribe('b').subscribe();
      expect(streams.list()).toStrictEqual(['a', 'b', 'c'].map((id) => streams.head(id)));
    });

    it('gives nothing where nothing is', () => {
      expect(listed().list()).toEqual([]);
      expect(listed('a').list({ prefix: 'b' })).toEqual([]);
      expect(listed('a').list({ after: 'a' })).toEqual([]);
    });

    it('gives those with a prefix', () => {
      const streams = listed('a', 'ab', 'abc', 'b', 'ac', 'A', 'xab');
      expect(ids(streams, { prefix: 'ab' })).toEqual(['ab', 'abc']);
      expect(ids(streams, { prefix: '' })).toHaveLength(7);
    });

    it('gives those after an id, which need not be there', () => {
      const streams = listed('a', 'b', 'c', 'd');
      expect(ids(streams, { after: 'b' })).toEqual(['c', 'd']);
      expect(ids(streams, { after: 'bb' })).toEqual(['c', 'd']);
      expect(ids(streams, { after: 'd' })).toEqual([]);
      expect(ids(streams, { after: '' })).toHaveLength(4);
    });

    it('gives no more than the limit, the first ones', () => {
      const streams = listed('d', 'b', 'a', 'c');
      expect(ids(streams, { limit: 2 })).toEqual(['a', 'b']);
      expect(ids(streams, { limit: 2, after: 'a' })).toEqual(['b', 'c']);
      expect(ids(streams, { limit: Infinity })).toHaveLength(4);
    });

    it('gives 1,000 unless told otherwise', () => {
      const streams = listed(...Array.from({ length: 1_001 }, (_, i) => `s${i}`));
      expect(streams.list()).toHaveLength(1_000);
      expect(streams.list({ limit: 1_001 })).toHaveLength(1_001);
    });

    it('orders by code point, not by UTF-16 unit', () => {
      // As UTF-16, the emoji begins with a unit that is less than the other two.
      const emoji = '\u{1f600}';
      const wide = '\uff5e';
      const privateUse = '\ue000';

      const streams = listed(emoji, wide, privateUse, 'a', `a${emoji}`, `a${wide}`, '\ud7ff');
      const ordered = ['a', `a${wide}`, `a${emoji}`, '\ud7ff', privateUse, wide, emoji];
      expect(ids(streams)).toEqual(ordered);
      expect(ids(streams, { after: wide })).toEqual([emoji]);
      expect(ids(streams, { after: emoji })).toEqual([]);
    });

    it('gives every stream once, page by page, in the order of their UTF-8', () => {
      const id = fc.string({
        unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '😀'),
      });
      const arbitrary = fc.uniqueArray(
        id.filter((it) => it !== ''),
        { maxLength: 20 },
      );
      fc.assert(
        fc.property(arbitrary, fc.integer({ min: 1, max: 5 }), (given, limit) => {
          const streams = listed(...given);
          const all: string[] = [];
          for (
            let page = ids(streams, { limit });
            page.length > 0;
            page = ids(streams, { limit, after: all.at(-1) })
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
      const call = (): unknown => streams.list(options as never);
      expect(await outcome(call)).toBe('INVALID_ARGUMENT');
      expect(call).toThrow(new RegExp(`^${name} .*${String(value)}`));
    });
  });

  describe('delete', () => {
    it('frees the id, once', async () => {
      const streams = new InMemoryStreamManager();
      streams.open('s').complete();
      streams.delete('s');
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(await outcome(() => streams.delete('s'))).toBe('NOT_FOUND');
      expect(streams.list()).toEqual([]);
      expect(await outcome(() => streams.open('s'))).toBe('OK');
    });

    it('leaves the next stream of the id alone, which may be opened by who is told', () => {
      const streams = new InMemoryStreamManager();
      const former = streams.open<string>('s');
      let latter: StreamInput<string> | undefined;
      former.failed.subscribe(() => {
        latter = streams.open<string>('s');
        latter.next('new');
      });
      const seen = noted(streams.subscribe<string>('s'));
      former.next('old');
      streams.delete('s');
      expect(seen).toEqual(['old', 'NOT_FOUND']);
      expect(latter?.closed).toBe(false);
      expect(noted(streams.subscribe<string>('s'))).toEqual(['new']);
      expect(streams.head('s').chunks).toBe(1);
    });
  });

  describe('close', () => {
    it('makes everything UNAVAILABLE, also what was there before', async () => {
      const streams = new InMemoryStreamManager({ scheduler: new VirtualTimeScheduler() });
      const before = streams.subscribe<string>('s');
      streams.open<string>('s').complete();
      streams.close();

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
      expect(await codesOf(streams.subscribe<string>('s', { wait: 5 }))).toEqual(inEveryView('UNAVAILABLE'));
    });

    it(
      'ends all who read, wait or write',
      marbles((m) => {
        const streams = new InMemoryStreamManager({ scheduler: m.scheduler });
        const source = ' a-b-c|   ';
        const close = '  ---x      ';
        const read = '   a-b#      ';
        const waiting = '---#      ';
        const status = ' o--#      ';
        const failed = ' ---(f|)   ';
        const input = streams.open<string>('s');
        const stream = streams.subscribe<string>('s');
        m.cold<string>(source).subscribe(input);
        m.cold(close).subscribe(() => streams.close());

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
      const streams = new InMemoryStreamManager();
      const input = streams.open<string>('s');
      input.next('a');
      input.next('b');
      const between = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      await between.next();
      const waiting = streams.subscribe<string>('s', { from: 'now' })[Symbol.asyncIterator]().next();
      streams.close();
      expect(await outcome(() => waiting)).toBe('UNAVAILABLE');
      expect(await outcome(() => between.next())).toBe('UNAVAILABLE');
    });

    it('leaves what an input ended itself as it is, and refuses what it still writes', async () => {
      const streams = new InMemoryStreamManager();
      const input = streams.open<string>('s');
      streams.close();
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

    it('changes nothing the second time', () => {
      const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
      const streams = new InMemoryStreamManager({ scheduler });
      const failures: string[] = [];
      codes(streams.open('s').failed).subscribe((code) => failures.push(code));
      streams.close();
      streams.close();
      expect(failures).toEqual(['UNAVAILABLE']);
      expect(scheduler.pending).toBe(0);
    });

    it.each([
      ['that looks its id up', {}, 's'],
      ['that makes room for itself', { maxStreams: 1 }, 'another'],
    ])('holds also for the open %s and so tells who closes', async (_, options, id) => {
      const clock = new VirtualTimeScheduler();
      const streams = new InMemoryStreamManager({ ...options, scheduler: clock });
      streams.open('s', { expiresAt: 5 }).failed.subscribe(() => streams.close());
      clock.frame = 5;
      expect(await outcome(() => streams.open(id))).toBe('UNAVAILABLE');
    });

    it('holds also for who is told of it, and for who closes in a callback', async () => {
      const streams = new InMemoryStreamManager();
      const input = streams.open<string>('s');
      const retries: Promise<string>[] = [];
      input.failed.subscribe(() => {
        streams.close();
        retries.push(outcome(() => streams.open('again')));
      });
      streams.subscribe<string>('s').subscribe({ next: () => streams.close(), error: () => {} });
      const sibling = noted(streams.subscribe<string>('s'));
      input.next('a');
      expect(await Promise.all(retries)).toEqual(['UNAVAILABLE']);
      expect(sibling).toEqual(['UNAVAILABLE']);
    });
  });
});
