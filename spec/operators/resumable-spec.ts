import { EMPTY, from, type Observable, of, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { type Offset, resumable, type RetryOptions, StreamError, type StreamEvent } from '../../lib/index.js';
import { chunkEvent, doneEvent, errorEvent, streamError } from '../../lib/testing/index.js';
import { marbles } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { record } from './support.js';

type Event = StreamEvent<string, string>;
type Connect = (after?: Offset) => Observable<Event>;

/** A stream of three chunks and an output, for the marbles' letters. */
const events: Record<string, Event> = {
  a: chunkEvent('a', 1),
  b: chunkEvent('b', 2),
  c: chunkEvent('c', 3),
  d: doneEvent(3, { output: 'all' }),
  e: errorEvent(3, streamError('UNAVAILABLE', 'the producer is gone for good')),
};

const broken = streamError('UNAVAILABLE', 'broken');

/** Connects to one after the other. */
const inTurn = (...connections: Observable<Event>[]) =>
  vi.fn<Connect>(() => connections.shift() ?? throwError(() => new Error('connected too often')));

/** Waits exactly as long as it says. */
const exactly = (delay: number, more: RetryOptions = {}): RetryOptions => ({ delay, jitter: 0, ...more });

describe('resumable', () => {
  it('refuses what is no event, and does not connect again', () => {
    const connect = vi.fn<Connect>(() => from(['a', 'b'] as never[]));
    const codes: unknown[] = [];
    resumable(connect)
      .pipe(byCode)
      .subscribe({ error: (code: unknown) => codes.push(code) });

    expect(codes).toEqual(['INVALID_ARGUMENT']);
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it(
    'connects after the last offset seen when a connection breaks',
    marbles((m) => {
      const first = m.cold('   -a-b-#        ', events, broken);
      const firstSubs = '      ^----!        ';
      const delay = m.time('        ---|     ');
      const second = m.cold('          -c-d  ', events);
      const secondSubs = '     --------^--!  ';
      const expected = '       -a-b-----c-(d|)';
      const connect = inTurn(first, second);

      const resumed = resumable(connect, { retry: exactly(delay), scheduler: m.scheduler });

      m.expect(resumed).toBeObservable(expected, events);
      m.flush();
      m.expect(first).toHaveSubscriptions(firstSubs);
      m.expect(second).toHaveSubscriptions(secondSubs);
      expect(connect.mock.calls).toEqual([[], [events['b']!.offset]]);
    }),
  );

  it(
    'connects from the start again when nothing was seen',
    marbles((m) => {
      const first = m.cold('--#        ', events, broken);
      const second = m.cold('   -a-d   ', events);
      const expected = '    ----a-(d|)';
      const connect = inTurn(first, second);

      m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(
        expected,
        events,
      );
      m.flush();
      expect(connect.mock.calls).toEqual([[], []]);
    }),
  );

  it(
    'takes a completion without an outcome for a broken connection',
    marbles((m) => {
      const first = m.cold('-a-|       ', events);
      const second = m.cold('   --b-d  ', events);
      const expected = '    -a----b-(d|)';
      const connect = inTurn(first, second);

      m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(
        expected,
        events,
      );
    }),
  );

  it(
    'fails with UNAVAILABLE when completions without an outcome use up the count',
    marbles((m) => {
      const resumed = resumable(() => EMPTY, { retry: exactly(2, { count: 1 }), scheduler: m.scheduler });

      m.expect(resumed.pipe(byCode)).toBeObservable('--#', undefined, 'UNAVAILABLE');
    }),
  );

  it.each(['d', 'e'])('completes after the outcome, once, and leaves the connection (%s)', (outcome) => {
    marbles((m) => {
      const first = m.cold(`-a-${outcome}-${outcome}`, events);
      const connect = inTurn(first);

      m.expect(resumable(connect, { scheduler: m.scheduler })).toBeObservable(`-a-(${outcome}|)`, events);
      m.expect(first).toHaveSubscriptions('^--!');
    })();
  });

  it(
    'gets an outcome that was lost with the connection at the tail, without the last chunk again',
    marbles((m) => {
      const first = m.cold('-a-b-c#      ', events, broken);
      const second = m.cold('       -d   ', events);
      const expected = '    -a-b-c--(d|) ';
      const connect = inTurn(first, second);

      m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(
        expected,
        events,
      );
      m.flush();
      expect(connect.mock.lastCall).toEqual([events['c']!.offset]);
    }),
  );

  it(
    'drops what a connection repeats',
    marbles((m) => {
      const first = m.cold('-a-b-#          ', events, broken);
      const second = m.cold('      -(aab)b-cb-d', events);
      const expected = '    -a-b----------c--(d|)';
      const connect = inTurn(first, second);

      m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(
        expected,
        events,
      );
    }),
  );

  it(
    'starts anew for each subscriber',
    marbles((m) => {
      const source = m.cold('-a-b-d     ', events);
      const first = '        -a-b-(d|)  ';
      const secondSub = '    ---^       ';
      const second = '       ----a-b-(d|)';
      const connect = vi.fn<Connect>(() => source);
      const resumed = resumable(connect, { scheduler: m.scheduler });

      m.expect(resumed).toBeObservable(first, events);
      m.expect(resumed, secondSub).toBeObservable(second, events);
      m.flush();
      expect(connect.mock.calls).toEqual([[], []]);
    }),
  );

  it('does not connect before it is subscribed', () => {
    const connect = vi.fn<Connect>(() => EMPTY);

    resumable(connect);

    expect(connect).not.toHaveBeenCalled();
  });

  describe('connecting', () => {
    it(
      'counts an exception of connect as a broken connection',
      marbles((m) => {
        const second = m.cold('  a-d  ', events);
        const expected = '     --a-(d|)';
        const connect = inTurn(second).mockImplementationOnce(() => {
          throw new TypeError('can not connect');
        });

        m.expect(resumable(connect, { retry: exactly(2), scheduler: m.scheduler })).toBeObservable(
          expected,
          events,
        );
      }),
    );

    it('fails with an exception of connect that is not to be retried', () => {
      const connect = (): never => {
        throw new StreamError('UNAUTHENTICATED', 'who are you?');
      };

      expect(record(resumable(connect))).toEqual(['# UNAUTHENTICATED']);
    });

    it('takes an array', () => {
      expect(record(resumable(() => [events['a']!, events['d']!]))).toEqual([events['a'], events['d'], '|']);
    });

    it('takes a promise of an event', async () => {
      const { promise, seen } = subscribed(resumable(() => Promise.resolve(events['e']!)));
      await promise;

      expect(seen).toEqual([events['e']]);
    });

    it('takes an async iterable, and leaves it after the outcome', async () => {
      let left = false;
      async function* connect(): AsyncGenerator<Event> {
        try {
          yield events['a']!;
          yield await Promise.resolve(events['d']!);
          yield events['d']!;
        } finally {
          left = true;
        }
      }
      const { promise, seen } = subscribed(resumable(connect));
      await promise;

      expect(seen).toEqual([events['a'], events['d']]);
      for (let i = 0; i < 10; i++) await Promise.resolve();
      expect(left).toBe(true);
    });
  });

  describe('leaving', () => {
    it(
      'leaves the connection',
      marbles((m) => {
        const first = m.cold('-a-b-d', events);
        const leaving = '     ^-!   ';

        m.expect(resumable(inTurn(first), { scheduler: m.scheduler }), leaving).toBeObservable('-a', events);
        m.expect(first).toHaveSubscriptions(leaving);
      }),
    );

    it(
      'cancels the timer of a delay',
      marbles((m) => {
        const first = m.cold('-a#           ', events, broken);
        const leaving = '     ^----!        ';
        const delay = m.time('  ----------|');
        const connect = inTurn(first);

        m.expect(
          resumable(connect, { retry: exactly(delay), scheduler: m.scheduler }),
          leaving,
        ).toBeObservable('-a', events);
        m.flush();
        expect(connect).toHaveBeenCalledTimes(1);
        expect(m.scheduler.frame).toBe(5);
        expect(m.scheduler.actions).toEqual([]);
      }),
    );
  });

  describe('which errors', () => {
    const MENDABLE = [
      'UNAVAILABLE',
      'UNKNOWN',
      'DEADLINE_EXCEEDED',
      'RESOURCE_EXHAUSTED',
      'ABORTED',
    ] as const;
    const LASTING = [
      'ALREADY_EXISTS',
      'CANCELLED',
      'DATA_LOSS',
      'FAILED_PRECONDITION',
      'INTERNAL',
      'INVALID_ARGUMENT',
      'NOT_FOUND',
      'OUT_OF_RANGE',
      'PERMISSION_DENIED',
      'UNAUTHENTICATED',
    ] as const;

    it.each(MENDABLE)('tries again after %s', (code) => {
      marbles((m) => {
        const connect = inTurn(m.cold('-a-#', events, streamError(code, 'x')), m.cold('-d', events));
        const expected = '             -a---(d|)';

        m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(expected, {
          ...events,
        });
      })();
    });

    it.each(LASTING)('does not try again after %s', (code) => {
      marbles((m) => {
        const connect = inTurn(m.cold('-a-#', events, streamError(code, 'x')));
        const resumed = resumable(connect, { retry: exactly(1), scheduler: m.scheduler }).pipe(byCode);

        m.expect(resumed).toBeObservable('-a-#', events, code);
      })();
    });

    it('tries again after a foreign error', () => {
      marbles((m) => {
        const connect = inTurn(m.cold('-a-#', events, new TypeError('fetch failed')), m.cold('-d', events));

        m.expect(resumable(connect, { retry: exactly(1), scheduler: m.scheduler })).toBeObservable(
          '-a---(d|)',
          events,
        );
      })();
    });

    it.each([
      ['an error of another copy of the library', { name: 'StreamError', code: 'NOT_FOUND', message: 'x' }],
      ['a foreign error with a canonical code', Object.assign(new Error('x'), { code: 'NOT_FOUND' })],
    ])('goes by the code of %s', (_, error) => {
      expect(record(resumable(() => throwError(() => error)))).toEqual(['# NOT_FOUND']);
    });

    it(
      'asks `when`, and gives the error that it refuses as it is',
      marbles((m) => {
        const first = m.cold('-a-#     ', events, 'again');
        const second = m.cold('   --#  ', events, 'no');
        const expected = '    -a----#  ';
        const when = vi.fn((error: unknown) => error === 'again');
        const connect = inTurn(first, second);
        const resumed = resumable(connect, { retry: exactly(1, { when }), scheduler: m.scheduler });

        m.expect(resumed).toBeObservable(expected, events, 'no');
        m.flush();
        expect(when.mock.calls).toEqual([['again'], ['no']]);
      }),
    );

    it('fails with what `when` throws', () => {
      const when = (): never => {
        throw new RangeError('when failed');
      };

      expect(record(resumable(() => throwError(() => broken), { retry: { when } }))).toEqual([
        '# when failed',
      ]);
    });

    it('does not retry an outcome, whatever its code', () => {
      expect(record(resumable(() => of(events['e']!)))).toEqual([events['e'], '|']);
    });
  });

  describe('given options out of range', () => {
    it.each<[name: string, retry: Record<string, unknown>]>([
      ['count', { count: -1 }],
      ['count', { count: 1.5 }],
      ['count', { count: NaN }],
      ['delay', { delay: -1 }],
      ['delay', { delay: '250' }],
      ['maxDelay', { maxDelay: -Infinity }],
      ['maxDelay', { maxDelay: 0.1 }],
      ['jitter', { jitter: -0.1 }],
      ['jitter', { jitter: 1.1 }],
      ['jitter', { jitter: NaN }],
    ])('fails with INVALID_ARGUMENT and does not connect (%s of %o)', (name, retry) => {
      const connect = vi.fn<Connect>(() => EMPTY);
      let error: unknown;

      resumable(connect, { retry }).subscribe({ error: (given: unknown) => (error = given) });

      expect(error).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`retry.${name}`) as unknown,
      });
      expect(connect).not.toHaveBeenCalled();
    });
  });
});

/** What an observable that ends by itself gives, and when it has ended. */
function subscribed<T>(observable: Observable<T>): { promise: Promise<void>; seen: T[] } {
  const seen: T[] = [];
  const promise = new Promise<void>((complete, error) => {
    observable.subscribe({ next: (value) => seen.push(value), error, complete });
  });
  return { promise, seen };
}
