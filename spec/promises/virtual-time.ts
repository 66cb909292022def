import { asyncScheduler, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import type { StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { codes } from '../support/outcomes.js';
import { RecordingScheduler, runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';

const NUMBER = 1_000;

/** Streams in every state in which something is to come by itself, each at its own time. */
function populate(streams: StreamManager): void {
  for (let i = 0; i < NUMBER; i += 10) {
    streams.open(`done${i}`, { ttl: i }).complete();
    streams.open(`failed${i}`, { ttl: NUMBER - i }).error(new Error('e'));
    streams.open(`idle${i}`, { idleTtl: i + 1 });
    streams.open(`idle and read${i}`, { idleTtl: i + 1 });
    streams.subscribe(`idle and read${i}`).subscribe({ error: () => {} });
    streams.open(`expiring${i}`, { expiresAt: NUMBER + i });
    streams.open(`left${i}`, { lease: i }).close();
    streams.open(`left without a lease${i}`).close();
    streams.open(`stopping${i}`);
    void streams.stop(`stopping${i}`, { grace: i });
    streams.subscribe(`unknown${i}`, { wait: i }).subscribe({ error: () => {} });
    streams.subscribe(`unknown${i}`, { wait: Infinity }).subscribe({ error: () => {} });
    streams.open(`open${i}`);
  }
}

/** What leaves nothing to come by itself. */
const CALMS: Record<string, (streams: StreamManager) => unknown> = {
  'only open streams are there': (streams) => streams.open('s', { ttl: 5, lease: 5 }),
  'a stream was left without a lease': (streams) => streams.open('s').close(),
  'finished streams stay': (streams) => streams.open('s', { ttl: Infinity }).complete(),
  'a finished stream was deleted': (streams) => {
    streams.open('s').complete();
    return streams.delete('s');
  },
  'an idle stream has a subscriber': (streams) => {
    streams.open('s', { idleTtl: 5 });
    streams.subscribe('s').subscribe();
  },
  'a stream whose lease ran was taken over': (streams) => {
    streams.open('s', { lease: 5 }).close();
    streams.open('s', { resume: true });
  },
  'a stream was completed within the grace of a stop': async (streams) => {
    const input = streams.open('s', { ttl: Infinity });
    await streams.stop('s', { grace: 5 });
    input.complete();
  },
  'a subscriber waits without a limit': (streams) => {
    streams.subscribe('s', { wait: Infinity }).subscribe();
  },
  'a subscriber that waited has left': (streams) => {
    streams.subscribe('s', { wait: 5 }).subscribe().unsubscribe();
  },
  'a subscriber that waited has its stream': (streams) => {
    streams.subscribe('s', { wait: 5 }).subscribe();
    streams.open('s');
  },
  'the manager is closed': (streams) => {
    populate(streams);
    return streams.close();
  },
};

export function virtualTime(createManager: ManagerFactory): void {
  describe('Promise 13: everything in time is virtual-time testable', () => {
    scheduling(createManager);
    lifecycles(createManager);
    modes(createManager);
  });
}

function scheduling(createManager: ManagerFactory): void {
  describe('the scheduler', () => {
    it('has one action at most, for whatever is to come', () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const streams = createManager(scheduler);
      populate(streams);
      expect(scheduler.pending).toBe(1);
      clock.flush();
      expect(scheduler.mostPending).toBe(1);
      expect(scheduler.pending).toBe(0);
    });

    for (const [name, make] of Object.entries(CALMS)) {
      it(`has no action when ${name}`, async () => {
        const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
        await make(createManager(scheduler));
        expect(scheduler.pending).toBe(0);
      });
    }

    it('is drained in the end, and what is to stay has stayed', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { ttl: 5_000 });
      populate(streams);
      clock.flush();
      const left = (await streams.list()).map(({ id }) => id.replace(/\d+$/, ''));
      expect(new Set(left)).toEqual(new Set(['idle and read', 'left without a lease', 'open']));
      expect(clock.actions).toHaveLength(0);
    });

    it('is the only clock and the only timer', async () => {
      vi.useFakeTimers();
      try {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { ttl: 5 });
        runUntil(clock, 7);
        populate(streams);
        streams.open('s').complete();
        expect(await streams.head('s')).toMatchObject({ createdAt: 7, endedAt: 7, expiresAt: 12 });
        clock.flush();
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    });
  });
}

