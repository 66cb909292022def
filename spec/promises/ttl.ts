import { take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamManager } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, codes, outcome, outcomesAt } from '../support/outcomes.js';
import { RecordingScheduler, runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';
import { cursors } from './ttl-cursors.js';
import { idleTtl } from './ttl-idle.js';

const LOOK_UPS: { name: string; call: (streams: StreamManager) => unknown; inTime: string }[] = [
  { name: 'head', call: (streams) => streams.head('s'), inTime: 'OK' },
  { name: 'delete', call: (streams) => streams.delete('s'), inTime: 'OK' },
  { name: 'stop', call: (streams) => streams.stop('s'), inTime: 'OK' },
  {
    name: 'open with resume',
    call: (streams) => claim(streams, 's', { resume: true }),
    inTime: 'FAILED_PRECONDITION',
  },
];

export function ttl(createManager: ManagerFactory, place: Place = 'in memory'): void {
  describe('Promise 7: TTL is exact and cheap', () => {
    finishedStreams(createManager);
    absoluteExpiry(createManager);
    idleTtl(createManager, place);
    cursors(createManager, place);
    cost(createManager);
  });
}

function finishedStreams(createManager: ManagerFactory): void {
  describe('ttl', () => {
    for (const [name, source, inTime] of [
      ['done', '  ab|', '------(ab|)'],
      ['failed', 'ab#', '------(ab#)'],
    ] as const) {
      it(
        `gives a ${name} stream to subscribers until it is over, to the frame`,
        marbles((m) => {
          const streams = createManager(m.scheduler, { ttl: 5 });
          const inTimeSub = ' ------^';
          const tooLateSub = '-------^';
          const tooLate = '   -------#';
          const stream$ = byCode(streams.subscribe<string>('s'));

          m.cold<string>(source).subscribe(streams.open<string>('s'));

          m.expect(stream$, inTimeSub).toBeObservable(inTime, undefined, 'UNKNOWN');
          m.expect(stream$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
        }),
      );
    }

    for (const view of ['events', 'status', 'output'] as const) {
      it(
        `is over for ${view}() in the same frame`,
        marbles((m) => {
          const streams = createManager(m.scheduler, { ttl: 5 });
          const source = '    ab|     ';
          const tooLateSub = '-------^';
          const tooLate = '   -------#';
          const view$ = byCode<unknown>(streams.subscribe('s')[view]());

          m.cold<string>(source).subscribe(streams.open<string>('s'));

          m.expect(view$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
        }),
      );
    }

    for (const { name, call, inTime } of LOOK_UPS) {
      it(
        `is over for ${name} in the same frame`,
        marbles(async (m) => {
          const source = '     ab|     ';
          const justBefore = ' ------x ';
          const thatFrame = '  -------x';
          const earlier = createManager(m.scheduler, { ttl: 5 });
          const streams = createManager(m.scheduler, { ttl: 5 });
          m.cold<string>(source).subscribe(earlier.open<string>('s'));
          m.cold<string>(source).subscribe(streams.open<string>('s'));
          const found = outcomesAt(m.cold(justBefore), () => call(earlier));
          const missed = outcomesAt(m.cold(thatFrame), () => call(streams));

          m.flush();
          expect(await Promise.all(found)).toEqual([inTime]);
          expect(await Promise.all(missed)).toEqual(['NOT_FOUND']);
        }),
      );
    }

    it(
      'is over for list in the same frame',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { ttl: 5 });
        const source = ' ab|      ';
        const lookUps = '------xxx';
        const lists: unknown[] = [];
        m.cold<string>(source).subscribe(streams.open<string>('s'));
        m.cold(lookUps).subscribe(() => lists.push(streams.list()));

        m.flush();
        expect(await Promise.all(lists)).toMatchObject([[{ id: 's' }], [], []]);
      }),
    );

    it('is over at that moment also if no action has run yet', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { ttl: 5 });
      streams.open('s').complete();
      clock.frame = 4;
      expect(await streams.head('s')).toMatchObject({ endedAt: 0, expiresAt: 5 });
      clock.frame = 5;
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(await outcome(() => claim(streams, 's'))).toBe('OK');
    });

    it(
      'is 5 minutes unless told otherwise',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '    |          ';
        const inTimeSub = ' 299999ms ^ ';
        const inTime = '    299999ms | ';
        const tooLateSub = '5m       ^ ';
        const tooLate = '   5m       # ';
        const stream$ = byCode(streams.subscribe<string>('s'));

        m.cold<string>(source).subscribe(streams.open<string>('s'));

        m.expect(stream$, inTimeSub).toBeObservable(inTime);
        m.expect(stream$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
      }),
    );

    for (const [name, options, expected] of [
      ['shorter', { ttl: 2 }, ['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']],
      ['left to the manager', {}, ['OK', 'NOT_FOUND', 'NOT_FOUND']],
      ['longer', { ttl: 5 }, ['OK', 'OK', 'NOT_FOUND']],
    ] as const) {
      it(
        `can be ${name} for one stream`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { ttl: 4 });
          const source = ' a|       ';
          const lookUps = '----xxx';
          m.cold<string>(source).subscribe(streams.open<string>('s', options));
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(expected);
        }),
      );
    }

    it(
      'of 0 leaves a stream to those who are there when it ends',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 0 });
        const source = '  ab-|';
        const early = '   ab-|';
        const lateSub = ' ---^ ';
        const late = '    ---#';
        const stream$ = byCode(streams.subscribe<string>('s'));

        m.cold<string>(source).subscribe(streams.open<string>('s'));

        m.expect(stream$).toBeObservable(early);
        m.expect(stream$, lateSub).toBeObservable(late, undefined, 'NOT_FOUND');
      }),
    );

    it('of 0 has the id free at once', async () => {
      const streams = createManager(new VirtualTimeScheduler(), { ttl: 0 });
      for (let life = 0; life < 3; life++) {
        const input = streams.open('s');
        input.complete();
        expect(await outcome(() => input.flush())).toBe('OK');
      }
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });

    it('of Infinity schedules nothing', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { ttl: Infinity });
      streams.open('s').complete();
      expect(clock.actions).toHaveLength(0);
      clock.frame = Number.MAX_SAFE_INTEGER;
      expect(await streams.head('s')).toMatchObject({ status: 'done' });
    });

    it(
      'spares open streams',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 5 });
        const source = ' a 60m b 60m           |';
        const early = '  a 60m b 60m           |';
        const lateSub = '- 60m - 1m ^           ';
        const late = '   - 60m - 1m (ab) 3539996ms |';
        const stream$ = streams.subscribe<string>('s');

        m.cold<string>(source).subscribe(streams.open<string>('s'));

        m.expect(stream$).toBeObservable(early);
        m.expect(stream$, lateSub).toBeObservable(late);
      }),
    );
  });
}

