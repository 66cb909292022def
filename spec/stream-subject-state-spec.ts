import { map, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { StreamSubject } from '../lib/index.js';
import { unhandledBy } from './support/unhandled.js';
import { codeOf, noted } from './support/views.js';

describe('StreamSubject, asked how it is:', () => {
  describe('status', () => {
    it('is open until the end', () => {
      const done = new StreamSubject<string, string>();
      const failed = new StreamSubject<string>();
      done.next('a');
      expect([done.status, failed.status]).toEqual(['open', 'open']);
      done.complete('o');
      failed.error(new Error('failed'));
      expect([done.status, failed.status]).toEqual(['done', 'error']);
    });

    it('is that of the end for whoever is being told it', () => {
      const subject = new StreamSubject<string>();
      const seen: string[] = [];
      subject.subscribe({
        next: () => seen.push(subject.status),
        complete: () => seen.push(subject.status),
      });
      subject.next('a');
      subject.complete();
      expect(seen).toEqual(['open', 'done']);
    });

    it('is that of the end as soon as a callback has ended it, before others are told', () => {
      const subject = new StreamSubject<string>();
      const seen: string[] = [];
      subject.subscribe((chunk) => {
        if (chunk !== 'a') return;
        subject.next('b');
        subject.complete();
        seen.push(`${subject.status} ${subject.length}`);
      });
      subject.subscribe((chunk) => seen.push(chunk));
      subject.next('a');
      expect(seen).toEqual(['done 2', 'a', 'b']);
    });
  });

  describe('length', () => {
    it('is how many chunks were written, also those that nobody has seen yet', () => {
      const subject = new StreamSubject<string>();
      const lengths = [subject.length];
      subject.subscribe((chunk) => {
        if (chunk === 'a') subject.next('b');
        lengths.push(subject.length);
      });
      subject.next('a');
      subject.next('c');
      subject.complete();
      lengths.push(subject.length);
      expect(lengths).toEqual([0, 2, 2, 3, 3]);
    });
  });

  describe('observed', () => {
    it.each<[string, (subject: StreamSubject<string>) => Observable<unknown>]>([
      ['its chunks', (subject) => subject],
      ['an operator', (subject) => subject.pipe(map((chunk) => chunk))],
      ['asObservable()', (subject) => subject.asObservable()],
      ['events()', (subject) => subject.asObservable().events()],
      ['output()', (subject) => subject.asObservable().output()],
      ['status()', (subject) => subject.asObservable().status()],
    ])('is true while anybody subscribes to %s', (_what, view) => {
      const subject = new StreamSubject<string>();
      const seen = [subject.observed];
      const [first, second] = [view(subject).subscribe(), view(subject).subscribe()];
      seen.push(subject.observed);
      first.unsubscribe();
      seen.push(subject.observed);
      second.unsubscribe();
      seen.push(subject.observed);
      view(subject).subscribe();
      seen.push(subject.observed);
      subject.complete();
      seen.push(subject.observed);
      view(subject).subscribe();
      seen.push(subject.observed);
      expect(seen).toEqual([false, true, true, false, true, false, false]);
    });

    it('is true while a pull waits, and false between pulls', async () => {
      const subject = new StreamSubject<string>();
      const chunks = subject.asObservable()[Symbol.asyncIterator]();
      const seen = [subject.observed];
      const pulls = [chunks.next(), chunks.next()];
      seen.push(subject.observed);
      subject.next('a');
      seen.push(subject.observed);
      subject.next('b');
      seen.push(subject.observed);
      subject.next('c');
      await Promise.all([...pulls, chunks.next()]);
      seen.push(subject.observed);
      void chunks.next();
      seen.push(subject.observed);
      await chunks.return?.();
      seen.push(subject.observed);
      expect(seen).toEqual([false, true, true, false, false, true, false]);
    });
  });

  describe('after its end', () => {
    const ENDS: [string, (subject: StreamSubject<string, string>) => void][] = [
      [
        'complete()',
        (subject) => {
          subject.complete('o');
        },
      ],
      [
        'error()',
        (subject) => {
          subject.error({ code: 'ABORTED' });
        },
      ],
    ];

    it.each(ENDS)('throws FAILED_PRECONDITION at every call and stays as it is: %s', async (_end, end) => {
      const subject = new StreamSubject<string, string>('s');
      subject.next('a');
      end(subject);
      const before = [subject.status, subject.length, noted(subject), noted(subject.asObservable().output())];
      const calls = [
        () => {
          subject.next('b');
        },
        () => {
          subject.complete('other');
        },
        () => {
          subject.error(new Error('other'));
        },
      ];
      for (const call of calls) expect(await codeOf(call)).toBe('FAILED_PRECONDITION');
      expect([
        subject.status,
        subject.length,
        noted(subject),
        noted(subject.asObservable().output()),
      ]).toEqual(before);
    });

    it('throws into the callback that writes after it ended the stream', async () => {
      const subject = new StreamSubject<string>();
      const sibling = noted(subject);
      const unhandled = await unhandledBy(() => {
        subject.subscribe(() => {
          subject.complete();
          subject.next('b');
        });
        subject.next('a');
      });
      expect(unhandled).toMatchObject([{ code: 'FAILED_PRECONDITION' }]);
      expect(sibling).toEqual(['a', '|']);
    });
  });

  it('has a name and a generation', () => {
    const [named, unnamed] = [new StreamSubject('answer', 3), new StreamSubject()];
    expect([named.id, named.generation]).toEqual(['answer', 3]);
    expect([unnamed.id, unnamed.generation]).toEqual(['stream', 0]);
  });
});
