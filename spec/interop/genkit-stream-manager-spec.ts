import type * as genkitBeta from 'genkit/beta';
import { config } from 'rxjs';
import { StreamError, type StreamManager } from 'rxjs-durable-streams';
import { genkitStreamManager } from 'rxjs-durable-streams/genkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { CLASSES } from './support/genkit.js';
import { needServers, type Place, PLACES } from './support/places.js';

const { GenkitError, StreamNotFoundError, UserFacingError } = CLASSES;

beforeAll(needServers);

/** A manager that Genkit's handlers take, and that which is behind it. */
function world(create: Place, options?: Parameters<Place>[0]) {
  const streams: StreamManager = create(options);
  const manager: genkitBeta.StreamManager = genkitStreamManager(streams, CLASSES);
  return { streams, manager };
}

/** A subscriber that keeps what it is told. */
function noting() {
  const told: unknown[] = [];
  let over!: (error?: unknown) => void;
  const ended = new Promise<unknown>((resolve) => (over = resolve));
  const subscriber: genkitBeta.ActionStreamSubscriber<unknown, unknown> = {
    onChunk: (chunk) => told.push(chunk),
    onDone: (output) => {
      told.push({ output });
      over();
    },
    onError: over,
  };
  return { told, ended, subscriber };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  );

