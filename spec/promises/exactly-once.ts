import { concat, defer, last, map, merge, take, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode, eventWord, noted, pulled } from '../support/views.js';

export function exactlyOnce(createManager: ManagerFactory): void {
  describe('Promise 1: exactly once, in order, then the outcome', () => {
    it(
      'gives early, late and very late subscribers the same chunks',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.hot('  -a-b------c-|');
        const early = '         -a-b------c-|';
        const late = '          ----(ab)--c-|';
        const lateSub = '       ----^        ';
        const veryLate = '      -------------------(abc|)';
        const veryLateSub = '   -------------------^';
        const chunks$ = streams.subscribe<string>('s');

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$).toBeObservable(early);
        m.expect(chunks$, lateSub).toBeObservable(late);
        m.expect(chunks$, veryLateSub).toBeObservable(veryLate);
      }),
    );

    it(
      'gives early, late and very late subscribers the same error',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.hot('  -a-b------c-#', undefined, { code: 'DATA_LOSS' });
        const early = '         -a-b------c-#';
        const late = '          ----(ab)--c-#';
        const lateSub = '       ----^        ';
        const veryLate = '      -------------------(abc#)';
        const veryLateSub = '   -------------------^';
        const chunks$ = byCode(streams.subscribe<string>('s'));

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$).toBeObservable(early, undefined, 'DATA_LOSS');
        m.expect(chunks$, lateSub).toBeObservable(late, undefined, 'DATA_LOSS');
        m.expect(chunks$, veryLateSub).toBeObservable(veryLate, undefined, 'DATA_LOSS');
      }),
    );

    it(
      'gives a chunk of the frame of the subscription once, whichever comes first',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const input = streams.open<string>('s');
        const source = m.cold(' -a---b---c-|');
        const subscribers = '   -----^';
        const expected = '      -----(ab)c-|';
        const chunks$ = streams.subscribe<string>('s');

        m.expect(chunks$, subscribers).toBeObservable(expected);
        source.subscribe(input);
        m.expect(chunks$, subscribers).toBeObservable(expected);
      }),
    );

    it(
      'joins what a reader saw before it left to what came meanwhile and comes later',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.hot('          -a-b--c---d-|');
        const away = m.cold<string>('      ----|     ');
        const expected = '              -a-b---c--d-|';
        const chunks$ = defer(() => {
          let offset: string | undefined;
          const seen$ = streams
            .subscribe<string>('s')
            .events()
            .pipe(
              take(2),
              tap((event) => (offset = event.offset)),
              map(eventWord),
            );
          return concat(
            seen$,
            away,
            defer(() => streams.subscribe<string>('s', { after: offset })),
          );
        });

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$).toBeObservable(expected);
      }),
    );

    it(
      'gives the output after the last chunk and nothing after the outcome',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const input = streams.open<string, string>('s');
        const source = m.cold<string>(' -a-b-|');
        const expected = '              -a-b-(o|)';
        const stream = streams.subscribe<string, string>('s');

        m.expect(merge(stream.output(), stream)).toBeObservable(expected);
        source.subscribe({
          next: (chunk) => {
            input.next(chunk);
          },
          complete: () => {
            input.complete('o');
          },
        });
      }),
    );

    it('keeps the order when a callback of a replay writes', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      input.next('a');
      input.next('b');
      const seen: string[] = [];
      streams.subscribe<string>('s').subscribe((chunk) => {
        seen.push(chunk);
        if (chunk === 'a') input.next('c');
      });
      expect(seen).toEqual(['a', 'b', 'c']);
    });

    it('keeps the order for those who are live when a callback of a replay writes', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const live = noted(streams.subscribe<string>('s'));
      input.next('a');
      input.next('b');
      const replayed = noted(streams.subscribe<string>('s'), (chunk) => {
        if (chunk === 'a') input.next('c');
        if (chunk === 'c') input.next('d');
      });
      expect(live).toEqual(['a', 'b', 'c', 'd']);
      expect(replayed).toEqual(['a', 'b', 'c', 'd']);
    });

    it('shows a chunk to all before any chunk that was written in its callbacks', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const log: string[] = [];
      for (const name of ['first', 'second', 'third']) {
        streams.subscribe<string>('s').subscribe((chunk) => {
          log.push(`${name} ${chunk}`);
          if (chunk === 'a') input.next(`${name}'s`);
        });
      }
      input.next('a');
      const order = ['a', "first's", "second's", "third's"];
      expect(log).toEqual(order.flatMap((chunk) => [`first ${chunk}`, `second ${chunk}`, `third ${chunk}`]));
    });

    it('returns from a write made in a callback before anybody has seen it', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const log: string[] = [];
      streams.subscribe<string>('s').subscribe((chunk) => {
        if (chunk === 'a') {
          input.next('b');
          log.push('written');
        }
      });
      streams.subscribe<string>('s').subscribe((chunk) => log.push(chunk));
      input.next('a');
      expect(log).toEqual(['written', 'a', 'b']);
    });

    it('keeps the order through a thousand writes, each made in the callback of the one before', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<number>('s');
      const before = noted(streams.subscribe<number>('s'));
      streams.subscribe<number>('s').subscribe((chunk) => {
        if (chunk < 1_000) input.next(chunk + 1);
        else input.complete();
      });
      const after = noted(streams.subscribe<number>('s'));
      input.next(1);
      const all = [...Array.from({ length: 1_000 }, (_, index) => index + 1), '|'];
      expect(before).toEqual(all);
      expect(after).toEqual(all);
    });

    it('keeps the order of two streams that answer each other', () => {
      const streams = createManager(testScheduler());
      const ping = streams.open<number>('ping');
      const pong = streams.open<number>('pong');
      streams.subscribe<number>('ping').subscribe((chunk) => {
        pong.next(chunk + 1);
        pong.next(-chunk);
      });
      streams.subscribe<number>('pong').subscribe((chunk) => {
        if (chunk > 0 && chunk < 6) ping.next(chunk + 1);
      });
      const pings = noted(streams.subscribe<number>('ping'));
      const pongs = noted(streams.subscribe<number>('pong'));
      ping.next(1);
      expect(pings).toEqual([1, 3, 5]);
      expect(pongs).toEqual([2, -1, 4, -3, 6, -5]);
    });

    describe.each([
      ['an output', 'o', ['o', '|']],
      ['an error', undefined, ['ABORTED']],
    ])('when a callback writes and ends the stream with %s', (_what, output, outcome) => {
      const prepared = () => {
        const streams = createManager(testScheduler());
        const input = streams.open<string, string>('s');
        const stream = streams.subscribe<string, string>('s');
        const end = (): void => {
          if (output === undefined) input.error({ code: 'ABORTED' });
          else input.complete(output);
        };
        return { input, stream, end };
      };
      const endOf = outcome.at(-1);

      it('gives everybody all chunks first', () => {
        const { input, stream, end } = prepared();
        const before = noted(stream);
        const writer = noted(stream, (chunk) => {
          if (chunk !== 'a') return;
          input.next('b');
          end();
        });
        const after = noted(stream);
        input.next('a');
        expect([before, writer, after]).toEqual(Array(3).fill(['a', 'b', endOf]));
      });

      it('gives the rest of a replay first', () => {
        const { input, stream, end } = prepared();
        input.next('a');
        input.next('b');
        const seen = noted(stream, (chunk) => {
          if (chunk !== 'a') return;
          input.next('c');
          end();
        });
        expect(seen).toEqual(['a', 'b', 'c', endOf]);
      });

      it('shows no outcome in any view before the last chunk has been shown to all', () => {
        const { input, stream, end } = prepared();
        const log: string[] = [];
        const note = (name: string) => ({
          next: (value: string) => log.push(`${name} ${value}`),
          error: () => log.push(`${name} error`),
        });
        stream.output().subscribe(note('output'));
        stream.status().subscribe(note('status'));
        stream.events().pipe(map(eventWord)).subscribe(note('events'));
        noted(stream, (chunk) => {
          if (chunk !== 'a') return;
          input.next('b');
          end();
        });
        stream.subscribe(note('chunks'));
        input.next('a');
        const ends = log.findIndex((line) => /error|done|output/.test(line));
        expect(log.slice(0, ends)).toEqual(['status open', 'events a', 'chunks a', 'events b', 'chunks b']);
        expect(log.slice(ends)).toHaveLength(output === undefined ? 4 : 3);
      });

      it('gives those who come between the call and the end all of it too', () => {
        const { input, stream, end } = prepared();
        const late: unknown[][] = [];
        stream.subscribe({
          next: (chunk) => {
            if (chunk !== 'a') return;
            input.next('b');
            end();
            late.push(noted(stream), noted(stream.output()), noted(stream.status()));
          },
          error: () => undefined,
        });
        input.next('a');
        const status = output === undefined ? 'error' : 'done';
        expect(late).toEqual([['a', 'b', endOf], outcome, [status, '|']]);
      });

      it('gives those who come while the end is being told all of it too', async () => {
        const { input, stream, end } = prepared();
        const late: unknown[][] = [];
        const pulls: Promise<string[]>[] = [];
        const come = (): void => {
          late.push(noted(stream), noted(stream.output()));
          pulls.push(pulled(stream));
        };
        stream.subscribe({ error: come, complete: come });
        const sibling = noted(stream);
        input.next('a');
        end();
        expect(late).toEqual([['a', endOf], outcome]);
        expect(sibling).toEqual(['a', endOf]);
        const [result] = await Promise.allSettled(pulls);
        expect(result).toMatchObject(
          output === undefined ? { status: 'rejected', reason: { code: 'ABORTED' } } : { value: ['a'] },
        );
      });
    });

    it.each(['first', 'last'])(
      'gives all of it to those who come in a callback of the %s in line',
      (place) => {
        const streams = createManager(testScheduler());
        const input = streams.open<string>('s');
        const stream = streams.subscribe<string>('s');
        const late: unknown[][] = [];
        const sibling = place === 'last' ? noted(stream) : undefined;
        stream.subscribe((chunk) => {
          late.push(noted(stream));
          if (chunk === 'a') input.next('b');
          late.push(noted(stream));
        });
        const other = sibling ?? noted(stream);
        input.next('a');
        input.next('c');
        expect(late).toEqual(Array(6).fill(['a', 'b', 'c']));
        expect(other).toEqual(['a', 'b', 'c']);
      },
    );

    it('gives all of it to those who come in a callback of a replay', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const stream = streams.subscribe<string>('s');
      input.next('a');
      input.next('b');
      const late: unknown[][] = [];
      stream.subscribe((chunk) => {
        late.push(noted(stream));
        if (chunk === 'a') input.next('c');
      });
      input.complete();
      expect(late).toEqual(Array(3).fill(['a', 'b', 'c', '|']));
    });

    it('shows those who come in a callback nothing that its siblings wait for', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const stream = streams.subscribe<string>('s');
      const log: string[] = [];
      stream.subscribe((chunk) => {
        log.push(`first ${chunk}`);
        if (chunk !== 'a') return;
        input.next('b');
        stream.subscribe((again) => log.push(`late ${again}`));
      });
      stream.subscribe((chunk) => log.push(`second ${chunk}`));
      input.next('a');
      expect(log).toEqual(['first a', 'late a', 'second a', 'first b', 'second b', 'late b']);
    });

    it('has the last event as its last, whatever was written in callbacks', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      input.next('a');
      input.next('b');
      const stream = streams.subscribe<string, string>('s');
      const lasts = noted(stream.events().pipe(last(), map(eventWord)));
      const events = noted(stream.events().pipe(map(eventWord)), (word) => {
        if (word === 'a') input.next('c');
        if (word === 'b') input.complete('o');
      });
      expect(events).toEqual(['a', 'b', 'c', 'done:o', '|']);
      expect(lasts).toEqual(['done:o', '|']);
    });
  });
}
