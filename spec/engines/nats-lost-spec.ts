import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import type { Hint } from '../../lib/engines/engine.js';
import { natsEngine } from '../../lib/engines/nats.js';
import { eventually } from '../../lib/testing/engine-suite/assert.js';
import { NATS_URL, newPrefix, OwnNats, removeStreams, withOwnNats } from '../support/nats.js';
import {
  clientOf,
  codeOf,
  type NatsStore,
  PATIENCE,
  storeOf,
  unavailable,
  withCode,
} from '../support/nats-store.js';
import { Proxy } from '../support/proxy.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

/** A server of the test's own. */
async function ownServer(config?: string): Promise<OwnNats> {
  const server = await OwnNats.start(config);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

await withServer('nats', NATS_URL, () => {
  describe('The NATS engine, when the way to the server is lost', () => {
    it('goes on where a connection is cut', async () => {
      const proxy = await Proxy.to(NATS_URL, 4_222);
      onTestFinished(() => proxy.close());
      const connection = { servers: `127.0.0.1:${proxy.port}`, reconnectTimeWait: 50 };
      const prefix = newPrefix();
      onTestFinished(() => removeStreams(prefix));
      const streams = new DurableStreamManager(natsEngine({ connection, prefix, shards: 2 }));
      onTestFinished(() => streams.close());
      const input = streams.open<number>('s');
      await input.opened;
      const seen: number[] = [];
      const ended = new Promise<void>((resolve, reject) => {
        streams
          .subscribe<number>('s')
          .subscribe({ next: (n) => seen.push(n), complete: resolve, error: reject });
      });
      for (let i = 0; i < 400; i++) {
        input.next(i);
        if (i % 10 === 0) await input.write(-i - 1);
        if (i % 100 === 50) proxy.cut();
      }
      input.complete();
      await input.flush();
      await ended;

      const written = Array.from({ length: 400 }, (_, i) => (i % 10 === 0 ? [i, -i - 1] : [i])).flat();
      expect(seen).toEqual(written);
    });

    it('says within its timeout that nobody answers', async () => {
      const proxy = await Proxy.to(NATS_URL, 4_222);
      onTestFinished(() => proxy.close());
      const store = storeOf({ client: await clientOf(`nats://127.0.0.1:${proxy.port}`), timeout: 300 });
      const head = await store.create('s', ['a']);
      proxy.stall();
      const begun = performance.now();

      await expect(store.load('s')).rejects.toEqual(unavailable);
      await expect(store.engine.commit([store.next('s', head)])).rejects.toEqual(unavailable);
      await expect(store.engine.watch(['t'], () => undefined)).rejects.toEqual(unavailable);
      expect(performance.now() - begun).toBeLessThan(5_000);
    });

    it('says at once that nobody is there', async () => {
      await expect(storeOf({ connection: 'nats://127.0.0.1:9' }).load('s')).rejects.toEqual(unavailable);
    });
  });

  withOwnNats('a server of nats that is killed', '2.9.0', () => {
    describe('The NATS engine, on a server of its own', () => {
      it('waits for a server that is started again, and loses nothing', async () => {
        const server = await ownServer();
        const connection = { servers: server.url, reconnectTimeWait: 50 };
        const streams = new DurableStreamManager(natsEngine({ connection, shards: 2 }));
        onTestFinished(() => streams.close());
        const input = streams.open<number>('s');
        const seen: number[] = [];
        await input.opened;
        const ended = new Promise<void>((resolve, reject) => {
          streams
            .subscribe<number>('s')
            .subscribe({ next: (n) => seen.push(n), complete: resolve, error: reject });
        });
        for (let i = 0; i < 300; i++) {
          if (i % 100 === 50) {
            await server.kill();
            void server.start();
          }
          await input.write(i);
        }
        input.complete();
        await input.flush();
        await ended;

        expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i));
      });

      it('tells readers and producers of what a server has lost', async () => {
        const server = await ownServer();
        const connection = { servers: server.url, reconnectTimeWait: 50 };
        const streams = new DurableStreamManager(natsEngine({ connection, shards: 2 }));
        onTestFinished(() => streams.close());
        const input = streams.open<string>('s');
        await input.write('a');
        await server.kill();
        const restore = server.capture();
        await server.start();
        await input.write('b');
        const seen: string[] = [];
        const failed = new Promise((resolve) => {
          streams.subscribe<string>('s').subscribe({ next: (chunk) => seen.push(chunk), error: resolve });
        });
        const after = await input.write('c');
        await eventually(PATIENCE, 'the reader has all', () => seen.length === 3);
        await server.kill();
        restore();
        await server.start();

        expect(await failed).toEqual(withCode('DATA_LOSS'));
        await expect(input.write('d')).rejects.toEqual(withCode('DATA_LOSS'));
        await expect(
          new Promise((_resolve, reject) => {
            streams.subscribe<string>('s', { after }).subscribe({ error: reject });
          }),
        ).rejects.toEqual(withCode('DATA_LOSS'));
      });

      it('tells those who used a server that has lost everything', async () => {
        const server = await ownServer();
        const store = storeOf({ connection: { servers: server.url, reconnectTimeWait: 50 } });
        const hints: Hint[] = [];
        await store.create('s', ['a']);
        await store.engine.watch(['s'], (hint) => hints.push(hint));
        await server.kill();
        server.wipe();
        await server.start();

        await eventually(PATIENCE, 'watchers are told to look', () => hints.length > 0);
        await eventually(
          PATIENCE,
          'it is known',
          async () => (await codeOf(store.load('s'))) === 'DATA_LOSS',
        );
      });

      it('refuses a server without JetStream', async () => {
        const { url } = await ownServer('');
        await expect(storeOf({ connection: url }).load('s')).rejects.toEqual(withCode('FAILED_PRECONDITION'));
      });

      it('refuses a server that takes too little at once', async () => {
        const { url } = await ownServer('jetstream {}\nmax_payload: 65536');
        await expect(storeOf({ connection: url }).load('s')).rejects.toThrow('max_payload');
      });

      it('says what a server does not permit', async () => {
        const { port } = await ownServer(`
        jetstream {}
        authorization { users: [
          { user: all, password: secret },
          { user: some, password: secret, permissions: { publish: { deny: "streams.log.>" } } },
          { user: deaf, password: secret, permissions: { subscribe: { deny: "streams.hint.>" } } },
        ] }`);
        const as = (user: string, pass = 'secret'): NatsStore =>
          storeOf({ connection: { servers: `127.0.0.1:${port}`, user, pass }, prefix: 'streams' });
        const head = await as('all').create('s', ['a']);

        await expect(as('some').append('s', head)).rejects.toEqual(withCode('PERMISSION_DENIED'));
        expect(await as('some').head('s')).toEqual(head);
        await expect(as('deaf').engine.watch(['s'], () => undefined)).rejects.toEqual(
          withCode('PERMISSION_DENIED'),
        );
        await expect(as('all', 'wrong').load('s')).rejects.toEqual(withCode('UNAUTHENTICATED'));
      });
    });
  });
});
