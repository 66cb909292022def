import { map } from 'rxjs';
import type { Context } from 'rxjs-marbles';
import { describe, expect, it } from 'vitest';

import type { StreamInput } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode, codeOf, eventWord, noted } from '../support/views.js';

const MINUTE = 60_000;

/** What the in-memory stream manager that this library grew from does, and its successor still has to. */
export function seed(createManager: ManagerFactory): void {
  describe('The seed', () => {
    it(
      'gives chunks and the end to whoever subscribes before, meanwhile and after',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.cold<string>(' -a-b----c-|');
        const meanwhile = '             ----^';
        const after = '                 --------------^';
        const expected = '              -a-b----c-|';
        const expectedMeanwhile = '     ----(ab)c-|';
        const expectedAfter = '         --------------(abc|)';
        const chunks$ = streams.subscribe<string>('s');

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$).toBeObservable(expected);
        m.expect(chunks$, meanwhile).toBeObservable(expectedMeanwhile);
        m.expect(chunks$, after).toBeObservable(expectedAfter);
      }),
    );

    it(
      'replays a completed stream with its output',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const late = '    -----^';
        const chunks = '  -----(ab|)';
        const output = '  -----(o|)';
        const events = '  -----(abe|)';
        const stream = streams.subscribe<string, string>('s');
        const input = streams.open<string, string>('s');

        input.next('a');
        input.next('b');
        input.complete('o');

        m.expect(stream, late).toBeObservable(chunks);
        m.expect(stream.output(), late).toBeObservable(output);
        m.expect(stream.events().pipe(map(eventWord)), late).toBeObservable(events, {
          a: 'a',
          b: 'b',
          e: 'done:o',
        });
      }),
    );

    it(
      'replays a failed stream with its error',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const late = '    -----^';
        const chunks = '  -----(ab#)';
        const output = '  -----#';
        const events = '  -----(abe|)';
        const stream = streams.subscribe<string, string>('s');
        const input = streams.open<string, string>('s');

        input.next('a');
        input.next('b');
        input.error({ code: 'RESOURCE_EXHAUSTED', message: 'no more tokens' });

        m.expect(byCode(stream), late).toBeObservable(chunks, undefined, 'RESOURCE_EXHAUSTED');
        m.expect(byCode(stream.output()), late).toBeObservable(output, undefined, 'RESOURCE_EXHAUSTED');
        m.expect(stream.events().pipe(map(eventWord)), late).toBeObservable(events, {
          a: 'a',
          b: 'b',
          e: 'error:RESOURCE_EXHAUSTED',
        });
      }),
    );

    it(
      'gives nothing more to one who unsubscribes, while the producer and others go on',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.cold<string>(' -a-b-c-|');
        const sourceSubs = '            ^------!';
        const leaves = '                ^---!';
        const left = '                  -a-b-';
        const stayed = '                -a-b-c-|';
        const chunks$ = streams.subscribe<string>('s');

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$, leaves).toBeObservable(left);
        m.expect(chunks$).toBeObservable(stayed);
        m.expect(source).toHaveSubscriptions(sourceSubs);
      }),
    );

    it(
      'goes on where nobody subscribes',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.cold<string>(' -a-b-c-|');
        const first = '                 ^-!';
        const seen = '                  -a-';
        const second = '                ----------^';
        const expected = '              ----------(abc|)';
        const chunks$ = streams.subscribe<string>('s');

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$, first).toBeObservable(seen);
        m.expect(chunks$, second).toBeObservable(expected);
      }),
    );

    it(
      'keeps streams apart',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const one = m.cold<string>('   -a---b-|');
        const other = m.cold<string>(' --x-y---#');
        const expectedOne = '          -a---b-|';
        const expectedOther = '        --x-y---#';
        const other$ = byCode(streams.subscribe<string>('other'));

        one.subscribe(streams.open<string>('one'));
        other.subscribe(streams.open<string>('other'));

        m.expect(streams.subscribe<string>('one')).toBeObservable(expectedOne);
        m.expect(other$).toBeObservable(expectedOther, undefined, 'UNKNOWN');
      }),
    );

    it('refuses an id that is open, and leaves its stream alone', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      input.next('a');
      expect(await codeOf(() => streams.open('s').opened)).toBe('ALREADY_EXISTS');
      input.next('b');
      input.complete();
      expect(noted(streams.subscribe<string>('s'))).toEqual(['a', 'b', '|']);
    });

    it.each(['done', 'error'])(
      'refuses an id whose stream has ended and is still there (%s)',
      async (how) => {
        const streams = createManager(testScheduler());
        const input = streams.open<string>('s');
        if (how === 'done') input.complete();
        else input.error(new Error('failed'));
        expect(await codeOf(() => streams.open('s').opened)).toBe('ALREADY_EXISTS');
        expect(await streams.head('s')).toMatchObject({ status: how });
      },
    );

    it('knows nothing of an id that was never opened', () => {
      const streams = createManager(testScheduler());
      expect(noted(streams.subscribe('s'))).toEqual(['NOT_FOUND']);
    });

    describe.each(['done', 'failed'])('where a stream is %s', (how) => {
      const end = (input: StreamInput<string, string>): void => {
        if (how === 'done') input.complete('o');
        else input.error(new Error('failed'));
      };
      const replay = ['a', how === 'done' ? '|' : 'UNKNOWN'];

      it.each(['next', 'complete', 'error'] as const)('refuses %s', async (call) => {
        const streams = createManager(testScheduler());
        const input = streams.open<string, string>('s');
        input.next('a');
        end(input);
        input[call]('b');
        expect(await codeOf(() => input.flush())).toBe('FAILED_PRECONDITION');
        expect(noted(streams.subscribe<string>('s'))).toEqual(replay);
      });

      it('changes nothing by closing its input', async () => {
        const streams = createManager(testScheduler());
        const input = streams.open<string, string>('s');
        input.next('a');
        end(input);
        input.close();
        expect(await codeOf(() => input.flush())).toBeUndefined();
        expect(noted(streams.subscribe<string>('s'))).toEqual(replay);
      });
    });

    it('leaves a stream open when its input is closed', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const early = noted(streams.subscribe<string>('s'));
      input.next('a');
      input.close();
      expect(input.closed).toBe(true);
      expect(early).toEqual(['a']);
      expect(noted(streams.subscribe<string>('s'))).toEqual(['a']);
      expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 1 });
    });

    it.each(['|', '#'])(
      'evicts a finished stream when its TTL has run out (-a%s)',
      marbles((m: Context, end: string) => {
        const streams = createManager(m.scheduler, { ttl: 5 });
        const source = m.cold<string>(` -a${end}`, undefined, { code: 'ABORTED' });
        const within = '                 ------^';
        const after = '                  -------^';
        const replay = `                 ------(a${end})`;
        const gone = '                   -------#';
        const chunks$ = byCode(streams.subscribe<string>('s'));

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$, within).toBeObservable(replay, undefined, 'ABORTED');
        m.expect(chunks$, after).toBeObservable(gone, undefined, 'NOT_FOUND');
      }),
    );

    it(
      'keeps a finished stream for five minutes unless told otherwise',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const chunks$ = byCode(streams.subscribe<string>('s'));
        const within = `  ${5 * MINUTE - 1}ms ^`;
        const after = `   ${5 * MINUTE}ms ^`;
        const replay = `  ${5 * MINUTE - 1}ms (a|)`;
        const gone = `    ${5 * MINUTE}ms #`;
        const input = streams.open<string>('s');

        input.next('a');
        input.complete();

        m.expect(chunks$, within).toBeObservable(replay);
        m.expect(chunks$, after).toBeObservable(gone, undefined, 'NOT_FOUND');
      }),
    );

    it(
      'keeps open streams, written or not, however long',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 5 });
        const source = m.cold<string>('  a 59m b');
        const late = '                   60m ^';
        const written = '                60m (ab)';
        const idle = '                   60m -';
        const finished = '               60m #';
        const chunksOf = (id: string) => byCode(streams.subscribe<string>(id));

        const input = streams.open<string>('written');
        source.subscribe((chunk) => {
          input.next(chunk);
        });
        streams.open('idle');
        streams.open('left').close();
        streams.open('finished').complete();

        m.expect(chunksOf('written'), late).toBeObservable(written);
        m.expect(chunksOf('idle'), late).toBeObservable(idle);
        m.expect(chunksOf('left'), late).toBeObservable(idle);
        m.expect(chunksOf('finished'), late).toBeObservable(finished, undefined, 'NOT_FOUND');
      }),
    );

    it(
      'gives an evicted id to another stream',
      marbles((m) => {
        const streams = createManager(m.scheduler, { ttl: 2 });
        const first = m.cold<string>('    a|');
        const second = m.cold<string>('      b--|');
        const before = '                  --^';
        const after = '                   ---^';
        const expectedBefore = '          --(a|)';
        const expectedAfter = '           ---b--|';
        const chunks$ = streams.subscribe<string>('s');

        first.subscribe(streams.open<string>('s'));
        m.scheduler.schedule(() => second.subscribe(streams.open<string>('s')), 3);

        m.expect(chunks$, before).toBeObservable(expectedBefore);
        m.expect(chunks$, after).toBeObservable(expectedAfter);
      }),
    );
  });
}
