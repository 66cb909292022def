import { map, repeat, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { Offset, StreamManager } from '../../lib/index.js';
import { START } from '../../lib/offset.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, outcome, outcomesAt } from '../support/outcomes.js';
import { RecordingScheduler, runUntil } from '../support/schedulers.js';
import { byCode, codesOf, eventWord, inEveryView, noted } from '../support/views.js';

/** An offset of the former life of an id. */
function staleOffset(streams: StreamManager): Offset {
  const input = streams.open<string>('s');
  input.next('old');
  void streams.delete('s');
  return input.tail;
}

/** What holds for every manager whose effects are immediate. */
export function waiting(createManager: ManagerFactory, place: Place = 'in memory'): void {
  describe('A subscription that waits', () => {
    it(
      'gets all of a stream that is opened in time, from its first chunk',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const open = '   ---x             ';
        const source = ' ---a-b------c|   ';
        const early = '  ---a-b------c|   ';
        const lateSub = '--^              ';
        const late = '   ---a-b------c|   ';
        const stream$ = streams.subscribe<string>('s', { wait: 5 });
        const source$ = m.hot<string>(source);
        m.cold(open).subscribe(() => source$.subscribe(streams.open<string>('s')));

        m.expect(stream$).toBeObservable(early);
        m.expect(stream$, lateSub).toBeObservable(late);
      }),
    );

    it(
      'is NOT_FOUND when the wait has elapsed, counted from its own beginning',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const open = '   ---------x ';
        const early = '  -----#     ';
        const lateSub = '--^        ';
        const late = '   -------#   ';
        const none = '   #          ';
        const stream$ = byCode(streams.subscribe<string>('s', { wait: 5 }));
        m.cold(open).subscribe(() => streams.open<string>('s'));

        m.expect(stream$).toBeObservable(early, undefined, 'NOT_FOUND');
        m.expect(stream$, lateSub).toBeObservable(late, undefined, 'NOT_FOUND');
        for (const wait of [0, undefined]) {
          m.expect(byCode(streams.subscribe('s', { wait }))).toBeObservable(none, undefined, 'NOT_FOUND');
        }
      }),
    );

    it('has elapsed at that moment also if no action has run yet', () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const elapsed = noted(streams.subscribe<string>('s', { wait: 5 }));
      const waiting = noted(streams.subscribe<string>('s', { wait: 6 }));
      clock.frame = 5;
      streams.open<string>('s').next('a');
      expect(waiting).toEqual(['a']);
      expect(elapsed).toEqual(['NOT_FOUND']);
    });

    it(
      'may wait for ever',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const open = '    1440m x  ';
        const expected = '1440m a|  ';
        m.cold(open).subscribe(() => {
          const input = streams.open<string>('s');
          m.cold<string>('a|').subscribe(input);
        });

        m.expect(streams.subscribe<string>('s', { wait: Infinity })).toBeObservable(expected);
        m.expect(streams.subscribe<string>('never', { wait: Infinity })).toBeObservable('');
      }),
    );

    it(
      'waits in every view',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const open = '    --x        ';
        const source = '  --a-b|     ';
        const events = '  --a-b(d|)  ';
        const statuses = '--o--(d|)  ';
        const output = '  -----|     ';
        const stream = streams.subscribe<string>('s', { wait: 5 });
        const source$ = m.hot<string>(source);
        m.cold(open).subscribe(() => source$.subscribe(streams.open<string>('s')));

        m.expect(stream.events().pipe(map(eventWord))).toBeObservable(events, { a: 'a', b: 'b', d: 'done' });
        m.expect(stream.status()).toBeObservable(statuses, { o: 'open', d: 'done' });
        m.expect(stream.output()).toBeObservable(output);
      }),
    );

    it('elapses in every view', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const ends = codesOf(streams.subscribe<string>('s', { wait: 5 }));
      while (clock.frame < 25) {
        runUntil(clock, clock.frame + 5);
        for (let i = 0; i < 10; i++) await Promise.resolve();
      }
      expect(await ends).toEqual(inEveryView('NOT_FOUND'));
    });

    it('waits in an iterator, for its first chunk only', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const iterator = streams.subscribe<string>('s', { wait: 5 })[Symbol.asyncIterator]();
      const first = iterator.next();
      const second = iterator.next();
      runUntil(clock, 4);
      const input = streams.open<string>('s');
      runUntil(clock, 100);
      input.next('a');
      input.complete();
      expect(await first).toEqual({ done: false, value: 'a' });
      expect(await second).toEqual({ done: true, value: undefined });
    });

    it('is not made to wait by a stream that is there, and not cut by the time that it would have waited', () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open<string>('s');
      input.next('a');
      const seen = noted(streams.subscribe<string>('s', { wait: 5 }));
      expect(seen).toEqual(['a']);
      runUntil(clock, 50);
      input.next('b');
      expect(seen).toEqual(['a', 'b']);
    });

    it(
      'waits for the next stream of an id that has become free',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 3 });
        const first = '   a|             ';
        const sub = '     ----^         ';
        const open = '    ------x       ';
        const second = '  -------b|     ';
        const expected = '-------b|     ';
        const second$ = m.hot<string>(second);
        m.cold<string>(first).subscribe(streams.open<string>('s'));
        m.cold(open).subscribe(() => second$.subscribe(streams.open<string>('s')));

        m.expect(streams.subscribe<string>('s', { wait: 5 }), sub).toBeObservable(expected);
      }),
    );

    it(
      'waits anew each time',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 0 });
        const opens = '   -x--x---------x';
        const expected = '-a--a----#      ';
        m.cold(opens).subscribe(() => {
          const input = streams.open<string>('s');
          input.next('a');
          input.complete();
        });
        const stream$ = streams.subscribe<string>('s', { wait: 5 }).pipe(repeat());
        m.expect(byCode(stream$)).toBeObservable(expected, undefined, 'NOT_FOUND');
      }),
    );

    it(
      'goes on through an opening that is refused',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { maxStreams: 1 });
        const opens = '   -x-x--   ';
        const deletion = '--x      ';
        const expected = '---a     ';
        streams.open('other');
        m.cold(deletion).subscribe(() => void streams.delete('other'));
        const outcomes = outcomesAt(m.cold(opens), () => {
          const input = streams.open<string>('s');
          input.next('a');
          return input.opened;
        });

        m.expect(streams.subscribe<string>('s', { wait: 5 })).toBeObservable(expected);
        m.flush();
        expect(await Promise.all(outcomes)).toEqual(['RESOURCE_EXHAUSTED', 'OK']);
      }),
    );

    describe('that leaves', () => {
      it(
        'gets nothing of a stream that is opened later',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const open = '    ---x  ';
          const sub = '     ^-!   ';
          const expected = '------';
          m.cold(open).subscribe(() => streams.open<string>('s').next('a'));
          m.expect(streams.subscribe<string>('s', { wait: 5 }), sub).toBeObservable(expected);
          m.expect(streams.subscribe<string>('s', { wait: Infinity }), sub).toBeObservable(expected);
        }),
      );

      it('leaves nothing scheduled, and the others waiting', () => {
        const clock = new VirtualTimeScheduler();
        const scheduler = new RecordingScheduler(clock);
        const streams = createManager(scheduler);
        const leaving = streams.subscribe<string>('s', { wait: 5 }).subscribe();
        const staying = noted(streams.subscribe<string>('s', { wait: Infinity }));
        leaving.unsubscribe();
        expect(scheduler.pending).toBe(0);
        streams.open<string>('s').next('a');
        expect(staying).toEqual(['a']);
      });

      it('ends an iterator that waits', async () => {
        const streams = createManager(new VirtualTimeScheduler());
        const iterator = streams.subscribe<string>('s', { wait: 5 })[Symbol.asyncIterator]();
        const parked = iterator.next();
        await iterator.return?.();
        expect(await parked).toEqual({ done: true, value: undefined });
        expect(streams.open('s').closed).toBe(false);
      });

      it('may be told to by another that has just got the stream', () => {
        const streams = createManager(new VirtualTimeScheduler());
        const seen: string[] = [];
        const waiting = streams.subscribe<string>('s', { wait: 5 }).status();
        waiting.subscribe(() => {
          second.unsubscribe();
        });
        const second = waiting.subscribe((status) => seen.push(status));
        const third = noted(waiting.pipe(take(1)));
        streams.open('s');
        expect(seen).toEqual([]);
        expect(third).toEqual(['open', '|']);
      });
    });

    it('of which another, which was told first, deletes the stream, gets its end or never knew it', () => {
      const streams = createManager(new VirtualTimeScheduler());
      const waiting = streams.subscribe<string>('s', { wait: 5 });
      waiting.status().subscribe({ next: () => void streams.delete('s'), error: () => {} });
      const second = noted(waiting);
      const input = streams.open<string>('s');
      expect(input.closed).toBe(true);
      // On an engine it looks the stream up, finds none, and waits on.
      expect(second).toEqual(place === 'in memory' ? ['NOT_FOUND'] : []);
      streams.open<string>('s').next('a');
      expect(second).toEqual(place === 'in memory' ? ['NOT_FOUND'] : ['a']);
    });

    describe('with an offset', () => {
      it('is refused at the opening if the offset is of a former life', async () => {
        const streams = createManager(new VirtualTimeScheduler());
        const after = staleOffset(streams);
        const seen = noted(streams.subscribe<string>('s', { after, wait: 5 }));
        expect(seen).toEqual([]);
        const input = streams.open<string>('s');
        expect(seen).toEqual(['OUT_OF_RANGE']);
        expect(await outcome(() => input.write('a'))).toBe('OK');
      });

      it('is refused at once if the offset is malformed', () => {
        const streams = createManager(new VirtualTimeScheduler());
        expect(noted(streams.subscribe('s', { after: 'a', wait: 5 }))).toEqual(['INVALID_ARGUMENT']);
      });

      it('is NOT_FOUND, not OUT_OF_RANGE, if no stream is opened', () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock);
        const seen = noted(streams.subscribe('s', { after: staleOffset(streams), wait: 5 }));
        clock.flush();
        expect(seen).toEqual(['NOT_FOUND']);
      });

      it.each([{ after: START }, { from: 'start' }, { from: 'now' }] as const)(
        'gets everything if it is %j',
        async (options) => {
          const streams = createManager(new VirtualTimeScheduler());
          const seen = noted(streams.subscribe<string>('s', { ...options, wait: 5 }));
          await claim(streams, 'other');
          streams.open<string>('s').next('a');
          expect(seen).toEqual(['a']);
        },
      );
    });
  });
}
