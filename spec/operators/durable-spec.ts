import { concat, defer, NEVER, of, Subject, take } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { durable, type InMemoryStreamManager, writeTo } from '../../lib/index.js';
import { doneEvent, streamError, TestStreamManager } from '../../lib/testing/index.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { at, record } from './support.js';

describe('durable', () => {
  it(
    'runs the source for the first subscriber; others join and get everything',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -a-b-----c|         ');
      const sourceSubs = '     ^---------!         ';
      const first = '          -a-b-----c|         ';
      const second = '         -----(ab)c|         ';
      const secondSub = '      -----^             ';
      const late = '           ------------(abc|) ';
      const lateSub = '        ------------^      ';
      const shared = source.pipe(durable(streams, 's'));

      m.expect(shared).toBeObservable(first);
      m.expect(shared, secondSub).toBeObservable(second);
      m.expect(shared, lateSub).toBeObservable(late);
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'runs the source anew once the TTL of the stream is over',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -a-|          ');
      const ttl = m.time('        -----|     ');
      const first = '          -a-|          ';
      const lastJoiner = '     -------(a|)    ';
      const lastJoining = '    -------^       ';
      const second = '         ---------a-|   ';
      const anew = '           --------^      ';
      const sourceSubs = ['    ^--!', '--------^--!'];
      const shared = source.pipe(durable(streams, 's', { ttl }));

      m.expect(shared).toBeObservable(first);
      m.expect(shared, lastJoining).toBeObservable(lastJoiner);
      m.expect(shared, anew).toBeObservable(second);
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'lets others join a failed stream until its TTL is over',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -a-#          ', undefined, streamError('DATA_LOSS', 'half of it is gone'));
      const ttl = m.time('        -----|     ');
      const lastJoiner = '     -------(a#)    ';
      const lastJoining = '    -------^       ';
      const second = '         ---------a-#   ';
      const anew = '           --------^      ';
      const sourceSubs = ['    ^--!', '--------^--!'];
      const shared = source.pipe(durable(streams, 's', { ttl }), byCode);

      m.expect(shared).toBeObservable('-a-#', undefined, 'DATA_LOSS');
      m.expect(shared, lastJoining).toBeObservable(lastJoiner, undefined, 'DATA_LOSS');
      m.expect(shared, anew).toBeObservable(second, undefined, 'DATA_LOSS');
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    'gives everybody the same error for a foreign one',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -a-#    ', undefined, 'no network');
      const late = '           ----(a#)';
      const lateSub = '        ----^   ';
      const shared = source.pipe(durable(streams, 's'), byCode);

      m.expect(shared).toBeObservable('-a-#', undefined, 'UNKNOWN');
      m.expect(shared, lateSub).toBeObservable(late, undefined, 'UNKNOWN');
    }),
  );

  it(
    'shares by id: another source is not subscribed while the stream is there',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -a-b-|');
      const other = m.cold('   -x-y-|');
      const joiner = '         --ab-|';
      const joining = '        --^';

      m.expect(source.pipe(durable(streams, 's'))).toBeObservable('-a-b-|');
      m.expect(other.pipe(durable(streams, 's')), joining).toBeObservable(joiner);
      m.expect(other).toHaveSubscriptions([]);
    }),
  );

  it(
    'joins the stream of whoever opened it before',
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const source = m.cold('  -x-|');
      streams.write('s', '     a-b-|');

      m.expect(source.pipe(durable(streams, 's'))).toBeObservable('a-b-|');
      m.expect(source).toHaveSubscriptions([]);
    }),
  );

  describe('when a subscriber leaves', () => {
    it(
      'goes on for those who come later',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.cold('  -a-b----c|  ');
        const sourceSubs = '     ^--------!  ';
        const first = '          -a          ';
        const leaving = '        ^-!         ';
        const second = '         ----(ab)c|  ';
        const joining = '        ----^       ';
        const shared = source.pipe(durable(streams, 's'));

        m.expect(shared, leaving).toBeObservable(first);
        m.expect(shared, joining).toBeObservable(second);
        m.expect(source).toHaveSubscriptions(sourceSubs);
      }),
    );

    it('stores all of a synchronous source of which the first subscriber takes one', () => {
      const streams = new TestStreamManager(testScheduler());
      let runs = 0;
      const source = defer(() => {
        runs++;
        return of('a', 'b', 'c');
      });
      const shared = source.pipe(durable(streams, 's'));

      expect(record(shared.pipe(take(1)))).toEqual(['a', '|']);
      expect(record(shared)).toEqual(['a', 'b', 'c', '|']);
      expect(runs).toBe(1);
    });
  });

  it('gives the whole of a synchronous source to its first subscriber, even with a TTL of 0', () => {
    const streams = new TestStreamManager(testScheduler());
    const source = of('a', 'b', 'c').pipe(durable(streams, 's', { ttl: 0 }));

    expect(record(source)).toEqual(['a', 'b', 'c', '|']);
    expect(streams.list()).toEqual([]);
    expect(record(source)).toEqual(['a', 'b', 'c', '|']);
  });

  describe('when the source may write no more', () => {
    it.each<[code: string, stop: (streams: InMemoryStreamManager) => void]>([
      [
        'CANCELLED',
        (streams) => {
          streams.stop('s');
        },
      ],
      [
        'NOT_FOUND',
        (streams) => {
          streams.delete('s');
        },
      ],
      [
        'UNAVAILABLE',
        (streams) => {
          streams.close();
        },
      ],
    ])('leaves the source and fails with %s', (code, stop) => {
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.cold('  -a-b---c-|');
        const stopped = '        -----|    ';
        const sourceSubs = '     ^----!    ';
        const first = '          -a-b-#    ';
        const second = '         --ab-#    ';
        const joining = '        --^       ';
        const shared = source.pipe(durable(streams, 's'), byCode);

        at(m, stopped, () => {
          stop(streams);
        });

        m.expect(shared).toBeObservable(first, undefined, code);
        m.expect(shared, joining).toBeObservable(second, undefined, code);
        m.expect(source).toHaveSubscriptions(sourceSubs);
      })();
    });

    it(
      'leaves the source to whoever takes the stream over',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.cold('  -a-b---c-|');
        const other = m.cold('        -x-|');
        const takingOver = '     -----^';
        const sourceSubs = '     ^----!    ';
        const first = '          -a-b--x-|';

        m.expect(source.pipe(durable(streams, 's'))).toBeObservable(first);
        m.expect(other.pipe(writeTo(streams, 's', { resume: true })), takingOver).toBeObservable('------x-|');
        m.expect(source).toHaveSubscriptions(sourceSubs);
      }),
    );

    it('leaves the source when a chunk is refused', () => {
      const streams = new TestStreamManager(testScheduler(), { maxChunks: 2 });
      const source = new Subject<string>();
      const seen = record(source.pipe(durable(streams, 's')));

      for (const chunk of ['a', 'b', 'c', 'd']) source.next(chunk);

      expect(seen).toEqual(['a', 'b', '# RESOURCE_EXHAUSTED']);
      expect(source.observed).toBe(false);
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

      expect(record(source.pipe(durable(streams, 's')))).toEqual(['# CANCELLED']);
      expect(source.observed).toBe(false);
    });

    it('makes no output, because the source has not ended', () => {
      const streams = new TestStreamManager(testScheduler());
      let made = 0;
      const source = concat(of('a'), NEVER);
      const seen = record(source.pipe(durable<string, number>(streams, 's', { output: () => made++ })));

      streams.stop('s');

      expect(seen).toEqual(['a', '# CANCELLED']);
      expect(made).toBe(0);
    });
  });

  describe('with its options', () => {
    it.each([
      ['of the last chunk', '-a-b-|', 'last was b'],
      ['of undefined if there was none', '-----|', 'last was undefined'],
    ])('completes the stream with an output %s', (_, source, output) => {
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const options = { output: (last: string | undefined) => `last was ${String(last)}` };

        m.expect(m.cold(source).pipe(durable<string, string>(streams, 's', options))).toBeObservable(source);
        m.expect(streams.subscribe<string, string>('s').output()).toBeObservable('-----(o|)', { o: output });
      })();
    });

    it(
      'completes the stream without an output if it was not told how to make one',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);

        m.expect(m.cold('        --|').pipe(durable(streams, 's'))).toBeObservable('--|');
        streams.expectEvents('s').toBe('--(d|)', { d: doneEvent(0) });
      }),
    );

    it('fails the stream with what output throws', () => {
      const streams = new TestStreamManager(testScheduler());
      const output = (): never => {
        throw new RangeError('no output');
      };

      expect(record(of('a').pipe(durable(streams, 's', { output })))).toEqual(['a', '# UNKNOWN']);
      expect(record(streams.subscribe('s'))).toEqual(['a', '# UNKNOWN']);
    });

    it(
      'gives the stream its lifetime',
      marbles((m) => {
        const streams = new TestStreamManager(m.scheduler);
        const source = m.cold('-a-|');

        m.expect(source.pipe(durable(streams, 'until', { expiresAt: 7 }))).toBeObservable('-a-|');
        m.expect(source.pipe(durable(streams, 'idle', { idleTtl: 6 }))).toBeObservable('-a-|');
        streams.expectEvicted('until').toBe('-------x');
        streams.expectEvicted('idle').toBe(' ---------x');
      }),
    );
  });

  it.each<[code: string, id: string, options: object, prepare: (streams: InMemoryStreamManager) => void]>([
    ['RESOURCE_EXHAUSTED', 's', {}, (streams) => void streams.open('other')],
    ['INVALID_ARGUMENT', '', {}, () => undefined],
    ['INVALID_ARGUMENT', 's', { ttl: -1 }, () => undefined],
    [
      'UNAVAILABLE',
      's',
      {},
      (streams) => {
        streams.close();
      },
    ],
  ])('fails with %s when the stream can be neither opened nor joined', (code, id, options, prepare) => {
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler, { maxStreams: 1 });
      const source = m.cold('a|');
      prepare(streams);

      m.expect(source.pipe(durable(streams, id, options), byCode)).toBeObservable('#', undefined, code);
      m.expect(source).toHaveSubscriptions([]);
    })();
  });
});
