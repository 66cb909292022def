import { type Observable, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamInput, StreamManager } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { codes, outcome, outcomesAt } from '../support/outcomes.js';
import { runUntil } from '../support/schedulers.js';

type Use = (streams: StreamManager, input: StreamInput<string>) => unknown;

const subscribedOnce = (view: Observable<unknown>): void => {
  view.subscribe({ error: () => {} }).unsubscribe();
};

const USES: Record<string, Use> = {
  'a write': (_, input) => input.next('b'),
  'an acknowledged write': (_, input) => input.write('b'),
  'a subscription': (streams) => subscribedOnce(streams.subscribe('s')),
  'a subscription to what comes later': (streams) => subscribedOnce(streams.subscribe('s', { from: 'now' })),
  'a subscription to events': (streams) => subscribedOnce(streams.subscribe('s').events()),
  'a subscription to the status': (streams) => subscribedOnce(streams.subscribe('s').status()),
  'a subscription to the output': (streams) => subscribedOnce(streams.subscribe('s').output()),
  'a pull': (streams) => streams.subscribe('s')[Symbol.asyncIterator]().next(),
};

const GLANCES: Record<string, Use> = {
  head: (streams) => streams.head('s'),
  list: (streams) => streams.list(),
  "the input's own status": (_, input) => [input.status, input.tail, input.closed],
};

/** Starts to read, and gives what leaves again. */
type Stay = (streams: StreamManager) => () => unknown;

const subscribed = (view: Observable<unknown>): (() => void) => {
  const subscription = view.subscribe();
  return () => {
    subscription.unsubscribe();
  };
};

const STAYS: Record<string, Stay> = {
  'a subscriber': (streams) => subscribed(streams.subscribe('s')),
  'a subscriber to what comes later': (streams) => subscribed(streams.subscribe('s', { from: 'now' })),
  'a subscriber of events': (streams) => subscribed(streams.subscribe('s').events()),
  'a subscriber of the status': (streams) => subscribed(streams.subscribe('s').status()),
  'a subscriber of the output': (streams) => subscribed(streams.subscribe('s').output()),
  'an iterator that waits for a chunk': (streams) => {
    const iterator = streams.subscribe('s', { from: 'now' })[Symbol.asyncIterator]();
    void iterator.next();
    return () => iterator.return?.();
  },
};

