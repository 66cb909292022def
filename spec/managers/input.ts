import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamError, StreamInput, StreamManager, StreamStatus } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { codes, outcome } from '../support/outcomes.js';
import { noted } from '../support/views.js';

/** An input that has written one chunk, and what it lives in. */
interface World {
  readonly clock: VirtualTimeScheduler;
  readonly streams: StreamManager;
  readonly input: StreamInput<string, string>;
}

/** How writing can end. No action of the clock runs, so that what is due has to be found out. */
interface End {
  readonly name: string;
  readonly act: (world: World) => unknown;
  /** Of a stream that is there still. */
  readonly status?: StreamStatus;
  /** As the input knows it on an engine, where it does not follow its stream after it was released. */
  readonly statusOnEngine?: StreamStatus;
  /** Of the failure, if it is not the input's own end. */
  readonly code?: string;
}

const ENDS: End[] = [
  { name: 'complete()', act: ({ input }) => input.complete(), status: 'done' },
  { name: 'complete() with an output', act: ({ input }) => input.complete('output'), status: 'done' },
  { name: 'error()', act: ({ input }) => input.error(new Error('e')), status: 'error' },
  { name: 'close()', act: ({ input }) => input.close(), status: 'open' },
  {
    name: 'close(), and its lease is lost',
    act: ({ input, clock }) => {
      input.close();
      clock.frame = 10;
    },
    status: 'error',
    statusOnEngine: 'open',
  },
  { name: 'a stop', act: ({ streams }) => streams.stop('s'), status: 'error', code: 'CANCELLED' },
  {
    name: 'a stop whose grace is over',
    act: ({ streams, clock }) => {
      void streams.stop('s', { grace: 5 });
      clock.frame = 5;
    },
    status: 'error',
    code: 'CANCELLED',
  },
  {
    name: 'a takeover',
    act: ({ streams }) => streams.open('s', { resume: true }),
    status: 'open',
    code: 'ABORTED',
  },
  {
    name: 'a takeover by one that has written and completed',
    act: ({ streams }) => {
      const latter = streams.open<string>('s', { resume: true });
      latter.next('b');
      latter.complete();
    },
    status: 'done',
    statusOnEngine: 'open',
    code: 'ABORTED',
  },
  { name: 'a delete', act: ({ streams }) => streams.delete('s'), code: 'NOT_FOUND' },
  { name: 'idling', act: ({ clock }) => (clock.frame = 100), code: 'NOT_FOUND' },
  {
    name: 'the expiry of its stream',
    act: ({ streams, clock }) => {
      streams.subscribe('s').subscribe({ error: () => {} });
      clock.frame = 1_000;
    },
    code: 'NOT_FOUND',
  },
  { name: 'the end of its manager', act: ({ streams }) => streams.close(), code: 'UNAVAILABLE' },
  {
    name: 'a chunk too many',
    act: ({ input }) => {
      input.failed.subscribe();
      input.next('b');
      input.next('c');
    },
    status: 'error',
    code: 'RESOURCE_EXHAUSTED',
  },
];

