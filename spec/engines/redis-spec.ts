import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import type { Hint } from '../../lib/engines/engine.js';
import { redisEngine, type RedisEngineOptions } from '../../lib/engines/redis.js';
import { eventually } from '../../lib/testing/engine-suite/assert.js';
import { expiring, Store } from '../../lib/testing/engine-suite/store.js';
import { Proxy } from '../support/proxy.js';
import { clear, newPrefix, OwnRedis, REDIS_URL } from '../support/redis.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

const PATIENCE = 15_000;

/** An engine with keys of its own, closed and cleared when the test is over. */
function storeOf(options: RedisEngineOptions = {}): Store & { readonly prefix: string } {
  const { prefix = newPrefix(), connection = REDIS_URL } = options;
  const engine = redisEngine({ ...options, prefix, connection });
  onTestFinished(async () => {
    await engine.close();
    if (typeof connection === 'string' && connection === REDIS_URL) await clear(prefix);
  });
  return Object.assign(new Store(engine, engine.features, PATIENCE), { prefix });
}

/** A client of the specs' own. */
function client(url = REDIS_URL): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  onTestFinished(() => {
    redis.disconnect();
  });
  return redis;
}

/** A server of the test's own. */
async function ownServer(...options: string[]): Promise<OwnRedis> {
  const server = await OwnRedis.start(...options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** A stream that is watched, and what becomes of the next command of its engine. */
async function watchedWhereAnswerIsLost(answer: (call: () => Promise<unknown>) => Promise<unknown>) {
  const redis = client();
  const store = storeOf({ client: redis });
  const head = await store.create('s');
  const hints: Hint[] = [];
  await store.engine.watch(['s'], (hint) => hints.push(hint));
  const send = redis.callBuffer.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  vi.spyOn(redis, 'callBuffer').mockImplementationOnce((...args: unknown[]) => answer(() => send(...args)));
  return { store, head, hints };
}

const unavailable = expect.objectContaining({ name: 'StreamError', code: 'UNAVAILABLE' }) as Error;

await withServer('redis', REDIS_URL, () => {
  describe('The Redis engine', () => {
    it.each([
      [{ prefix: 'a{b}' }, 'prefix must be a text without braces'],
      [{ prefix: 7 as never }, 'prefix must be a string'],
      [{ client: {} as never }, 'client must be a client of ioredis'],
      [{ connection: 7 as never }, 'connection must be a URL, or options of ioredis'],
    ])('refuses the options %o', (options, message) => {
      expect(() => redisEngine(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(() => redisEngine(options)).toThrow(message);
    });

    it('uses a client that it is given, and leaves it open', async () => {
      const redis = client();
      const store = storeOf({ client: redis });
      await store.create('s', ['a']);
      await store.engine.close();

      expect(await redis.ping()).toBe('PONG');
    });

    it.each([2, 3] as const)('takes a client with version %i of the protocol', async (protocol) => {
      const redis = new Redis(REDIS_URL, { protocol });
      onTestFinished(() => {
        redis.disconnect();
      });
      const store = storeOf({ client: redis });
      const hints: Hint[] = [];
      await store.engine.watch(['a'], (hint) => hints.push(hint));
      const head = await store.create('a', ['x'], { dueAt: 10 });
      await store.create('b', [], { dueAt: 20 });
      await new Store(
        redisEngine({ client: redis, prefix: store.prefix }),
        store.engine.features,
        PATIENCE,
      ).append('a', head, ['y']);

      expect(await store.due(15)).toEqual({ ids: ['a'], next: 20 });
      expect(await store.chunks('a', head)).toEqual(['x', 'y']);
      await eventually(PATIENCE, 'both commits are told', () => hints.length === 2);
    });

    it('keeps apart what has another prefix', async () => {
      const [one, other] = [storeOf(), storeOf()];
      await one.create('s', ['a']);

      expect(await other.load('s')).toBeUndefined();
      expect(await other.engine.list({ prefix: '', after: '', limit: 10 })).toEqual([]);
    });

    it('has all keys of a stream in one slot of a cluster', async () => {
      const store = storeOf();
      await store.create('a {b} c', ['x'], { parts: { 'p:1': { epoch: 0, seq: 0 } }, dueAt: 5 });
      const redis = client();
      const keys = await redis.keys(`${store.prefix}{*`);
      const slots = await Promise.all(keys.map((key) => redis.cluster('KEYSLOT', key).catch(() => 'none')));

      expect(keys).toHaveLength(6);
      expect(new Set(slots).size).toBe(1);
    });

    it('lets the keys of what is over expire by themselves, later, unless it has forks', async () => {
      const store = storeOf();
      const head = await store.create('s', ['a'], { facts: expiring(10), dueAt: 10 });
      const redis = client();
      const [key] = await redis.keys(`${store.prefix}*:s:s`);
      const left = await redis.pttl(key as string);
      expect(left).toBeGreaterThan(3_590_000);
      expect(left).toBeLessThanOrEqual(3_600_000);
      expect(await redis.pttl((key as string).replace(':s:s', ':l:s'))).toBeGreaterThan(3_590_000);

      await store.append('s', head, [], { facts: { references: 1 }, dueAt: 10 });

      expect(await redis.pttl(key as string)).toBe(-1);
      expect(await redis.pttl((key as string).replace(':s:s', ':l:s'))).toBe(-1);
    });

    it('lets the log and the parts expire too that are written to later', async () => {
      const store = storeOf();
      let head = await store.create('s', [], { facts: expiring(10), dueAt: 10 });
      const redis = client();
      const [key] = await redis.keys(`${store.prefix}*:s:s`);

      head = await store.append('s', head, ['a']);
      expect(await redis.pttl((key as string).replace(':s:s', ':l:s'))).toBeGreaterThan(3_590_000);

      await store.append('s', head, ['b'], { parts: { 'p:1': { epoch: 0, seq: 0 } } });
      expect(await redis.pttl((key as string).replace(':s:s', ':p:s'))).toBeGreaterThan(3_590_000);
    });

    it('takes what has expired by itself out of its indices', async () => {
      const store = storeOf();
      await store.create('a', ['x'], { dueAt: 10 });
      await store.create('b', ['x'], { dueAt: 20 });
      const redis = client();
      await redis.unlink(...(await redis.keys(`${store.prefix}*:?:a`)));

      expect(await store.due(15)).toEqual({ ids: ['a'], next: 20 });
      expect(await store.due(15)).toEqual({ ids: [], next: 20 });
      const listed = await store.engine.list({ prefix: '', after: '', limit: 10 });
      expect(listed.map(({ id }) => id)).toEqual(['b']);
    });

    it('says DATA_LOSS where entries were taken away', async () => {
      const store = storeOf();
      const streams = new DurableStreamManager(store.engine);
      const input = streams.open<string>('s');
      await input.write('a');
      const redis = client();
      await redis.unlink(...(await redis.keys(`${store.prefix}*:l:s`)));

      const failure = new Promise((_, reject) => streams.subscribe('s').subscribe({ error: reject }));

      await expect(failure).rejects.toMatchObject({ code: 'DATA_LOSS' });
    });

    it('says DATA_LOSS also where one is missing between others', async () => {
      const store = storeOf();
      const streams = new DurableStreamManager(store.engine);
      const input = streams.open<string>('s');
      for (const chunk of ['a', 'b', 'c']) await input.write(chunk);
      const redis = client();
      const [log = ''] = await redis.keys(`${store.prefix}*:l:s`);
      expect(await redis.xdel(log, '2-1')).toBe(1);

      const failure = new Promise((_, reject) => streams.subscribe('s').subscribe({ error: reject }));

      await expect(failure).rejects.toMatchObject({ code: 'DATA_LOSS' });
    });

    it('gives no generation again when its counter is lost', async () => {
      const store = storeOf();
      let first = await store.create('s');
      for (let i = 0; i < 3; i++) {
        await store.remove('s', first);
        first = await store.create('s');
      }
      await store.remove('s', first);
      await client().del(`${store.prefix}generations`);

      await expect(store.engine.commit([store.creation('s')])).rejects.toEqual(unavailable);
      const second = await store.create('s');

      expect(second.generation).toBeGreaterThan(first.generation);
    });

    it('looks again at all that is watched after its connection was lost', async () => {
      const server = await ownServer();
      const store = storeOf({ connection: server.url });
      const head = await store.create('s', ['a']);
      const hints: Hint[] = [];
      await store.engine.watch(['s', 't'], (hint) => hints.push(hint));

      await client(server.url).call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(PATIENCE, 'both are told', () => hints.length === 2);
      expect(hints.map(({ id, generation, n }) => [id, generation, n])).toEqual([
        ['s', 0, 0],
        ['t', 0, 0],
      ]);

      await store.append('s', head, ['b']);
      await eventually(PATIENCE, 'it is told what is new', () => hints.length === 3);
      expect(hints.at(-1)?.entries?.[0]?.chunks).toEqual(['b']);
    });

    it('tells its own watchers of a commit whose answer was lost', async () => {
      const { store, head, hints } = await watchedWhereAnswerIsLost(async (call) => {
        await call();
        throw new Error('Connection is closed.');
      });

      await expect(store.append('s', head, ['a'])).rejects.toEqual(unavailable);

      await eventually(PATIENCE, 'they are told', () => hints.length > 0);
      expect(hints.map(({ generation, n }) => [generation, n])).toEqual([[0, 0]]);
      expect((await store.load('s'))?.head.tail).toBe(1);
    });

    it('reads what its own messages tell that come after an answer was lost', async () => {
      const { store, head, hints } = await watchedWhereAnswerIsLost((call) => {
        setImmediate(() => void call());
        return Promise.reject(new Error('Command timed out'));
      });

      await expect(store.append('s', head, ['a'])).rejects.toEqual(unavailable);

      await eventually(PATIENCE, 'they are told', () => hints.length === 2);
      expect(hints[1]).toMatchObject({ generation: head.generation, n: 2, tail: 1 });
    });

    it('fails after a documented time where no connection is to be had', async () => {
      const proxy = await Proxy.to(REDIS_URL, 6379);
      onTestFinished(() => {
        proxy.close();
      });
      const store = storeOf({ connection: { host: '127.0.0.1', port: proxy.port } });
      await store.create('s');
      proxy.refuse(true);
      proxy.cut();

      await expect(store.load('s')).rejects.toEqual(unavailable);
      proxy.refuse(false);
      await eventually(PATIENCE, 'it is there again', () =>
        store.load('s').then(
          () => true,
          () => false,
        ),
      );
    });

    it('goes on when the server was killed and has come back with what it had', async () => {
      const server = await ownServer('--appendonly', 'yes', '--appendfsync', 'always');
      const streams = new DurableStreamManager(storeOf({ connection: server.url }).engine);
      const input = streams.open<number>('s');
      await input.write(0);
      const given: number[] = [];
      let done = false;
      streams.subscribe<number>('s').subscribe({
        next: (chunk) => given.push(chunk),
        complete: () => (done = true),
      });
      await eventually(PATIENCE, 'a reader has a chunk', () => given.length === 1);

      await server.kill();
      const written = input.write(1);
      await server.start();
      await written;
      await input.write(2);
      input.complete();
      await eventually(PATIENCE, 'the reader has the end', () => done);

      expect(given).toEqual([0, 1, 2]);
    });

    it('tells readers and producer of DATA_LOSS when the server comes back without what it had acknowledged', async () => {
      const server = await ownServer('--save', '', '--appendonly', 'no');
      const streams = new DurableStreamManager(storeOf({ connection: server.url }).engine);
      const input = streams.open<number>('s');
      await input.write(0);
      await client(server.url).save();
      await input.write(1);
      const given: number[] = [];
      let failure: unknown;
      streams.subscribe<number>('s').subscribe({
        next: (chunk) => given.push(chunk),
        error: (error: unknown) => (failure = error),
      });
      await eventually(PATIENCE, 'a reader has both chunks', () => given.length === 2);

      await server.kill();
      await server.start();

      await expect(input.write(2)).rejects.toMatchObject({ code: 'DATA_LOSS' });
      await eventually(PATIENCE, 'the reader is told', () => failure !== undefined);
      expect(failure).toMatchObject({ code: 'DATA_LOSS' });
      expect(given).toEqual([0, 1]);
    });

    it('is UNAVAILABLE where no server is, and where the password is wrong UNAUTHENTICATED', async () => {
      const nowhere = storeOf({ connection: 'redis://127.0.0.1:1' });
      await expect(nowhere.load('s')).rejects.toEqual(unavailable);
      await expect(nowhere.load('s')).rejects.toThrow('ECONNREFUSED 127.0.0.1:1');
      const server = await ownServer('--requirepass', 'right');
      const refused = storeOf({ connection: { port: server.port, host: '127.0.0.1' } });

      await expect(refused.load('s')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    it('refuses a server that evicts', async () => {
      const server = await ownServer('--maxmemory-policy', 'allkeys-lru');
      const store = storeOf({ connection: server.url });

      await expect(store.load('s')).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('set maxmemory-policy to noeviction') as string,
      });
    });

    it('is RESOURCE_EXHAUSTED when the memory of the server is full, and stores nothing', async () => {
      const server = await ownServer('--maxmemory', '3mb');
      const store = storeOf({ connection: server.url });
      const head = await store.create('s');
      const chunk = 'x'.repeat(3 * 2 ** 20);
      await client(server.url)
        .set('other', chunk)
        .catch(() => undefined);

      await expect(store.append('s', head, [chunk])).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      expect((await store.load('s'))?.head.n).toBe(head.n);
    });

    it('needs two connections for any number of watched streams', async () => {
      const server = await ownServer();
      const store = storeOf({ connection: server.url });
      const ids = Array.from({ length: 500 }, (_, i) => `s${i}`);
      for (const id of ids) await store.engine.watch([id], () => undefined);
      const observer = client(server.url);

      const clients = String(await observer.client('LIST'))
        .trim()
        .split('\n');

      // And the one that counts.
      expect(clients).toHaveLength(3);
    });
  });
});
