import { NEVER, of, Subject, take, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { type InMemoryStreamManager, writeTo } from '../../lib/index.js';
import { chunkEvent, errorEvent, streamError, TestStreamManager } from '../../lib/testing/index.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { at, record } from './support.js';

describe('writeTo, when it may write no more', () => {
  const stops: Record<string, (streams: InMemoryStreamManager) => void> = {
    CANCELLED: (streams) => {
      streams.stop('s');
    },
    NOT_FOUND: (streams) => {
      streams.delete('s');
    },
    ABORTED: (streams) => {
      streams.open('s', { resume: true });
    },
    UNAVAILABLE: (streams) => {
      streams.close();
    },
  };

  it.each(Object.entries(stops))('fails with %s at once and leaves the source', (code, stop) => {
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a-b---c-|');
      const stopped = '       -----|';
      const written = '       -a-b-#';
      const sourceSubs = '    ^----!';

      at(m, stopped, () => {
        stop(streams);
      });

      m.expect(source.pipe(writeTo(streams, 's'), byCode)).toBeObservable(written, undefined, code);
      m.expect(source).toHaveSubscriptions(sourceSubs);
    })();
  });

  it(
    'fails with NOT_FOUND when the stream expires',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a-b------c-|');
      const written = '       -a-b----#';
      const sourceSubs = '    ^-------!';
      const idleTtl = m.time('   -----|');

      m.expect(source.pipe(writeTo(streams, 's', { idleTtl }), byCode)).toBeObservable(
        written,
        undefined,
        'NOT_FOUND',
      );
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'loses no chunk that comes in the very frame in which the stream expires without an error',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a-b----c-|');
      const written = '       -a-b----#';
      const idleTtl = m.time('   -----|');

      m.expect(source.pipe(writeTo(streams, 's', { idleTtl }), byCode)).toBeObservable(
        written,
        undefined,
        'NOT_FOUND',
      );
    }),
  );

  it(
    'may end the stream itself in the grace of a stop',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a---b-|');
      const stopped = '       ---|    ';
      const grace = m.time('     -----|');

      at(m, stopped, () => {
        streams.stop('s', { grace });
      });

      m.expect(source.pipe(writeTo(streams, 's'))).toBeObservable('-a---b-|');
      streams.expectStatus('s').toBe('                             o------(d|)');
    }),
  );

  it(
    'fails when the grace of a stop is over',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a---b----|');
      const stopped = '       ---|       ';
      const grace = m.time('     -----|  ');
      const written = '       -a---b--#  ';
      const sourceSubs = '    ^-------!  ';

      at(m, stopped, () => {
        streams.stop('s', { grace });
      });

      m.expect(source.pipe(writeTo(streams, 's'), byCode)).toBeObservable(written, undefined, 'CANCELLED');
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'turns a refused chunk into an error, after those that were stored',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler, { maxChunks: 2 });
      const source = m.hot('  -(abc)-d-|');
      const written = '       -(ab#)';
      const sourceSubs = '    ^!';
      const stream = '        -(ab#)';

      m.expect(source.pipe(writeTo(streams, 's'), byCode)).toBeObservable(
        written,
        undefined,
        'RESOURCE_EXHAUSTED',
      );
      m.expect(source).toHaveSubscriptions(sourceSubs);
      m.expect(streams.subscribe('s').pipe(byCode)).toBeObservable(stream, undefined, 'RESOURCE_EXHAUSTED');
    }),
  );

  it('re-emits a chunk whose delivery made a subscriber stop the stream', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    streams.subscribe<string>('s').subscribe({
      next: (chunk) => {
        if (chunk === 'b') streams.stop('s');
      },
      error: () => undefined,
    });

    for (const chunk of ['a', 'b', 'c']) source.next(chunk);

    expect(written).toEqual(['a', 'b', '# CANCELLED']);
    expect(source.observed).toBe(false);
    expect(streams.head('s').chunks).toBe(2);
  });

  it('fails when its own subscriber stops the stream', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const seen: unknown[] = [];
    source.pipe(writeTo(streams, 's'), byCode).subscribe({
      next: (chunk) => {
        seen.push(chunk);
        if (chunk === 'b') streams.stop('s');
      },
      error: (code: unknown) => seen.push(code),
    });

    for (const chunk of ['a', 'b', 'c']) source.next(chunk);

    expect(seen).toEqual(['a', 'b', 'CANCELLED']);
    expect(source.observed).toBe(false);
  });

  it('fails, and makes no output, when output stops the stream', () => {
    const streams = new TestStreamManager(testScheduler());
    const output = (): string => {
      streams.stop('s');
      return 'done';
    };

    expect(record(of('a').pipe(writeTo<string, string>(streams, 's', { output })))).toEqual([
      'a',
      '# CANCELLED',
    ]);
    expect(streams.head('s').status).toBe('error');
  });

  it('tells of a stop, and not of an error that the source had because of it', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    streams.subscribe('s').subscribe({
      next: () => {
        streams.stop('s');
        source.error(new Error('aborted'));
      },
      error: () => undefined,
    });

    source.next('a');

    expect(written).toEqual(['a', '# CANCELLED']);
  });

  it('does not subscribe to the source when somebody who waited for the stream stops it as it opens', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    streams
      .subscribe('s', { wait: Infinity })
      .status()
      .subscribe(() => {
        if (streams.head('s').status === 'open') streams.stop('s');
      });

    expect(record(source.pipe(writeTo(streams, 's')))).toEqual(['# CANCELLED']);
    expect(source.observed).toBe(false);
  });
});