describe.each(Object.entries(PLACES))('genkitStreamManager on %s', (_place, create) => {
  it('gives a subscriber everything from the start, then what comes, then the output', async () => {
    const { manager } = world(create);
    const input = await manager.open<unknown, unknown>('s');
    await input.write('a');
    const early = noting();
    await manager.subscribe('s', early.subscriber);
    await input.write('b');
    await input.done({ tokens: 2 });
    await early.ended;
    const late = noting();
    await manager.subscribe('s', late.subscriber);
    await late.ended;
    expect([early.told, late.told]).toEqual([
      ['a', 'b', { output: { tokens: 2 } }],
      ['a', 'b', { output: { tokens: 2 } }],
    ]);
  });

  it.each([undefined, null, 0, '', false])('gives the output %s as it is', async (output) => {
    const { manager } = world(create);
    const input = await manager.open('s');
    await input.done(output);
    const { told, ended, subscriber } = noting();
    await manager.subscribe('s', subscriber);
    await ended;
    expect(told).toStrictEqual([{ output }]);
  });

  it('keeps the status, the message, the detail and the class of an error of Genkit', async () => {
    const { manager } = world(create);
    for (const [id, error] of Object.entries({
      user: new UserFacingError('PERMISSION_DENIED', 'Not yours.', { owner: 'somebody' }),
      own: new GenkitError({ status: 'FAILED_PRECONDITION', message: 'Too early.', detail: [1] }),
      // It is none of the codes of this library.
      none: new GenkitError({ status: 'UNIMPLEMENTED', message: 'Not yet.' }),
    })) {
      const input = await manager.open(id);
      await input.error(error);
      const { ended, subscriber } = noting();
      await manager.subscribe(id, subscriber);
      const told = await ended;
      expect(told).toBeInstanceOf(error.constructor);
      expect((told as genkitBeta.GenkitError).toJSON()).toEqual(error.toJSON());
      expect(told).toMatchObject({ name: error.name, code: error.code, message: error.message });
    }
  });

  it('makes no error of Genkit of one that was none, so that clients are told nothing of it', async () => {
    const { manager, streams } = world(create);
    const input = await manager.open('s');
    await input.error(Object.assign(new Error('secret'), { code: 'NOT_FOUND' }));
    const { ended, subscriber } = noting();
    await manager.subscribe('s', subscriber);
    const told = await ended;
    expect(told).not.toBeInstanceOf(GenkitError);
    expect(told).toMatchObject({ name: 'Error', message: 'secret' });
    // Whoever reads it by this library is.
    const events: unknown[] = [];
    await streams
      .subscribe('s')
      .events()
      .forEach((event) => events.push(event));
    expect(events).toMatchObject([{ type: 'error', error: { code: 'UNKNOWN', message: 'secret' } }]);
  });

  it('tells of a stop, and of a lost producer, by their status', async () => {
    const { manager, streams } = world(create);
    const input = await manager.open('stopped');
    await streams.stop('stopped', { reason: 'Enough.' });
    expect(await rejection(input.write('x'))).toMatchObject({ status: 'CANCELLED' });
    const stopped = noting();
    await manager.subscribe('stopped', stopped.subscriber);
    expect(await stopped.ended).toMatchObject({ status: 'CANCELLED', originalMessage: 'Enough.' });

    const producer = streams.open('left', { lease: 200 });
    await producer.opened;
    producer.close();
    const left = noting();
    await manager.subscribe('left', left.subscriber);
    expect(await left.ended).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
  });

  it('refuses an id that is taken, and one that is none', async () => {
    const { manager } = world(create);
    await manager.open('s');
    const taken = await rejection(manager.open('s'));
    expect(taken).toBeInstanceOf(GenkitError);
    expect(taken).toMatchObject({ status: 'ALREADY_EXISTS' });
    expect(await rejection(manager.open(''))).toMatchObject({ status: 'INVALID_ARGUMENT' });
  });

  it('finds a stream gone after its time, its id free, and its writer unable to write into the next', async () => {
    const { manager, streams } = world(create, { ttl: 0 });
    const unknown = await rejection(manager.subscribe('s', noting().subscriber));
    expect(unknown).toBeInstanceOf(StreamNotFoundError);
    expect(unknown).toMatchObject({ status: 'NOT_FOUND' });

    const ended = await manager.open('s');
    await ended.done('first');
    expect(await rejection(manager.subscribe('s', noting().subscriber))).toBeInstanceOf(StreamNotFoundError);

    const deleted = await manager.open('s');
    await streams.delete('s');
    const next = await manager.open<unknown, unknown>('s');
    for (const stale of [ended, deleted]) {
      for (const call of [
        () => stale.write('stale'),
        () => stale.done('stale'),
        () => stale.error('stale'),
      ]) {
        expect(await rejection(call())).toBeInstanceOf(GenkitError);
      }
    }
    const reader = noting();
    await manager.subscribe('s', reader.subscriber);
    await next.write('new');
    await next.done('new');
    await reader.ended;
    expect(reader.told).toEqual(['new', { output: 'new' }]);
  });

  it('keeps the order whatever is written inside of callbacks', async () => {
    const { manager } = world(create);
    const input = await manager.open<unknown, unknown>('s');
    await input.write('a');
    await input.write('b');
    const first = noting();
    const second = noting();
    const writes: Promise<void>[] = [];
    await manager.subscribe('s', {
      ...first.subscriber,
      onChunk: (chunk) => {
        first.told.push(chunk);
        if (chunk === 'a') writes.push(input.write('c'));
        if (chunk === 'c') writes.push(input.write('d'), input.done('end'));
      },
    });
    await manager.subscribe('s', second.subscriber);
    await Promise.all([first.ended, second.ended]);
    await Promise.all(writes);
    const all = ['a', 'b', 'c', 'd', { output: 'end' }];
    expect([first.told, second.told]).toEqual([all, all]);
  });

  it('lets nobody else feel what a callback throws', async () => {
    const { manager } = world(create);
    const input = await manager.open<unknown, unknown>('s');
    const sibling = noting();
    const broken = new Error('broken');
    const fail = (): never => {
      throw broken;
    };
    const unhandled: unknown[] = [];
    config.onUnhandledError = (error) => unhandled.push(error);
    onTestFinished(() => {
      config.onUnhandledError = null;
    });
    await manager.subscribe('s', { onChunk: fail, onDone: fail, onError: fail });
    await manager.subscribe('s', sibling.subscriber);
    await input.write('a');
    await input.done('b');
    await sibling.ended;
    expect(sibling.told).toEqual(['a', { output: 'b' }]);
    await expect.poll(() => unhandled).toEqual([broken, broken]);
  });

  it('tells nothing more to who has unsubscribed', async () => {
    const { manager } = world(create);
    const input = await manager.open<unknown, unknown>('s');
    const left = noting();
    const stays = noting();
    const { unsubscribe } = await manager.subscribe('s', left.subscriber);
    await manager.subscribe('s', stays.subscriber);
    await input.write('a');
    await expect.poll(() => left.told).toEqual(['a']);
    unsubscribe();
    unsubscribe();
    await input.write('b');
    await input.done('end');
    await stays.ended;
    expect(left.told).toEqual(['a']);
  });

  it('tells a subscriber that the stream is deleted, or the store is gone', async () => {
    const { manager, streams } = world(create);
    const readers = [noting(), noting()] as const;
    await manager.open('deleted');
    const input = await manager.open('open');
    await manager.subscribe('deleted', readers[0].subscriber);
    await manager.subscribe('open', readers[1].subscriber);
    await streams.delete('deleted');
    expect(await readers[0].ended).toBeInstanceOf(StreamNotFoundError);
    await streams.close();
    const lost = await readers[1].ended;
    expect(lost).toMatchObject({
      status: 'UNAVAILABLE',
      originalMessage: 'The streams are not available now.',
    });
    expect((lost as Error).cause).toBeInstanceOf(StreamError);
    for (const call of [
      () => input.write('x'),
      () => input.done('x'),
      () => input.error('x'),
      () => manager.open('other'),
      () => manager.subscribe('open', noting().subscriber),
    ]) {
      expect(await rejection(call())).toMatchObject({ status: 'UNAVAILABLE' });
    }
    // Genkit's handlers give it back, and leave it unhandled if it is refused again.
    await input.error(await rejection(input.done('x')));
  });
});
