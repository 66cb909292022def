import fc from 'fast-check';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { ManagerFactory } from '../support/manager-factory.js';
import { testScheduler } from '../support/marbles.js';
import { codeOf, noted, pulled } from '../support/views.js';

const DONE = { done: true, value: undefined };
const value = (chunk: unknown) => ({ done: false, value: chunk });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export function slowness(createManager: ManagerFactory): void {
  describe('Promise 2: slowness loses nothing', () => {
    const prepared = () => {
      const streams = createManager(testScheduler());
      const input = streams.open<number>('s');
      const stream = streams.subscribe<number>('s');
      return { streams, input, stream };
    };

    it('gives a puller that is 5,000 chunks behind every one of them, and the end', async () => {
      const { input, stream } = prepared();
      const live = noted(stream);
      const chunks = stream[Symbol.asyncIterator]();
      input.next(0);
      expect(await chunks.next()).toEqual(value(0));
      for (let chunk = 1; chunk <= 5_000; chunk++) input.next(chunk);
      input.complete();
      expect(live).toEqual([...numbers(5_001), '|']);
      expect(await pulled(chunks)).toEqual(numbers(5_001).slice(1));
    });

    it('gives a puller that is 5,000 chunks behind the error after them', async () => {
      const { input, stream } = prepared();
      const chunks = stream[Symbol.asyncIterator]();
      for (const chunk of numbers(5_000)) input.next(chunk);
      input.error({ code: 'DATA_LOSS' });
      const results: unknown[] = [];
      while (results.length < 5_000) results.push(await chunks.next());
      expect(results).toEqual(numbers(5_000).map(value));
      expect(await codeOf(() => chunks.next())).toBe('DATA_LOSS');
    });

    it('gives pullers of different pace the same, each from its own position', async () => {
      const { input, stream } = prepared();
      const fast = stream[Symbol.asyncIterator]();
      const slow = stream[Symbol.asyncIterator]();
      const seen: { fast: unknown[]; slow: unknown[] } = { fast: [], slow: [] };
      for (const chunk of numbers(300)) {
        input.next(chunk);
        seen.fast.push((await fast.next()).value);
        if (chunk % 100 === 0) seen.slow.push((await slow.next()).value);
      }
      expect(seen).toEqual({ fast: numbers(300), slow: [0, 1, 2] });
      input.complete();
      expect(await pulled(slow)).toEqual(numbers(300).slice(3));
      expect(await fast.next()).toEqual(DONE);
    });

    it('gives pulls and writes in any order the same result', async () => {
      const steps = fc.array(fc.constantFrom('write', 'pull', 'await'), { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(steps, async (program) => {
          const { input, stream } = prepared();
          const chunks = stream[Symbol.asyncIterator]();
          const pulls: Promise<IteratorResult<number, undefined>>[] = [];
          let written = 0;
          for (const step of program) {
            if (step === 'write') input.next(written++);
            else if (step === 'pull') pulls.push(chunks.next());
            else await Promise.resolve();
          }
          input.complete();
          const results = await Promise.all(pulls);
          const expected = numbers(pulls.length).map((chunk) => (chunk < written ? value(chunk) : DONE));
          expect(results).toEqual(expected);
          expect(await pulled(chunks)).toEqual(numbers(written).slice(pulls.length));
        }),
      );
    });

    it('answers concurrent pulls in their order', async () => {
      const { input, stream } = prepared();
      input.next(0);
      const chunks = stream[Symbol.asyncIterator]();
      const pulls = numbers(5).map(() => chunks.next());
      for (const chunk of [1, 2, 3]) input.next(chunk);
      input.complete();
      expect(await Promise.all(pulls)).toEqual([...[0, 1, 2, 3].map(value), DONE]);
    });

    it('answers the first of concurrent pulls with the error and the others with the end', async () => {
      const { input, stream } = prepared();
      const chunks = stream[Symbol.asyncIterator]();
      const pulls = numbers(3).map(() => chunks.next());
      input.next(0);
      input.error({ code: 'DATA_LOSS' });
      expect(await Promise.allSettled(pulls)).toMatchObject([
        { value: value(0) },
        { reason: { code: 'DATA_LOSS' } },
        { value: DONE },
      ]);
      expect(await chunks.next()).toEqual(DONE);
    });

    it('releases every parked pull at return(), and takes no chunk that comes later', async () => {
      const { input, stream } = prepared();
      const chunks = stream[Symbol.asyncIterator]();
      const pulls = [chunks.next(), chunks.next()];
      expect(await chunks.return?.()).toEqual(DONE);
      input.next(0);
      expect(await Promise.all(pulls)).toEqual([DONE, DONE]);
      expect(await chunks.next()).toEqual(DONE);
      expect(await chunks.return?.()).toEqual(DONE);
      expect(await stream[Symbol.asyncIterator]().next()).toEqual(value(0));
    });

    it('reads nothing after a return() that came before the first pull', async () => {
      const { input, stream } = prepared();
      const chunks = stream[Symbol.asyncIterator]();
      input.next(0);
      expect(await chunks.return?.()).toEqual(DONE);
      expect(await chunks.next()).toEqual(DONE);
    });

    it('ends with the loop that is left, and begins anew in the next', async () => {
      const { input, stream } = prepared();
      for (const chunk of [0, 1, 2]) input.next(chunk);
      const seen: number[] = [];
      for await (const chunk of stream) {
        seen.push(chunk);
        if (chunk === 1) break;
      }
      input.complete();
      expect(seen).toEqual([0, 1]);
      expect(await pulled(stream)).toEqual([0, 1, 2]);
    });

    it('pulls from an offset, or from now', async () => {
      const { streams, input } = prepared();
      input.next(0);
      const offset = await input.write(1);
      const after = streams.subscribe<number>('s', { after: offset })[Symbol.asyncIterator]();
      const now = streams.subscribe<number>('s', { from: 'now' })[Symbol.asyncIterator]();
      const pulls = [after.next(), now.next()];
      input.next(2);
      expect(await Promise.all(pulls)).toEqual([value(2), value(2)]);
    });

    it('counts a puller as a subscriber while it waits, and as nobody between its pulls', async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { idleTtl: 10 });
      for (const id of ['waits', 'rests']) {
        const input = streams.open<string>(id);
        const chunks = streams.subscribe<string>(id)[Symbol.asyncIterator]();
        const pull = chunks.next();
        input.next('a');
        expect(await pull).toEqual(value('a'));
        if (id === 'waits') void chunks.next();
      }
      clock.flush();
      expect(await codeOf(() => streams.head('waits'))).toBeUndefined();
      expect(await codeOf(() => streams.head('rests'))).toBe('NOT_FOUND');
    });

    it('replays 10,000 chunks while as many are written', () => {
      const { input, stream } = prepared();
      const live = noted(stream);
      for (const chunk of numbers(10_000)) input.next(chunk);
      const replayed = noted(stream, (chunk) => {
        if (chunk < 10_000) input.next(chunk + 10_000);
      });
      input.complete();
      expect(replayed).toEqual([...numbers(20_000), '|']);
      expect(live).toEqual([...numbers(20_000), '|']);
    });

    it.each([100, 101, 102, 1_000])(
      'replays %i chunks of a finished stream to subscriber and puller',
      async (count) => {
        const { input, stream } = prepared();
        for (const chunk of numbers(count)) input.next(chunk);
        input.complete();
        expect(noted(stream)).toEqual([...numbers(count), '|']);
        expect(await pulled(stream)).toEqual(numbers(count));
      },
    );
  });
}
