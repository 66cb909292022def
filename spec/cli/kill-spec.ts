import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { builtCommand, lastingPort } from '../support/command.js';
import { answered, HttpProducer, JSON_TYPE, readByLongPoll, readBySse, Seen } from '../support/http-load.js';
import { storePath } from '../support/lmdb.js';
import { seeded } from '../../lib/testing/engine-suite/fuzz/random.js';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 20);
const SEED = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

/** Creates streams, one after the other, and closes or deletes them. */
class Endings {
  /** Those that are, for sure. */
  readonly closed: string[] = [];
  readonly deleted: string[] = [];
  #stopped = false;

  constructor(private readonly root: string) {}

  async run(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const [toClose, toDelete] = [`closed-${i}`, `deleted-${i}`];
      for (const id of [toClose, toDelete]) {
        await answered(`${this.root}/${id}`, { method: 'PUT', headers: JSON_TYPE });
        await this.#append(id, 0, '["a"]');
      }
      await this.#append(toClose, 1, '["b"]', { 'stream-closed': 'true' });
      this.closed.push(toClose);
      await answered(`${this.root}/${toDelete}`, { method: 'DELETE' });
      this.deleted.push(toDelete);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #append(id: string, seq: number, body: string, headers: Record<string, string> = {}): Promise<Response> {
    const producer = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': String(seq) };
    return answered(`${this.root}/${id}`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...producer, ...headers },
      body,
    });
  }
}

describe(
  `A server that is killed by force, ${ROUNDS} times (seed ${SEED})`,
  { timeout: 30_000 + ROUNDS * 5_000 },
  () => {
    const command = builtCommand();

    it('loses, doubles and reorders nothing that was acknowledged, for any reader', async () => {
      const random = seeded(SEED);
      const args = ['--path', storePath(), '--port', String(await lastingPort())];
      let server = await command.serve(args);
      const root = server.url;
      const url = `${root}/s`;
      await answered(url, { method: 'PUT', headers: JSON_TYPE });

      let wanted = Infinity;
      let reached = (): void => undefined;
      let acknowledged = 0;
      const producers = ['p0', 'p1', 'p2', 'p3'].map(
        (name) =>
          new HttpProducer(name, url, () => {
            if (++acknowledged >= wanted) reached();
          }),
      );
      const readers = ['long-poll 0', 'long-poll 1', 'SSE 0', 'SSE 1'].map((name) => new Seen(name));
      const reading = readers.map((seen) =>
        (seen.name.startsWith('SSE') ? readBySse : readByLongPoll)(url, seen),
      );
      const tail = command.start(['tail', url]);
      const running = producers.map((producer) => producer.run());
      const endings = new Endings(root);
      running.push(endings.run());
      const failed = Promise.race([...running, ...reading]);
      // One that finds no server to begin with says so, and ends.
      await tail.until((stdout) => stdout !== '');

      for (let round = 0; round < ROUNDS; round++) {
        const enough = new Promise<void>((resolve) => {
          wanted = acknowledged + 1 + random.below(60);
          reached = resolve;
        });
        await Promise.race([enough, failed]);
        // At any moment of what is under way.
        await sleep(random.below(15));
        server.process.kill('SIGKILL');
        expect(await server.ended).toBe('SIGKILL');
        server = await command.serve(args);
      }
      endings.stop();
      for (const producer of producers) producer.stop();
      await Promise.all(running);
      await answered(url, { method: 'POST', headers: { 'stream-closed': 'true' } });
      await Promise.all(reading);
      expect(await tail.ended, tail.stderr()).toBe(0);

      const [first] = readers;
      for (const { name, last, order } of readers) {
        for (const producer of producers) expect(last.get(producer.name), name).toBe(producer.acknowledged);
        expect(order, name).toEqual(first?.order);
      }
      const tailed = tail
        .stdout()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { producer: string; seq: number });
      expect(tailed.map(({ producer, seq }) => `${producer}:${seq}`)).toEqual(first?.order);
      for (const id of endings.closed) {
        const response = await fetch(`${root}/${id}`);
        expect([await response.text(), response.headers.get('stream-closed')]).toEqual(['["a","b"]', 'true']);
      }
      for (const id of endings.deleted) expect((await fetch(`${root}/${id}`)).status).toBe(404);
      expect(endings.deleted.length).toBeGreaterThan(0);
    });
  },
);
