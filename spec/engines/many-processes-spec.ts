import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import type { StreamError } from '../../lib/errors.js';
import { seeded } from '../../lib/testing/engine-suite/fuzz/random.js';
import { child } from '../support/child.js';
import { builtCommand } from '../support/command.js';
import { answered, HttpProducer, JSON_TYPE, readByLongPoll, readBySse, Seen } from '../support/http-load.js';
import { NETWORKED, type NetworkedEngine } from '../support/networked-engines.js';
import { withServer } from '../support/servers.js';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 5);
const SEED = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const CLAIMS = 200;
const SERVERS = 4;
const WRITERS = 16;
const APPENDS = 15;

/** A name for streams, which are removed when the test is over. */
function newName(engine: NetworkedEngine): string {
  const name = `spec-${randomUUID()}`;
  onTestFinished(() => engine.clear(name));
  return name;
}

for (const engine of NETWORKED) {
  const { name, url } = engine;
  await withServer(name, url, () => {
    describe(`Several processes on ${name} (seed ${SEED})`, () => {
      const command = builtCommand();
      const args = ['--engine', name, '--url', url];

      it(
        `lose, double and reorder nothing that was acknowledged, where one is killed ${ROUNDS} times`,
        { timeout: 30_000 + ROUNDS * 5_000 },
        async () => {
          const random = seeded(SEED);
          const servers = await Promise.all(Array.from({ length: SERVERS }, () => command.serve(args)));
          const id = `spec-${randomUUID()}`;
          const anywhere = (): string => `${servers[random.below(SERVERS)]?.url ?? ''}/${id}`;
          await answered(anywhere, { method: 'PUT', headers: JSON_TYPE });
          let acknowledged = 0;
          const producers = ['p0', 'p1', 'p2', 'p3'].map(
            (each) => new HttpProducer(each, anywhere, () => acknowledged++),
          );
          const readers = ['long-poll 0', 'long-poll 1', 'SSE 0', 'SSE 1'].map((each) => new Seen(each));
          const reading = readers.map((seen) =>
            (seen.name.startsWith('SSE') ? readBySse : readByLongPoll)(anywhere, seen),
          );
          const running = producers.map((producer) => producer.run());
          const failed = Promise.race([...running, ...reading]);

          for (let round = 0; round < ROUNDS; round++) {
            const until = acknowledged + 1 + random.below(60);
            await Promise.race([
              vi.waitFor(() => expect(acknowledged).toBeGreaterThanOrEqual(until), {
                timeout: 20_000,
                interval: 1,
              }),
              failed,
            ]);
            await sleep(random.below(15));
            const one = random.below(SERVERS);
            servers[one]?.process.kill('SIGKILL');
            expect(await servers[one]?.ended).toBe('SIGKILL');
            servers[one] = await command.serve(args);
          }
          for (const producer of producers) producer.stop();
          await Promise.all(running);
          await answered(anywhere, { method: 'POST', headers: { 'stream-closed': 'true' } });
          await Promise.all(reading);

          for (const { name: reader, last, order } of readers) {
            for (const producer of producers)
              expect(last.get(producer.name), reader).toBe(producer.acknowledged);
            expect(order, reader).toEqual(readers[0]?.order);
          }
          await answered(anywhere, { method: 'DELETE' });
        },
      );

      it(`let exactly one of two have an id, ${CLAIMS} times of ${CLAIMS}`, { timeout: 60_000 }, async () => {
        const streams = newName(engine);
        const managers = [0, 1].map(() => new DurableStreamManager(engine.open(streams)));
        onTestFinished(async () => {
          for (const manager of managers) await manager.close();
        });
        for (let i = 0; i < CLAIMS; i++) {
          const claims = await Promise.allSettled(managers.map((manager) => manager.open(`s${i}`).opened));
          const codes = claims.map((claim) =>
            claim.status === 'rejected' ? (claim.reason as StreamError).code : 'opened',
          );
          expect(codes.sort()).toEqual(['ALREADY_EXISTS', 'opened']);
        }
      });

      it(
        'refuse what a producer writes that was frozen, replaced and thawed',
        { timeout: 60_000 },
        async () => {
          const streams = newName(engine);
          const producer = await child('producer-child.ts', { args: [name, streams, 's'] });
          onTestFinished(() => producer.kill());
          await producer.ask('open');
          expect(await producer.ask('write', 'a')).toBe('stored');
          producer.process.kill('SIGSTOP');
          const manager = new DurableStreamManager(engine.open(streams));
          onTestFinished(() => manager.close());
          const input = manager.open<string>('s', { resume: true });
          await input.write('b');

          producer.process.kill('SIGCONT');

          expect(await producer.ask('write', 'late')).toBe('ABORTED');
          input.complete();
          await input.flush();
          const chunks: string[] = [];
          for await (const chunk of manager.subscribe<string>('s')) chunks.push(chunk);
          expect(chunks).toEqual(['a', 'b']);
        },
      );

      it(
        `store what ${WRITERS} writers of each of ${SERVERS} write to one stream, and tell none of an error`,
        { timeout: 120_000 },
        async () => {
          const servers = await Promise.all(Array.from({ length: SERVERS }, () => command.serve(args)));
          const id = `spec-${randomUUID()}`;
          const first = `${servers[0]?.url ?? ''}/${id}`;
          await answered(first, { method: 'PUT', headers: JSON_TYPE });
          const write = async (where: string, writer: string): Promise<void> => {
            for (let seq = 0; seq < APPENDS; seq++) {
              const body = JSON.stringify([{ producer: writer, seq }]);
              const { status } = await fetch(where, { method: 'POST', headers: JSON_TYPE, body });
              expect(status).toBe(204);
            }
          };
          await Promise.all(
            servers.flatMap((server, s) =>
              Array.from({ length: WRITERS }, (_, w) => write(`${server.url}/${id}`, `${s}.${w}`)),
            ),
          );
          await answered(first, { method: 'POST', headers: { 'stream-closed': 'true' } });

          const seen = new Seen('the reader');
          await readByLongPoll(first, seen);
          expect(seen.order).toHaveLength(SERVERS * WRITERS * APPENDS);
          await answered(first, { method: 'DELETE' });
        },
      );
    });
  });
}