function lifecycles(createManager: ManagerFactory): void {
  describe('a whole life in one marble', () => {
    it(
      'written, replayed, left, lost, gone, waited for, opened again, stopped, gone again',
      marbles((m) => {
        const streams = createManager(m.scheduler, { lease: 6, ttl: 4 });
        const first = '      a-b|                      ';
        const reuse = '      ----------------x         ';
        const second = '     -----------------c-d---e--';
        const stop = '       --------------------x     ';

        const early = '      a-b------#                ';
        const lateSub = '    ----^                     ';
        const late = '       ----(ab)-#                ';
        const lostSub = '    -----------^              ';
        const lost = '       -----------(ab#)          ';
        const goneSub = '    -------------^            ';
        const gone = '       -------------#            ';
        const waitingSub = ' --------------^           ';
        const waiting = '    -----------------c-d#     ';
        const stoppedSub = ' -----------------------^  ';
        const stopped = '    -----------------------(cd#)';
        const gone2Sub = '   ------------------------^ ';
        const gone2 = '      ------------------------# ';
        const failed2 = '    --------------------(f|)  ';

        const first$ = m.cold<string>(first);
        const second$ = m.hot<string>(second);
        const stream$ = byCode(streams.subscribe<string>('s'));
        const waiting$ = byCode(streams.subscribe<string>('s', { wait: Infinity }));
        const input = streams.open<string>('s');
        first$.subscribe({ next: (chunk) => input.next(chunk), complete: () => input.close() });
        m.cold(reuse).subscribe(() => {
          const again = streams.open<string>('s');
          second$.subscribe(again);
          m.expect(codes(again.failed)).toBeObservable(failed2, { f: 'CANCELLED' });
        });
        m.cold(stop).subscribe(() => void streams.stop('s'));

        m.expect(stream$).toBeObservable(early, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$, lateSub).toBeObservable(late, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$, lostSub).toBeObservable(lost, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$, goneSub).toBeObservable(gone, undefined, 'NOT_FOUND');
        m.expect(waiting$, waitingSub).toBeObservable(waiting, undefined, 'CANCELLED');
        m.expect(stream$, stoppedSub).toBeObservable(stopped, undefined, 'CANCELLED');
        m.expect(stream$, gone2Sub).toBeObservable(gone2, undefined, 'NOT_FOUND');
      }),
    );

    it(
      'opened, idle, gone, opened again, taken over, told to stop, done in time, gone again',
      marbles((m) => {
        const streams = createManager(m.scheduler, { idleTtl: 3, ttl: 2 });
        const first = '    a                         ';
        const reuse = '    -----x                    ';
        const second = '   ------b---x               ';
        const takeover = ' --------x                 ';
        const third = '    ---------c-d|            ';
        const stop = '     ----------x               ';

        const firstSub = ' ^!                        ';
        const firstRead = 'a                         ';
        const goneSub = '  ----^                     ';
        const gone = '     ----#                     ';
        const waitSub = '  ----^                     ';
        const wait = '     ------b--c-d|             ';
        const doneSub = '  -------------^            ';
        const done = '     -------------(bcd|)       ';
        const gone2Sub = ' --------------^           ';
        const gone2 = '    --------------#           ';
        const failed1 = '  ----(f|)                  ';
        const failed2 = '  --------(f|)              ';
        const failed3 = '  ------------|             ';

        const second$ = m.hot<string>(second);
        const third$ = m.hot<string>(third);
        const stream$ = byCode(streams.subscribe<string>('s'));
        const waiting$ = byCode(streams.subscribe<string>('s', { wait: 2 }));
        const input = streams.open<string>('s');
        m.cold<string>(first).subscribe(input);
        m.cold(reuse).subscribe(() => {
          const again = streams.open<string>('s');
          second$.subscribe(again);
          m.expect(codes(again.failed)).toBeObservable(failed2, { f: 'ABORTED' });
        });
        m.cold(takeover).subscribe(() => {
          const other = streams.open<string>('s', { resume: true });
          third$.subscribe(other);
          m.expect(codes(other.failed)).toBeObservable(failed3);
        });
        m.cold(stop).subscribe(() => void streams.stop('s', { grace: 3 }));

        m.expect(stream$, firstSub).toBeObservable(firstRead);
        m.expect(codes(input.failed)).toBeObservable(failed1, { f: 'NOT_FOUND' });
        m.expect(stream$, goneSub).toBeObservable(gone, undefined, 'NOT_FOUND');
        m.expect(waiting$, waitSub).toBeObservable(wait);
        m.expect(stream$, doneSub).toBeObservable(done);
        m.expect(stream$, gone2Sub).toBeObservable(gone2, undefined, 'NOT_FOUND');
      }),
    );
  });
}

function modes(createManager: ManagerFactory): void {
  describe('a test scheduler', () => {
    it('serves out of run mode, where a letter is ten frames', () => {
      const scheduler = testScheduler();
      const streams = createManager(scheduler, { ttl: 30 });
      const stream$ = byCode(streams.subscribe<string>('s'));
      const source$ = scheduler.createColdObservable('-a-b|');
      source$.subscribe(streams.open<string>('s'));

      scheduler.expectObservable(stream$).toBe('-a-b|');
      scheduler.expectObservable(stream$, '------^').toBe('------(ab|)');
      scheduler.expectObservable(stream$, '-------^').toBe('-------#', undefined, 'NOT_FOUND');
      scheduler.flush();
      expect(scheduler.actions).toHaveLength(0);
    });

    it('serves in run mode, where a letter is one', () => {
      const scheduler = testScheduler();
      const streams = createManager(scheduler, { ttl: 3 });
      const stream$ = byCode(streams.subscribe<string>('s'));

      scheduler.run(({ cold, expectObservable }) => {
        const source = '    -a-b|       ';
        const inTimeSub = ' ------^     ';
        const inTime = '    ------(ab|) ';
        const tooLateSub = '-------^    ';
        const tooLate = '   -------#    ';
        cold(source).subscribe(streams.open<string>('s'));

        expectObservable(stream$).toBe(source);
        expectObservable(stream$, inTimeSub).toBe(inTime);
        expectObservable(stream$, tooLateSub).toBe(tooLate, undefined, 'NOT_FOUND');
      });
      expect(scheduler.actions).toHaveLength(0);
    });

    it(
      'serves in run mode also a manager that is on the asyncScheduler',
      marbles((m) => {
        const streams = createManager(asyncScheduler, { ttl: 5 * 60_000, lease: 3 });
        const source = '    a-b|               ';
        const expected = '  a-b---#            ';
        const inTimeSub = ' - 5m ----^         ';
        const inTime = '    - 5m ----(ab#)     ';
        const tooLateSub = '- 5m -----^        ';
        const tooLate = '   - 5m -----#        ';
        const input = streams.open<string>('s');
        const stream$ = byCode(streams.subscribe<string>('s'));
        m.cold<string>(source).subscribe({
          next: (chunk) => input.next(chunk),
          complete: () => input.close(),
        });

        m.expect(stream$).toBeObservable(expected, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$, inTimeSub).toBeObservable(inTime, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
      }),
    );
  });
}