export function idleTtl(createManager: ManagerFactory, place: Place): void {
  describe('idleTtl', () => {
    it(
      'takes an open stream that nobody uses, to the frame',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5 });
        const lookUps = '---xxx   ';
        const failed = ' -----(f|)';
        const input = streams.open<string>('s');
        const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
        m.flush();
        expect(await Promise.all(found)).toEqual(['OK', 'OK', 'NOT_FOUND']);
      }),
    );

    it('is off unless asked for', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open('s');
      clock.flush();
      clock.frame = 1_000_000_000;
      expect(await outcome(() => streams.head('s'))).toBe('OK');
      expect(input.closed).toBe(false);
    });

    it(
      'can be of one stream alone',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { idleTtl: 4 });
        const lookUps = '--xxxx';
        streams.open('shorter', { idleTtl: 3 });
        streams.open('usual');
        streams.open('never', { idleTtl: Infinity });
        const shorter = outcomesAt(m.cold(lookUps), () => streams.head('shorter'));
        const usual = outcomesAt(m.cold(lookUps), () => streams.head('usual'));
        const never = outcomesAt(m.cold(lookUps), () => streams.head('never'));

        m.flush();
        expect(await Promise.all(shorter)).toEqual(['OK', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
        expect(await Promise.all(usual)).toEqual(['OK', 'OK', 'NOT_FOUND', 'NOT_FOUND']);
        expect(await Promise.all(never)).toEqual(['OK', 'OK', 'OK', 'OK']);
      }),
    );

    for (const [name, use] of Object.entries(USES)) {
      it(
        `is renewed by ${name}`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { idleTtl: 5 });
          const source = ' a        ';
          const use1 = '   ---x     ';
          const lookUps = '-----xxxx';
          const input = streams.open<string>('s');
          m.cold<string>(source).subscribe(input);
          m.cold(use1).subscribe(() => void use(streams, input));
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(['OK', 'OK', 'OK', 'NOT_FOUND']);
        }),
      );
    }

    for (const [name, glance] of Object.entries(GLANCES)) {
      it(
        `is not renewed by ${name}`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { idleTtl: 5 });
          const glances = 'xxxxx  ';
          const lookUps = '----xxx';
          const input = streams.open<string>('s');
          m.cold(glances).subscribe(() => void glance(streams, input));
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(['OK', 'NOT_FOUND', 'NOT_FOUND']);
        }),
      );
    }

    it(
      'is renewed from use to use',
      marbles((m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5 });
        const source = ' ----a---b          ';
        const failed = ' -------------(f|)  ';
        const input = streams.open<string>('s');
        m.cold<string>(source).subscribe(input);
        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
      }),
    );

    for (const [name, use] of Object.entries(USES)) {
      it(`is not renewed by ${name} in the very frame in which the stream is gone`, async () => {
        const clock = new VirtualTimeScheduler();
        const streams = createManager(clock, { idleTtl: 5 });
        const input = streams.open<string>('s');
        const failures: string[] = [];
        codes(input.failed).subscribe((code) => failures.push(code));
        await input.write('a');
        clock.frame = 5;

        await outcome(() => use(streams, input));
        expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
        expect(failures).toEqual(['NOT_FOUND']);
      });
    }

    it('is not renewed by an iterator that goes on in the very frame in which the stream is gone', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { idleTtl: 5 });
      const input = streams.open<string>('s');
      await input.write('a');
      await input.write('b');
      const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      await iterator.next();
      clock.frame = 5;

      // What is left is the reader's in memory, and gone with the stream on an engine.
      if (place === 'in memory') expect(await iterator.next()).toEqual({ done: false, value: 'b' });
      else expect(await outcome(() => iterator.next())).toBe('OUT_OF_RANGE');
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });

    for (const [name, stay] of Object.entries(STAYS)) {
      it(
        `is suspended while ${name} is there, and runs again from the leaving`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { idleTtl: 5 });
          const source = ' a                 ';
          const come = '   --x               ';
          const leave = '  ------------x     ';
          const lookUps = '------x--x------xx';
          let leaves: (() => unknown) | undefined;
          m.cold<string>(source).subscribe(streams.open<string>('s'));
          m.cold(come).subscribe(() => {
            leaves = stay(streams);
          });
          m.cold(leave).subscribe(() => leaves?.());
          const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

          m.flush();
          expect(await Promise.all(found)).toEqual(['OK', 'OK', 'OK', 'NOT_FOUND']);
        }),
      );
    }

    it(
      'is suspended until the last subscriber leaves',
      marbles((m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5 });
        const failed = '------------(f|)';
        const sub1 = '  -^-----!        ';
        const sub2 = '  ---^---!        ';
        const sub3 = '  --^----!        ';
        const stream$ = streams.subscribe<string>('s');
        const input = streams.open<string>('s');

        m.expect(codes(input.failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
        for (const sub of [sub1, sub2, sub3]) m.expect(stream$, sub).toBeObservable('');
      }),
    );

    it(
      'is suspended by a subscriber that had waited for the stream',
      marbles((m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5 });
        const open = '    --x            ';
        const sub = '     ^----------!   ';
        const failed = '  ----------------(f|)';
        m.cold(open).subscribe(() => {
          m.expect(codes(streams.open('s').failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
        });
        m.expect(streams.subscribe<string>('s', { wait: Infinity }), sub).toBeObservable('');
      }),
    );

    it('is not suspended by an iterator between pulls', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { idleTtl: 5 });
      const input = streams.open<string>('s');
      await input.write('a');
      await input.write('b');
      const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      await iterator.next();
      runUntil(clock, 4);
      await iterator.next();
      runUntil(clock, 8);
      expect(await outcome(() => streams.head('s'))).toBe('OK');
      runUntil(clock, 9);
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });

    it(
      'runs from the end of a stream that had subscribers',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5, ttl: Infinity });
        const source = '  -------a|     ';
        const expected = '-------a|     ';
        const lookUps = ' ------------xx';
        m.cold<string>(source).subscribe(streams.open<string>('s'));
        const found = outcomesAt(m.cold(lookUps), () => streams.head('s'));

        m.expect(streams.subscribe<string>('s')).toBeObservable(expected);
        m.flush();
        expect(await Promise.all(found)).toEqual(['OK', 'NOT_FOUND']);
      }),
    );

    it(
      'takes a finished stream before its ttl, and does not hold it beyond',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { idleTtl: 5 });
        const source = ' a|      ';
        const uses = '   ----x   ';
        const lookUps = '----xxxx';
        m.cold<string>(source).subscribe(streams.open<string>('unused', { ttl: 9 }));
        m.cold<string>(source).subscribe(streams.open<string>('used', { ttl: 6 }));
        m.cold(uses).subscribe(() => subscribedOnce(streams.subscribe('used')));
        const unused = outcomesAt(m.cold(lookUps), () => streams.head('unused'));
        const used = outcomesAt(m.cold(lookUps), () => streams.head('used'));

        m.flush();
        expect(await Promise.all(unused)).toEqual(['OK', 'OK', 'NOT_FOUND', 'NOT_FOUND']);
        expect(await Promise.all(used)).toEqual(['OK', 'OK', 'OK', 'NOT_FOUND']);
      }),
    );

    it('shows in head when it would take the stream', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { idleTtl: 5 });
      const input = streams.open<string>('s');
      expect(await streams.head('s')).toHaveProperty('expiresAt', 5);
      runUntil(clock, 3);
      await input.write('a');
      expect(await streams.head('s')).toHaveProperty('expiresAt', 8);
      const subscription = streams.subscribe('s').subscribe();
      expect(await streams.head('s')).not.toHaveProperty('expiresAt');
      subscription.unsubscribe();
      expect(await streams.head('s')).toHaveProperty('expiresAt', 8);
    });
  });
}
