import { take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { StreamInput, StreamManager } from '../../lib/index.js';
import type { ManagerFactory, Place } from '../support/manager-factory.js';
import { marbles } from '../support/marbles.js';
import { codes, outcome } from '../support/outcomes.js';
import { runUntil } from '../support/schedulers.js';
import { byCode } from '../support/views.js';

type Iterator = AsyncIterableIterator<string, undefined>;

/** What is left for an iterator, and how it ends. */
async function rest(iterator: Iterator): Promise<string[]> {
  const seen: string[] = [];
  const end = await outcome(async () => {
    for await (const chunk of iterator) seen.push(chunk);
  });
  return [...seen, end];
}

async function written(
  streams: StreamManager,
  id: string,
  ...chunks: string[]
): Promise<StreamInput<string>> {
  const input = streams.open<string>(id);
  for (const chunk of chunks) input.next(chunk);
  await input.flush();
  return input;
}

export function cursors(createManager: ManagerFactory, place: Place): void {
  describe('cursors', () => {
    if (place === 'in memory') thatOwnTheLog(createManager);
    else thatOwnNothing(createManager);
    cutByDelete(createManager);
  });
}

function thatOwnTheLog(createManager: ManagerFactory): void {
  it('read the log of a finished stream to its end after it is gone', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { ttl: 5 });
    (await written(streams, 's', 'a', 'b', 'c')).complete();
    const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 'a' });

    runUntil(clock, 5);
    expect(await outcome(() => streams.head('s'))).toBe('NOT_FOUND');
    expect(await rest(iterator)).toEqual(['b', 'c', 'OK']);
  });

  it('read the log of a failed stream to its error after it is gone', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { ttl: 5 });
    (await written(streams, 's', 'a', 'b')).error(new Error('e'));
    const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await iterator.next();

    runUntil(clock, 5);
    expect(await rest(iterator)).toEqual(['b', 'UNKNOWN']);
  });

  it('read the log of a stream that expired while it was open, then are told so', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { expiresAt: 5 });
    await written(streams, 's', 'a', 'b');
    const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await iterator.next();

    runUntil(clock, 5);
    expect(await rest(iterator)).toEqual(['b', 'NOT_FOUND']);
  });

  it('read their own log when the id has been used again', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { ttl: 5 });
    (await written(streams, 's', 'a', 'b', 'c')).complete();
    const former = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await former.next();
    runUntil(clock, 5);
    const input = await written(streams, 's', 'x', 'y');
    const latter = streams.subscribe<string>('s')[Symbol.asyncIterator]();

    expect(await former.next()).toEqual({ done: false, value: 'b' });
    expect(await latter.next()).toEqual({ done: false, value: 'x' });
    await streams.delete('s');
    expect(await rest(former)).toEqual(['c', 'OK']);
    expect(await rest(latter)).toEqual(['NOT_FOUND']);
    expect(input.closed).toBe(true);
  });
}

/** On an engine what is gone is gone: never a silent end. */
function thatOwnNothing(createManager: ManagerFactory): void {
  const ENDS: Record<string, (input: StreamInput<string>) => void> = {
    finished: (input) => input.complete(),
    failed: (input) => input.error(new Error('e')),
  };

  for (const [name, end] of Object.entries(ENDS)) {
    it(`are out of range in the log of a ${name} stream that is gone`, async () => {
      const clock = new VirtualTimeScheduler();
      const streams = createManager(clock, { ttl: 5 });
      end(await written(streams, 's', 'a', 'b', 'c'));
      const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      expect(await iterator.next()).toEqual({ done: false, value: 'a' });

      runUntil(clock, 5);
      expect(await rest(iterator)).toEqual(['OUT_OF_RANGE']);
    });
  }

  it('are out of range in the log of a stream that expired while it was open', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { expiresAt: 5 });
    await written(streams, 's', 'a', 'b');
    const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await iterator.next();

    runUntil(clock, 5);
    expect(await rest(iterator)).toEqual(['OUT_OF_RANGE']);
  });

  it('are not found at the end of a stream that expired while it was open', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { expiresAt: 5 });
    await written(streams, 's', 'a');
    const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await iterator.next();

    runUntil(clock, 5);
    expect(await rest(iterator)).toEqual(['NOT_FOUND']);
  });

  it('never go on in the log of another life of the id', async () => {
    const clock = new VirtualTimeScheduler();
    const streams = createManager(clock, { ttl: 5 });
    (await written(streams, 's', 'a', 'b', 'c')).complete();
    const former = streams.subscribe<string>('s')[Symbol.asyncIterator]();
    await former.next();
    runUntil(clock, 5);
    await written(streams, 's', 'x', 'y');
    const latter = streams.subscribe<string>('s')[Symbol.asyncIterator]();

    expect(await latter.next()).toEqual({ done: false, value: 'x' });
    expect(await rest(former)).toEqual(['OUT_OF_RANGE']);
    await streams.delete('s');
    expect(await rest(latter)).toEqual(['NOT_FOUND']);
  });
}