function absoluteExpiry(createManager: ManagerFactory): void {
  describe('expiresAt', () => {
    it(
      'takes an open stream away from its subscribers and its producer, to the frame',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '    ab---c---d   ';
        const expected = '  ab---c-#     ';
        const inTimeSub = ' ------^      ';
        const inTime = '    ------(abc|) ';
        const tooLateSub = '-------^     ';
        const tooLate = '   -------#     ';
        const failed = '    -------(f|)  ';
        const input = streams.open<string>('s', { expiresAt: 7 });
        const stream$ = byCode(streams.subscribe<string>('s'));

        m.cold<string>(source).subscribe(input);

        m.expect(stream$).toBeObservable(expected, undefined, 'NOT_FOUND');
        m.expect(stream$.pipe(take(3)), inTimeSub).toBeObservable(inTime);
        m.expect(stream$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
      }),
    );

    it('takes an open stream away at that moment also if no action has run yet', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open<string>('s', { expiresAt: 5 });
      const seen: unknown[] = [];
      byCode(streams.subscribe<string>('s')).subscribe({ error: (code: unknown) => seen.push(code) });
      clock.frame = 5;
      expect(await outcome(() => input.write('a'))).toBe('NOT_FOUND');
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(seen).toEqual(['NOT_FOUND']);
    });

    it(
      'is for all streams of a manager that have none of their own',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { expiresAt: 3 });
        const lookUps = '--xxx';
        streams.open('usual');
        streams.open('own', { expiresAt: 4 });
        const usual = outcomesAt(m.cold(lookUps), () => streams.head('usual'));
        const own = outcomesAt(m.cold(lookUps), () => streams.head('own'));

        m.flush();
        expect(await Promise.all(usual)).toEqual(['OK', 'NOT_FOUND', 'NOT_FOUND']);
        expect(await Promise.all(own)).toEqual(['OK', 'OK', 'NOT_FOUND']);
      }),
    );

    for (const [name, options, expected] of [
      [
        'takes a finished stream before its ttl has run out',
        { expiresAt: 4, ttl: 5 },
        ['OK', 'NOT_FOUND', 'NOT_FOUND'],
      ],
      ['does not hold a finished stream beyond its ttl', { expiresAt: 9, ttl: 3 }, ['OK', 'OK', 'NOT_FOUND']],
    ] as const) {
      it(
        name,
        marbles(async (m) => {
          const streams = createManager(m.scheduler);
          const source = ' a-|     ';
          const lookUps = '---xxx';
          m.cold<string>(source).subscribe(streams.open<string>('s', options));
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(expected);
        }),
      );
    }

    it('must be in the future', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      clock.frame = 10;
      expect(await outcome(() => claim(streams, 's', { expiresAt: 9 }))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => claim(streams, 's', { expiresAt: 10 }))).toBe('INVALID_ARGUMENT');
      expect(await outcome(() => claim(streams, 's', { expiresAt: 11 }))).toBe('OK');
    });
  });
}