/** What holds for the inputs of every manager whose writes are done when they return. */
export function inputs(createManager: ManagerFactory, place: Place = 'in memory'): void {
  function createWorld(): World {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { maxChunks: 2 });
    const input = streams.open<string, string>('s', { expiresAt: 1_000, idleTtl: 100, lease: 10 });
    input.next('a');
    return { clock, streams, input };
  }

  describe('An input', () => {
    it('is its id, and open from the start', async () => {
      const { streams, input } = createWorld();
      expect(input.id).toBe('s');
      expect(input.status).toBe('open');
      expect(input.closed).toBe(false);
      expect(input.signal.aborted).toBe(false);
      expect(await streams.head('s')).toMatchObject({ tail: input.tail });
      expect(await outcome(() => input.opened)).toBe('OK');
      expect(await outcome(() => input.flush())).toBe('OK');
      expect(noted(input.failed)).toEqual([]);
    });

    describe.each(ENDS)('after $name', ({ act, status, statusOnEngine = status, code }) => {
      const known = place === 'in memory' ? status : statusOnEngine;

      // Each of these is the first to ask, so none can rely on what another has found out.

      it('is closed', async () => {
        const world = createWorld();
        await act(world);
        expect(world.input.closed).toBe(true);
      });

      if (status !== undefined) {
        it('tells the status of the stream', async () => {
          const world = createWorld();
          await act(world);
          expect(world.input.status).toBe(known);
          expect(await world.streams.head('s')).toMatchObject({ status });
        });
      }

      it('has told those who watched failed', async () => {
        const world = createWorld();
        const seen = noted(codes(world.input.failed));
        await act(world);
        expect(world.input.closed).toBe(true);
        expect(seen).toEqual(code === undefined ? ['|'] : [code, '|']);
      });

      it('tells those who watch failed only now', async () => {
        const world = createWorld();
        await act(world);
        const expected = code === undefined ? ['|'] : [code, '|'];
        expect(noted(codes(world.input.failed))).toEqual(expected);
        expect(noted(codes(world.input.failed))).toEqual(expected);
      });

      it('has aborted its signal, if it has failed', async () => {
        const world = createWorld();
        const { signal } = world.input;
        await act(world);
        expect(world.input.closed).toBe(true);
        expect(signal.aborted).toBe(code !== undefined);
        if (code !== undefined) expect(signal.reason).toMatchObject({ name: 'StreamError', code });
      });

      it('has an aborted signal for those who ask only now, if it has failed', async () => {
        const world = createWorld();
        await act(world);
        const { signal } = world.input;
        expect(signal.aborted).toBe(code !== undefined);
        if (code !== undefined) expect(signal.reason).toMatchObject({ name: 'StreamError', code });
      });

      it('rejects flush() if it has failed', async () => {
        const world = createWorld();
        await act(world);
        expect(await outcome(() => world.input.flush())).toBe(code ?? 'OK');
      });

      it('rejects write()', async () => {
        const world = createWorld();
        await act(world);
        expect(await outcome(() => world.input.write('x'))).toBe(code ?? 'FAILED_PRECONDITION');
      });

      it('stays at its tail, whoever writes on', async () => {
        const world = createWorld();
        const before = world.input.tail;
        await act(world);
        const { tail } = world.input;
        expect(tail >= before).toBe(true);
        if (status === 'open') {
          const latter = world.streams.open<string>('s', { resume: true });
          latter.next('b');
          expect((await world.streams.head('s')).tail > tail).toBe(true);
        }
        expect(world.input.tail).toBe(tail);
      });

      it('is left as it is by close()', async () => {
        const world = createWorld();
        await act(world);
        world.input.close();
        world.input.close();
        expect(noted(codes(world.input.failed))).toEqual(code === undefined ? ['|'] : [code, '|']);
        if (status !== undefined) expect(world.input.status).toBe(known);
      });
    });

    it('gives one and the same error everywhere', async () => {
      const { streams, input } = createWorld();
      const errors: unknown[] = [];
      const { signal } = input;
      const note = (error: unknown): void => {
        errors.push(error);
      };
      input.failed.subscribe(note);
      await streams.stop('s');
      input.failed.subscribe(note);
      await input.flush().catch(note);
      await input.write('x').catch(note);
      note(signal.reason);
      expect(errors).toHaveLength(5);
      expect(new Set(errors).size).toBe(1);
    });

    it('keeps the first of its failures', async () => {
      const { streams, input } = createWorld();
      await streams.stop('s');
      await streams.delete('s');
      await streams.close();
      expect(noted(codes(input.failed))).toEqual(['CANCELLED', '|']);
      expect(await outcome(() => input.write('x'))).toBe('CANCELLED');
    });

    it('fails with FAILED_PRECONDITION when it is written to after its own end', () => {
      const { input } = createWorld();
      const watched = noted(codes(input.failed));
      input.complete();
      const { signal } = input;
      input.next('x');
      expect(watched).toEqual(['|']);
      expect(noted(codes(input.failed))).toEqual(['FAILED_PRECONDITION', '|']);
      expect((signal.reason as StreamError).code).toBe('FAILED_PRECONDITION');
    });

    it('tells failed to all who watch, but not to who has left', async () => {
      const { streams, input } = createWorld();
      const left: string[] = [];
      input.failed.subscribe(({ code }) => left.push(code)).unsubscribe();
      const first = noted(codes(input.failed));
      const second = noted(codes(input.failed));
      await streams.stop('s');
      expect([left, first, second]).toEqual([[], ['CANCELLED', '|'], ['CANCELLED', '|']]);
    });

    it('tells its producer before its readers', async () => {
      const { streams, input } = createWorld();
      const seen: string[] = [];
      streams.subscribe('s').subscribe({ error: () => seen.push('reader') });
      input.failed.subscribe(() => seen.push('producer'));
      await streams.stop('s');
      expect(seen).toEqual(['producer', 'reader']);
    });

    it('refuses what is written to a stream that whoever heard of its takeover has deleted', async () => {
      const { streams, input } = createWorld();
      input.failed.subscribe(() => void streams.delete('s'));
      const latter = streams.open<string>('s', { resume: true });
      expect(latter.closed).toBe(true);
      expect(noted(codes(latter.failed))).toEqual(['NOT_FOUND', '|']);
      expect(await outcome(() => latter.write('x'))).toBe('NOT_FOUND');
      expect(() => {
        latter.next('x');
      }).not.toThrow();
      expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    });
  });
}
