import { concat, defer, NEVER, type Observable, of, Subject, take } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { durable, InMemoryStreamManager, StreamError } from '../../lib/index.js';
import { LateStreamManager } from '../support/late-manager.js';
import { testScheduler } from '../support/marbles.js';
import { unhandledBy } from '../support/unhandled.js';
import { record } from './support.js';

const createManager = (options = {}): LateStreamManager =>
  new LateStreamManager(new InMemoryStreamManager({ scheduler: testScheduler(), ...options }));

/** A source, and how often it was subscribed. */
function counted<T>(source: Observable<T>): { source: Observable<T>; runs: () => number } {
  let runs = 0;
  return {
    source: defer(() => {
      runs++;
      return source;
    }),
    runs: () => runs,
  };
}

describe('durable on a storage that answers late', () => {
  it('subscribes to its source when the id is its own, and gives chunks as they are stored', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const seen = record(source.pipe(durable(streams, 's')));

    expect(source.observed).toBe(false);
    await streams.acknowledge();
    for (const chunk of ['a', 'b']) source.next(chunk);
    expect(seen).toEqual([]);
    await streams.acknowledge(1);
    expect(seen).toEqual(['a']);
    await streams.acknowledge();
    expect(seen).toEqual(['a', 'b']);
  });

  it('completes when the end is stored, and not before', async () => {
    const streams = createManager();
    const seen = record(of('a', 'b').pipe(durable(streams, 's')));
    await streams.acknowledge();

    await streams.acknowledge(2);
    expect(seen).toEqual(['a', 'b']);
    await streams.acknowledge();

    expect(seen).toEqual(['a', 'b', '|']);
  });

  it('joins the stream of another that has the id, and never subscribes to its source', async () => {
    const streams = createManager();
    const { source, runs } = counted(of('x'));
    const other = streams.stored.open<string>('s');
    other.next('a');
    const seen = record(source.pipe(durable(streams, 's')));

    expect(seen).toEqual([]);
    await streams.acknowledge();
    other.next('b');
    other.complete();

    expect(seen).toEqual(['a', 'b', '|']);
    expect(runs()).toBe(0);
  });

  it('joins a stream that another has failed', async () => {
    const streams = createManager();
    const { source, runs } = counted(of('x'));
    const other = streams.stored.open<string>('s');
    other.next('a');
    other.error(new StreamError('DATA_LOSS', 'half of it is gone'));
    const seen = record(source.pipe(durable(streams, 's')));

    await streams.acknowledge();

    expect(seen).toEqual(['a', '# DATA_LOSS']);
    expect(runs()).toBe(0);
  });

  it('runs the source once for all that ask for the id at the same time', async () => {
    const streams = createManager();
    const { source, runs } = counted(of('a', 'b'));
    const shared = source.pipe(durable(streams, 's'));
    const seen = [record(shared), record(shared), record(shared.pipe(take(1)))];

    while (streams.waiting > 0) await streams.acknowledge();

    expect(seen).toEqual([
      ['a', 'b', '|'],
      ['a', 'b', '|'],
      ['a', '|'],
    ]);
    expect(runs()).toBe(1);
  });

  it('gives all of a source with a TTL of 0 to its first subscriber', async () => {
    const streams = createManager();
    const seen = record(of('a', 'b').pipe(durable(streams, 's', { ttl: 0 })));

    while (streams.waiting > 0) await streams.acknowledge();

    expect(seen).toEqual(['a', 'b', '|']);
    expect(await streams.list()).toEqual([]);
  });

  it('fails when the storage fails to open, and never subscribes to its source', async () => {
    const streams = createManager();
    const { source, runs } = counted(of('x'));
    const seen = record(source.pipe(durable(streams, 's')));

    await streams.refuse(new StreamError('UNAVAILABLE', 'The storage has gone away.'));

    expect(seen).toEqual(['# UNAVAILABLE']);
    expect(runs()).toBe(0);
  });

  it.each<[code: string, stop: (streams: LateStreamManager) => unknown]>([
    ['CANCELLED', (streams) => streams.stop('s')],
    ['NOT_FOUND', (streams) => streams.delete('s')],
    ['UNAVAILABLE', (streams) => streams.close()],
  ])('fails with %s and leaves its source', async (code, stop) => {
    const streams = createManager();
    const source = new Subject<string>();
    const seen = record(source.pipe(durable(streams, 's')));
    await streams.acknowledge();
    for (const chunk of ['a', 'b']) source.next(chunk);
    await streams.acknowledge(1);

    stop(streams);
    await streams.acknowledge();

    expect(seen).toEqual(['a', `# ${code}`]);
    expect(source.observed).toBe(false);
  });

  it('does not subscribe to the source of a stream that was stopped as soon as it was open', async () => {
    const streams = createManager();
    const { source, runs } = counted(of('x'));
    const seen = record(source.pipe(durable(streams, 's')));

    const acknowledged = streams.acknowledge();
    await streams.stop('s');
    await acknowledged;

    expect(seen).toEqual(['# CANCELLED']);
    expect(runs()).toBe(0);
  });

  it('fails after the chunks that fit when one of many is refused', async () => {
    const streams = createManager({ maxChunks: 2 });
    const seen = record(concat(of('a', 'b', 'c', 'd'), NEVER).pipe(durable(streams, 's')));

    while (streams.waiting > 0) await streams.acknowledge();

    expect(seen).toEqual(['a', 'b', '# RESOURCE_EXHAUSTED']);
  });

  it('gives a refusal that comes after the end of its source to subscribers alone', async () => {
    const streams = createManager({ maxChunks: 2 });
    let seen: string[] = [];

    const unhandled = await unhandledBy(async () => {
      seen = record(of('a', 'b', 'c', 'd').pipe(durable(streams, 's')));
      while (streams.waiting > 0) await streams.acknowledge();
    });

    expect(seen).toEqual(['a', 'b', '# RESOURCE_EXHAUSTED']);
    expect(unhandled).toEqual([]);
  });

  describe('when its subscriber leaves while opening', () => {
    it('runs the source all the same, because the id was claimed for it', async () => {
      const streams = createManager();
      const { source, runs } = counted(concat(of('a', 'b'), NEVER));
      const seen: string[] = [];

      source
        .pipe(durable(streams, 's'))
        .subscribe((chunk) => seen.push(chunk))
        .unsubscribe();
      while (streams.waiting > 0) await streams.acknowledge();

      expect(runs()).toBe(1);
      expect(seen).toEqual([]);
      expect(record(streams.subscribe('s'))).toEqual(['a', 'b']);
    });

    it('does nothing if the claim is lost', async () => {
      const streams = createManager();
      const { source, runs } = counted(of('x'));
      streams.stored.open<string>('s').next('a');
      const seen: string[] = [];

      source
        .pipe(durable(streams, 's'))
        .subscribe((chunk) => seen.push(chunk))
        .unsubscribe();
      while (streams.waiting > 0) await streams.acknowledge();

      expect(runs()).toBe(0);
      expect(seen).toEqual([]);
    });
  });

  it('needs nobody to acknowledge on a storage that answers by itself', async () => {
    const stored = new InMemoryStreamManager({ scheduler: testScheduler() });
    const streams = new LateStreamManager(stored, { automatic: true });
    const seen = record(of('a', 'b', 'c').pipe(durable(streams, 's')));

    await streams.acknowledge(0);

    expect(seen).toEqual(['a', 'b', 'c', '|']);
  });
});
