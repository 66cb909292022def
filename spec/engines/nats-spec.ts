import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { describe, expect, it, vi } from 'vitest';

import type { Hint } from '../../lib/engines/engine.js';
import { natsEngine } from '../../lib/engines/nats.js';
import type { Head } from '../../lib/log/head.js';
import { eventually } from '../../lib/testing/engine-suite/assert.js';
import { chunksOf, type Store } from '../../lib/testing/engine-suite/store.js';
import { NATS_URL, newPrefix } from '../support/nats.js';
import { clientOf, codeOf, PATIENCE, storeOf, unavailable, withCode } from '../support/nats-store.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

/** What the server knows of a JetStream stream. */
async function infoOf(name: string, url = NATS_URL): Promise<StreamInfo> {
  const { streams } = await jetstreamManager(await clientOf(url));
  return streams.info(name);
}

/** Appends chunks, one commit for each. */
async function appendAll(store: Store, id: string, head: Head, chunks: readonly string[]): Promise<Head> {
  let last = head;
  for (const chunk of chunks) last = await store.append(id, last, [chunk]);
  return last;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

await withServer('nats', NATS_URL, () => {
  describe('The NATS engine', () => {
    it.each([
      [{ prefix: 'a.b' }, 'prefix must be at most 64 letters'],
      [{ prefix: 7 as never }, 'prefix must be a string'],
      [{ client: {} as never }, 'client must be a connection of the driver'],
      [{ connection: 7 as never }, 'connection must be a URL, or options of the driver'],
      [{ replicas: 0 }, 'replicas must be 1 to 5'],
      [{ shards: 65 }, 'shards must be 1 to 64'],
      [{ storage: 'tape' as never }, 'storage must be file or memory'],
      [{ timeout: Infinity }, 'timeout must be 1 to'],
    ])('refuses the options %o', (options, message) => {
      expect(() => natsEngine(options)).toThrow(withCode('INVALID_ARGUMENT'));
      expect(() => natsEngine(options)).toThrow(message);
    });

    it('uses a connection that it is given, and leaves it open', async () => {
      const client = await clientOf();
      const store = storeOf({ client });
      await store.create('s', ['a']);
      await store.engine.watch(['s'], () => undefined);
      await store.engine.close();

      expect(client.isClosed()).toBe(false);
      await client.flush();
    });

    it('is of no use over a connection that was closed', async () => {
      const client = await clientOf();
      const store = storeOf({ client });
      await store.create('s', ['a']);
      await client.close();

      await expect(store.load('s')).rejects.toEqual(unavailable);
      await expect(store.load('s')).rejects.toEqual(unavailable);
    });

    it('can be made by many at once', async () => {
      const prefix = newPrefix();
      const stores = Array.from({ length: 8 }, () => storeOf({ prefix }));

      const results = await Promise.allSettled(stores.map((store, i) => store.create('s', [`${i}`])));

      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const heads = await Promise.all(stores.map((store) => store.head('s')));
      expect(new Set(heads.map((head) => head?.generation)).size).toBe(1);
    });

    it('keeps apart what has another prefix', async () => {
      const [one, other] = [storeOf(), storeOf()];
      await one.create('s', ['a']);

      expect(await other.load('s')).toBeUndefined();
      expect(await other.engine.list({ prefix: '', after: '', limit: 10 })).toEqual([]);
    });

    it('refuses a store that has another number of shards', async () => {
      const { prefix, ...store } = storeOf({ shards: 2 });
      await store.engine.load([{ id: 's' }]);

      await expect(storeOf({ prefix, shards: 3 }).load('s')).rejects.toEqual(withCode('FAILED_PRECONDITION'));
    });

    it('refuses streams that forget', async () => {
      const store = storeOf();
      await store.create('s', ['a']);
      const { streams } = await jetstreamManager(await clientOf());
      await streams.update(`${store.prefix}-log-0`, { max_age: 3_600_000_000_000 });

      await expect(storeOf({ prefix: store.prefix }).load('s')).rejects.toThrow('max_age');
    });

    it('says that the store is broken where one of its streams is gone', async () => {
      const store = storeOf({ timeout: 300 });
      for (const id of numbers(20)) await store.create(id, ['a']);
      const { streams } = await jetstreamManager(await clientOf());
      await streams.delete(`${store.prefix}-log-1`);

      await expect(storeOf({ prefix: store.prefix }).load('s')).rejects.toEqual(withCode('DATA_LOSS'));
      // Who has it open finds out, too.
      await eventually(PATIENCE, 'it is known', async () => {
        const codes = await Promise.all(numbers(20).map((id) => codeOf(store.load(id))));
        return codes.every((code) => code === 'DATA_LOSS');
      });
    });

    it('refuses a commit where the server has no room, and stores what fits', async () => {
      const store = storeOf({ shards: 1 });
      const head = await store.create('s', ['a']);
      const { streams } = await jetstreamManager(await clientOf());
      const name = `${store.prefix}-log-0`;
      await streams.update(name, { max_bytes: 20_000 });

      const [large] = await store.engine.commit([store.next('s', head, ['x'.repeat(30_000)])]);
      expect(large).toMatchObject({ type: 'refused', error: { code: 'RESOURCE_EXHAUSTED' } });
      expect((await store.append('s', head, ['b'])).tail).toBe(2);
    });

    it('refuses what does not fit into a message with all parts of its stream', async () => {
      const store = storeOf();
      const part = { type: 'done', output: 'x'.repeat(400_000) };
      const head = await store.create('s', [], { parts: { o: part, 'p:1': part } });

      const [result] = await store.engine.commit([store.next('s', head, ['x'.repeat(400_000)])]);

      expect(result).toMatchObject({ type: 'refused', error: { code: 'RESOURCE_EXHAUSTED' } });
      expect(await store.head('s')).toEqual(head);
    });

    it('reads a log of single chunks from every position, from what another process has stored', async () => {
      const [store] = [storeOf()];
      const other = storeOf({ prefix: store.prefix });
      const chunks = numbers(300);
      const head = await appendAll(store, 's', await store.create('s'), chunks);

      for (let position = 0; position <= 300; position += position < 40 || position > 240 ? 1 : 17) {
        expect(await other.chunks('s', head, { position })).toEqual(chunks.slice(position));
      }
      const { entries } = await other.read('s', head, { position: 100, until: 150 });
      expect(chunksOf(entries)).toEqual(chunks.slice(100, 150));
      expect(entries.every((entry, i) => entry.previous === (entries[i - 1]?.tag ?? entry.previous))).toBe(
        true,
      );
    });

    it('reads a log that several processes have written in turn', async () => {
      const store = storeOf();
      const others = [store, storeOf({ prefix: store.prefix }), storeOf({ prefix: store.prefix })];
      let head = await store.create('s');
      const chunks = numbers(200);
      for (const [i, chunk] of chunks.entries())
        head = await (others[Math.floor(i / 7) % 3] as Store).append('s', head, [chunk]);

      expect(await store.chunks('s', head)).toEqual(chunks);
      expect(await store.chunks('s', head, { position: 123, maxChunks: 5 })).toEqual(chunks.slice(123, 128));
    });

    it('asks for a small part of the messages of a log of single chunks', async () => {
      const store = storeOf();
      const head = await appendAll(store, 's', await store.create('s'), numbers(1_000));
      const client = await clientOf();
      const reader = storeOf({ prefix: store.prefix, client });
      await reader.load('s');
      const before = client.stats().outMsgs;

      expect(await reader.chunks('s', head)).toHaveLength(1_000);

      expect(client.stats().outMsgs - before).toBeLessThan(120);
    });

    it('removes the messages of streams that are over, and nothing else', async () => {
      const store = storeOf({ shards: 1 });
      const heads = await store.allStored(numbers(20).map((id) => store.creation(id, ['a'])));
      for (const [i, head] of heads.entries()) {
        const next = await store.append(`${i}`, head, ['b']);
        await store.engine.touch([{ id: `${i}`, generation: head.generation, usedAt: 5 }]);
        if (i % 2 === 0) await store.remove(`${i}`, next);
      }
      const again = await store.create('0', ['c']);
      await store.engine.close();

      const log = await infoOf(`${store.prefix}-log-0`);
      expect(log.state.messages).toBe(10 * 2 + 1);
      // And the counter of generations.
      expect((await infoOf(`${store.prefix}-soft`)).state.messages).toBe(10 + 1);
      const reopened = storeOf({ prefix: store.prefix, shards: 1 });
      expect(await reopened.chunks('0', again)).toEqual(['c']);
      expect(await reopened.engine.list({ prefix: '', after: '', limit: 99 })).toHaveLength(11);
    });

    it('finds what a process has left that was ended too early', async () => {
      const store = storeOf({ shards: 1 });
      const head = await store.create('s', ['a']);
      await store.create('other', ['a']);
      const client = await clientOf();
      const lost = storeOf({ prefix: store.prefix, shards: 1, client, timeout: 300 });
      const name = `${store.prefix}-log-0`;
      // Of this one nothing comes through but what is published.
      const publish = client.publish.bind(client);
      client.publish = (subject, ...rest) => {
        if (!subject.includes('PURGE')) publish(subject, ...rest);
      };
      await lost.remove('s', head);
      expect((await infoOf(name)).state.messages).toBe(3);

      expect(await store.engine.list({ prefix: '', after: '', limit: 9 })).toHaveLength(1);

      await eventually(PATIENCE, 'it is removed', async () => (await infoOf(name)).state.messages === 1);
    });

    it('removes deadlines when all of their time are over', async () => {
      const store = storeOf({ timeout: 100 });
      const heads = await store.allStored(
        numbers(9).map((id) => store.creation(id, [], { dueAt: Number(id) })),
      );
      const name = `${store.prefix}-due`;
      const now = 1_000_000;
      expect((await store.due(now)).ids).toEqual(numbers(9));
      for (const [i, head] of heads.entries()) await store.remove(`${i}`, head);
      await store.create('late', [], { dueAt: now + 1 });
      expect(await store.due(now)).toEqual({ ids: [], next: now + 1 });

      await eventually(PATIENCE, 'only the last is left', async () => {
        expect(await store.due(now)).toEqual({ ids: [], next: now + 1 });
        return (await infoOf(name)).state.num_subjects === 1;
      });
      // Those that come after are known, also to others.
      await store.create('again', [], { dueAt: 7 });
      expect(await storeOf({ prefix: store.prefix }).due(now)).toEqual({ ids: ['again'], next: now + 1 });
    });

    it('has one connection and one subscription for each id, however many watch', async () => {
      const client = await clientOf();
      const store = storeOf({ client });
      const hints: Hint[] = [];
      const watches = await Promise.all(
        numbers(2_000).map(async (i) =>
          store.engine.watch([`${Number(i) % 500}`], (hint) => hints.push(hint)),
        ),
      );
      const head = await store.create('7', ['a']);

      await eventually(PATIENCE, 'all who watch it are told', () => hints.length === 4);
      expect(hints.every(({ generation }) => generation === head.generation)).toBe(true);
      for (const watch of watches) watch.close();
      await store.append('7', head, ['b']);
      expect(hints).toHaveLength(4);
    });
  });
});
