import { config, fromEvent, map, NEVER, take, takeUntil, VirtualTimeScheduler } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { StopOptions, StreamError, StreamInput, StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { codes, outcome, outcomesAt, byMessage } from '../support/outcomes.js';
import { RecordingScheduler, runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';

export function stopping(createManager: ManagerFactory): void {
  describe('Promise 9: leaving is not stopping', () => {
    leaving(createManager);
    stopWithoutGrace(createManager);
    stopWithGrace(createManager);
    signals(createManager);
  });
}

function leaving(createManager: ManagerFactory): void {
  describe('leaving', () => {
    it(
      'does not touch the producer, whatever view is left and however',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '    a-b-c-d-|        ';
        const sourceSub = ' ^-------!        ';
        const failed = '    --------|        ';
        const chunksSub = ' ^--!             ';
        const chunks = '    a-b              ';
        const statusSub = ' -^----!          ';
        const status = '    -o               ';
        const taken = '     a-(b|)           ';
        const lateSub = '   ----------^      ';
        const late = '      ----------(abcd|)';
        const source$ = m.cold<string>(source);
        const input = streams.open<string>('s');
        const stream = streams.subscribe<string>('s');

        source$.subscribe(input);

        m.expect(stream, chunksSub).toBeObservable(chunks);
        m.expect(stream.status(), statusSub).toBeObservable(status, { o: 'open' });
        m.expect(stream.pipe(take(2))).toBeObservable(taken);
        m.expect(stream, lateSub).toBeObservable(late);
        m.expect(codes(input.failed)).toBeObservable(failed);
        m.expect(source$).toHaveSubscriptions(sourceSub);
      }),
    );

    it('does not touch the producer when it is an iterator that leaves', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<string>('s');
      await input.write('a');
      for await (const chunk of streams.subscribe<string>('s')) {
        expect(chunk).toBe('a');
        break;
      }
      expect(input.signal.aborted).toBe(false);
      expect(await outcome(() => input.write('b'))).toBe('OK');
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 2 });
    });
  });
}

function stopWithoutGrace(createManager: ManagerFactory): void {
  describe('stop', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      config.onUnhandledError = null;
      vi.useRealTimers();
    });

    it(
      'ends a stream CANCELLED, also for a source that is taken until the input fails',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '    a-b-c-d|   ';
        const sourceSub = ' ^--!       ';
        const stop = '      ---x       ';
        const expected = '  a-b#       ';
        const failed = '    ---(f|)    ';
        const lateSub = '   ------^    ';
        const late = '      ------(ab#)';
        const source$ = m.cold<string>(source);
        const input = streams.open<string>('s');
        const stream$ = byCode(streams.subscribe<string>('s'));
        m.cold(stop).subscribe(() => void streams.stop('s'));

        source$.pipe(takeUntil(input.failed)).subscribe(input);

        m.expect(stream$).toBeObservable(expected, undefined, 'CANCELLED');
        m.expect(stream$, lateSub).toBeObservable(late, undefined, 'CANCELLED');
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'CANCELLED' });
        m.expect(source$).toHaveSubscriptions(sourceSub);
      }),
    );

    it('is no unhandled error of a producer that is taken until its input fails', async () => {
      const unhandled: unknown[] = [];
      config.onUnhandledError = (error) => unhandled.push(error);
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<string>('s');
      NEVER.pipe(takeUntil(input.failed)).subscribe(input);
      await streams.stop('s');
      await Promise.resolve();
      vi.runAllTimers();
      expect(await streams.head('s')).toMatchObject({ status: 'error' });
      expect(unhandled).toEqual([]);
    });

    it('refuses what the producer still writes', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<string, string>('s');
      await input.write('a');
      await streams.stop('s');

      expect(await outcome(() => input.write('b'))).toBe('CANCELLED');
      expect(await outcome(() => input.flush())).toBe('CANCELLED');
      input.next('b');
      input.complete('b');
      input.error('b');
      input.close();
      expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1 });
    });

    it('gives its reason as the message of the error, to all', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const seen: unknown[] = [];
      const input = streams.open<string>('s');
      input.failed.subscribe((error) => seen.push(error));
      streams.subscribe('s').subscribe({ error: (error: unknown) => seen.push(error) });
      const { signal } = input;
      await streams.stop('s', { reason: 'Enough.' });
      const error = { code: 'CANCELLED', message: 'Enough.' };
      expect([...seen, signal.reason]).toMatchObject([error, error, error]);
    });

    it('may come from a subscriber in a callback; its siblings get the chunk first', () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<string>('s');
      const seen: unknown[] = [];
      streams.subscribe<string>('s').subscribe({ next: () => void streams.stop('s'), error: () => {} });
      byCode(streams.subscribe<string>('s')).subscribe({
        next: (chunk) => seen.push(chunk),
        error: (code: unknown) => seen.push(code),
      });
      input.next('a');
      expect(seen).toEqual(['a', 'CANCELLED']);
    });

    for (const options of [{}, { grace: 10 }]) {
      it(`changes nothing on a stream that has ended, given ${JSON.stringify(options)}`, async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock);
        streams.open<string, string>('done').complete('output');
        streams.open('failed').error(new Error('e'));
        const before = await streams.list();
        runUntil(clock, 5);
        await streams.stop('done', options);
        await streams.stop('failed', options);
        runUntil(clock, 50);
        expect(await streams.list()).toEqual(before);
      });

      it(`is NOT_FOUND for an unknown stream, given ${JSON.stringify(options)}`, async () => {
        const streams = createManager(new VirtualTimeScheduler());
        expect(await outcome(() => streams.stop('s', options))).toBe('NOT_FOUND');
        expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
      });
    }
  });
}

