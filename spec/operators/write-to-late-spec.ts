import { of, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager, StreamError, writeTo } from '../../lib/index.js';
import { LateStreamManager } from '../support/late-manager.js';
import { testScheduler } from '../support/marbles.js';
import { record } from './support.js';

const createManager = (options = {}): LateStreamManager =>
  new LateStreamManager(new InMemoryStreamManager({ scheduler: testScheduler(), ...options }));

const unavailable = new StreamError('UNAVAILABLE', 'The storage has gone away.');

describe('writeTo on a storage that answers late', () => {
  it('subscribes to its source when the id is its own', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));

    expect(source.observed).toBe(false);
    await streams.acknowledge();

    expect(source.observed).toBe(true);
    expect(written).toEqual([]);
  });

  it('never subscribes to its source when another has the id', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    streams.stored.open('s');
    const written = record(source.pipe(writeTo(streams, 's')));

    expect(written).toEqual([]);
    await streams.acknowledge();

    expect(written).toEqual(['# ALREADY_EXISTS']);
    expect(source.observed).toBe(false);
  });

  it('gives the id to the first of two that ask for it', async () => {
    const streams = createManager();
    const first = record(of('a').pipe(writeTo(streams, 's')));
    const second = record(of('b').pipe(writeTo(streams, 's')));

    while (streams.waiting > 0) await streams.acknowledge();

    expect(first).toEqual(['a', '|']);
    expect(second).toEqual(['# ALREADY_EXISTS']);
  });

  it('never subscribes to its source when the storage fails to open', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));

    await streams.refuse(unavailable);

    expect(written).toEqual(['# UNAVAILABLE']);
    expect(source.observed).toBe(false);
  });

  it('re-emits a chunk when it is acknowledged, and not before', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    await streams.acknowledge();

    for (const chunk of ['a', 'b', 'c']) source.next(chunk);
    expect(written).toEqual([]);
    await streams.acknowledge(1);
    expect(written).toEqual(['a']);
    source.next('d');
    await streams.acknowledge(1);
    expect(written).toEqual(['a', 'b']);
    await streams.acknowledge();
    expect(written).toEqual(['a', 'b', 'c', 'd']);
  });

  it('completes when its end is acknowledged, and not before', async () => {
    const streams = createManager();
    const output = (last: string | undefined): string => `last was ${String(last)}`;
    const written = record(of('a', 'b').pipe(writeTo<string, string>(streams, 's', { output })));
    await streams.acknowledge();

    await streams.acknowledge(2);
    expect(written).toEqual(['a', 'b']);
    expect(await streams.head('s')).toMatchObject({ status: 'open', chunks: 2 });
    await streams.acknowledge();

    expect(written).toEqual(['a', 'b', '|']);
    expect(record(streams.subscribe<string, string>('s').output())).toEqual(['last was b', '|']);
  });

  it("passes its source's error on when that is acknowledged, as it is", async () => {
    const streams = createManager();
    const written = record(throwError(() => new Error('no network')).pipe(writeTo(streams, 's')));
    await streams.acknowledge();

    expect(written).toEqual([]);
    await streams.acknowledge();

    expect(written).toEqual(['# no network']);
    expect(record(streams.subscribe('s'))).toEqual(['# UNKNOWN']);
  });

  it('passes on what output throws when that is acknowledged', async () => {
    const streams = createManager();
    const output = (): never => {
      throw new RangeError('no output');
    };
    const written = record(of('a').pipe(writeTo(streams, 's', { output })));
    await streams.acknowledge();

    await streams.acknowledge();

    expect(written).toEqual(['a', '# no output']);
    expect(record(streams.subscribe('s'))).toEqual(['a', '# UNKNOWN']);
  });

  it.each(['next', 'complete'] as const)(
    'fails after the chunks that were stored when %s is refused',
    async (last) => {
      const streams = createManager();
      const source = new Subject<string>();
      const written = record(source.pipe(writeTo(streams, 's')));
      await streams.acknowledge();
      for (const chunk of ['a', 'b']) source.next(chunk);
      if (last === 'next') source.next('c');
      else source.complete();

      await streams.acknowledge(2);
      await streams.refuse(unavailable);

      expect(written).toEqual(['a', 'b', '# UNAVAILABLE']);
      expect(source.observed).toBe(false);
    },
  );

  it('fails after the chunks that fit when one of many is refused', async () => {
    const streams = createManager({ maxChunks: 2 });
    const written = record(of('a', 'b', 'c', 'd').pipe(writeTo(streams, 's')));
    await streams.acknowledge();

    await streams.acknowledge();

    expect(written).toEqual(['a', 'b', '# RESOURCE_EXHAUSTED']);
    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '# RESOURCE_EXHAUSTED']);
  });

  it.each<[code: string, stop: (streams: LateStreamManager) => unknown]>([
    ['CANCELLED', (streams) => streams.stop('s')],
    ['NOT_FOUND', (streams) => streams.delete('s')],
    ['ABORTED', (streams) => streams.stored.open('s', { resume: true })],
    ['UNAVAILABLE', (streams) => streams.close()],
  ])('fails with %s after what was stored, and leaves the source', async (code, stop) => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    await streams.acknowledge();
    for (const chunk of ['a', 'b', 'c']) source.next(chunk);
    await streams.acknowledge(1);

    stop(streams);
    await streams.acknowledge();

    expect(written).toEqual(['a', `# ${code}`]);
    expect(source.observed).toBe(false);
  });

  it('re-emits what was acknowledged in the moment of a stop', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));
    await streams.acknowledge();
    for (const chunk of ['a', 'b']) source.next(chunk);

    const acknowledged = streams.acknowledge(1);
    await streams.stop('s');
    await acknowledged;

    expect(written).toEqual(['a', '# CANCELLED']);
  });

  it('does not subscribe to the source of a stream that was stopped as soon as it was open', async () => {
    const streams = createManager();
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's')));

    const acknowledged = streams.acknowledge();
    await streams.stop('s');
    await acknowledged;

    expect(written).toEqual(['# CANCELLED']);
    expect(source.observed).toBe(false);
  });

  describe('when its subscriber leaves', () => {
    it.each([
      ['cancel', 'ends the stream CANCELLED', ['# CANCELLED']],
      ['close', 'leaves the stream open', []],
    ] as const)(
      'while opening and told to %s, it %s without its source',
      async (onUnsubscribe, _, stream) => {
        const streams = createManager();
        let subscribed = false;
        const source = new Subject<string>();
        const writer = source
          .pipe(writeTo(streams, 's', { onUnsubscribe }))
          .subscribe(() => (subscribed = true));

        writer.unsubscribe();
        await streams.acknowledge();
        await streams.acknowledge();

        expect(record(streams.subscribe('s'))).toEqual(stream);
        expect(await streams.head('s')).toMatchObject({ chunks: 0 });
        expect(source.observed).toBe(false);
        expect(subscribed).toBe(false);
      },
    );

    it('says nothing of a claim that is lost later', async () => {
      const streams = createManager();
      streams.stored.open('s');
      const seen: unknown[] = [];
      const writer = of('a')
        .pipe(writeTo(streams, 's'))
        .subscribe({ next: (chunk) => seen.push(chunk), error: (error: unknown) => seen.push(error) });

      writer.unsubscribe();
      await streams.acknowledge();

      expect(seen).toEqual([]);
      expect(record(streams.subscribe('s'))).toEqual([]);
    });

    it('stores what was written before, then ends the stream', async () => {
      const streams = createManager();
      const source = new Subject<string>();
      const seen: string[] = [];
      const writer = source.pipe(writeTo(streams, 's')).subscribe((chunk) => seen.push(chunk));
      await streams.acknowledge();
      for (const chunk of ['a', 'b']) source.next(chunk);
      await streams.acknowledge(1);

      writer.unsubscribe();
      await streams.acknowledge();

      expect(seen).toEqual(['a']);
      expect(record(streams.subscribe('s'))).toEqual(['a', 'b', '# CANCELLED']);
    });

    it('changes nothing when it leaves while its end is on the way', async () => {
      const streams = createManager();
      const writer = of('a').pipe(writeTo(streams, 's')).subscribe();
      await streams.acknowledge();

      writer.unsubscribe();
      await streams.acknowledge();

      expect(record(streams.subscribe('s'))).toEqual(['a', '|']);
    });
  });

  it('needs nobody to acknowledge on a storage that answers by itself', async () => {
    const stored = new InMemoryStreamManager({ scheduler: testScheduler() });
    const streams = new LateStreamManager(stored, { automatic: true });
    const source = new Subject<string>();
    const written = record(source.pipe(writeTo(streams, 's'), take(2)));
    await streams.acknowledge();

    for (const chunk of ['a', 'b', 'c']) source.next(chunk);
    await streams.acknowledge(0);

    expect(written).toEqual(['a', 'b', '|']);
    expect(record(streams.subscribe('s'))).toEqual(['a', 'b', 'c', '# CANCELLED']);
  });
});
