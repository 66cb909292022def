import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { StreamEvent } from '../../lib/index.js';
import { DurableStreamManager } from '../../lib/index.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import { type Child, child } from '../support/child.js';
import { storePath } from '../support/lmdb.js';
import type { Task, Told } from '../support/lmdb-producers.js';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 20);
const PRODUCERS = ['p0', 'p1', 'p2', 'p3'];
const PATIENCE = { timeout: 15_000, interval: 1 };

function managerOn(path: string): DurableStreamManager {
  const manager = new DurableStreamManager(lmdbEngine({ path }));
  onTestFinished(() => manager.close());
  return manager;
}

async function started(script: string, args: readonly string[]): Promise<Child> {
  const process = await child(script, { args });
  onTestFinished(() => process.kill());
  return process;
}

/** Creates a stream that nobody owns, for producers that name themselves. */
const created = (manager: DurableStreamManager, id: string): Promise<unknown> =>
  new Promise((done, failed) => {
    const lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };
    manager.inside.streams.create(
      id,
      { type: 'create', nonce: 'n', lifetime, owned: false },
      { done, failed },
    );
  });

describe(`Writers that are killed by force, ${ROUNDS} times`, { timeout: 20_000 + ROUNDS * 5_000 }, () => {
  it('lose, double, tear and reorder nothing that was acknowledged, and keep outcomes', async () => {
    const path = storePath();
    const manager = managerOn(path);
    await created(manager, 's');
    const acknowledged = new Map(PRODUCERS.map((producer) => [producer, -1]));
    const ended: string[] = [];

    for (let round = 0; round < ROUNDS; round++) {
      const producers = Object.fromEntries(
        [...acknowledged].map(([producer, seq]) => [producer, seq + 1] as const),
      );
      const task: Task = { stream: 's', producers, outcomes: `done-${round}` };
      const writer = await started('lmdb-producers.ts', [path, JSON.stringify(task)]);
      const enough = 1 + Math.floor(Math.random() * 60);
      let told = 0;
      await new Promise<void>((resolve, reject) => {
        writer.process.on('message', (message: Told) => {
          if ('ended' in message) {
            ended.push(message.ended);
          } else {
            const { producer, seq } = message;
            acknowledged.set(producer, Math.max(seq, acknowledged.get(producer) ?? -1));
          }
          if (++told >= enough) resolve();
        });
        void writer.ended.then((how) => {
          reject(new Error(`The writer ended by itself with ${how}: ${writer.output()}`));
        });
      });
      // At any moment of what is under way.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
      await writer.kill();
    }

    const seen = new Map<string, number>(PRODUCERS.map((producer) => [producer, -1]));
    const { chunks } = await manager.head('s');
    let position = 0;
    for await (const chunk of manager.subscribe<string>('s')) {
      const [producer = '', number = '', text = ''] = chunk.split(':');
      const seq = Number(number);
      expect(seq, `the chunk of ${producer} at position ${position}`).toBe((seen.get(producer) ?? -1) + 1);
      expect(text).toHaveLength(seq % 7 === 0 ? 20_000 : 20);
      seen.set(producer, seq);
      if (++position === chunks) break;
    }
    for (const [producer, seq] of acknowledged) expect(seen.get(producer)).toBeGreaterThanOrEqual(seq);
    for (const id of ended) {
      const events = await lastValueFrom(manager.subscribe<string, string>(id).events().pipe(toArray()));
      expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
        'a',
        'b',
        'c',
        'done',
      ]);
      expect(events.at(-1)).toMatchObject({ output: id });
    }
    expect(ended.length).toBeGreaterThan(0);
  });
});

describe('Of two processes on one store', { timeout: 60_000 }, () => {
  it('the reader sees everything once while the writer is killed and comes back', async () => {
    const path = storePath();
    const manager = managerOn(path);
    await created(manager, 's');
    const seen: string[] = [];
    const reading = manager.subscribe<string>('s').subscribe((chunk) => seen.push(chunk));
    onTestFinished(() => {
      reading.unsubscribe();
    });
    const counts = (): number[] =>
      PRODUCERS.map((producer) => seen.filter((chunk) => chunk.startsWith(`${producer}:`)).length);

    for (let round = 0; round < 5; round++) {
      const producers = Object.fromEntries(PRODUCERS.map((producer, i) => [producer, counts()[i] ?? 0]));
      const task: Task = { stream: 's', producers, outcomes: `done-${round}` };
      const before = seen.length;
      const writer = await started('lmdb-producers.ts', [path, JSON.stringify(task)]);
      await vi.waitFor(() => {
        expect(seen.length).toBeGreaterThan(before + 20);
      }, PATIENCE);
      await writer.kill();
      const { chunks } = await manager.head('s');
      await vi.waitFor(() => {
        expect(seen).toHaveLength(chunks);
      }, PATIENCE);
    }
    for (const producer of PRODUCERS) {
      const own = seen.filter((chunk) => chunk.startsWith(`${producer}:`));
      expect(own.map((chunk) => Number(chunk.split(':')[1]))).toEqual(own.map((_, seq) => seq));
    }
  });

  it('the reader sees everything once, and the outcome, that is killed itself and comes back', async () => {
    const path = storePath();
    const manager = managerOn(path);
    const input = manager.open<string, string>('s');
    await input.opened;
    const seen: StreamEvent<string, string>[] = [];
    let written = 0;

    for (let round = 0; round < 5; round++) {
      const after = seen.at(-1)?.offset;
      const reader = await started('lmdb-reader.ts', [path, 's', ...(after === undefined ? [] : [after])]);
      reader.process.on('message', (event: StreamEvent<string, string>) => seen.push(event));
      const target = seen.length + 30;
      while (seen.length < target) {
        await input.write(`c${written++}`);
        if (written > 10_000) break;
      }
      if (round < 4) await reader.kill();
    }
    input.complete('o');
    await input.flush();
    await vi.waitFor(() => {
      expect(seen.at(-1)).toMatchObject({ type: 'done', output: 'o' });
    }, PATIENCE);
    expect(seen.slice(0, -1).map((event) => (event as { chunk?: string }).chunk)).toEqual(
      Array.from({ length: written }, (_, i) => `c${i}`),
    );
  });
});
