import {
  concat,
  firstValueFrom,
  from,
  isObservable,
  lastValueFrom,
  map,
  mergeMap,
  Observable,
  of,
  repeat,
  retry,
  share,
  Subscriber,
  take,
  takeUntil,
  takeWhile,
  toArray,
} from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { InMemoryStreamManager } from '../lib/index.js';
import { marbles, testScheduler } from './support/marbles.js';
import { byCode, noted } from './support/views.js';

describe('DurableStream', () => {
  const prepared = (...chunks: string[]) => {
    const streams = new InMemoryStreamManager({ scheduler: testScheduler() });
    const input = streams.open<string, string>('s');
    for (const chunk of chunks) input.next(chunk);
    return { streams, input, stream: streams.subscribe<string, string>('s') };
  };

  describe('is an Observable', () => {
    it('for whoever asks', () => {
      const { stream } = prepared();
      expect(stream).toBeInstanceOf(Observable);
      expect(isObservable(stream)).toBe(true);
      expect(isObservable(stream.pipe(map((chunk) => chunk)))).toBe(true);
    });

    it('that operators take as their source', async () => {
      const { input, stream } = prepared('a', 'b');
      input.complete();
      const all$ = stream.pipe(
        map((chunk) => chunk.toUpperCase()),
        toArray(),
      );
      expect(await lastValueFrom(all$)).toEqual(['A', 'B']);
    });

    it('that creators and operators take as their input', () => {
      const { input, stream } = prepared('a', 'b');
      input.complete();
      expect(noted(from(stream))).toEqual(['a', 'b', '|']);
      expect(noted(concat(stream, stream))).toEqual(['a', 'b', 'a', 'b', '|']);
      expect(noted(of(1, 2).pipe(mergeMap(() => stream)))).toEqual(['a', 'b', 'a', 'b', '|']);
    });

    it('that becomes promises', async () => {
      const { input, stream } = prepared('a', 'b');
      expect(await firstValueFrom(stream)).toBe('a');
      const last = lastValueFrom(stream);
      const each: string[] = [];
      const all = stream.forEach((chunk) => each.push(chunk));
      input.next('c');
      input.complete('o');
      await all;
      expect(each).toEqual(['a', 'b', 'c']);
      expect(await last).toBe('c');
      expect(await firstValueFrom(stream.output())).toBe('o');
    });

    it('whose promises reject with the error', async () => {
      const { input, stream } = prepared('a');
      const rejected = [
        stream.forEach(() => undefined),
        lastValueFrom(stream),
        firstValueFrom(stream.output()),
      ];
      input.error({ code: 'ABORTED' });
      const settled = await Promise.allSettled(rejected);
      expect(settled).toMatchObject(Array(3).fill({ status: 'rejected', reason: { code: 'ABORTED' } }));
    });

    it('whose forEach rejects with what its function throws, and goes no further', async () => {
      const { stream } = prepared('a', 'b');
      const seen: string[] = [];
      const all = stream.forEach((chunk) => {
        seen.push(chunk);
        throw new Error('enough');
      });
      await expect(all).rejects.toThrow('enough');
      expect(seen).toEqual(['a']);
    });

    it(
      'that takeUntil ends',
      marbles((m) => {
        const streams = new InMemoryStreamManager({ scheduler: m.scheduler });
        const source = m.cold<string>(' -a-b-c-d-|');
        const until = m.hot('           ----x');
        const expected = '              -a-b|';

        source.subscribe(streams.open<string>('s'));

        m.expect(streams.subscribe<string>('s').pipe(takeUntil(until))).toBeObservable(expected);
      }),
    );

    it(
      'that can be shared',
      marbles((m) => {
        const streams = new InMemoryStreamManager({ scheduler: m.scheduler });
        const source = m.cold<string>(' -a-b----c-|');
        const late = '                  ----^';
        const live = '                  --------c-|';
        const shared$ = streams.subscribe<string>('s').pipe(share());

        source.subscribe(streams.open<string>('s'));

        m.expect(shared$).toBeObservable('-a-b----c-|');
        m.expect(shared$, late).toBeObservable(live);
      }),
    );

    it('whose one subscriber may serve it and others', () => {
      const { input, stream } = prepared('a', 'b');
      const both$ = new Observable<string>((subscriber) => {
        subscriber.next('before');
        stream.subscribe(subscriber);
      });
      const seen = noted(both$);
      const left = both$.subscribe();
      left.unsubscribe();
      input.next('c');
      input.complete();
      expect(seen).toEqual(['before', 'a', 'b', 'c', '|']);
    });
  });

  describe('replays no more than is asked for:', () => {
    afterEach(() => {
      vi.restoreAllMocks();
    });

    const CHUNKS = Array.from({ length: 1_000 }, (_, index) => `chunk ${index}`);

    it.each<[string, (chunks: Observable<string>) => Observable<unknown>, number]>([
      ['take(1)', (chunks) => chunks.pipe(take(1)), 1],
      ['take(3)', (chunks) => chunks.pipe(take(3)), 3],
      ['takeWhile', (chunks) => chunks.pipe(takeWhile((chunk) => chunk !== 'chunk 4')), 5],
      [
        'an operator behind others',
        (chunks) =>
          chunks.pipe(
            map((chunk) => chunk),
            mergeMap((chunk) => of(chunk)),
            take(2),
          ),
        2,
      ],
    ])('%s', (_what, limited, count) => {
      const { stream } = prepared(...CHUNKS);
      const next = vi.spyOn(Subscriber.prototype, 'next');
      limited(stream).subscribe();
      expect(new Set(next.mock.calls.map(([chunk]) => chunk as string))).toEqual(
        new Set(CHUNKS.slice(0, count)),
      );
    });

    it('take(1) of events', () => {
      const { stream } = prepared(...CHUNKS);
      const next = vi.spyOn(Subscriber.prototype, 'next');
      stream.events().pipe(take(1)).subscribe();
      expect(new Set(next.mock.calls.map(([event]) => (event as { chunk: string }).chunk))).toEqual(
        new Set(['chunk 0']),
      );
    });

    it('firstValueFrom', async () => {
      const { stream } = prepared(...CHUNKS);
      const next = vi.spyOn(Subscriber.prototype, 'next');
      expect(await firstValueFrom(stream)).toBe('chunk 0');
      expect(next).toHaveBeenCalledTimes(1);
    });

    it('a subscriber that has left before', () => {
      const { streams, stream } = prepared(...CHUNKS);
      const next = vi.spyOn(Subscriber.prototype, 'next');
      const error = vi.spyOn(Subscriber.prototype, 'error');
      for (const chunks of [stream, streams.subscribe<string>('unknown')]) {
        new Observable<string>((subscriber) => {
          subscriber.unsubscribe();
          chunks.subscribe(subscriber);
        }).subscribe();
      }
      expect(next).not.toHaveBeenCalled();
      expect(error).not.toHaveBeenCalled();
    });
  });

  describe('looks its stream up at each subscription', () => {
    it('so that it may be made before the stream is opened', () => {
      const streams = new InMemoryStreamManager({ scheduler: testScheduler() });
      const stream = streams.subscribe<string>('s');
      expect(noted(stream)).toEqual(['NOT_FOUND']);
      streams.open<string>('s').next('a');
      expect(noted(stream)).toEqual(['a']);
    });

    it('and finds another that has taken the id', () => {
      const { streams, stream } = prepared('a');
      const former = noted(stream);
      streams.delete('s');
      streams.open<string>('s').next('b');
      expect(former).toEqual(['a', 'NOT_FOUND']);
      expect(noted(stream)).toEqual(['b']);
    });

    it('in each view, and never before', () => {
      const streams = new InMemoryStreamManager({ scheduler: testScheduler() });
      const stream = streams.subscribe<string, string>('s');
      const [output$, status$, events$] = [stream.output(), stream.status(), stream.events()];
      const chunks = stream[Symbol.asyncIterator]();
      streams.open<string, string>('s').complete('o');
      expect(noted(output$)).toEqual(['o', '|']);
      expect(noted(status$)).toEqual(['done', '|']);
      expect(noted(events$)).toMatchObject([{ type: 'done' }, '|']);
      return expect(chunks.next()).resolves.toEqual({ done: true, value: undefined });
    });

    it(
      'again at each retry',
      marbles((m) => {
        const streams = new InMemoryStreamManager({ scheduler: m.scheduler });
        const source = m.cold<string>('    -a-b-|');
        const expected = '                ----a-b-|';
        const chunks$ = streams.subscribe<string>('s').pipe(retry({ count: 3, delay: 2 }));

        m.scheduler.schedule(() => source.subscribe(streams.open<string>('s')), 3);

        m.expect(chunks$).toBeObservable(expected);
      }),
    );

    it('again at each repetition', () => {
      const { input, stream } = prepared('a');
      input.complete();
      expect(noted(stream.pipe(repeat(2)))).toEqual(['a', 'a', '|']);
    });
  });

  describe('waits', () => {
    it(
      'for a stream that is opened in time, and is then as any other',
      marbles((m) => {
        const streams = new InMemoryStreamManager({ scheduler: m.scheduler });
        const source = m.cold<string>('    -a-b-|');
        const tooShort = '              --#';
        const inTime = '                ----a-b-|';
        const leaves = '                ^----!';
        const left = '                  ----a-';
        const leavesEarly = '           ^!';
        const waiting = (wait: number) => byCode(streams.subscribe<string>('s', { wait }));

        m.scheduler.schedule(() => source.subscribe(streams.open<string>('s')), 3);

        m.expect(waiting(2)).toBeObservable(tooShort, undefined, 'NOT_FOUND');
        m.expect(waiting(4)).toBeObservable(inTime);
        m.expect(waiting(Infinity)).toBeObservable(inTime);
        m.expect(waiting(4), leaves).toBeObservable(left);
        m.expect(waiting(2), leavesEarly).toBeObservable('-');
      }),
    );
  });
});
