import { finalize, map, Subject, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamInput } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { testScheduler } from '../support/marbles.js';
import { unhandledBy } from '../support/unhandled.js';
import { codeOf, eventWord, noted } from '../support/views.js';
import { closings } from './no-silent-write-closings.js';
import { limits } from './no-silent-write-limits.js';

type Input = StreamInput<string, string>;

const refuseNext = (input: Input): void => {
  input.next('x');
};

/** An object with a property that throws when it is read. */
const unreadable = (key: PropertyKey): object =>
  Object.defineProperty({}, key, {
    get: () => {
      throw new Error('unreadable');
    },
  });

export function noSilentWrite(createManager: ManagerFactory, place: Place = 'in memory'): void {
  describe('Promise 5: no silent write', () => {
    closings(createManager);

    describe('tells of a refused chunk', () => {
      const prepared = () => {
        const streams = createManager(testScheduler());
        const input = streams.open<string, string>('s');
        const stop = () => streams.stop('s');
        return { input, stop };
      };
      const WATCHES: [string, (input: Input) => unknown][] = [
        ['failed', (input) => input.failed.subscribe()],
        ['flush()', (input) => codeOf(() => input.flush())],
        ['write()', (input) => codeOf(() => input.write('b'))],
        ['signal', (input) => input.signal],
      ];

      it.each(WATCHES)('nobody else if %s is watched right after the call', async (_watch, watch) => {
        const unhandled = await unhandledBy(async () => {
          const { input, stop } = prepared();
          await stop();
          refuseNext(input);
          void watch(input);
        });
        expect(unhandled).toEqual([]);
      });

      it.each(WATCHES)('nobody else if %s was watched before the stop', async (watched, watch) => {
        const unhandled = await unhandledBy(async () => {
          const { input, stop } = prepared();
          void watch(input);
          await stop();
          refuseNext(input);
        });
        // What `flush()` and `write()` were asked for before had been fulfilled.
        expect(unhandled).toHaveLength(watched.endsWith('()') ? 1 : 0);
      });

      it.each(WATCHES)('config.onUnhandledError too if %s is watched too late', async (_watch, watch) => {
        const unhandled = await unhandledBy(async () => {
          const { input, stop } = prepared();
          await stop();
          refuseNext(input);
          await Promise.resolve();
          await Promise.resolve();
          void watch(input);
        });
        expect(unhandled).toMatchObject([{ code: 'CANCELLED' }]);
      });

      it('config.onUnhandledError too if whoever watched has left', async () => {
        const unhandled = await unhandledBy(async () => {
          const { input, stop } = prepared();
          input.failed.subscribe().unsubscribe();
          await stop();
          refuseNext(input);
        });
        expect(unhandled).toMatchObject([{ code: 'CANCELLED' }]);
      });

      it('everybody who watches', async () => {
        const { input, stop } = prepared();
        const notes = [noted(input.failed), noted(input.failed)];
        const { signal } = input;
        await stop();
        expect(notes).toMatchObject(Array(2).fill([{ code: 'CANCELLED' }, '|']));
        expect(signal.reason).toMatchObject({ code: 'CANCELLED' });
      });
    });

    it('keeps the first of two outcomes', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const events$ = streams.subscribe<string, string>('s').events().pipe(map(eventWord));
      const unhandled = await unhandledBy(() => {
        input.complete('first');
        input.complete('second');
        input.error(new Error('third'));
      });
      expect(unhandled).toMatchObject([{ code: 'FAILED_PRECONDITION' }]);
      expect(noted(events$)).toEqual(['done:first', '|']);
    });

    it('does not mistake the end of a source for an outcome after a stop', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const source = new Subject<string>();
      source.pipe(takeUntil(input.failed)).subscribe(input);
      const unhandled = await unhandledBy(async () => {
        source.next('a');
        await streams.stop('s');
        source.next('b');
        source.complete();
      });
      expect(unhandled).toEqual([]);
      expect(noted(streams.subscribe<string>('s'))).toEqual(['a', 'CANCELLED']);
      expect(source.observed).toBe(false);
    });

    it('never throws into a source that goes on after a stop', async () => {
      const streams = createManager(testScheduler());
      const source = new Subject<string>();
      source.subscribe(streams.open<string, string>('s'));
      const unhandled = await unhandledBy(async () => {
        await streams.stop('s');
        for (const chunk of ['a', 'b', 'c']) source.next(chunk);
        source.complete();
      });
      expect(unhandled).toMatchObject([{ code: 'CANCELLED' }]);
      expect(noted(streams.subscribe<string>('s'))).toEqual(['CANCELLED']);
    });

    it('refuses what a callback writes after it ended the stream', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const unhandled = await unhandledBy(() => {
        const seen = noted(streams.subscribe<string, string>('s'), (chunk) => {
          if (chunk !== 'a') return;
          input.next('b');
          input.complete('o');
          input.next('c');
        });
        input.next('a');
        expect(seen).toEqual(['a', 'b', '|']);
      });
      expect(unhandled).toMatchObject([{ code: 'FAILED_PRECONDITION' }]);
    });

    it.each(['done', 'error'])('refuses what the callback of the end writes (%s)', async (how) => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const events$ = streams.subscribe<string, string>('s').events().pipe(map(eventWord));
      let refused = 0;
      const unhandled = await unhandledBy(() => {
        const write = (): void => {
          input.next('a');
          input.complete('b');
          input.error(new Error('c'));
          refused += 3;
        };
        streams.subscribe<string>('s').subscribe({ error: write, complete: write });
        const before = noted(events$);
        if (how === 'done') input.complete('o');
        else input.error({ code: 'ABORTED' });
        expect(before).toEqual([how === 'done' ? 'done:o' : 'error:ABORTED', '|']);
        expect(noted(events$)).toEqual(before);
      });
      expect(refused).toBe(3);
      expect(unhandled).toMatchObject([{ code: 'FAILED_PRECONDITION' }]);
    });

    it('acknowledges each write with its own offset, whatever callbacks write meanwhile', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      const acknowledged: [string, Promise<string>][] = [];
      const write = (chunk: string): void => {
        acknowledged.push([chunk, input.write(chunk)]);
      };
      const offsets: [string, string][] = [];
      streams
        .subscribe<string>('s')
        .events()
        .subscribe((event) => {
          if (event.type !== 'chunk') return;
          offsets.push([event.chunk, event.offset]);
          if (event.chunk === 'a') write('b');
          if (event.chunk === 'b') input.next('c');
        });
      write('a');
      write('d');
      const answers = await Promise.all(acknowledged.map(async ([chunk, offset]) => [chunk, await offset]));
      expect(answers.sort()).toEqual(offsets.filter(([chunk]) => chunk !== 'c').sort());
      expect(offsets.map(([chunk]) => chunk)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('acknowledges a write whose callback ends, stops or deletes the stream', async () => {
      const streams = createManager(testScheduler());
      const ENDS: [string, (input: Input) => unknown][] = [
        [
          'completes',
          (input) => {
            input.complete();
          },
        ],
        ['stops', () => streams.stop('stops')],
        ['deletes', () => streams.delete('deletes')],
      ];
      for (const [id, end] of ENDS) {
        const input = streams.open<string, string>(id);
        input.failed.subscribe();
        streams.subscribe<string>(id).subscribe({ next: () => void end(input), error: () => undefined });
        expect(await codeOf(() => input.write('a'))).toBeUndefined();
      }
    });

    it.each([
      ['whose code can not be read', unreadable('code')],
      ['whose message can not be read', unreadable('message')],
      ['that can not be printed', unreadable(Symbol.toStringTag)],
      ['without a prototype', Object.create(null) as unknown],
      ['that is a symbol', Symbol('error')],
      ['that is a big number', 1n],
    ])('ends a stream by an error %s', (_what, error) => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, string>('s');
      input.error(error);
      expect(noted(streams.subscribe<string>('s'))).toEqual(['UNKNOWN']);
    });

    it.each(['complete', 'stop'])(
      'tells all of an end (%s) although whoever watches the input throws',
      async (how) => {
        const streams = createManager(testScheduler());
        const input = streams.open<string, string>('s');
        const seen = noted(streams.subscribe<string>('s'));
        const unhandled = await unhandledBy(async () => {
          const thrown = (): never => {
            throw new Error('thrown');
          };
          input.failed.pipe(finalize(thrown)).subscribe();
          const failed = noted(input.failed.pipe(map((error) => error.code)));
          if (how === 'stop') await streams.stop('s');
          else input.complete();
          expect(failed).toEqual(how === 'stop' ? ['CANCELLED', '|'] : ['|']);
        });
        expect(seen).toEqual([how === 'stop' ? 'CANCELLED' : '|']);
        expect(unhandled).toHaveLength(1);
      },
    );

    limits(createManager, place);
  });
}
