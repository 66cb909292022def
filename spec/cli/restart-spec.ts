import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { builtCommand, lastingPort } from '../support/command.js';
import { answered, HttpProducer, JSON_TYPE, readByLongPoll, readBySse, Seen } from '../support/http-load.js';
import { storePath } from '../support/lmdb.js';

const READERS = 100;

/** An append of which only a part has been sent, and which the server has begun to read. */
async function begunAppend(url: string): Promise<{ finish(): Promise<number> }> {
  const body = JSON.stringify([{ producer: 'slow', seq: 0 }]);
  const headers = { ...JSON_TYPE, 'content-length': body.length, expect: '100-continue' };
  const sent = request(url, { method: 'POST', headers, agent: false });
  const status = new Promise<number>((resolve, reject) => {
    sent.on('response', ({ statusCode = 0 }) => resolve(statusCode));
    sent.on('error', reject);
  });
  await Promise.race([once(sent, 'continue'), status]);
  sent.write(body.slice(0, 5));
  return {
    finish: () => {
      sent.end(body.slice(5));
      return status;
    },
  };
}

describe('A server that is told to end, and started again', { timeout: 60_000 }, () => {
  const command = builtCommand();

  it(`finishes what was begun, ends ${READERS} live readers cleanly, and goes on without a loss`, async () => {
    const args = ['--path', storePath(), '--port', String(await lastingPort())];
    const first = await command.serve(args);
    const url = `${first.url}/s`;
    await answered(url, { method: 'PUT', headers: JSON_TYPE });
    const producers = ['p0', 'p1', 'p2', 'p3'].map((name) => new HttpProducer(name, url));
    const readers = Array.from(
      { length: READERS },
      (_, i) => new Seen(i % 2 === 0 ? `SSE ${i}` : `long-poll ${i}`),
    );
    const reading = readers.map((seen) =>
      (seen.name.startsWith('SSE') ? readBySse : readByLongPoll)(url, seen),
    );
    const running = producers.map((producer) => producer.run());
    const isEverywhere = (): void => {
      const least = Math.min(...producers.map(({ acknowledged }) => acknowledged));
      expect(least).toBeGreaterThan(20);
      for (const { last } of readers) expect(last.get('p0') ?? 0).toBeGreaterThan(20);
    };
    await vi.waitFor(isEverywhere, { timeout: 20_000, interval: 10 });

    const begun = await begunAppend(url);
    const whole = readers.map(({ ended }) => ended);
    first.process.kill('SIGTERM');
    // Nobody is broken off: that the server is away, they only find when they come again.
    await vi.waitFor(
      () => {
        for (const [i, { name, ended, brokenOff }] of readers.entries()) {
          expect(ended, name).toBeGreaterThan(whole[i] ?? 0);
          expect(brokenOff, name).toBeGreaterThan(0);
        }
      },
      { timeout: 7_000, interval: 5 },
    );
    expect(await begun.finish()).toBe(204);
    expect(await first.ended).toBe(0);
    expect(first.stderr()).toBe('');

    const acknowledged = producers.map((producer) => producer.acknowledged);
    await command.serve(args);
    await vi.waitFor(
      () => {
        for (const [i, producer] of producers.entries()) {
          expect(producer.acknowledged).toBeGreaterThan((acknowledged[i] ?? 0) + 20);
        }
      },
      { timeout: 20_000, interval: 10 },
    );
    for (const producer of producers) producer.stop();
    await Promise.all(running);
    await answered(url, { method: 'POST', headers: { 'stream-closed': 'true' } });
    await Promise.all(reading);
    for (const { name, last, order } of readers) {
      for (const producer of producers) expect(last.get(producer.name), name).toBe(producer.acknowledged);
      expect(last.get('slow'), name).toBe(0);
      expect(order, name).toEqual(readers[0]?.order);
    }
  });
});
