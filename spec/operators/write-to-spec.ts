import { map, of, Subject, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { type InMemoryStreamManager, type StreamManager, writeTo } from '../../lib/index.js';
import { doneEvent, errorEvent, streamError, TestStreamManager } from '../../lib/testing/index.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { record } from './support.js';

describe('writeTo', () => {
  it(
    're-emits each chunk as it is stored, and ends the stream with its source',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a-(bc)-|');
      const sourceSubs = '    ^-------!';
      const written = '       -a-(bc)-|';
      const stream = '        -a-(bc)-|';

      m.expect(source.pipe(writeTo(streams, 's'))).toBeObservable(written);
      m.expect(streams.subscribe('s')).toBeObservable(stream);
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it('has stored a chunk when it re-emits it', () => {
    const streams = new TestStreamManager(testScheduler());
    const stored: number[] = [];

    of('a', 'b')
      .pipe(
        writeTo(streams, 's'),
        tap(() => stored.push(streams.head('s').chunks)),
      )
      .subscribe();

    expect(stored).toEqual([1, 2]);
  });

  it('re-emits in the order of the stream when a subscriber of the stream makes the source emit', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    const stream = record(
      streams.subscribe<string>('s').pipe(
        tap((chunk) => {
          if (chunk === 'a') source.next('b');
        }),
      ),
    );

    source.next('a');

    expect(stream).toEqual(['a', 'b']);
    expect(written).toEqual(['a', 'b']);
  });

  it('re-emits a chunk whose delivery made a subscriber of the stream end the source', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    streams.subscribe<string>('s').subscribe((chunk) => {
      if (chunk === 'b') source.complete();
    });

    for (const chunk of ['a', 'b']) source.next(chunk);

    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '|']);
    expect(written).toEqual(['a', 'b', '|']);
  });

  it('stores what its own subscriber makes the source emit', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    source.pipe(writeTo(streams, 's')).subscribe((chunk) => {
      if (chunk === 'a') source.next('b');
      if (chunk === 'b') source.complete();
    });

    source.next('a');

    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '|']);
  });

  it(
    'claims the id at each subscription',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('-a-b-|');
      const first = '        -a-b-|';
      const second = '       --#';
      const secondSub = '    --^';
      const third = '        --------------a-b-|';
      const thirdSub = '     -------------^';
      const written = source.pipe(writeTo(streams, 's', { ttl: m.time('--------|') }), byCode);

      m.expect(written).toBeObservable(first);
      m.expect(written, secondSub).toBeObservable(second, undefined, 'ALREADY_EXISTS');
      m.expect(written, thirdSub).toBeObservable(third);
      m.expect(source).toHaveSubscriptions(['^----!', '-------------^----!']);
    }),
  );

  describe('with its options', () => {
    it(
      'completes the stream without an output if it was not told how to make one',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);

        m.expect(m.hot('         --|').pipe(writeTo(streams, 's'))).toBeObservable('--|');
        streams.expectEvents('s').toBe('--(d|)', { d: doneEvent(0) });
      }),
    );

    it.each([
      ['of its last chunk', '-a-b-|', '-----(o|)', 'last was b'],
      ['of undefined if there was none', '-----|', '-----(o|)', 'last was undefined'],
    ])('completes the stream with an output %s', (_, source, output, made) => {
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const options = { output: (last: string | undefined) => `last was ${String(last)}` };
        const written = m.hot(source).pipe(writeTo<string, string>(streams, 's', options));

        m.expect(written).toBeObservable(source);
        m.expect(streams.subscribe<string, string>('s').output()).toBeObservable(output, { o: made });
      })();
    });

    it(
      'tells an output of undefined from none',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const written = m
          .hot('--|')
          .pipe(writeTo<string, undefined>(streams, 's', { output: () => undefined }));

        m.expect(written).toBeObservable('--|');
        streams.expectEvents('s').toBe('--(d|)', { d: doneEvent(0, { output: undefined }) });
      }),
    );

    it.each([
      ['some chunks', ['a', 'b']],
      ['no chunk', []],
    ])('fails with what output throws after %s, and so does the stream', (_, chunks) => {
      const streams = new TestStreamManager(testScheduler());
      const thrown = new RangeError('no output');
      let error: unknown;

      of(...chunks)
        .pipe(
          writeTo(streams, 's', {
            output: () => {
              throw thrown;
            },
          }),
        )
        .subscribe({ error: (given: unknown) => (error = given) });

      expect(error).toBe(thrown);
      expect(record(streams.subscribe('s').events()).at(-2)).toMatchObject({
        type: 'error',
        error: { code: 'UNKNOWN', message: 'no output', cause: thrown },
      });
    });

    it('makes no output when the source fails', () => {
      const streams = new TestStreamManager(testScheduler());
      let made = 0;

      const written = record(
        throwError(() => new Error('x')).pipe(writeTo(streams, 's', { output: () => made++ })),
      );

      expect(written).toEqual(['# x']);
      expect(made).toBe(0);
    });

    it(
      'gives the stream its lifetime',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.hot('  -a-|');
        const short = '         -----x    ';
        const until = '         -------x  ';
        const idle = '          ---------x';

        m.expect(source.pipe(writeTo(streams, 'short', { ttl: 2 }))).toBeObservable('-a-|');
        m.expect(source.pipe(writeTo(streams, 'until', { expiresAt: 7 }))).toBeObservable('-a-|');
        m.expect(source.pipe(writeTo(streams, 'idle', { idleTtl: 6 }))).toBeObservable('-a-|');
        streams.expectEvicted('short').toBe(short);
        streams.expectEvicted('until').toBe(until);
        streams.expectEvicted('idle').toBe(idle);
      }),
    );

    it(
      'goes on with a stream that it takes over',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const former = m.hot('   -a-b-c-|');
        const formerWritten = '  -a-b#';
        const formerSubs = '     ^---!';
        const resumed = m.cold('     -x-|');
        const resuming = '       ----^';
        const resumedWritten = ' -----x-|';
        const stream = '         -a-b-x-|';
        const written = resumed.pipe(writeTo(streams, 's', { resume: true }));

        m.expect(former.pipe(writeTo(streams, 's'), byCode)).toBeObservable(
          formerWritten,
          undefined,
          'ABORTED',
        );
        m.expect(former).toHaveSubscriptions(formerSubs);
        m.expect(written, resuming).toBeObservable(resumedWritten);
        m.expect(streams.subscribe('s')).toBeObservable(stream);
      }),
    );
  });

  describe('when the source fails', () => {
    it(
      'passes the error on as it is, and fails the stream with it',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.hot('-a-#', undefined, 'no network');
        const written = '     -a-#';
        const stream = '      -a-#';

        m.expect(source.pipe(writeTo(streams, 's'))).toBeObservable(written, undefined, 'no network');
        m.expect(streams.subscribe('s').pipe(byCode)).toBeObservable(stream, undefined, 'UNKNOWN');
      }),
    );

    it(
      'keeps a canonical code',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const error = streamError('PERMISSION_DENIED', 'not yours');
        const written = m.hot('-#', undefined, error).pipe(writeTo(streams, 's'));

        m.expect(written.pipe(byCode)).toBeObservable('-#', undefined, 'PERMISSION_DENIED');
        streams.expectEvents('s').toBe('-(e|)', { e: errorEvent(0, error) });
      }),
    );
  });

  describe('when the id can not be claimed', () => {
    const taken = (streams: StreamManager): void => void streams.open('s');

    it.each<[code: string, id: string, prepare: (streams: InMemoryStreamManager) => void]>([
      ['ALREADY_EXISTS', 's', taken],
      ['RESOURCE_EXHAUSTED', 'other', taken],
      ['INVALID_ARGUMENT', '', () => undefined],
      [
        'UNAVAILABLE',
        's',
        (streams) => {
          streams.close();
        },
      ],
    ])('fails with %s and leaves the source alone', (code, id, prepare) => {
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler, { maxStreams: 1 });
        const source = m.cold('a|');
        prepare(streams);

        m.expect(source.pipe(writeTo(streams, id), byCode)).toBeObservable('#', undefined, code);
        m.expect(source).toHaveSubscriptions([]);
      })();
    });

    it('fails with INVALID_ARGUMENT for an option out of range, and leaves the source alone', () => {
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.cold('a|');
        const written = source.pipe(writeTo(streams, 's', { ttl: -1 }), byCode);

        m.expect(written).toBeObservable('#', undefined, 'INVALID_ARGUMENT');
        m.expect(source).toHaveSubscriptions([]);
      })();
    });
  });

  it('ends the stream CANCELLED when an operator behind it fails', () => {
    const streams = new TestStreamManager(testScheduler());
    const written = record(
      of('a', 'b').pipe(
        writeTo(streams, 's'),
        map((chunk) => {
          if (chunk === 'b') throw new Error('can not show b');
          return chunk;
        }),
      ),
    );

    expect(written).toEqual(['a', '# can not show b']);
    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '# CANCELLED']);
  });
});
