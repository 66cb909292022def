import { lastValueFrom, map, VirtualTimeScheduler } from 'rxjs';
import type { Context } from 'rxjs-marbles';
import { describe, expect, it } from 'vitest';

import type { StreamError, StreamErrorCode, StreamInput } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { codeOf, codesOf, inEveryView, noted, pulled, views } from '../support/views.js';
import { CAUSES, expectedOf } from './ends-table.js';

const VIEWS = ['chunks', 'output', 'events', 'status'] as const;

const CODES: StreamErrorCode[] = [
  'ABORTED',
  'ALREADY_EXISTS',
  'CANCELLED',
  'DATA_LOSS',
  'DEADLINE_EXCEEDED',
  'FAILED_PRECONDITION',
  'INTERNAL',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'OUT_OF_RANGE',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'UNAUTHENTICATED',
  'UNAVAILABLE',
  'UNKNOWN',
];

export function ends(createManager: ManagerFactory): void {
  describe('Promise 3: every subscriber gets an end', () => {
    describe.each(CAUSES)('where a stream $cause', ({ at, happens, options, maxChunks, end, failed }) => {
      const { code, words, views: expected } = expectedOf(end);

      it.each(VIEWS)(
        'ends its %s, live and late',
        marbles((m: Context, view: (typeof VIEWS)[number]) => {
          const streams = createManager(m.scheduler, { maxChunks });
          const input = streams.open<string, string>('s', options);
          const source = m.cold<string>('-ab');
          const late = '                 -------^';
          const view$ = views(streams.subscribe<string, string>('s'))[view];

          input.failed.subscribe();
          source.subscribe((chunk) => {
            input.next(chunk);
          });
          m.scheduler.schedule(() => happens(input, streams), at);

          m.expect(view$).toBeObservable(expected[view].live, words, code);
          m.expect(view$, late).toBeObservable(expected[view].late, words, code);
        }),
      );

      it(
        'tells its input, live and late',
        marbles((m) => {
          const streams = createManager(m.scheduler, { maxChunks });
          const input = streams.open<string, string>('s', options);
          const source = m.cold<string>('-ab');
          const late = '                 -------^';
          const lateFailed = failed.replace(/-+/, '-------');
          const failed$ = input.failed.pipe(map((error) => error.code));

          source.subscribe((chunk) => {
            input.next(chunk);
          });
          m.scheduler.schedule(() => happens(input, streams), at);

          m.expect(failed$).toBeObservable(failed, { f: code as StreamErrorCode });
          m.expect(failed$, late).toBeObservable(lateFailed, { f: code as StreamErrorCode });
        }),
      );

      const prepared = async () => {
        const clock = new VirtualTimeScheduler(undefined, 10);
        const streams = createManager(clock, { maxChunks });
        const input = streams.open<string, string>('s', options);
        input.failed.subscribe();
        input.next('a');
        input.next('b');
        const stream = streams.subscribe<string, string>('s');
        const passTime = (): void => {
          clock.schedule(() => happens(input, streams), at);
          clock.flush();
        };
        const behind = stream[Symbol.asyncIterator]();
        await behind.next();
        return { stream, passTime, behind };
      };

      it('ends a puller that waits', async () => {
        const { stream, passTime } = await prepared();
        const chunks = stream[Symbol.asyncIterator]();
        expect([await chunks.next(), await chunks.next()]).toMatchObject([{ value: 'a' }, { value: 'b' }]);
        const pull = chunks.next();
        passTime();
        if (code === undefined) expect(await pull).toEqual({ done: true, value: undefined });
        else expect(await codeOf(() => pull)).toBe(code);
        expect(await chunks.next()).toEqual({ done: true, value: undefined });
      });

      it('ends a puller that comes late', async () => {
        const { stream, passTime } = await prepared();
        passTime();
        if ('done' in end) expect(await pulled(stream)).toEqual(['a', 'b']);
        else expect(await codeOf(() => pulled(stream))).toBe(code);
      });

      if (!('lost' in end)) {
        it('gives a puller that is behind the rest first', async () => {
          const { passTime, behind } = await prepared();
          passTime();
          expect(await behind.next()).toEqual({ done: false, value: 'b' });
          expect(await codeOf(() => behind.next())).toBe(code);
          expect(await behind.next()).toEqual({ done: true, value: undefined });
        });
      }
    });

    describe('where there is no stream to look up', () => {
      const clock = () => new VirtualTimeScheduler(undefined, 10);

      it('errors in every view for an id that was never opened', async () => {
        const streams = createManager(clock());
        expect(await codesOf(streams.subscribe<string>('s'))).toEqual(inEveryView('NOT_FOUND'));
      });

      it('errors in every view for an id that can not be one', async () => {
        const streams = createManager(clock());
        expect(await codesOf(streams.subscribe<string>(''))).toEqual(inEveryView('INVALID_ARGUMENT'));
      });

      it('errors in every view after a stream was deleted', async () => {
        const streams = createManager(clock());
        const stream = streams.subscribe<string>('s');
        streams.open<string>('s').complete();
        await streams.delete('s');
        expect(await codesOf(stream)).toEqual(inEveryView('NOT_FOUND'));
      });

      it('errors in every view after a stream was evicted', async () => {
        const time = clock();
        const streams = createManager(time);
        const stream = streams.subscribe<string>('s');
        streams.open<string>('s', { ttl: 5 }).complete();
        time.flush();
        expect(await codesOf(stream)).toEqual(inEveryView('NOT_FOUND'));
      });

      it('errors in every view after a stream idled for too long, and tells its input', async () => {
        const time = clock();
        const streams = createManager(time);
        const input = streams.open<string>('s', { idleTtl: 5 });
        const failed = noted(input.failed.pipe(map((error) => error.code)));
        time.flush();
        expect(await codesOf(streams.subscribe<string>('s'))).toEqual(inEveryView('NOT_FOUND'));
        expect(failed).toEqual(['NOT_FOUND', '|']);
      });

      it('errors in every view after an offset of the former life of the id', async () => {
        const streams = createManager(clock());
        const after = await streams.open<string>('s').write('a');
        await streams.delete('s');
        streams.open<string>('s').next('a');
        const stream = streams.subscribe<string>('s', { after });
        expect(await codesOf(stream)).toEqual(inEveryView('OUT_OF_RANGE'));
      });

      it('errors in every view after the manager was closed', async () => {
        const streams = createManager(clock());
        const stream = streams.subscribe<string>('s');
        await streams.close();
        expect(await codesOf(stream)).toEqual(inEveryView('UNAVAILABLE'));
      });

      it.each(VIEWS)(
        'ends the wait of its %s',
        marbles((m: Context, view: (typeof VIEWS)[number]) => {
          const streams = createManager(m.scheduler);
          const inVain = ' ---#';
          const closed = ' -----#';
          const waiting = (wait: number) => views(streams.subscribe<string>('s', { wait }))[view];

          m.scheduler.schedule(() => void streams.close(), 5);

          m.expect(waiting(3)).toBeObservable(inVain, undefined, 'NOT_FOUND');
          m.expect(waiting(9)).toBeObservable(closed, undefined, 'UNAVAILABLE');
          m.expect(waiting(Infinity)).toBeObservable(closed, undefined, 'UNAVAILABLE');
        }),
      );

      it('ends the wait of a puller', async () => {
        const time = clock();
        const streams = createManager(time);
        const pulls = [3, 9, Infinity].map((wait) =>
          codeOf(() => streams.subscribe<string>('s', { wait })[Symbol.asyncIterator]().next()),
        );
        time.schedule(() => void streams.close(), 5);
        time.flush();
        expect(await Promise.all(pulls)).toEqual(['NOT_FOUND', 'UNAVAILABLE', 'UNAVAILABLE']);
      });
    });

    it.each([undefined, null, false, 0, ''])('gives the output %o, which is one', async (output) => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, unknown>('s');
      const stream = streams.subscribe<string, unknown>('s');
      const live = noted(stream.output());
      input.next('a');
      input.complete(output);
      expect(live).toEqual([output, '|']);
      expect(noted(stream.output())).toEqual([output, '|']);
      expect(await lastValueFrom(stream.events())).toEqual({ type: 'done', output, offset: input.tail });
    });

    it('tells no output from the output undefined', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string, unknown>('s');
      const stream = streams.subscribe<string, unknown>('s');
      input.complete();
      expect(noted(stream.output())).toEqual(['|']);
      expect(await lastValueFrom(stream.events())).toStrictEqual({ type: 'done', offset: input.tail });
    });

    it.each(CODES)('keeps the code %s of an error, its message and its details', async (code) => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      input.error({ code, message: 'why', details: { at: 1 } });
      const event = await lastValueFrom(streams.subscribe<string>('s').events());
      expect(event).toMatchObject({ type: 'error', error: { code, message: 'why', details: { at: 1 } } });
    });

    it.each([
      ['undefined', undefined],
      ['null', null],
      ['a string', 'text'],
      ['zero', 0],
      ['a plain error', new Error('plain')],
      ['an error with a code of its own', Object.assign(new Error('no file'), { code: 'ENOENT' })],
      ['an error with a number as its code', { code: 5 }],
      ['an error with the code OK', { code: 'OK' }],
      ['an error with a code in lower case', { code: 'not_found' }],
      ['a StreamError with a code of its own', { name: 'StreamError', code: 'ENOENT' }],
    ])('makes %s, given as an error, UNKNOWN', async (_what, error) => {
      const streams = createManager(testScheduler());
      streams.open<string>('s').error(error);
      const stream = streams.subscribe<string>('s');
      expect(await codeOf(() => lastValueFrom(stream))).toBe('UNKNOWN');
      expect(await lastValueFrom(stream.events())).toMatchObject({
        type: 'error',
        error: { code: 'UNKNOWN' },
      });
    });

    it('keeps the message of a foreign error', async () => {
      const streams = createManager(testScheduler());
      streams.open<string>('s').error(new RangeError('too far'));
      const event = await lastValueFrom(streams.subscribe<string>('s').events());
      expect(event).toMatchObject({ error: { code: 'UNKNOWN', message: 'too far' } });
    });

    it('cuts a puller that is behind at the deletion of its stream', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const chunks = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      input.next('a');
      input.next('b');
      await chunks.next();
      await streams.delete('s');
      expect(await codeOf(() => chunks.next())).toBe('NOT_FOUND');
    });

    it('cuts a puller that pulls in the callback that deletes its stream', async () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      const stream = streams.subscribe<string>('s');
      const chunks = stream[Symbol.asyncIterator]();
      input.next('a');
      input.next('b');
      expect(await chunks.next()).toEqual({ done: false, value: 'a' });
      let pull: Promise<unknown> = Promise.resolve();
      noted(stream, (chunk) => {
        if (chunk !== 'c') return;
        void streams.delete('s');
        pull = chunks.next();
      });
      input.next('c');
      expect(await codeOf(() => pull)).toBe('NOT_FOUND');
    });

    it.each<[string, (input: StreamInput<string>) => unknown, unknown]>([
      ['failed', (input) => noted(input.failed.pipe(map((error) => error.code))), ['NOT_FOUND', '|']],
      ['signal', (input) => (input.signal.reason as StreamError).code, 'NOT_FOUND'],
      ['flush()', (input) => codeOf(() => input.flush()), 'NOT_FOUND'],
      ['write()', (input) => codeOf(() => input.write('a')), 'NOT_FOUND'],
      ['closed', (input) => input.closed, true],
    ])('tells by %s of an expiry that is due, also before the sweep', async (_what, ask, answer) => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock);
      let told: unknown;
      clock.schedule(() => {
        told = ask(input);
      }, 5);
      const input = streams.open<string>('s', { expiresAt: 5 });
      clock.flush();
      expect(await told).toEqual(answer);
    });
  });
}
