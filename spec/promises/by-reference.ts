import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { type StreamEvent, StreamError } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';

export function byReference(createManager: ManagerFactory): void {
  describe('Promise 15: memory chunks are passed by reference', () => {
    const VALUES: Record<string, unknown> = {
      'an object': { a: [1] },
      'a function': () => 'called',
      'a symbol': Symbol('chunk'),
      'a promise': Promise.resolve(1),
      'a Uint8Array': new Uint8Array([1, 2]),
      'an error': new Error('as a chunk'),
      null: null,
      undefined,
      NaN,
    };

    for (const [name, value] of Object.entries(VALUES)) {
      it(`gives ${name} as it is to everybody, live and late, in every view, and as the output`, async () => {
        const streams = createManager(new VirtualTimeScheduler());
        const input = streams.open<unknown, unknown>('s');
        const stream = streams.subscribe<unknown, unknown>('s');
        const seen: unknown[] = [];
        const see = (what: unknown): void => {
          seen.push(what);
        };
        const seeEvent = (event: StreamEvent<unknown, unknown>): void => {
          if (event.type === 'chunk') see(event.chunk);
          if (event.type === 'done') see(event.output);
        };
        const iterator = stream[Symbol.asyncIterator]();

        stream.subscribe(see);
        stream.events().subscribe(seeEvent);
        stream.output().subscribe(see);
        const pulled = iterator.next();
        await input.write(value);
        input.complete(value);
        stream.subscribe(see);
        stream.events().subscribe(seeEvent);
        stream.output().subscribe(see);

        expect(seen).toHaveLength(8);
        expect(seen.every((it) => Object.is(it, value))).toBe(true);
        const result = await pulled;
        expect(result.done).toBe(false);
        expect(Object.is(result.value, value)).toBe(true);
      });
    }

    it('leaves chunks as they are: not frozen, not copied, with what is done to them later', () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open<{ text: string }>('s');
      const chunk = { text: 'before' };
      input.next(chunk);
      expect(Object.isFrozen(chunk)).toBe(false);
      chunk.text = 'after';
      const seen: { text: string }[] = [];
      streams.subscribe<{ text: string }>('s').subscribe((it) => seen.push(it));
      expect(seen).toEqual([{ text: 'after' }]);
    });

    it('gives the same error object to everybody', () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = streams.open('s');
      const stream = streams.subscribe('s');
      const error = new StreamError('DATA_LOSS', 'e');
      const seen: unknown[] = [];
      const see = (what: unknown): void => {
        seen.push(what);
      };
      stream.subscribe({ error: see });
      stream.output().subscribe({ error: see });
      stream.events().subscribe((event) => see(event.type === 'error' && event.error));
      input.error(error);
      stream.subscribe({ error: see });
      expect(seen).toHaveLength(4);
      expect(seen.every((it) => it === error)).toBe(true);
    });

    it('keeps a foreign error as the cause', () => {
      const streams = createManager(new VirtualTimeScheduler());
      const causes: unknown[] = [];
      const thrown = { any: 'thing' };
      const input = streams.open('s');
      input.error(thrown);
      streams.subscribe('s').subscribe({ error: (error: unknown) => causes.push((error as Error).cause) });
      expect(causes).toHaveLength(1);
      expect(causes[0]).toBe(thrown);
    });
  });
}
