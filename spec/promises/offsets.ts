import fc from 'fast-check';
import { defer, map, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { Offset, StreamEvent, StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode, codesOf, eventWord, inEveryView, noted, pulled } from '../support/views.js';

const START = '0000000000000000_0000000000000000';

const MALFORMED: unknown[] = [
  '',
  ' ',
  '0',
  'start',
  '_',
  START.slice(1),
  `${START}0`,
  `${START} `,
  `${START}\n`,
  START.replace('_', '-'),
  START.replace('0', 'x'),
  START.replace('0', '-'),
  START.replace('0', '\u0660'),
  null,
  0,
  Symbol('offset'),
];

export function offsets(createManager: ManagerFactory): void {
  describe('Promise 10: offsets are opaque, sortable, lasting', () => {
    const written = (...chunks: string[]) => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      for (const chunk of chunks) input.next(chunk);
      return { streams, input };
    };
    const read = (streams: StreamManager, after?: Offset) =>
      streams.subscribe<string, string>('s', { after });
    /** What can be had now, of an open stream too. */
    const eventsNow = (streams: StreamManager, after?: Offset) => {
      const events: StreamEvent<string, string>[] = [];
      read(streams, after)
        .events()
        .subscribe((event) => events.push(event))
        .unsubscribe();
      return events;
    };

    describe('in their own stream', () => {
      it.each(['open', 'done', 'error'])('resume after each event where it is %s', async (status) => {
        const property = fc.asyncProperty(fc.array(fc.string(), { maxLength: 25 }), async (chunks) => {
          const { streams, input } = written(...chunks);
          if (status === 'done') input.complete('o');
          if (status === 'error') input.error({ code: 'DATA_LOSS' });
          const all = eventsNow(streams);
          expect(all.slice(0, chunks.length).map(eventWord)).toEqual(chunks);
          for (const [index, { offset }] of all.entries()) {
            const rest = all.filter(({ type }, place) => place > index || type !== 'chunk');
            expect(eventsNow(streams, offset)).toEqual(rest);
            if (status === 'done')
              expect(await pulled(read(streams, offset))).toEqual(chunks.slice(index + 1));
          }
        });
        await fc.assert(property);
      });

      it('sort as the stream goes, after the start', () => {
        const { streams, input } = written(...Array.from({ length: 120 }, String));
        const inOrder = eventsNow(streams).map(({ offset }) => offset);
        expect([...inOrder].sort()).toEqual(inOrder);
        expect(new Set(inOrder)).toHaveProperty('size', 120);
        expect(inOrder.every((offset) => offset > START)).toBe(true);
        expect(input.tail).toBe(inOrder.at(-1));
      });

      it('are the same from write(), events(), tail and head()', async () => {
        const { streams, input } = written();
        for (const chunk of ['a', 'b', 'c']) {
          const offset = await input.write(chunk);
          expect(eventsNow(streams).at(-1)).toMatchObject({ chunk, offset });
          expect(input.tail).toBe(offset);
          expect(await streams.head('s')).toMatchObject({ tail: offset });
        }
      });

      it('are, as the tail of an input that was released, where it was then', async () => {
        const { streams, input } = written('a');
        const { tail } = input;
        const next = streams.open<string, string>('s', { resume: true });
        await next.opened;
        next.next('b');
        expect(input.tail).toBe(tail);
        expect(next.tail > tail).toBe(true);
      });

      it.each(['done', 'error'])('have the outcome at the tail (%s)', async (status) => {
        const { streams, input } = written('a', 'b');
        const { tail } = input;
        const word = status === 'done' ? 'done:o' : 'error:DATA_LOSS';
        if (status === 'done') input.complete('o');
        else input.error({ code: 'DATA_LOSS' });
        const resumed = read(streams, tail);
        expect(input.tail).toBe(tail);
        expect(eventsNow(streams).at(-1)).toMatchObject({ type: status, offset: tail });
        expect(noted(resumed.events().pipe(map(eventWord)))).toEqual([word, '|']);
        expect(noted(resumed)).toEqual([status === 'done' ? '|' : 'DATA_LOSS']);
        expect(noted(resumed.output())).toEqual(status === 'done' ? ['o', '|'] : ['DATA_LOSS']);
        expect(noted(resumed.status())).toEqual([status, '|']);
        expect(await codesOf(resumed)).toMatchObject({
          iterator: status === 'done' ? undefined : 'DATA_LOSS',
        });
      });

      it(
        'resume after the tail of an open stream with what comes',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const input = streams.open<string, string>('s');
          const source = m.cold<string>(' -a--b--c-|');
          const late = '                  --^';
          const expected = '              ----b--c-|';

          source.subscribe(input);

          m.expect(
            defer(() => read(streams, input.tail)),
            late,
          ).toBeObservable(expected);
        }),
      );

      it(
        'resume after the last event seen, whenever a reader left and comes back',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const source = m.cold<string>(' -a-b-c-(de)----f-|');
          const visit = '                 ^---!';
          const visited = '               -a-b-';
          const soon = '                  -----^';
          const resumedSoon = '           -----c-(de)----f-|';
          const late = '                  --------^';
          const resumedLate = '           --------(cde)--f-|';
          let last: Offset | undefined;
          const visit$ = read(streams)
            .events()
            .pipe(
              tap((event) => (last = event.offset)),
              map(eventWord),
            );
          const resumed$ = defer(() => read(streams, last));

          source.subscribe(streams.open<string, string>('s'));

          m.expect(visit$, visit).toBeObservable(visited);
          m.expect(resumed$, soon).toBeObservable(resumedSoon);
          m.expect(resumed$, late).toBeObservable(resumedLate);
        }),
      );

      it('tell by an event whether its chunk was there before the subscription', () => {
        const { streams, input } = written('a', 'b');
        const flags: [string, boolean][] = [];
        read(streams)
          .events()
          .subscribe((event) => {
            if (event.type !== 'chunk') return;
            flags.push([event.chunk, event.replay]);
            if (event.chunk === 'a') input.next('c');
          });
        input.next('d');
        expect(flags).toEqual([
          ['a', true],
          ['b', true],
          ['c', false],
          ['d', false],
        ]);
      });

      it('tell so of a chunk that was written before, but not seen by anybody yet', () => {
        const { streams, input } = written('a');
        const flags: [string, boolean][] = [];
        noted(read(streams), (chunk) => {
          if (chunk !== 'a') return;
          input.next('b');
          read(streams)
            .events()
            .subscribe((event) => event.type === 'chunk' && flags.push([event.chunk, event.replay]));
        });
        input.next('c');
        expect(flags).toEqual([
          ['a', true],
          ['b', true],
          ['c', false],
        ]);
      });

      it('resume in the callback of their event, after whatever was written there', () => {
        const { streams, input } = written();
        const resumed: unknown[][] = [];
        read(streams)
          .events()
          .subscribe((event) => {
            if (event.type === 'chunk' && event.chunk === 'a') input.next('b');
            resumed.push(noted(read(streams, event.offset)));
          });
        input.next('a');
        input.complete('o');
        expect(resumed).toEqual([['b', '|'], ['|'], ['|']]);
      });
    });

    describe('from elsewhere', () => {
      it.each(MALFORMED)('are INVALID_ARGUMENT in every view if malformed: %o', async (after) => {
        const { streams, input } = written('a');
        input.complete('o');
        expect(await codesOf(read(streams, after as Offset))).toEqual(inEveryView('INVALID_ARGUMENT'));
      });

      it('are OUT_OF_RANGE in every view if of a former life of the id', async () => {
        const { streams, input } = written('a', 'b');
        const former = [await input.write('c'), input.tail];
        await streams.delete('s');
        const next = streams.open<string, string>('s');
        former.push(input.tail);
        for (const chunk of ['a', 'b', 'c', 'd']) next.next(chunk);
        for (const after of former) {
          expect(await codesOf(read(streams, after))).toEqual(inEveryView('OUT_OF_RANGE'));
        }
      });

      it('are OUT_OF_RANGE in every view if of the start of a former life of the id', async () => {
        const { streams, input } = written();
        const { tail } = input;
        await streams.delete('s');
        streams.open<string, string>('s').next('a');
        expect(await codesOf(read(streams, tail))).toEqual(inEveryView('OUT_OF_RANGE'));
      });

      it('are OUT_OF_RANGE in every view if of another stream', async () => {
        const { streams } = written('a', 'b');
        const after = await streams.open<string>('other').write('a');
        expect(await codesOf(read(streams, after))).toEqual(inEveryView('OUT_OF_RANGE'));
      });

      it('are OUT_OF_RANGE in every view if of another manager', async () => {
        const { streams } = written('a', 'b');
        const after = written('a', 'b').input.tail;
        expect(await codesOf(read(streams, after))).toEqual(inEveryView('OUT_OF_RANGE'));
      });

      it('are OUT_OF_RANGE in every view if beyond the tail', async () => {
        const { streams, input } = written('a', 'b');
        // What a producer was told before its store lost the last of it.
        const beyond = input.tail.replace('_0000000002', '_0000000003');
        expect(beyond).not.toBe(input.tail);
        expect(await codesOf(read(streams, beyond))).toEqual(inEveryView('OUT_OF_RANGE'));
      });

      it(
        'are told to one who waits, the malformed at once and the foreign at the opening',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const source = m.cold<string>('    -a-|');
          const malformed = '             #';
          const foreign = '               ---#';
          const start = '                 ----a-|';
          const waiting = (after: Offset) =>
            byCode(streams.subscribe<string>('s', { after, wait: Infinity }));

          m.scheduler.schedule(() => source.subscribe(streams.open<string>('s')), 3);

          m.expect(waiting('x')).toBeObservable(malformed, undefined, 'INVALID_ARGUMENT');
          m.expect(waiting(written().input.tail)).toBeObservable(foreign, undefined, 'OUT_OF_RANGE');
          m.expect(waiting(START)).toBeObservable(start);
        }),
      );
    });

    describe('and where else to begin', () => {
      it.each([
        ['is empty', []],
        ['has chunks', ['a', 'b']],
      ])('include the start of any stream, which is all zeros (one that %s)', (_what, chunks) => {
        const { streams, input } = written(...chunks);
        const early = noted(read(streams, START));
        input.next('c');
        input.complete();
        expect(early).toEqual([...chunks, 'c', '|']);
        expect(noted(read(streams, START))).toEqual([...chunks, 'c', '|']);
        expect(eventsNow(streams, START)).toEqual(eventsNow(streams));
      });

      it('include the start of a reused id, but not of an unknown one', async () => {
        const { streams } = written('a');
        await streams.delete('s');
        expect(await codesOf(read(streams, START))).toEqual(inEveryView('NOT_FOUND'));
        streams.open<string, string>('s').next('b');
        expect(eventsNow(streams, START).map(eventWord)).toEqual(['b']);
      });

      it(
        'are the start, by default, or now',
        marbles((m) => {
          const streams = createManager(m.scheduler);
          const source = m.cold<string>(' -a-b------c-|');
          const late = '                  ----^         ';
          const fromStart = '             ----(ab)--c-|';
          const fromNow = '               ----------c-|';
          const veryLate = '              --------------^';
          const afterEnd = '              --------------|';
          const now$ = streams.subscribe<string>('s', { from: 'now' });

          source.subscribe(streams.open<string>('s'));

          m.expect(streams.subscribe<string>('s'), late).toBeObservable(fromStart);
          m.expect(streams.subscribe<string>('s', { from: 'start' }), late).toBeObservable(fromStart);
          m.expect(now$, late).toBeObservable(fromNow);
          m.expect(now$, veryLate).toBeObservable(afterEnd);
          m.expect(now$.status(), veryLate).toBeObservable('--------------(d|)', { d: 'done' });
        }),
      );

      it('take now to be after all that was written, also what nobody has seen yet', () => {
        const { streams, input } = written('a');
        const seen: unknown[][] = [];
        noted(read(streams), (chunk) => {
          if (chunk !== 'a') return;
          input.next('b');
          seen.push(noted(streams.subscribe<string>('s', { from: 'now' }).events().pipe(map(eventWord))));
        });
        input.next('c');
        input.complete();
        expect(seen).toEqual([['c', 'done', '|']]);
      });

      it.each(['start', 'now'] as const)('are INVALID_ARGUMENT together with from: %s', async (from) => {
        const { streams, input } = written('a');
        const stream = streams.subscribe<string>('s', { after: input.tail, from });
        input.complete();
        expect(await codesOf(stream)).toEqual(inEveryView('INVALID_ARGUMENT'));
      });

      it('are INVALID_ARGUMENT if neither start nor now', async () => {
        const { streams, input } = written('a');
        const stream = streams.subscribe<string>('s', { from: 'end' as 'now' });
        input.complete();
        expect(await codesOf(stream)).toEqual(inEveryView('INVALID_ARGUMENT'));
      });
    });
  });
}
