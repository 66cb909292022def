import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager, type StreamError } from '../../lib/index.js';
import {
  chunkEvent,
  doneEvent,
  errorEvent,
  streamError,
  TestStreamManager,
} from '../../lib/testing/index.js';
import { testScheduler } from '../support/marbles.js';
import { unhandledBy } from '../support/unhandled.js';
import { byCode } from '../support/views.js';
import { environments } from './environments.js';

// Out of run mode a space is a frame, and there is no time progression: these marbles have neither.
describe.each(environments)('A TestStreamManager under $name', ({ run }) => {
  describe('write', () => {
    it('completes the stream at |', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a-(bc)-|');

        scheduler.expectObservable(streams.subscribe('s')).toBe('-a-(bc)-|');
        streams.expectEvents('s').toBe('-a-(bc)-(d|)', {
          a: chunkEvent('a', 1),
          b: chunkEvent('b', 2),
          c: chunkEvent('c', 3),
          d: doneEvent(3),
        });
      });
    });

    it('completes the stream with an output', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a-|', undefined, { output: 5 });

        scheduler.expectObservable(streams.subscribe<string, number>('s').output()).toBe('---(o|)', { o: 5 });
      });
    });

    it('completes the stream with an output of undefined if it is given', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);

        streams.write<string, undefined>('given', '--|', undefined, { output: undefined });
        streams.write('left-out', '--|');

        streams.expectEvents('given').toBe('--(d|)', { d: doneEvent(0, { output: undefined }) });
        streams.expectEvents('left-out').toBe('--(d|)', { d: doneEvent(0, { generation: 2 }) });
      });
    });

    it('fails the stream at #', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);
        const error = streamError('DATA_LOSS', 'half of it is gone');

        streams.write('s', '-a-#', undefined, { error });

        scheduler.expectObservable(streams.subscribe('s')).toBe('-a-#', undefined, error);
        streams.expectEvents('s').toBe('-a-(e|)', { a: chunkEvent('a', 1), e: errorEvent(1, error) });
      });
    });

    it("fails the stream at # with 'error' if told nothing else", () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);
        const causes: unknown[] = [];

        streams.write('s', '-#');

        streams
          .subscribe('s')
          .subscribe({ error: (error: unknown) => causes.push((error as StreamError).cause) });
        scheduler.expectObservable(streams.subscribe('s').pipe(byCode)).toBe('-#', undefined, 'UNKNOWN');
        scheduler.flush();
        expect(causes).toEqual(['error']);
      });
    });

    it('goes away at the end of a marble with neither, and the lease runs from there', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        const input = streams.write('s', '-a---', undefined, { lease: 3 * frame });

        scheduler.schedule(
          () => {
            expect(input.closed).toBe(false);
          },
          5 * frame - 1,
        );
        scheduler.schedule(
          () => {
            expect(input.closed).toBe(true);
          },
          5 * frame + 1,
        );
        scheduler
          .expectObservable(streams.subscribe('s').pipe(byCode))
          .toBe('-a------#', undefined, 'DEADLINE_EXCEEDED');
      });
    });

    it('leaves the stream open for another writer after a marble with neither', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a-');
        scheduler.schedule(() => {
          streams.write('s', '-b|', undefined, { resume: true });
        }, 4 * frame);

        scheduler.expectObservable(streams.subscribe('s')).toBe('-a---b|');
      });
    });

    it('writes the values of its letters', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);
        const values = { a: { text: 'Hel' }, b: { text: 'lo' } };

        streams.write('s', 'a-b-|', values);

        scheduler.expectObservable(streams.subscribe('s')).toBe('a-b-|', values);
      });
    });

    it('writes nothing more when the stream is stopped', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        const input = streams.write('s', '-a-b-|');
        scheduler.schedule(() => {
          streams.stop('s', { reason: 'enough' });
        }, 2 * frame);

        streams.expectEvents('s').toBe('-a(e|)', {
          a: chunkEvent('a', 1),
          e: errorEvent(1, streamError('CANCELLED', 'enough')),
        });
        streams.expectStatus('s').toBe('o-(e|)');
        scheduler.flush();
        expect(input.closed).toBe(true);
      });
    });

    it.each<[code: string, act: (streams: TestStreamManager) => void]>([
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
    ])('writes nothing more after %s', (code, act) => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a-b-|');
        scheduler.schedule(() => {
          act(streams);
        }, 2 * frame);

        scheduler.expectObservable(streams.subscribe('s').pipe(byCode)).toBe('-a#', undefined, code);
      });
    });

    it('leaves the stream to whoever takes it over', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a-b-|');
        scheduler.schedule(() => {
          streams.write('s', '-x|', undefined, { resume: true });
        }, 2 * frame);

        scheduler.expectObservable(streams.subscribe('s')).toBe('-a-x|');
      });
    });

    it('tells nobody else of what a limit refused', async () => {
      const unhandled = await unhandledBy(() => {
        run((scheduler) => {
          const streams = new TestStreamManager(scheduler, { maxChunks: 1 });

          streams.write('s', '-a-b-|');

          scheduler
            .expectObservable(streams.subscribe('s').pipe(byCode))
            .toBe('-a-#', undefined, 'RESOURCE_EXHAUSTED');
        });
      });

      expect(unhandled).toEqual([]);
    });

    it('begins in the frame in which it is called', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        scheduler.schedule(() => {
          streams.write('s', 'a-b|');
        }, 3 * frame);

        scheduler.expectObservable(streams.subscribe('s', { wait: Infinity })).toBe('---a-b|');
      });
    });

    it('writes the chunks of its first frame after all that was set up for that frame', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', 'a-|');

        streams.expectEvents('s').toBe('a-(d|)', { a: chunkEvent('a', 1), d: doneEvent(1) });
      });
    });

    it('opens its stream at once, with the lifetime given', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        const input = streams.write('s', '-|', undefined, { ttl: 2 * frame });

        expect(input).toMatchObject({ id: 's', status: 'open', closed: false });
        expect(streams.head('s')).toMatchObject({ status: 'open', chunks: 0 });
        streams.expectEvicted('s').toBe('---x');
      });
    });

    it('throws what open throws', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler);
        streams.write('s', '-|');
        const withCode = (code: string): unknown => expect.objectContaining({ code });

        expect(() => streams.write('s', '-|')).toThrow(withCode('ALREADY_EXISTS'));
        expect(() => streams.write('', '-|')).toThrow(withCode('INVALID_ARGUMENT'));
        expect(() => streams.write('t', '-|', undefined, { ttl: -1 })).toThrow(withCode('INVALID_ARGUMENT'));
        expect(() => streams.write('t', '-|', undefined, { resume: true })).toThrow(withCode('NOT_FOUND'));
      });
    });
  });

  it('numbers the generations of its streams, apart from other managers', () => {
    run((scheduler) => {
      const streams = new TestStreamManager(scheduler);
      const others = new TestStreamManager(scheduler);

      for (const id of ['first', 'second']) streams.write(id, 'a|');
      others.write('first', 'a|');

      streams.expectEvents('first').toBe('a(d|)', { a: chunkEvent('a', 1), d: doneEvent(1) });
      streams.expectEvents('second').toBe('a(d|)', {
        a: chunkEvent('a', 1, { generation: 2 }),
        d: doneEvent(1, { generation: 2 }),
      });
      others.expectEvents('first').toBe('a(d|)', { a: chunkEvent('a', 1), d: doneEvent(1) });
    });
  });

  it('is an in-memory manager with its options, on the clock of the test', () => {
    run((scheduler, frame) => {
      const streams = new TestStreamManager(scheduler, { ttl: 4 * frame, maxStreams: 1 });
      expect(streams).toBeInstanceOf(InMemoryStreamManager);

      scheduler.schedule(() => {
        streams.open('s').complete();
        expect(() => streams.open('other')).toThrow(
          expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }) as Error,
        );
        expect(streams.head('s')).toMatchObject({
          createdAt: 2 * frame,
          endedAt: 2 * frame,
          expiresAt: 6 * frame,
        });
      }, 2 * frame);

      streams.expectEvicted('s').toBe('------x');
    });
  });
});

it('understands the time progression and the spaces of run mode', () => {
  const scheduler = testScheduler();
  scheduler.run(() => {
    const streams = new TestStreamManager(scheduler, { lease: 5 });

    streams.write('done', '  -a 9ms b --- |');
    streams.write('gone', '  -a 9ms -     ');

    streams.expectStatus('done').toBe('o 14ms (d|)');
    streams.expectStatus('gone').toBe('o 16ms (e|)');
  });
});

it('leaves a virtual clock that has drained, with nothing of its own to run', () => {
  const scheduler = testScheduler();
  scheduler.run(() => {
    const streams = new TestStreamManager(scheduler, { lease: 1000, idleTtl: 2000 });

    streams.write('done', '-a-|');
    streams.write('failed', '-a-#');
    streams.write('gone', '-a-');
    streams.expectStatus('done').toBe('o--(d|)');
    streams.expectEvicted('done').toBe('2s ---x');
  });

  expect(scheduler.actions).toEqual([]);
});
