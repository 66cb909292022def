import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import type { StreamEngine } from '../../lib/engines/engine.js';
import { natsEngine } from '../../lib/engines/nats.js';
import { engineSuite } from '../../lib/testing/index.js';
import { NatsCluster, newPrefix, withOwnNats } from '../support/nats.js';

// Each store begins with an election.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROUNDS = 12;
const WRITERS = 4;

// Of a newer version than Debian 12 has, so it does not run everywhere: NATS_SERVER names one.
withOwnNats(
  'replicated nats',
  '2.11.0',
  () => {
    describe('NATS with three servers', () => {
      let cluster: NatsCluster;
      beforeAll(async () => {
        cluster = await NatsCluster.start(3);
      });
      afterAll(() => cluster[Symbol.asyncDispose]());

      const prefixes = new WeakMap<StreamEngine, string>();
      let next = 0;
      const engineAt = (prefix: string): StreamEngine => {
        // Each process by another server.
        const servers = cluster.servers[next++ % 3]?.url ?? '';
        const engine = natsEngine({
          connection: { servers, ignoreClusterUpdates: true },
          prefix,
          replicas: 3,
          shards: 1,
        });
        prefixes.set(engine, prefix);
        return engine;
      };

      it(`loses nothing while one of them is killed, ${ROUNDS} times`, { timeout: 600_000 }, async () => {
        const connection = { servers: cluster.servers.map(({ url }) => url), reconnectTimeWait: 100 };
        const options = { connection, prefix: newPrefix(), replicas: 3, shards: 2 };
        const [streams, others] = [0, 1].map(() => new DurableStreamManager(natsEngine(options)));
        onTestFinished(async () => {
          await streams?.close();
          await others?.close();
        });
        const acknowledged = Array.from({ length: WRITERS }, (): number[] => []);
        const seen = Array.from({ length: WRITERS }, (): number[] => []);
        let done = false;
        const writers = acknowledged.map(async (written, i) => {
          const input = streams?.open<number>(`s${i}`);
          const ended = new Promise<void>((resolve, reject) => {
            others?.subscribe<number>(`s${i}`, { wait: Infinity }).subscribe({
              next: (n) => seen[i]?.push(n),
              complete: resolve,
              error: reject,
            });
          });
          ended.catch(() => undefined);
          for (let n = 0; !done; n++) {
            await input?.write(n);
            written.push(n);
          }
          input?.complete();
          await input?.flush();
          await ended;
        });
        const rounds = (async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const server = cluster.servers[Math.floor(Math.random() * 3)];
            await server?.kill();
            const before = acknowledged.map(({ length }) => length);
            // It is back once all have gone on without it.
            await vi.waitUntil(() => acknowledged.every(({ length }, i) => length > (before[i] ?? 0) + 20), {
              timeout: 30_000,
            });
            await server?.start();
            await cluster.whole();
          }
          done = true;
        })();
        await Promise.all([...writers, rounds]);

        for (const [i, written] of acknowledged.entries()) {
          expect(written.length).toBeGreaterThan(ROUNDS * 20);
          expect(seen[i]).toEqual(written);
        }
      });

      engineSuite(
        { describe, it },
        {
          name: 'replicated nats',
          features: natsEngine({ replicas: 3 }).features,
          create: () => engineAt(newPrefix()),
          reopen: (engine) => engineAt(prefixes.get(engine) ?? ''),
          fuzz: { programs: 40 },
          maxParts: 256,
          patience: 10_000,
          destroy: (engine) => cluster.remove(prefixes.get(engine) ?? ''),
        },
      );
    });
  },
  false,
);