function cost(createManager: ManagerFactory): void {
  describe('what it costs', () => {
    it('waits in steps that timers can take for what is further away', async () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const far = 2 ** 33;
      const streams = createManager(scheduler, { ttl: far });
      streams.open('s').complete();
      runUntil(clock, far - 1);
      expect(await outcome(() => streams.head('s'))).toBe('OK');
      clock.maxFrames = Infinity;
      clock.flush();
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(Math.max(...scheduler.delays)).toBe(2 ** 31 - 1);
      expect(scheduler.delays).toHaveLength(5);
    });

    it('is one action for all that goes in the same frame', () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const streams = createManager(scheduler, { ttl: 5 });
      for (let i = 0; i < 1_000; i++) streams.open(`s${i}`).complete();
      clock.flush();
      expect(scheduler).toMatchObject({ ran: 1, pending: 0 });
    });

    it('is nothing for what stays', () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const streams = createManager(scheduler, { ttl: 1_000_000 });
      for (let i = 0; i < 1_000; i++) streams.open(`open${i}`);
      for (let i = 0; i < 1_000; i++) streams.open(`finished${i}`).complete();
      for (let i = 0; i < 10; i++) streams.open(`going${i}`, { ttl: i }).complete();
      runUntil(clock, 1_000);
      expect(scheduler.ran).toBeLessThanOrEqual(10);
      expect(scheduler.pending).toBe(1);
    });

    it('keeps to the clock where timers are late', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(new RecordingScheduler(clock, 50), { ttl: 5 });
      streams.open('s').complete();
      runUntil(clock, 5);
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(await outcome(() => claim(streams, 's'))).toBe('OK');
      runUntil(clock, 100);
      expect(await streams.head('s')).toMatchObject({ status: 'open', createdAt: 5 });
    });
  });
}
