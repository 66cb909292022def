import fc from 'fast-check';
import { type Observable, throwError, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { resumable, type RetryOptions, type StreamEvent } from '../../lib/index.js';
import { chunkEvent, doneEvent, streamError } from '../../lib/testing/index.js';
import { marbles } from '../support/marbles.js';
import { byCode } from '../support/views.js';

type Event = StreamEvent<string>;

const events: Record<string, Event> = { a: chunkEvent('a', 1), b: chunkEvent('b', 2), d: doneEvent(2) };
const broken = streamError('UNAVAILABLE', 'broken');

/** Connects to one after the other, and to the last for ever. */
function inTurn(...connections: Observable<Event>[]): () => Observable<Event> {
  let next = 0;
  return () => connections[Math.min(next++, connections.length - 1)]!;
}

/** The frames in which it connects when every connection fails at once. */
function framesOfFailing(retry: RetryOptions, count: number): number[] {
  const scheduler = new VirtualTimeScheduler();
  const frames: number[] = [];
  const connect = (): Observable<Event> => {
    frames.push(scheduler.frame);
    return throwError(() => broken);
  };
  resumable(connect, { retry: { ...retry, count }, scheduler }).subscribe({ error: () => undefined });
  scheduler.flush();
  return frames;
}

const gaps = (frames: readonly number[]): number[] => frames.slice(1).map((frame, i) => frame - frames[i]!);

describe('resumable, between connections', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it(
    'doubles the delay with each failure in a row, up to the longest',
    marbles((m) => {
      const source = m.cold<Event>('#', undefined, broken);
      const sourceSubs = [
        '                         (^!)              ',
        '                         -(^!)             ',
        '                         ---(^!)           ',
        '                         -------(^!)       ',
        '                         ------------(^!)  ',
        '                         -----------------(^!)',
      ];
      const resumed = '            -----------------#';
      const retry = { delay: 1, maxDelay: 5, jitter: 0, count: 5 };

      m.expect(resumable(() => source, { retry, scheduler: m.scheduler }).pipe(byCode)).toBeObservable(
        resumed,
        undefined,
        'UNAVAILABLE',
      );
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'begins again with the first delay after an event',
    marbles((m) => {
      const failing = m.cold<Event>('#            ', events, broken);
      const progress = m.cold<Event>('   -a#      ', events, broken);
      const failingSubs = ['         (^!)', '         -(^!)', '         ------(^!)'];
      const last = m.cold<Event>('             -d', events);
      const lastSubs = '             --------^!';
      const resumed = '              ----a----(d|)';
      const connect = inTurn(failing, failing, progress, failing, last);

      m.expect(resumable(connect, { retry: { delay: 1, jitter: 0 }, scheduler: m.scheduler })).toBeObservable(
        resumed,
        events,
      );
      m.expect(failing).toHaveSubscriptions(failingSubs);
      m.expect(last).toHaveSubscriptions(lastSubs);
    }),
  );

  it(
    'takes an event that is repeated for no progress',
    marbles((m) => {
      const repeating = m.cold<Event>('(a#)', events, broken);
      const repeatingSubs = ['         (^!)', '         -(^!)', '         ---(^!)', '         -------(^!)'];
      const resumed = '                a------#';
      const retry = { delay: 1, jitter: 0, count: 3 };

      m.expect(resumable(() => repeating, { retry, scheduler: m.scheduler }).pipe(byCode)).toBeObservable(
        // The first failure comes after an event.
        resumed,
        events,
        'UNAVAILABLE',
      );
      m.expect(repeating).toHaveSubscriptions(repeatingSubs);
    }),
  );

  it(
    'gives up with the last error after `count` failures in a row',
    marbles((m) => {
      const connect = inTurn(
        m.cold<Event>('-#', events, 'first'),
        m.cold<Event>('-a#', events, 'second'),
        m.cold<Event>('-#', events, 'third'),
        m.cold<Event>('-#', events, 'fourth'),
      );
      const resumed = '---a-----#';
      const retry = { delay: 1, jitter: 0, count: 2 };

      m.expect(resumable(connect, { retry, scheduler: m.scheduler })).toBeObservable(
        resumed,
        events,
        'fourth',
      );
    }),
  );

  it(
    'does not try again with a count of 0',
    marbles((m) => {
      const source = m.cold<Event>('-a-#', events, 'no network');
      const resumed = '             -a-#';

      m.expect(resumable(() => source, { retry: { count: 0 }, scheduler: m.scheduler })).toBeObservable(
        resumed,
        events,
        'no network',
      );
      m.expect(source).toHaveSubscriptions('^--!');
    }),
  );

  it('waits 250 ms at first and 30 s at most, if not told otherwise', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);

    expect(gaps(framesOfFailing({}, 9))).toEqual([250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  });

  it('leaves half of a delay to chance, if not told otherwise', () => {
    vi.spyOn(Math, 'random').mockReturnValue(1 - Number.EPSILON);

    expect(gaps(framesOfFailing({}, 9))).toEqual([125, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
  });

  it('never waits longer than the longest delay, not even at first', () => {
    expect(gaps(framesOfFailing({ delay: 100, maxDelay: 10, jitter: 0 }, 2))).toEqual([10, 10]);
  });

  it('keeps every delay within its jitter', () => {
    const options = fc.record({
      delay: fc.nat(10_000),
      maxDelay: fc.nat(100_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(options, (retry) => {
        const { delay, maxDelay, jitter } = retry;
        gaps(framesOfFailing(retry, 12)).forEach((gap, failure) => {
          const longest = Math.min(delay * 2 ** failure, maxDelay);
          expect(gap).toBeLessThanOrEqual(longest);
          expect(gap).toBeGreaterThanOrEqual(Math.round(longest * (1 - jitter)));
        });
      }),
    );
  });

  it('spreads clients whose connections broke together', () => {
    const frames = Array.from({ length: 50 }, () => framesOfFailing({ delay: 1000 }, 1)[1]!);

    expect(new Set(frames).size).toBeGreaterThan(10);
    expect(Math.min(...frames)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...frames)).toBeLessThanOrEqual(1000);
  });

  it('tries again in the same frame with a delay of 0, as often as it takes', () => {
    const tries = 3000;
    const frames = framesOfFailing({ delay: 0 }, tries);

    expect(frames).toHaveLength(tries + 1);
    expect(new Set(frames)).toEqual(new Set([0]));
  });

  it('waits on the scheduler of asynchronous timers by default', () => {
    vi.useFakeTimers();
    const connect = vi.fn(() => throwError(() => broken));
    const reading = resumable(connect, { retry: { jitter: 0 } }).subscribe();

    vi.advanceTimersByTime(249);
    expect(connect).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(connect).toHaveBeenCalledTimes(2);
    reading.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([2 ** 31, Infinity])('does not come early for a delay beyond what timers take (%d ms)', (delay) => {
    vi.useFakeTimers();
    const connect = vi.fn(() => throwError(() => broken));
    const reading = resumable(connect, { retry: { delay, maxDelay: delay, jitter: 0 } }).subscribe();

    vi.advanceTimersByTime(1000);
    reading.unsubscribe();

    expect(connect).toHaveBeenCalledTimes(1);
  });
});
