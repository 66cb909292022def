import {
  BehaviorSubject,
  config,
  Observable,
  ReplaySubject,
  Subject,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { InMemoryStreamManager, type StreamError } from '../lib/index.js';
import { testScheduler } from './support/marbles.js';
import { noted } from './support/views.js';

describe('DurableStream', () => {
  const prepared = (...chunks: string[]) => {
    const streams = new InMemoryStreamManager({ scheduler: testScheduler() });
    const input = streams.open<string, string>('s');
    for (const chunk of chunks) input.next(chunk);
    return { input, stream: streams.subscribe<string, string>('s') };
  };

  describe('takes observers of any form:', () => {
    it('three callbacks, as RxJS still does', () => {
      const { input, stream } = prepared('a');
      const seen: string[] = [];
      const next = (chunk: string): void => {
        seen.push(chunk);
      };
      const complete = (): void => {
        seen.push('|');
      };
      /* eslint-disable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer -- They still have to work. */
      stream.subscribe(next, undefined, complete);
      stream.subscribe(next, null, null);
      stream.subscribe(null, null, complete);
      stream.subscribe(undefined, undefined, complete);
      /* eslint-enable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer */
      input.next('b');
      input.complete();
      expect(seen).toEqual(['a', 'a', 'b', 'b', '|', '|', '|']);
    });

    it('three callbacks, of which one is for the error', () => {
      const { input, stream } = prepared('a');
      const seen: unknown[] = [];
      const note = (error: unknown): void => {
        seen.push((error as StreamError).code);
      };
      /* eslint-disable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer -- As above. */
      const subscription = stream.subscribe((chunk) => seen.push(chunk), note);
      stream.subscribe(null, note);
      /* eslint-enable @typescript-eslint/no-deprecated, rxjs-x/prefer-observer */
      input.error({ code: 'ABORTED' });
      expect(seen).toEqual(['a', 'ABORTED', 'ABORTED']);
      expect(subscription.closed).toBe(true);
    });

    it.each<[string, Subject<string>]>([
      ['a Subject', new Subject()],
      ['a BehaviorSubject', new BehaviorSubject('a')],
      ['a ReplaySubject', new ReplaySubject()],
    ])('%s', (_kind, subject) => {
      const { input, stream } = prepared();
      const seen = noted(subject);
      seen.length = 0;
      const subscription = stream.subscribe(subject);
      input.next('a');
      input.next('b');
      input.complete();
      expect(seen).toEqual(['a', 'b', '|']);
      expect(subscription.closed).toBe(true);
    });

    it('a Subject that is left by the stream alone', () => {
      const { input, stream } = prepared();
      const subject = new Subject<string>();
      const seen = noted(subject);
      const subscription = stream.subscribe(subject);
      input.next('a');
      subscription.unsubscribe();
      input.next('b');
      subject.next('c');
      expect(seen).toEqual(['a', 'c']);
    });

    it('a Subscriber, which is then closed by whichever ends first', () => {
      const { input, stream } = prepared('a');
      const seen: string[] = [];
      const subscribers: Subscriber<string>[] = [];
      new Observable<string>((subscriber) => {
        subscribers.push(subscriber);
        const subscription = stream.subscribe(subscriber);
        expect(subscription).toBe(subscriber);
      }).subscribe((chunk) => seen.push(chunk));
      input.next('b');
      subscribers[0]?.complete();
      input.next('c');
      expect(seen).toEqual(['a', 'b']);
    });

    it('one that happens to have a method add()', () => {
      class Total {
        sum = 0;
        add(size: number): void {
          this.sum += size;
        }
        next(chunk: string): void {
          this.add(chunk.length);
        }
      }
      const { input, stream } = prepared('a');
      const total = new Total();
      const subscription = stream.subscribe(total);
      input.next('bc');
      subscription.unsubscribe();
      input.next('d');
      expect(total.sum).toBe(3);
    });

    it('none at all', () => {
      const { input, stream } = prepared('a');
      const subscriptions = [stream.subscribe(), stream.subscribe(undefined), stream.subscribe(null)];
      input.complete();
      expect(subscriptions.map(({ closed }) => closed)).toEqual([true, true, true]);
    });
  });

  describe("follows RxJS's deprecated settings:", () => {
    /* eslint-disable @typescript-eslint/no-deprecated -- They are what this is about. */
    afterEach(() => {
      config.useDeprecatedSynchronousErrorHandling = false;
      config.useDeprecatedNextContext = false;
      vi.restoreAllMocks();
    });

    it('what an observer throws in a replay is thrown by subscribe()', () => {
      const { stream } = prepared('a');
      vi.spyOn(console, 'warn').mockReturnValue(undefined);
      config.useDeprecatedSynchronousErrorHandling = true;
      expect(() =>
        stream.subscribe(() => {
          throw new Error('thrown');
        }),
      ).toThrow('thrown');
    });

    it('an observer may unsubscribe by its context', () => {
      const { input, stream } = prepared('a', 'b');
      const seen: string[] = [];
      config.useDeprecatedNextContext = true;
      stream.subscribe({
        next(chunk) {
          seen.push(chunk);
          if (chunk === 'b') (this as unknown as Subscription).unsubscribe();
        },
      });
      input.next('c');
      expect(seen).toEqual(['a', 'b']);
    });
    /* eslint-enable @typescript-eslint/no-deprecated */
  });
});