function stopWithGrace(createManager: ManagerFactory): void {
  describe('stop with grace', () => {
    it(
      'tells the producer at once, takes what it still writes, and ends the stream to the frame',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '  a-b-c-d-e-f-   ';
        const stop = '    ---x           ';
        const aborted = ' ---a           ';
        const expected = 'a-b-c-d-#      ';
        const failed = '  --------(f|)   ';
        const input = streams.open<string>('s');
        const aborted$ = fromEvent(input.signal, 'abort').pipe(
          map(() => (input.signal.reason as StreamError).code),
        );
        m.cold(stop).subscribe(() => void streams.stop('s', { grace: 5 }));
        m.cold<string>(source).subscribe(input);

        m.expect(byCode(streams.subscribe<string>('s'))).toBeObservable(expected, undefined, 'CANCELLED');
        m.expect(aborted$).toBeObservable(aborted, { a: 'CANCELLED' });
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'CANCELLED' });
      }),
    );

    for (const [how, source, expected] of [
      ['completes', 'a-b-c-d|', 'a-b-c-d|'],
      ['fails', '    a-b-c-d#', 'a-b-c-d#'],
    ] as const) {
      it(
        `lets a producer stand that ${how} in time`,
        marbles((m) => {
          const streams = createManager(m.scheduler, { ttl: 20 });
          const stop = '    ---x                     ';
          const failed = '  -------|                 ';
          const lateSub = ' --------------^          ';
          const late = `    --------------(abcd${expected.at(-1)!})`;
          const input = streams.open<string>('s');
          const stream$ = byCode(streams.subscribe<string>('s'));
          m.cold(stop).subscribe(() => void streams.stop('s', { grace: 5 }));
          m.cold<string>(source).subscribe(input);

          m.expect(stream$).toBeObservable(expected, undefined, 'UNKNOWN');
          m.expect(stream$, lateSub).toBeObservable(late, undefined, 'UNKNOWN');
          m.expect(codes(input.failed)).toBeObservable(failed);
        }),
      );
    }

    it(
      'is over in the very frame, also for a producer that would complete in it',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = '  a-------|   ';
        const stop = '    ---x        ';
        const expected = 'a-------#   ';
        const failed = '  --------(f|)';
        const input = streams.open<string>('s');
        m.cold<string>(source).subscribe(input);
        m.cold(stop).subscribe(() => void streams.stop('s', { grace: 5 }));

        m.expect(byCode(streams.subscribe<string>('s'))).toBeObservable(expected, undefined, 'CANCELLED');
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'CANCELLED' });
      }),
    );

    it('is over at that moment also if no action has run yet', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open<string>('s');
      await streams.stop('s', { grace: 5 });
      clock.frame = 4;
      expect(await streams.head('s')).toMatchObject({ status: 'open' });
      expect(await outcome(() => input.write('a'))).toBe('OK');
      clock.frame = 5;
      expect(await outcome(() => input.write('b'))).toBe('CANCELLED');
      expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1, endedAt: 5 });
    });

    for (const { name, second, expected, reason } of SECOND_STOPS) {
      it(
        name,
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const stops = '-x-y';
          const first: StopOptions = { grace: 5, reason: 'first' };
          const input = streams.open<string>('s');
          m.cold(stops).subscribe((stop) => void streams.stop('s', stop === 'x' ? first : second));

          m.expect(byMessage(streams.subscribe<string>('s'))).toBeObservable(expected, undefined, reason);
          m.expect(input.failed.pipe(map(({ message }) => message))).toBeObservable(
            expected.replace('#', '(f|)'),
            { f: reason },
          );
        }),
      );
    }

    it('is over when the producer leaves, and not granted where there is none', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open('leaving');
      streams.open('left').close();
      await streams.stop('leaving', { grace: 5 });
      await streams.stop('left', { grace: 5 });
      expect(await streams.head('leaving')).toMatchObject({ status: 'open' });
      expect(await streams.head('left')).toMatchObject({ status: 'error', endedAt: 0 });
      runUntil(clock, 2);
      input.close();
      expect(await streams.head('leaving')).toMatchObject({ status: 'error', endedAt: 2 });
    });

    it('of Infinity leaves it to the producer, without a timer', async () => {
      const clock = new VirtualTimeScheduler();
      const scheduler = new RecordingScheduler(clock);
      const streams = createManager(scheduler, { ttl: Infinity });
      const input = streams.open<string>('s');
      const { signal } = input;
      await streams.stop('s', { grace: Infinity });
      expect(signal.aborted).toBe(true);
      clock.frame = 1_000_000_000;
      expect(await outcome(() => input.write('a'))).toBe('OK');
      input.complete();
      expect(await streams.head('s')).toMatchObject({ status: 'done', chunks: 1 });
      expect(scheduler.delays).toEqual([]);
    });

    it(
      'keeps the TTL of a stream that it ends',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { ttl: 3 });
        const stop = '   -x    ';
        const lookUps = '-----xx';
        streams.open<string>('s');
        m.cold(stop).subscribe(() => void streams.stop('s', { grace: 2 }));
        const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

        m.flush();
        expect(await Promise.all(found)).toEqual(['OK', 'NOT_FOUND']);
      }),
    );
  });
}

