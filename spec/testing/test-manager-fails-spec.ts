import { describe, expect, it } from 'vitest';

import {
  chunkEvent,
  doneEvent,
  errorEvent,
  streamError,
  TestStreamManager,
} from '../../lib/testing/index.js';
import { testScheduler } from '../support/marbles.js';
import { environments } from './environments.js';

/** What vitest says of two recordings that differ: nothing else that may go wrong in a test says so. */
const MISMATCH = /to strictly equal/;

const failure = streamError('DATA_LOSS', 'half of it is gone');

// An expectation that never fails would be the worst bug of all.
describe.each(environments)('An expectation of a TestStreamManager under $name', ({ run }) => {
  describe('of events', () => {
    const a = chunkEvent('a', 1);
    const b = chunkEvent('b', 2);
    const d = doneEvent(2, { output: 'all' });
    const values = { a, b, d };

    const expecting =
      (marbles: string, expected?: Record<string, unknown>, unsubscription?: string) => (): void => {
        run((scheduler) => {
          const streams = new TestStreamManager(scheduler);
          streams.write('s', '-a-b|', undefined, { output: 'all' });

          streams.expectEvents('s', {}, unsubscription).toBe(marbles, expected);
        });
      };

    it('passes for what happens', () => {
      expect(expecting('-a-b(d|)', values)).not.toThrow();
    });

    it.each<[what: string, marbles: string, expected?: Record<string, unknown>]>([
      ['a chunk a frame early', 'a--b(d|)', values],
      ['a chunk a frame late', '--ab(d|)', values],
      ['an end a frame early', '-a-(bd|)', values],
      ['an end a frame late', '-a-b-(d|)', values],
      ['another order', '-b-a(d|)', values],
      ['a chunk less', '-a--(d|)', values],
      ['a chunk more', '-aab(d|)', values],
      ['no outcome', '-a-b|', values],
      ['no completion', '-a-bd', values],
      ['an error instead', '-a-b#', values],
      ['nothing', '', values],
      ['another chunk', '-a-b(d|)', { ...values, b: chunkEvent('x', 2) }],
      ['another offset', '-a-b(d|)', { ...values, b: chunkEvent('b', 3) }],
      ['another generation', '-a-b(d|)', { ...values, b: chunkEvent('b', 2, { generation: 2 }) }],
      ['a replay', '-a-b(d|)', { ...values, b: chunkEvent('b', 2, { replay: true }) }],
      ['another output', '-a-b(d|)', { ...values, d: doneEvent(2, { output: 'some' }) }],
      ['no output', '-a-b(d|)', { ...values, d: doneEvent(2) }],
      ['another tail', '-a-b(d|)', { ...values, d: doneEvent(3, { output: 'all' }) }],
      ['letters without values', '-a-b(d|)'],
    ])('fails for %s', (_, marbles, expected) => {
      expect(expecting(marbles, expected)).toThrow(MISMATCH);
    });

    it('fails for what comes after unsubscription', () => {
      expect(expecting('-a-b(d|)', values, '^-!')).toThrow(MISMATCH);
      expect(expecting('-a------', values, '^-!')).not.toThrow();
    });

    it.each([
      ['an output of undefined where there was none', undefined, doneEvent(0, { output: undefined })],
      ['no output where it was undefined', { output: undefined }, doneEvent(0)],
    ])('fails for %s', (_, options, expected) => {
      expect(() => {
        run((scheduler) => {
          const streams = new TestStreamManager(scheduler);
          streams.write<string, undefined>('s', '-|', undefined, options);

          streams.expectEvents('s').toBe('-(d|)', { d: expected });
        });
      }).toThrow(MISMATCH);
    });

    it.each([
      ['another code', streamError('UNKNOWN', failure.message)],
      ['another message', streamError(failure.code, 'x')],
    ])('fails for an outcome with %s', (_, error) => {
      expect(() => {
        run((scheduler) => {
          const streams = new TestStreamManager(scheduler);
          streams.write('s', '-#', undefined, { error: failure });

          streams.expectEvents('s').toBe('-(e|)', { e: errorEvent(0, error) });
        });
      }).toThrow(MISMATCH);
    });

    it('fails for an error notification with another message', () => {
      expect(() => {
        run((scheduler) => {
          new TestStreamManager(scheduler)
            .expectEvents('s')
            .toBe('#', undefined, streamError('NOT_FOUND', 'x'));
        });
      }).toThrow(MISMATCH);
    });

    it('fails for a stream that is not there', () => {
      expect(() => {
        run((scheduler) => {
          new TestStreamManager(scheduler).expectEvents('s').toBe('');
        });
      }).toThrow(MISMATCH);
    });
  });

  describe('of a status', () => {
    const expecting = (id: string, marbles: string, unsubscription?: string) => (): void => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);
        streams.write('done', '-a-|');
        streams.write('failed', '-a-#');
        streams.write('open', '-a--');

        streams.expectStatus(id, {}, unsubscription).toBe(marbles);
      });
    };

    it.each([
      ['done', 'o--(d|)'],
      ['failed', 'o--(e|)'],
      ['open', 'o'],
    ])('passes for what a stream is (%s, %s)', (id, marbles) => {
      expect(expecting(id, marbles)).not.toThrow();
    });

    it.each([
      ['done', 'o--(e|)'],
      ['done', 'o--d'],
      ['done', 'o--|'],
      ['done', 'o-(d|)'],
      ['done', 'o---(d|)'],
      ['done', '---(d|)'],
      ['done', 'o'],
      ['done', ''],
      ['done', '-o-(d|)'],
      ['done', 'o--(x|)'],
      ['failed', 'o--(d|)'],
      ['failed', 'o--#'],
      ['open', 'o--(d|)'],
      ['open', 'd'],
      ['open', ''],
      ['unknown', 'o'],
      ['unknown', ''],
      ['unknown', '#'],
    ])('fails for what it is not (%s, %s)', (id, marbles) => {
      expect(expecting(id, marbles)).toThrow(MISMATCH);
    });

    it('fails for what comes after unsubscription', () => {
      expect(expecting('done', 'o--(d|)', '^-!')).toThrow(MISMATCH);
      expect(expecting('done', 'o', '^-!')).not.toThrow();
    });
  });

  describe('of an eviction', () => {
    const expecting =
      (marbles: string, act: (streams: TestStreamManager, frame: number) => void): (() => void) =>
      () => {
        run((scheduler, frame) => {
          const streams = new TestStreamManager(scheduler);
          act(streams, frame);

          streams.expectEvicted('s').toBe(marbles);
        });
      };

    it('passes when the stream goes in that very millisecond', () => {
      const act = (streams: TestStreamManager, frame: number) =>
        streams.write('s', '-', undefined, { expiresAt: 3 * frame });

      expect(expecting('---x', act)).not.toThrow();
    });

    it.each<[what: string, act: (streams: TestStreamManager, frame: number) => void]>([
      [
        'is still there for another millisecond',
        (streams, frame) => streams.write('s', '-', undefined, { expiresAt: 3 * frame + 1 }),
      ],
      [
        'was gone a millisecond before',
        (streams, frame) => streams.write('s', '-', undefined, { expiresAt: 3 * frame - 1 }),
      ],
      ['stays for good', (streams) => streams.write('s', '-')],
      ['ended, and is still readable', (streams) => streams.write('s', '-a-|')],
      ['was never there', () => undefined],
      [
        'is another with a longer id',
        (streams, frame) => streams.write('s2', '-', undefined, { expiresAt: 3 * frame }),
      ],
    ])('fails when the stream %s', (_, act) => {
      expect(expecting('---x', act)).toThrow(MISMATCH);
    });

    it('fails when the id has a stream again in that frame', () => {
      expect(() => {
        run((scheduler, frame) => {
          const streams = new TestStreamManager(scheduler);
          streams.write('s', '-', undefined, { expiresAt: 3 * frame });
          scheduler.schedule(() => streams.open('s'), 3 * frame);

          streams.expectEvicted('s').toBe('---x');
        });
      }).toThrow(MISMATCH);
    });

    it('fails when the stream goes only after the end of the test', () => {
      const scheduler = testScheduler();
      const streams = new TestStreamManager(scheduler);
      const afterTheLast = '-'.repeat(80);
      streams.write('s', '-', undefined, { expiresAt: 800 });
      streams.expectEvicted('s').toBe(`${afterTheLast}x`);

      expect(() => {
        scheduler.flush();
      }).toThrow(MISMATCH);
    });
  });
});

it.each(environments.slice(1))('An error notification is expected with its code under $name', ({ run }) => {
  const expecting = (error: unknown) => (): void => {
    run((scheduler) => {
      const streams = new TestStreamManager(scheduler);
      streams.write('s', '-#', undefined, { error: failure });

      scheduler.expectObservable(streams.subscribe('s')).toBe('-#', undefined, error);
    });
  };

  expect(expecting(failure)).not.toThrow();
  expect(expecting(streamError('UNKNOWN', failure.message))).toThrow(MISMATCH);
});
