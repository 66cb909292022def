import { map, type Observer, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamInput, StreamManager, StreamStatus } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, codes, outcome, outcomesAt } from '../support/outcomes.js';
import { RecordingScheduler, runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';

/** A producer that goes away at the end of its source without an outcome. */
const leaving = (input: StreamInput<string>): Partial<Observer<string>> => ({
  next: (chunk) => input.next(chunk),
  complete: () => input.close(),
});

const statusOf = async (streams: StreamManager): Promise<StreamStatus> => (await streams.head('s')).status;

export function lease(createManager: ManagerFactory): void {
  describe('Promise 8: a dead producer is noticed', () => {
    it(
      'ends a stream whose producer has been gone for the lease, to the frame',
      marbles((m) => {
        const streams = createManager(m.scheduler, { lease: 5 });
        const source = '     a-b|         ';
        const expected = '   a-b-----#    ';
        const inTimeSub = '  -------^     ';
        const inTime = '     -------(ab|) ';
        const thatFrameSub = '--------^    ';
        const thatFrame = '  --------(ab#) ';
        const failed = '     ---|         ';
        const input = streams.open<string>('s');
        const stream$ = byCode(streams.subscribe<string>('s'));

        m.cold<string>(source).subscribe(leaving(input));

        m.expect(stream$).toBeObservable(expected, undefined, 'DEADLINE_EXCEEDED');
        m.expect(stream$.pipe(take(2)), inTimeSub).toBeObservable(inTime);
        m.expect(stream$, thatFrameSub).toBeObservable(thatFrame, undefined, 'DEADLINE_EXCEEDED');
        m.expect(codes(input.failed)).toBeObservable(failed);
      }),
    );

    it(
      'tells it as an outcome of the stream',
      marbles((m) => {
        const streams = createManager(m.scheduler, { lease: 3 });
        const source = '  -|         ';
        const events = '  ----(x|)   ';
        const statuses = 'o---(e|)   ';
        m.cold<string>(source).subscribe(leaving(streams.open<string>('s')));

        const stream = streams.subscribe<string>('s');
        const codes$ = stream
          .events()
          .pipe(map((event) => (event.type === 'error' ? event.error.code : event.type)));
        m.expect(codes$).toBeObservable(events, { x: 'DEADLINE_EXCEEDED' });
        m.expect(stream.status()).toBeObservable(statuses, { o: 'open', e: 'error' });
      }),
    );

    it('is noticed by whoever looks, before any action has run', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { lease: 5 });
      const seen: unknown[] = [];
      streams.open<string>('s').close();
      byCode(streams.subscribe<string>('s')).subscribe({ error: (code: unknown) => seen.push(code) });

      clock.frame = 4;
      expect(await streams.head('s')).toMatchObject({ status: 'open' });
      clock.frame = 5;
      expect(await outcome(() => claim(streams, 's', { resume: true }))).toBe('FAILED_PRECONDITION');
      expect(seen).toEqual(['DEADLINE_EXCEEDED']);
      expect(await streams.head('s')).toMatchObject({ status: 'error', endedAt: 5 });
      expect(await outcome(() => claim(streams, 's'))).toBe('ALREADY_EXISTS');
    });

    it('takes an input that is not closed for a producer that lives, without a timer', async () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const streams = createManager(scheduler, { lease: 5 });
      const input = streams.open<string>('s');
      clock.frame = 1_000_000_000;
      expect(await outcome(() => input.write('a'))).toBe('OK');
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 1 });
      expect(scheduler.delays).toEqual([]);
    });

    for (const [name, options, expected] of [
      ['shorter', { lease: 2 }, ['error', 'error', 'error']],
      ['left to the manager', {}, ['open', 'error', 'error']],
      ['longer', { lease: 5 }, ['open', 'open', 'error']],
    ] as const) {
      it(
        `can be ${name} for one stream`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { lease: 4 });
          const source = ' -|';
          const lookUps = '----xxx';
          const statuses: Promise<StreamStatus>[] = [];
          m.cold<string>(source).subscribe(leaving(streams.open<string>('s', options)));
          m.cold(lookUps).subscribe(() => statuses.push(statusOf(streams)));

          m.flush();
          expect(await Promise.all(statuses)).toEqual(expected);
        }),
      );
    }

    it(
      'leaves a stream without a lease open for another producer, for however long',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const first = '   a| ';
        const takeover = '- 1440m x';
        const second = '  - 1440m -b|';
        const expected = 'a 1440m -b|';
        const second$ = m.hot<string>(second);
        m.cold<string>(first).subscribe(leaving(streams.open<string>('s')));
        m.cold(takeover).subscribe(() => second$.subscribe(streams.open<string>('s', { resume: true })));

        m.expect(streams.subscribe<string>('s')).toBeObservable(expected);
      }),
    );

    it('schedules nothing for a stream that was left without a lease', () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      streams.open<string>('s').close();
      expect(clock.actions).toHaveLength(0);
    });

    it(
      'is forgotten when another producer takes over in time, and runs anew from its leaving',
      marbles((m) => {
        const streams = createManager(m.scheduler, { lease: 5 });
        const first = '   a-|              ';
        const takeover = '------x           ';
        const second = '  --------b--|      ';
        const expected = 'a-------b-------#';
        const second$ = m.hot<string>(second);
        m.cold<string>(first).subscribe(leaving(streams.open<string>('s')));
        m.cold(takeover).subscribe(() =>
          second$.subscribe(leaving(streams.open<string>('s', { resume: true }))),
        );

        m.expect(byCode(streams.subscribe<string>('s'))).toBeObservable(
          expected,
          undefined,
          'DEADLINE_EXCEEDED',
        );
      }),
    );

    it(
      'can be taken over up to the frame before it is lost',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { lease: 3 });
        const source = '   -|     ';
        const inTime = '   ---x   ';
        const tooLate = '  ----x  ';
        m.cold<string>(source).subscribe(leaving(streams.open<string>('kept')));
        m.cold<string>(source).subscribe(leaving(streams.open<string>('lost')));
        const kept = outcomesAt(m.cold(inTime), () => claim(streams, 'kept', { resume: true }));
        const lost = outcomesAt(m.cold(tooLate), () => claim(streams, 'lost', { resume: true }));

        m.flush();
        expect(await Promise.all([...kept, ...lost])).toEqual(['OK', 'FAILED_PRECONDITION']);
      }),
    );

    it('of 0 ends a stream as soon as its producer leaves', async () => {
      const streams = createManager(new VirtualTimeScheduler(), { lease: 0 });
      const seen: unknown[] = [];
      const input = streams.open<string>('s');
      byCode(streams.subscribe<string>('s')).subscribe({ error: (code: unknown) => seen.push(code) });
      await input.write('a');
      input.close();
      expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1, endedAt: 0 });
      expect(seen).toEqual(['DEADLINE_EXCEEDED']);
    });

    it('is not prolonged by closing again, nor begun by closing after the end', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { lease: 5 });
      const left = streams.open('left');
      const ended = streams.open('ended');
      left.close();
      ended.complete();
      runUntil(clock, 3);
      left.close();
      ended.close();
      runUntil(clock, 8);
      expect(await streams.head('left')).toMatchObject({ status: 'error', endedAt: 5 });
      expect(await streams.head('ended')).toMatchObject({ status: 'done', endedAt: 0 });
    });

    it('does not delay a stop', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { lease: 5 });
      const seen: unknown[] = [];
      streams.open('s').close();
      byCode(streams.subscribe('s')).subscribe({ error: (code: unknown) => seen.push(code) });
      await streams.stop('s');
      expect(seen).toEqual(['CANCELLED']);
      clock.flush();
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });

    it('is not what ends a stream that was gone before it was lost, also if both are noticed later', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { lease: 5, expiresAt: 4 });
      const seen: unknown[] = [];
      streams.open('s').close();
      byCode(streams.subscribe('s')).subscribe({ error: (code: unknown) => seen.push(code) });
      clock.frame = 9;
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      expect(seen).toEqual(['NOT_FOUND']);
    });

    describe('the TTL', () => {
      it(
        'runs from when the lease was lost',
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { lease: 3, ttl: 4 });
          const source = ' -|       ';
          const lookUps = '-------xx';
          m.cold<string>(source).subscribe(leaving(streams.open<string>('s')));
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(['OK', 'NOT_FOUND']);
        }),
      );

      it('runs from when the lease was lost, also if that is noticed later', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(new RecordingScheduler(clock, 1_000), { lease: 3, ttl: 4 });
        streams.open('s').close();
        runUntil(clock, 6);
        expect(await streams.head('s')).toMatchObject({ status: 'error', endedAt: 3, expiresAt: 7 });
        runUntil(clock, 7);
        expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      });

      it('may have run out when the loss is noticed; who is there is still told of it', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(new RecordingScheduler(clock, 50), { lease: 3, ttl: 4 });
        const seen: unknown[] = [];
        streams.open('s').close();
        byCode(streams.subscribe('s')).subscribe({ error: (code: unknown) => seen.push(code) });
        clock.flush();
        expect(clock.frame).toBeGreaterThan(50);
        expect(seen).toEqual(['DEADLINE_EXCEEDED']);
        expect(await outcome(() => claim(streams, 's'))).toBe('OK');
      });

      it('may have run out when the loss is noticed; who is told may use the id again', async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(new RecordingScheduler(clock, 50), { lease: 3, ttl: 4 });
        streams.open('s').close();
        let again: StreamInput<string> | undefined;
        streams.subscribe('s').subscribe({
          error: () => {
            again = streams.open<string>('s');
          },
        });
        clock.flush();
        expect(await outcome(() => again?.write('a'))).toBe('OK');
        expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 1 });
      });
    });
  });
}