function cutByDelete(createManager: ManagerFactory): void {
  it(
    'are cut by delete, as the producer is',
    marbles((m) => {
      const streams = createManager(m.scheduler);
      const source = '   a-b-c-d|  ';
      const deletion = ' -----x     ';
      const expected = ' a-b-c#     ';
      const lateSub = '  ----^      ';
      const late = '     ----(abc|)';
      const tooLateSub = '-----^     ';
      const tooLate = '  -----#     ';
      const failed = '   -----(f|) ';
      const input = streams.open<string>('s');
      const stream$ = byCode(streams.subscribe<string>('s'));
      m.cold<string>(source).subscribe(input);
      m.cold(deletion).subscribe(() => void streams.delete('s'));

      m.expect(stream$).toBeObservable(expected, undefined, 'NOT_FOUND');
      m.expect(stream$.pipe(take(3)), lateSub).toBeObservable(late);
      m.expect(stream$, tooLateSub).toBeObservable(tooLate, undefined, 'NOT_FOUND');
      m.expect(codes(input.failed)).toBeObservable(failed, { f: 'NOT_FOUND' });
    }),
  );

  for (const view of ['status', 'output', 'events'] as const) {
    it(
      `are cut by delete also in ${view}()`,
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const deletion = '--x';
        const expected = view === 'status' ? 'o-#' : '--#';
        streams.open<string>('s');
        m.cold(deletion).subscribe(() => void streams.delete('s'));
        m.expect(byCode<unknown>(streams.subscribe('s')[view]())).toBeObservable(
          expected,
          { o: 'open' },
          'NOT_FOUND',
        );
      }),
    );
  }

  for (const end of ['open', 'finished'] as const) {
    it(`are cut by delete in the middle of the replay of a stream that is ${end}`, async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = await written(streams, 's', 'a', 'b', 'c');
      if (end === 'finished') input.complete();
      const seen: unknown[] = [];
      byCode(streams.subscribe<string>('s')).subscribe({
        next: (chunk) => {
          seen.push(chunk);
          if (chunk === 'b') void streams.delete('s');
        },
        error: (code: unknown) => seen.push(code),
        complete: () => seen.push('complete'),
      });
      expect(seen).toEqual(['a', 'b', 'NOT_FOUND']);
    });

    it(`are cut by delete between two pulls of a stream that is ${end}`, async () => {
      const streams = createManager(new VirtualTimeScheduler());
      const input = await written(streams, 's', 'a', 'b');
      if (end === 'finished') input.complete();
      const iterator = streams.subscribe<string>('s')[Symbol.asyncIterator]();
      await iterator.next();
      await streams.delete('s');
      await written(streams, 's', 'x', 'y');
      expect(await rest(iterator)).toEqual(['NOT_FOUND']);
    });
  }

  it('are cut by delete while they wait for a chunk', async () => {
    const streams = createManager(new VirtualTimeScheduler());
    await written(streams, 's');
    const waiting = rest(streams.subscribe<string>('s')[Symbol.asyncIterator]());
    await streams.delete('s');
    expect(await waiting).toEqual(['NOT_FOUND']);
  });
}