const SECOND_STOPS: { name: string; second: StopOptions; expected: string; reason: string }[] = [
  {
    name: 'keeps its deadline when a second stop grants more',
    second: { grace: 10, reason: 'second' },
    expected: '------#',
    reason: 'first',
  },
  {
    name: 'is shortened by a second stop that grants less',
    second: { grace: 2, reason: 'second' },
    expected: '-----#',
    reason: 'second',
  },
  {
    name: 'is over when a second stop grants nothing',
    second: { reason: 'second' },
    expected: '---#',
    reason: 'second',
  },
];

function signals(createManager: ManagerFactory): void {
  describe('the signal of an input', () => {
    const ENDS: [name: string, act: Act, aborted: string | undefined][] = [
      ['a stop', (streams) => streams.stop('s'), 'CANCELLED'],
      ['a stop whose grace is running', (streams) => streams.stop('s', { grace: 5 }), 'CANCELLED'],
      ['its own end', (_, input) => input.complete(), undefined],
      ['its own close()', (_, input) => input.close(), undefined],
    ];

    for (const [name, act, code] of ENDS) {
      it(`tells of ${name}, whether it was asked for before or after`, async () => {
        const streams = createManager(new VirtualTimeScheduler());
        for (const asked of ['before', 'after']) {
          const input = streams.open<string>('s');
          if (asked === 'before') expect(input.signal.aborted).toBe(false);
          await act(streams, input);
          expect(input.signal.aborted).toBe(code !== undefined);
          if (code !== undefined) expect(input.signal.reason).toMatchObject({ name: 'StreamError', code });
          await streams.delete('s');
        }
      });
    }

    it('is the same one each time', () => {
      const input = createManager(new VirtualTimeScheduler()).open('s');
      expect(input.signal).toBe(input.signal);
    });

    it('lets a producer end its stream in its own way', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<string, string>('s');
      input.signal.addEventListener('abort', () => {
        input.next('bye');
        input.complete('stopped');
      });
      await streams.stop('s', { grace: 5 });
      const outputs: string[] = [];
      streams
        .subscribe<string, string>('s')
        .output()
        .subscribe((output) => outputs.push(output));
      expect(outputs).toEqual(['stopped']);
    });
  });
}

type Act = (streams: StreamManager, input: StreamInput<string>) => unknown;
