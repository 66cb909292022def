import { identity, observeOn, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamInput } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { claim, codes, outcome, outcomesAt } from '../support/outcomes.js';
import { runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';

export function claimedOnce(createManager: ManagerFactory): void {
  describe('Promise 6: an id is claimed once', () => {
    it(
      'refuses an id that is taken, and the stream there goes on',
      marbles(async (m) => {
        const streams = createManager(m.scheduler);
        const source = '  -a-b-c-|';
        const again = '   x-x-x---';
        const expected = '-a-b-c-|';
        const failed = '  -------|';
        const input = streams.open<string>('s');
        const claims = outcomesAt(m.cold(again), () => claim(streams, 's'));

        m.cold<string>(source).subscribe(input);

        m.expect(streams.subscribe<string>('s')).toBeObservable(expected);
        m.expect(codes(input.failed)).toBeObservable(failed);
        m.flush();
        expect(await Promise.all(claims)).toEqual(['ALREADY_EXISTS', 'ALREADY_EXISTS', 'ALREADY_EXISTS']);
      }),
    );

    for (const source of ['-a|', '-a#']) {
      it(
        `keeps the id of a stream that ended as ${source} does until its TTL has run out`,
        marbles(async (m) => {
          const streams = createManager(m.scheduler, { ttl: 4 });
          const again = '--xxxxx';
          m.cold<string>(source).subscribe(streams.open<string>('s'));
          const claims = outcomesAt(m.cold(again), () => claim(streams, 's'));

          m.flush();
          expect(await Promise.all(claims)).toEqual([...Array<string>(4).fill('ALREADY_EXISTS'), 'OK']);
        }),
      );
    }

    for (const when of ['before', 'after']) {
      it(
        `has an id free in the very frame in which its stream is gone, ${when} the sweep`,
        marbles((m) => {
          const streams = createManager(m.scheduler, { ttl: 4 });
          const first = '   -a|        ';
          const reuse = '   ------x    ';
          const second = '  -------c-d|';
          const expected = '-------c-d|';
          const readSub = ' -------^    ';
          const second$ = m.hot<string>(second);
          m.cold<string>(first).subscribe(streams.open<string>('s'));

          m.cold(reuse)
            .pipe(when === 'after' ? observeOn(m.scheduler) : identity)
            .subscribe(() => second$.subscribe(streams.open<string>('s')));

          m.expect(streams.subscribe<string>('s'), readSub).toBeObservable(expected);
        }),
      );
    }

    it(
      'lets a resuming producer take over at the tail, and the former one fails',
      marbles(async (m) => {
        const streams = createManager(m.scheduler);
        const first = '   -a-b-x-x-| ';
        const takeover = '-----x      ';
        const second = '  -------c-d-|';
        const expected = '-a-b---c-d-|';
        const failed = '  -----(f|)   ';
        const failed2 = ' -----------|';
        const second$ = m.hot<string>(second);
        const former = streams.open<string>('s');

        m.hot<string>(first).subscribe(former);
        m.cold(takeover).subscribe(() => {
          const latter = streams.open<string>('s', { resume: true });
          second$.subscribe(latter);
          m.expect(codes(latter.failed)).toBeObservable(failed2);
        });

        m.expect(streams.subscribe<string>('s')).toBeObservable(expected);
        m.expect(codes(former.failed)).toBeObservable(failed, { f: 'ABORTED' });
        m.flush();
        expect(await outcome(() => former.write('x'))).toBe('ABORTED');
        expect(await outcome(() => former.flush())).toBe('ABORTED');
      }),
    );

    it('leaves a former producer powerless', async () => {
      const streams = createManager(new VirtualTimeScheduler(), { lease: 0 });
      const former = streams.open<string, string>('s');
      await former.write('a');
      const latter = streams.open<string, string>('s', { resume: true });
      await latter.opened;
      former.failed.subscribe();

      expect(await outcome(() => former.write('x'))).toBe('ABORTED');
      former.next('x');
      former.complete('x');
      former.error(new Error('x'));
      former.close();

      expect(former.closed).toBe(true);
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 1 });
      const tail = await latter.write('b');
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 2, tail });
    });

    it('resumes what a producer left by close()', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const former = streams.open<string>('s');
      await former.write('a');
      former.close();
      const latter = streams.open<string>('s', { resume: true });
      await latter.write('b');
      latter.complete();
      await latter.flush();
      expect(await streams.head('s')).toMatchObject({ status: 'done', chunks: 2 });
    });

    it('resumes only what is there and open', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const resumed = (id: string): Promise<string> => outcome(() => claim(streams, id, { resume: true }));
      streams.open('done').complete();
      streams.open('failed').error(new Error('e'));
      await claim(streams, 'deleted');
      await streams.delete('deleted');

      expect(await resumed('unknown')).toBe('NOT_FOUND');
      expect(await resumed('deleted')).toBe('NOT_FOUND');
      expect(await resumed('done')).toBe('FAILED_PRECONDITION');
      expect(await resumed('failed')).toBe('FAILED_PRECONDITION');
      expect(await outcome(() => claim(streams, 'unknown'))).toBe('OK');
    });

    it(
      'finds nothing to resume from the frame on in which a finished stream is gone',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { ttl: 2 });
        const source = ' -a|  ';
        const resume = ' ---xx';
        m.cold<string>(source).subscribe(streams.open<string>('s'));
        const resumptions = outcomesAt(m.cold(resume), () => claim(streams, 's', { resume: true }));

        m.flush();
        expect(await Promise.all(resumptions)).toEqual(['FAILED_PRECONDITION', 'NOT_FOUND']);
      }),
    );

    it(
      'keeps a pending stop in force for whoever takes over',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const first = '    a-b            ';
        const stop = '     -x             ';
        const takeover = ' ---x           ';
        const second = '   -----c-d-e-f   ';
        const expected = ' a-b--c-d-e-#   ';
        const failed = '   ---(f|)        ';
        const failed2 = '  -----------(f|)';
        const second$ = m.hot<string>(second);
        const former = streams.open<string>('s');
        m.cold<string>(first).subscribe(former);

        m.cold(stop).subscribe(() => void streams.stop('s', { grace: 10 }));
        m.cold(takeover).subscribe(() => {
          const latter = streams.open<string>('s', { resume: true });
          expect(latter.signal).toMatchObject({ aborted: true, reason: { code: 'CANCELLED' } });
          second$.subscribe(latter);
          m.expect(codes(latter.failed)).toBeObservable(failed2, { f: 'CANCELLED' });
        });

        m.expect(byCode(streams.subscribe<string>('s'))).toBeObservable(expected, undefined, 'CANCELLED');
        m.expect(codes(former.failed)).toBeObservable(failed, { f: 'ABORTED' });
      }),
    );

    it(
      'replaces only those lifetimes of a resumed stream that are given',
      marbles(async (m) => {
        const streams = createManager(m.scheduler, { ttl: 20 });
        const source = '   -|         ';
        const lookUps = '  ------xxxxxx';
        for (const id of ['kept', 'replaced']) streams.open(id, { ttl: 9 });
        m.cold<string>(source).subscribe(streams.open<string>('kept', { resume: true, lease: 1 }));
        m.cold<string>(source).subscribe(streams.open<string>('replaced', { resume: true, ttl: 6 }));
        const kept = outcomesAt(m.cold(lookUps), () => streams.head('kept'));
        const replaced = outcomesAt(m.cold(lookUps), () => streams.head('replaced'));

        m.flush();
        expect(await Promise.all(kept)).toEqual(['OK', 'OK', 'OK', 'OK', 'NOT_FOUND', 'NOT_FOUND']);
        expect(await Promise.all(replaced)).toEqual(['OK', ...Array<string>(5).fill('NOT_FOUND')]);
      }),
    );

    it('leaves a stream to its producer when a resumption is refused', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      const input = streams.open<string>('s');
      runUntil(clock, 10);

      for (const options of [{ ttl: -1 }, { expiresAt: 10 }]) {
        expect(await outcome(() => claim(streams, 's', { resume: true, ...options }))).toBe(
          'INVALID_ARGUMENT',
        );
      }
      expect(input.closed).toBe(false);
      expect(await outcome(() => input.write('a'))).toBe('OK');
    });

    it('has one producer at a time, also when one that loses the stream takes it back at once', async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const first = streams.open<string>('s');
      const others: StreamInput<string>[] = [];
      const failures: string[] = [];
      const takeOver = (): void => {
        const input = streams.open<string>('s', { resume: true });
        codes(input.failed).subscribe((code) => failures.push(code));
        others.push(input);
      };
      first.failed.subscribe(takeOver);
      takeOver();

      const writes = await Promise.all(others.map((input) => outcome(() => input.write('a'))));
      expect(writes.sort()).toEqual(['ABORTED', 'OK']);
      expect(failures).toEqual(['ABORTED']);
    });

    it('has one producer at a time, also when one is opened while another makes room for itself', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { maxStreams: 2 });
      const inputs: StreamInput<string>[] = [];
      const expiring = streams.open('x', { expiresAt: 10 });
      await claim(streams, 'y', { expiresAt: 10 });
      expiring.failed.subscribe(() => inputs.push(streams.open<string>('s')));
      clock.frame = 10;

      const claimed = await outcome(() => {
        const input = streams.open<string>('s');
        inputs.push(input);
        return input.opened;
      });
      const writes = await Promise.all(inputs.map((input) => outcome(() => input.write('a'))));
      expect(claimed).toBe('ALREADY_EXISTS');
      expect(writes.filter((written) => written === 'OK')).toHaveLength(1);
      expect(await streams.head('s')).toMatchObject({ chunks: 1 });
    });
  });
}
