import { finalize, map, type Observable, type Observer, Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { ManagerFactory } from '../support/manager-factory.js';
import { testScheduler } from '../support/marbles.js';
import { unhandledBy } from '../support/unhandled.js';
import { byCode, noted } from '../support/views.js';

type Path = <T>(chunks: Observable<T>) => Observable<T>;

/** Plain observers are served without RxJS's wrapping, what is behind an operator with it. */
const PATHS: [string, Path][] = [
  ['as a plain observer', (chunks) => chunks],
  ['behind an operator', (chunks) => chunks.pipe(map((chunk) => chunk))],
];

const ENDS = ['done', 'error'] as const;

const fail = (reason: string): never => {
  throw reason;
};

export function isolation(createManager: ManagerFactory): void {
  describe('Promise 4: a subscriber hurts only itself', () => {
    describe.each(PATHS)('%s', (_path, through) => {
      const prepared = (...chunks: string[]) => {
        const streams = createManager(testScheduler());
        const input = streams.open<string>('s');
        for (const chunk of chunks) input.next(chunk);
        const stream$ = through(streams.subscribe<string>('s'));
        const end = (how: (typeof ENDS)[number]): void => {
          if (how === 'done') input.complete();
          else input.error({ code: 'ABORTED' });
        };
        return { input, stream$, end };
      };
      const noteOf = (how: (typeof ENDS)[number]): string => (how === 'done' ? '|' : 'ABORTED');

      it('gives the chunks after one at which it threw, to it and to its siblings', async () => {
        const { input, stream$ } = prepared('a', 'b');
        const notes: unknown[][] = [];
        const unhandled = await unhandledBy(() => {
          notes.push(noted(stream$));
          notes.push(noted(stream$, (chunk) => fail(`thrown at ${chunk}`)));
          notes.push(noted(stream$));
          input.next('c');
          input.next('d');
          input.complete();
        });
        expect(notes).toEqual(Array(3).fill(['a', 'b', 'c', 'd', '|']));
        expect(unhandled).toEqual(['a', 'b', 'c', 'd'].map((chunk) => `thrown at ${chunk}`));
      });

      it('reports what a bare function throws', async () => {
        const { input, stream$ } = prepared('a');
        const seen: string[] = [];
        const unhandled = await unhandledBy(() => {
          stream$.subscribe((chunk) => {
            seen.push(chunk);
            fail(chunk);
          });
          input.next('b');
          input.complete();
        });
        expect(seen).toEqual(['a', 'b']);
        expect(unhandled).toEqual(['a', 'b']);
      });

      it('reports what all of many throw', async () => {
        const { input, stream$ } = prepared();
        const unhandled = await unhandledBy(() => {
          for (const name of ['first', 'second', 'third']) stream$.subscribe(() => fail(name));
          input.next('a');
        });
        expect(unhandled).toEqual(['first', 'second', 'third']);
      });

      it.each(ENDS)('gives its siblings the end after it threw at it (%s)', async (how) => {
        const { stream$, end } = prepared('a');
        const before = noted(stream$);
        let after: unknown[] = [];
        let subscription = Subscription.EMPTY;
        let finalized = 0;
        const unhandled = await unhandledBy(() => {
          subscription = stream$.subscribe({
            error: () => fail('thrown at error'),
            complete: () => fail('thrown at done'),
          });
          subscription.add(() => finalized++);
          after = noted(stream$);
          end(how);
        });
        expect(unhandled).toEqual([`thrown at ${how}`]);
        expect([before, after]).toEqual(Array(2).fill(['a', noteOf(how)]));
        expect([subscription.closed, finalized]).toEqual([true, 1]);
      });

      it.each(ENDS)('reports what it throws at the end of a finished stream (%s)', async (how) => {
        const { stream$, end } = prepared('a');
        end(how);
        let subscription = Subscription.EMPTY;
        const unhandled = await unhandledBy(() => {
          subscription = stream$.subscribe({
            error: () => fail('thrown at error'),
            complete: () => fail('thrown at done'),
          });
        });
        expect(unhandled).toEqual([`thrown at ${how}`]);
        expect(subscription.closed).toBe(true);
        expect(noted(stream$)).toEqual(['a', noteOf(how)]);
      });

      it.each(ENDS)('gives its siblings the end after its teardown threw (%s)', async (how) => {
        const { stream$, end } = prepared('a');
        const before = noted(stream$);
        let after: unknown[] = [];
        const unhandled = await unhandledBy(() => {
          stream$.pipe(finalize(() => fail('thrown at teardown'))).subscribe({ error: () => undefined });
          stream$.subscribe({ error: () => undefined }).add(() => fail('thrown at teardown'));
          after = noted(stream$);
          end(how);
        });
        expect(unhandled).toMatchObject(Array(2).fill({ errors: ['thrown at teardown'] }));
        expect([before, after]).toEqual(Array(2).fill(['a', noteOf(how)]));
      });

      it('gets nothing after it unsubscribed in a callback, while its siblings go on', () => {
        const { input, stream$ } = prepared();
        const before = noted(stream$);
        const seen: string[] = [];
        let finalized = 0;
        const subscription = stream$.subscribe((chunk) => {
          seen.push(chunk);
          input.next(`after ${chunk}`);
          subscription.unsubscribe();
          subscription.unsubscribe();
        });
        subscription.add(() => finalized++);
        const after = noted(stream$);
        input.next('a');
        input.next('b');
        expect(seen).toEqual(['a']);
        expect(finalized).toBe(1);
        expect([before, after]).toEqual(Array(2).fill(['a', 'after a', 'b']));
      });

      it('gets nothing more once a sibling has unsubscribed it, while others go on', () => {
        const { input, stream$ } = prepared();
        const seen: string[] = [];
        const victims = new Subscription();
        const victim = (): void => {
          victims.add(
            stream$.subscribe((chunk) => {
              seen.push(chunk);
            }),
          );
        };
        victim();
        stream$.subscribe((chunk) => {
          if (chunk === 'b') victims.unsubscribe();
        });
        victim();
        const after = noted(stream$);
        input.next('a');
        input.next('b');
        input.next('c');
        expect(seen).toEqual(['a', 'a', 'b']);
        expect(after).toEqual(['a', 'b', 'c']);
      });

      it('changes nothing for its siblings by coming back in a callback', () => {
        const { input, stream$ } = prepared();
        const before = noted(stream$);
        const visits: string[][] = [];
        const visit = (): void => {
          const seen: string[] = [];
          visits.push(seen);
          const subscription = new Subscription();
          subscription.add(
            stream$.subscribe((chunk) => {
              seen.push(chunk);
              if (chunk !== 'b' || visits.length > 3) return;
              subscription.unsubscribe();
              visit();
            }),
          );
        };
        visit();
        const after = noted(stream$);
        for (const chunk of ['a', 'b', 'c']) input.next(chunk);
        input.complete();
        expect(visits).toEqual([...Array<string[]>(3).fill(['a', 'b']), ['a', 'b', 'c']]);
        expect([before, after]).toEqual(Array(2).fill(['a', 'b', 'c', '|']));
      });

      it.each(ENDS)('gets all of it again if it comes back at the end (%s)', (how) => {
        const { stream$, end } = prepared('a');
        const again: unknown[][] = [];
        const comeBack = (): void => {
          again.push(noted(stream$));
        };
        stream$.subscribe({ error: comeBack, complete: comeBack });
        const sibling = noted(stream$);
        end(how);
        expect([...again, sibling]).toEqual(Array(2).fill(['a', noteOf(how)]));
      });

      it.each(ENDS)('may unsubscribe itself and others in the callback of the end (%s)', (how) => {
        const { stream$, end } = prepared('a');
        const log: string[] = [];
        const all = new Subscription();
        const subscribe = (name: string): void => {
          const leave = (): void => {
            log.push(`${name} ended`);
            all.unsubscribe();
          };
          const subscription = stream$.subscribe({ error: leave, complete: leave });
          subscription.add(() => log.push(`${name} finalized`));
          all.add(subscription);
        };
        subscribe('first');
        subscribe('second');
        const sibling = noted(stream$);
        end(how);
        expect(log).toEqual(['first ended', 'first finalized', 'second finalized']);
        expect(sibling).toEqual(['a', noteOf(how)]);
      });

      it.each(ENDS)('is told the end before its teardowns run, once each (%s)', (how) => {
        const { stream$, end } = prepared('a');
        const log: string[] = [];
        const tell = (): void => {
          log.push(`told, ${subscription.closed ? 'closed' : 'not closed'}`);
        };
        const subscription = stream$
          .pipe(finalize(() => log.push('finalized')))
          .subscribe({ error: tell, complete: tell });
        subscription.add(() => log.push('added'));
        end(how);
        subscription.unsubscribe();
        subscription.add(() => log.push('added later'));
        expect(log).toEqual(['told, not closed', 'finalized', 'added', 'added later']);
        expect(subscription.closed).toBe(true);
      });

      it.each(ENDS)('runs what is added to it, once, whichever way it ends (%s)', (how) => {
        const { input, stream$, end } = prepared('a');
        const log: string[] = [];
        const ends: Partial<Observer<string>> = {
          error: () => log.push('told'),
          complete: () => log.push('told'),
        };
        const ended = stream$.subscribe(ends);
        ended.add(() => log.push('ended'));
        const left = stream$.subscribe(ends);
        left.add(() => log.push('left'));
        const removed = (): void => {
          log.push('removed');
        };
        ended.add(removed);
        ended.remove(removed);
        left.unsubscribe();
        input.next('b');
        end(how);
        left.unsubscribe();
        ended.unsubscribe();
        expect(log).toEqual(['left', 'told', 'ended']);
      });

      it('takes observers of which something is missing', async () => {
        const { input, stream$, end } = prepared('a');
        const seen: string[] = [];
        const unhandled = await unhandledBy(() => {
          stream$.subscribe();
          stream$.subscribe({});
          stream$.subscribe({ next: (chunk) => seen.push(chunk) });
          stream$.subscribe({ complete: () => seen.push('|') });
          stream$.subscribe({ error: () => seen.push('#') });
          input.next('b');
          end('done');
        });
        expect(unhandled).toEqual([]);
        expect(seen).toEqual(['a', 'b', '|']);
      });

      it('reports an error that it has no handler for, once for each subscription', async () => {
        const { stream$, end } = prepared('a');
        let handled: unknown[] = [];
        const unhandled = await unhandledBy(() => {
          stream$.subscribe();
          stream$.subscribe(() => undefined);
          stream$.subscribe({ complete: () => undefined });
          handled = noted(stream$);
          stream$.subscribe().unsubscribe();
          end('error');
          stream$.subscribe();
        });
        expect(unhandled).toMatchObject(Array(4).fill({ code: 'ABORTED' }));
        expect(handled).toEqual(['a', 'ABORTED']);
      });

      it('calls the methods of an observer on that observer', () => {
        class Chunks {
          readonly seen: string[] = [];
          next(chunk: string): void {
            this.seen.push(chunk);
          }
          error(): void {
            this.seen.push('#');
          }
          complete(): void {
            this.seen.push('|');
          }
        }
        const { stream$, end } = prepared('a');
        const observer = new Chunks();
        stream$.subscribe(observer);
        end('done');
        expect(observer.seen).toEqual(['a', '|']);
      });
    });

    it('changes nothing for the views of siblings by throwing', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const stream = streams.subscribe<string, string>('s');
      const notes: unknown[][] = [];
      const unhandled = await unhandledBy(() => {
        stream.subscribe(() => fail('chunks'));
        stream.events().subscribe(() => fail('events'));
        stream.status().subscribe(() => fail('status'));
        stream.output().subscribe(() => fail('output'));
        notes.push(noted(byCode(stream)), noted(stream.status()), noted(stream.output()));
        input.next('a');
        input.complete('o');
      });
      expect(notes).toEqual([
        ['a', '|'],
        ['open', 'done', '|'],
        ['o', '|'],
      ]);
      expect(unhandled).toEqual(['status', 'chunks', 'events', 'events', 'status', 'output']);
    });

    it('changes nothing for the producer by throwing, unsubscribing or coming back', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const stream = streams.subscribe<string>('s');
      const offsets: string[] = [];
      const unhandled = await unhandledBy(async () => {
        stream.subscribe(() => fail('thrown'));
        const leaver = stream.subscribe(() => {
          leaver.unsubscribe();
          noted(stream);
        });
        offsets.push(await input.write('a'), await input.write('b'));
        input.complete();
      });
      expect(unhandled).toEqual(['thrown', 'thrown']);
      expect(offsets).toHaveLength(new Set(offsets).size);
      expect([input.status, input.closed, offsets[1]]).toEqual(['done', true, input.tail]);
    });
  });
}