describe('writeTo, when its subscriber leaves', () => {
  it(
    'ends the stream CANCELLED and leaves the source',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('  -a-b-c-|');
      const leaving = '       ^---!';
      const written = '       -a-b';
      const stream = '        -a-b#';

      m.expect(source.pipe(writeTo(streams, 's')), leaving).toBeObservable(written);
      m.expect(source).toHaveSubscriptions(leaving);
      m.expect(streams.subscribe('s').pipe(byCode)).toBeObservable(stream, undefined, 'CANCELLED');
    }),
  );

  it(
    "leaves the stream to its lease if told to only close, and the source's end is not the stream's",
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('     -a-b-c-|');
      const leaving = '          ^---!   ';
      const lease = m.time('         ------|');
      const stream = '           -a-b------#';
      const written = source.pipe(writeTo(streams, 's', { onUnsubscribe: 'close', lease }));

      m.expect(written, leaving).toBeObservable('-a-b');
      m.expect(source).toHaveSubscriptions(leaving);
      m.expect(streams.subscribe('s').pipe(byCode)).toBeObservable(stream, undefined, 'DEADLINE_EXCEEDED');
    }),
  );

  it(
    'leaves the stream open for another writer if told to only close',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold(' -a-b-c-|');
      const leaving = '       ^---!   ';
      const resuming = '      --------^';
      const second = '        ---------a-b-c-|';
      const stream = '        -a-b-----a-b-c-|';
      const write = (resume: boolean) =>
        source.pipe(writeTo(streams, 's', { onUnsubscribe: 'close', resume }));

      m.expect(write(false), leaving).toBeObservable('-a-b');
      m.expect(write(true), resuming).toBeObservable(second);
      m.expect(streams.subscribe('s')).toBeObservable(stream);
    }),
  );

  it('ends a stream whose source is synchronous at the chunk with which it left', () => {
    const streams = new TestStreamManager(testScheduler());

    expect(record(of('a', 'b', 'c').pipe(writeTo(streams, 's'), take(2)))).toEqual(['a', 'b', '|']);
    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '# CANCELLED']);
  });

  it('ends a stream that it left before the first chunk', () => {
    const streams = new TestStreamManager(testScheduler());

    NEVER.pipe(writeTo(streams, 's')).subscribe().unsubscribe();

    expect(record(streams.subscribe('s'))).toEqual(['# CANCELLED']);
  });

  it('ends the stream when a subscriber of the stream makes it leave', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = new Subject<string>();
    const seen: string[] = [];
    const writer = source.pipe(writeTo(streams, 's')).subscribe((chunk) => seen.push(chunk));
    const stream = record(
      streams.subscribe<string>('s').pipe(
        tap((chunk) => {
          if (chunk === 'b') writer.unsubscribe();
        }),
      ),
    );

    for (const chunk of ['a', 'b', 'c']) source.next(chunk);

    expect(seen).toEqual(['a']);
    expect(stream).toEqual(['a', 'b', '# CANCELLED']);
  });

  it.each([
    ['completed', of('a'), ['a', '|']],
    ['failed', throwError(() => new Error('x')), ['# UNKNOWN']],
  ])('changes nothing on a stream whose source had %s', (_, source, stream) => {
    const streams = new TestStreamManager(testScheduler());

    const writer = source.pipe(writeTo(streams, 's')).subscribe({ error: () => undefined });
    writer.unsubscribe();

    expect(record(streams.subscribe('s'))).toEqual(stream);
  });

  it(
    'says why in the error of the stream',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.hot('-a-');

      m.expect(source.pipe(writeTo(streams, 's')), '^-!').toBeObservable('-a');
      streams.expectEvents('s').toBe('-a(e|)', {
        a: chunkEvent('a', 1),
        e: errorEvent(1, streamError('CANCELLED', 'The subscriber that wrote the stream has left.')),
      });
    }),
  );
});
