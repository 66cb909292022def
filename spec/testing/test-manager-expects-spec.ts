import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager, type StreamError } from '../../lib/index.js';
import { chunkEvent, TestStreamManager } from '../../lib/testing/index.js';
import { environments } from './environments.js';

/** The error for an id without a stream, with the text of the day. */
function notFound(id: string): StreamError {
  let found: unknown;
  new InMemoryStreamManager().subscribe(id).subscribe({ error: (error: unknown) => (found = error) });
  return found as StreamError;
}

// Out of run mode a space is a frame, and there is no time progression: these marbles have neither.
describe.each(environments)('A TestStreamManager under $name', ({ run }) => {
  it('expects events after an offset, until it leaves', () => {
    run((scheduler) => {
      const streams = new TestStreamManager(scheduler);
      const { offset } = chunkEvent('a', 1);

      streams.write('s', 'a-b-c-d-|');

      streams.expectEvents('s', { after: offset }, '---^--!').toBe('---bc', {
        b: chunkEvent('b', 2, { replay: true }),
        c: chunkEvent('c', 3),
      });
    });
  });

  it('expects events that end with an error notification', () => {
    run((scheduler) => {
      const streams = new TestStreamManager(scheduler);

      streams.expectEvents('s').toBe('#', undefined, notFound('s'));
    });
  });

  it('expects the status by its letters', () => {
    run((scheduler, frame) => {
      const streams = new TestStreamManager(scheduler);

      streams.write('done', '--a|');
      streams.write('failed', '--#');
      streams.write('open', '--a-');

      streams.expectStatus('done').toBe('o--(d|)');
      streams.expectStatus('failed').toBe('o-(e|)');
      streams.expectStatus('open').toBe('o');
      streams.expectStatus('done', {}, '----^').toBe('----(d|)');
      streams.expectStatus('open', {}, '-^-!').toBe('-o');
      streams.expectStatus('late', { wait: 2 * frame }).toBe('-o(d|)');
      scheduler.schedule(() => {
        streams.write('late', '-|');
      }, frame);
    });
  });

  it('expects the status of a stream that is lost', () => {
    run((scheduler, frame) => {
      const streams = new TestStreamManager(scheduler);

      streams.write('s', '--', undefined, { expiresAt: 4 * frame });

      streams.expectStatus('s').toBe('o---#', notFound('s'));
    });
  });

  describe('expects an eviction', () => {
    it.each<[by: string, options: (frame: number) => object]>([
      ['ttl', (frame) => ({ ttl: 3 * frame })],
      ['idleTtl', (frame) => ({ idleTtl: 3 * frame })],
      ['expiresAt', (frame) => ({ expiresAt: 6 * frame })],
    ])('by %s', (_, options) => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler, options(frame));

        streams.write('s', '-a-|');

        streams.expectEvicted('s').toBe('------x');
      });
    });

    it('without renewing what it looks at', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a', undefined, { idleTtl: 4 * frame });

        for (let i = 0; i < 3; i++) streams.expectEvicted('s').toBe('-----x');
      });
    });

    it('that delete does', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a');
        streams.expectEvicted('s').toBe('---x');
        scheduler.schedule(() => {
          streams.delete('s');
        }, 3 * frame);
      });
    });

    it('in whose very frame the stream ends', () => {
      run((scheduler) => {
        const streams = new TestStreamManager(scheduler, { ttl: 0 });

        streams.write('written-before', '--|');
        streams.expectEvicted('written-before').toBe('--x');
        streams.expectEvicted('written-after').toBe('--x');
        streams.write('written-after', '--|');
      });
    });

    it('that something does which was scheduled on the way', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-a');
        streams.expectEvicted('s').toBe('---x');
        streams.subscribe('s').subscribe({
          next: () => {
            scheduler.schedule(() => {
              streams.delete('s');
            }, 2 * frame);
          },
          error: () => undefined,
        });
      });
    });

    it('of one stream and not of others whose ids begin like its own', () => {
      run((scheduler, frame) => {
        const streams = new TestStreamManager(scheduler);

        streams.write('s', '-', undefined, { expiresAt: 2 * frame });
        streams.write('s2', '-');

        streams.expectEvicted('s').toBe('--x');
      });
    });

    it.each(['', '---', '--x|', '--|', '--#', '-x-y', '(xy)'])(
      'by a marble with one value, and not by %j',
      (marble) => {
        run((scheduler) => {
          const streams = new TestStreamManager(scheduler);

          expect(() => {
            streams.expectEvicted('s').toBe(marble);
          }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
        });
      },
    );
  });
});
