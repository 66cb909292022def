import { map, Observable, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { StreamError, StreamSubject } from '../lib/index.js';
import { marbles } from './support/marbles.js';
import { unhandledBy } from './support/unhandled.js';
import { byCode, eventWord, noted, pulled } from './support/views.js';

const DEEP = 100_000;

describe('StreamSubject', () => {
  describe('as a subject that replays', () => {
    it(
      'gives everything to everybody',
      marbles((m) => {
        const source = m.hot('  -a-b-c------d-e--|');
        const first = '         ^';
        const expectedFirst = ' -a-b-c------d-e--|';
        const second = '        ------^';
        const expectedSecond = '------(abc)-d-e--|';
        const third = '         ------------------^';
        const expectedThird = ' ------------------(abcde|)';
        const subject = new StreamSubject<string>();

        source.subscribe(subject);

        m.expect(subject, first).toBeObservable(expectedFirst);
        m.expect(subject, second).toBeObservable(expectedSecond);
        m.expect(subject, third).toBeObservable(expectedThird);
      }),
    );

    it(
      'gives everything and the error to everybody',
      marbles((m) => {
        const source = m.hot('  -a-b-c------d-e--#', undefined, { code: 'ABORTED' });
        const first = '         ^';
        const expectedFirst = ' -a-b-c------d-e--#';
        const second = '        ------^';
        const expectedSecond = '------(abc)-d-e--#';
        const third = '         ------------------^';
        const expectedThird = ' ------------------(abcde#)';
        const subject = new StreamSubject<string>();
        const chunks$ = byCode(subject);

        source.subscribe(subject);

        m.expect(chunks$, first).toBeObservable(expectedFirst, undefined, 'ABORTED');
        m.expect(chunks$, second).toBeObservable(expectedSecond, undefined, 'ABORTED');
        m.expect(chunks$, third).toBeObservable(expectedThird, undefined, 'ABORTED');
      }),
    );

    it(
      'lets subscribers come and go',
      marbles((m) => {
        const source = m.hot('  -a-b----c-----d---e-|');
        const first = '         ^---!';
        const expectedFirst = ' -a-b-';
        const second = '        ----^------!';
        const expectedSecond = '----(ab)c---';
        const third = '         ---------^-------!';
        const expectedThird = ' ---------(abc)d--';
        const subject = new StreamSubject<string>();

        source.subscribe(subject);

        m.expect(subject, first).toBeObservable(expectedFirst);
        m.expect(subject, second).toBeObservable(expectedSecond);
        m.expect(subject, third).toBeObservable(expectedThird);
      }),
    );

    it(
      'stays open when its source is left, for another source',
      marbles((m) => {
        const source = m.hot('      -a-b-c-d-|');
        const sourceSubs = '        ^---!';
        const another = m.cold('          -x-|');
        const expected = '          -a-b---x-|';
        const subject = new StreamSubject<string>();

        const subscription = source.subscribe(subject);
        m.scheduler.schedule(() => {
          subscription.unsubscribe();
        }, 4);
        m.scheduler.schedule(() => another.subscribe(subject), 6);

        m.expect(source).toHaveSubscriptions(sourceSubs);
        m.expect(subject).toBeObservable(expected);
      }),
    );

    it(
      'merges sources, and ends with the first that ends',
      marbles((m) => {
        const letters = m.hot('  -a---b---c-|');
        const numbers = m.hot('  ---1---2---------');
        const expected = '       -a-1-b-2-c-|';
        const subject = new StreamSubject<string>();

        numbers.subscribe(subject);
        letters.subscribe(subject);

        m.expect(subject).toBeObservable(expected);
      }),
    );

    it(
      'serves operators',
      marbles((m) => {
        const source = m.hot('  -a-b------c-|');
        const late = '          ----^';
        const expected = '      ----(AB)--C-|';
        const subject = new StreamSubject<string>();

        source.subscribe(subject);

        m.expect(subject.pipe(map((chunk) => chunk.toUpperCase())), late).toBeObservable(expected);
      }),
    );

    it.each([
      ['never ends', '-', '-'],
      ['is empty', '|', '----|'],
      ['only fails', '#', '----#'],
    ])('replays a source that %s', (_what, marble, expected) => {
      marbles((m) => {
        const subject = new StreamSubject<string>();
        m.cold<string>(marble).subscribe(subject);
        m.expect(byCode(subject), '----^').toBeObservable(expected, undefined, 'UNKNOWN');
      })();
    });

    it('gives chunks by reference, whatever they are', () => {
      const chunks = [undefined, null, 0, NaN, '', false, {}, [], () => undefined, Symbol('chunk')];
      const subject = new StreamSubject<unknown>();
      for (const chunk of chunks) subject.next(chunk);
      subject.complete();
      const seen = noted(subject);
      expect(subject.length).toBe(chunks.length);
      expect(seen).toHaveLength(chunks.length + 1);
      expect(chunks.every((chunk, index) => Object.is(chunk, seen[index]))).toBe(true);
    });

    it('gives a chunk to its subscribers in the order they came, also after others have left', () => {
      const subject = new StreamSubject<string>();
      const seen: number[] = [];
      const subscriptions = Array.from({ length: 1_000 }, (_, name) =>
        subject.subscribe(() => seen.push(name)),
      );
      subscriptions.forEach((subscription, name) => {
        if (name % 3 !== 0) subscription.unsubscribe();
      });
      subject.subscribe(() => seen.push(1_000));
      subject.next('a');
      expect(seen).toEqual([...Array.from({ length: 334 }, (_, index) => index * 3), 1_000]);
    });

    it('serves whoever comes after everybody has left', () => {
      const subject = new StreamSubject<string>();
      const subscriptions = Array.from({ length: 100 }, () => subject.subscribe());
      subject.next('a');
      for (const subscription of subscriptions) subscription.unsubscribe();
      subject.next('b');
      const late = noted(subject);
      subject.next('c');
      expect(late).toEqual(['a', 'b', 'c']);
    });
  });

  describe('as an observer', () => {
    it('takes all that an observable gives', () => {
      const subject = new StreamSubject<string>();
      of('a', 'b').subscribe(subject);
      expect(noted(subject)).toEqual(['a', 'b', '|']);
    });

    it('stands behind a subject', () => {
      const source = new Subject<string>();
      const subject = new StreamSubject<string>();
      source.subscribe(subject);
      source.next('a');
      const seen = noted(subject);
      source.next('b');
      source.error({ code: 'ABORTED' });
      expect(seen).toEqual(['a', 'b', 'ABORTED']);
      expect(source.observed).toBe(false);
    });

    it('stands behind another of its kind', () => {
      const source = new StreamSubject<string>();
      const subject = new StreamSubject<string>();
      source.next('a');
      source.subscribe(subject);
      source.next('b');
      source.complete();
      expect(noted(subject)).toEqual(['a', 'b', '|']);
    });

    it('makes RxJS report each value of a source that goes on after its end', async () => {
      const subject = new StreamSubject<string>();
      subject.complete();
      const unhandled = await unhandledBy(() => {
        of('a', 'b').subscribe(subject);
      });
      expect(unhandled).toMatchObject(Array(3).fill({ code: 'FAILED_PRECONDITION' }));
      expect(subject.length).toBe(0);
    });
  });

  describe('keeps the stack flat', () => {
    const all = Array.from({ length: DEEP }, (_, index) => index);

    it.each([
      ['a plain observer', (chunks: Observable<number>) => chunks],
      ['an operator', (chunks: Observable<number>) => chunks.pipe(map((chunk) => chunk))],
    ])('through 100,000 nested writes of %s', (_path, through) => {
      const subject = new StreamSubject<number>();
      through(subject).subscribe((chunk) => {
        if (chunk + 1 < DEEP) subject.next(chunk + 1);
        else subject.complete();
      });
      const sibling = noted(subject);
      subject.next(0);
      expect(subject.length).toBe(DEEP);
      expect(sibling.pop()).toBe('|');
      expect(sibling).toEqual(all);
    });

    it('through 100,000 nested writes during a replay', () => {
      const subject = new StreamSubject<number>();
      subject.next(0);
      const seen = noted(subject, (chunk) => {
        if (chunk + 1 < DEEP) subject.next(chunk + 1);
      });
      expect(seen).toEqual(all);
    });

    it('where two write to each other', () => {
      const [ping, pong] = [new StreamSubject<number>(), new StreamSubject<number>()];
      ping.subscribe((chunk) => {
        pong.next(chunk);
      });
      pong.subscribe((chunk) => {
        if (chunk + 1 < DEEP) ping.next(chunk + 1);
      });
      ping.next(0);
      expect(noted(pong)).toEqual(all);
    });
  });

  describe('asObservable()', () => {
    it('is a view to read only', () => {
      const stream = new StreamSubject<string>().asObservable();
      expect(stream).toBeInstanceOf(Observable);
      expect(['next', 'error', 'complete'].filter((name) => name in stream)).toEqual([]);
    });

    it('has all views of the one stream', async () => {
      const subject = new StreamSubject<string, string>();
      const stream = subject.asObservable();
      const events = noted(stream.events().pipe(map(eventWord)));
      const output = noted(stream.output());
      const status = noted(stream.status());
      subject.next('a');
      subject.complete('o');
      expect(events).toEqual(['a', 'done:o', '|']);
      expect(output).toEqual(['o', '|']);
      expect(status).toEqual(['open', 'done', '|']);
      expect(noted(stream)).toEqual(['a', '|']);
      expect(await pulled(stream)).toEqual(['a']);
    });

    it('has events with the offsets that offsetAt() gives', () => {
      const subject = new StreamSubject<string, string>('s', 7);
      subject.next('a');
      subject.next('b');
      subject.complete('o');
      const offsets: string[] = [];
      subject
        .asObservable()
        .events()
        .subscribe(({ offset }) => offsets.push(offset));
      expect(offsets).toEqual([subject.offsetAt(1), subject.offsetAt(2), subject.offsetAt(2)]);
      expect(subject.offsetAt(0) < subject.offsetAt(1)).toBe(true);
    });

    it('tells complete() from complete(undefined)', () => {
      const [none, one] = [new StreamSubject<string, undefined>(), new StreamSubject<string, undefined>()];
      none.complete();
      one.complete(undefined);
      expect(noted(none.asObservable().output())).toEqual(['|']);
      expect(noted(one.asObservable().output())).toEqual([undefined, '|']);
    });
  });

  describe('error()', () => {
    const errorOf = (error: unknown): unknown => {
      const subject = new StreamSubject<string>();
      let seen: unknown;
      subject.subscribe({ error: (given: unknown) => (seen = given) });
      subject.error(error);
      return seen;
    };

    it('passes a StreamError on as it is', () => {
      const error = new StreamError('DATA_LOSS', 'lost');
      expect(errorOf(error)).toBe(error);
    });

    it('takes an error of another copy of the library for what it is', () => {
      const error = { name: 'StreamError', code: 'DATA_LOSS', message: 'lost' };
      expect(errorOf(error)).toBe(error);
    });

    it('makes any other error a StreamError with the original as its cause', () => {
      const original = new RangeError('too far');
      const error = errorOf(original);
      expect(error).toBeInstanceOf(StreamError);
      expect(error).toMatchObject({ code: 'UNKNOWN', message: 'too far', cause: original });
    });

    it('keeps a canonical code', () => {
      const original = { code: 'UNAVAILABLE', message: 'try later', details: { after: 5 } };
      expect(errorOf(original)).toMatchObject({ ...original, cause: original });
    });

    it('gives the same error to everybody', () => {
      const subject = new StreamSubject<string>();
      const seen = new Set<unknown>();
      const note = { error: (error: unknown) => seen.add(error) };
      subject.subscribe(note);
      subject.pipe(map((chunk) => chunk)).subscribe(note);
      subject.asObservable().output().subscribe(note);
      subject.error(new Error('failed'));
      subject.subscribe(note);
      expect(seen).toHaveProperty('size', 1);
    });
  });
});
