import { VirtualTimeScheduler } from 'rxjs';
import {
  DurableStreamManager,
  InMemoryStreamManager,
  memoryEngine,
  type OpenOptions,
  type StreamManager,
} from 'rxjs-durable-streams';
import { genkitStreamManager, type GenkitStreamManagerOptions } from 'rxjs-durable-streams/genkit';
import { describe, expect, it, vi } from 'vitest';

import { runUntil } from '../support/schedulers.js';
import { CLASSES, NotFoundLikeError } from './support.js';

type Create = (scheduler: VirtualTimeScheduler) => StreamManager;

const MANAGERS: Readonly<Record<string, Create>> = {
  InMemoryStreamManager: (scheduler) => new InMemoryStreamManager({ scheduler, ttl: 100 }),
  DurableStreamManager: (scheduler) => new DurableStreamManager(memoryEngine(), { scheduler, ttl: 100 }),
};

function world(create: Create, options: GenkitStreamManagerOptions = CLASSES) {
  const clock = new VirtualTimeScheduler();
  const streams = create(clock);
  const manager = genkitStreamManager(streams, options);
  const reading = async (id: string) => {
    const told: unknown[] = [];
    const { unsubscribe } = await manager.subscribe(id, {
      onChunk: (chunk) => told.push(chunk),
      onDone: (output) => told.push({ output }),
      onError: (error) => told.push(error),
    });
    return { told, unsubscribe };
  };
  return { clock, streams, manager, reading };
}

describe.each(Object.entries(MANAGERS))('genkitStreamManager over %s', (_name, create) => {
  it('tells chunks and output in order, to who comes early, late and after the end', async () => {
    const { manager, reading } = world(create);
    const input = await manager.open<string, number>('s');
    const early = await reading('s');
    await input.write('a');
    const late = await reading('s');
    await input.write('b');
    await input.done(7);
    const after = await reading('s');
    for (const { told } of [early, late, after]) expect(told).toEqual(['a', 'b', { output: 7 }]);
  });

  it('gives up a finished stream to the frame, and its id with it', async () => {
    const { manager, clock, reading } = world(create);
    const input = await manager.open('s');
    await input.done('old');
    runUntil(clock, 99);
    expect((await reading('s')).told).toEqual([{ output: 'old' }]);
    runUntil(clock, 100);
    await expect(reading('s')).rejects.toBeInstanceOf(NotFoundLikeError);
    const next = await manager.open('s');
    await expect(input.write('stale')).rejects.toMatchObject({ status: 'FAILED_PRECONDITION' });
    await next.done('new');
    expect((await reading('s')).told).toEqual([{ output: 'new' }]);
  });

  it('lets no writer of a life that is over write into the next', async () => {
    const { manager, streams, reading } = world(create);
    const stale = await manager.open('s');
    await streams.delete('s');
    const next = await manager.open<string, string>('s');
    for (const call of [() => stale.write(1), () => stale.done(2), () => stale.error(3)]) {
      await expect(call()).rejects.toMatchObject({ status: 'NOT_FOUND' });
    }
    await next.write('a');
    expect((await reading('s')).told).toEqual(['a']);
  });

  it('refuses what is written after the end', async () => {
    const { manager } = world(create);
    const input = await manager.open('s');
    await input.done(1);
    for (const call of [() => input.write(1), () => input.done(2), () => input.error(3)]) {
      await expect(call()).rejects.toMatchObject({ status: 'FAILED_PRECONDITION' });
    }
  });

  it('refuses a taken id', async () => {
    const { manager } = world(create);
    await manager.open('s');
    await expect(manager.open('s')).rejects.toMatchObject({ name: 'GenkitError', status: 'ALREADY_EXISTS' });
  });

  it('takes back what it has refused, but no other error', async () => {
    const { manager, streams } = world(create);
    const input = await manager.open('s');
    await streams.stop('s');
    const refusal: unknown = await input.done('x').catch((error: unknown) => error);
    await expect(input.error(refusal)).resolves.toBeUndefined();
    await expect(input.error(new Error('another'))).rejects.toMatchObject({ status: 'CANCELLED' });
  });

  it('calls callbacks as methods, and forgets who has unsubscribed', async () => {
    const { manager } = world(create);
    const input = await manager.open<string, number>('s');
    class Subscriber {
      readonly told: string[] = [];
      onChunk(chunk: string) {
        this.told.push(chunk);
      }
      onDone() {
        this.told.push('done');
      }
      onError() {
        this.told.push('error');
      }
    }
    const left = new Subscriber();
    const stays = new Subscriber();
    const { unsubscribe } = await manager.subscribe('s', left);
    await manager.subscribe('s', stays);
    await input.write('a');
    unsubscribe();
    await input.write('b');
    await input.done(1);
    expect([left.told, stays.told]).toEqual([['a'], ['a', 'b', 'done']]);
  });

  it('opens streams with the lifetimes that it was given', async () => {
    const { manager, streams, clock } = world(create, { ttl: 5, expiresAt: 50 });
    await manager.open('open');
    await (await manager.open('finished')).done(1);
    expect(await streams.head('open')).toMatchObject({ expiresAt: 50 });
    expect(await streams.head('finished')).toMatchObject({ expiresAt: 5 });
    runUntil(clock, 60);
    await expect(manager.open('late')).rejects.toMatchObject({ status: 'INVALID_ARGUMENT' });
  });
});

describe('genkitStreamManager', () => {
  it('gives streams a lease where a producer can be gone without notice, unless it was told another', async () => {
    const opened: (OpenOptions | undefined)[] = [];
    const streams = new InMemoryStreamManager();
    const watched = (needsLease: boolean): StreamManager =>
      Object.assign(Object.create(streams) as StreamManager, {
        needsLease,
        open: vi.fn((id: string, options?: OpenOptions) => {
          opened.push(options);
          return streams.open(id, options);
        }),
        head: streams.head.bind(streams),
      });
    await genkitStreamManager(watched(true)).open('a');
    await genkitStreamManager(watched(true), { lease: 1_000 }).open('b');
    await genkitStreamManager(watched(false)).open('c');
    expect(opened.map((options) => options?.lease)).toEqual([15_000, 1_000, undefined]);
  });

  it('gives errors with what those of Genkit have, without its classes', async () => {
    const manager = genkitStreamManager(new InMemoryStreamManager());
    const nobody = { onChunk: () => {}, onDone: () => {}, onError: () => {} };
    await expect(manager.subscribe('s', nobody)).rejects.toMatchObject({
      name: 'GenkitError',
      status: 'NOT_FOUND',
      code: 404,
    });
  });
});
