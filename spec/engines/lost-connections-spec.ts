import { randomUUID } from 'node:crypto';

import { describe, expect, it, onTestFinished } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import { eventually } from '../../lib/testing/engine-suite/assert.js';
import { NETWORKED } from '../support/networked-engines.js';
import { Proxy } from '../support/proxy.js';
import { portOf, withServer } from '../support/servers.js';

/** A dead connection is noticed within some seconds. */
const PATIENCE = 25_000;

for (const engine of NETWORKED) {
  const { name, url } = engine;
  await withServer(name, url, () => {
    describe(`A process whose connections to ${name} are lost`, () => {
      it.each([
        ['cut', 'cut', 3],
        ['dead without saying so', 'stall', 1],
        ['closed on one side', 'halfClose', 3],
      ] as const)(
        'reads and writes everything once, in order, where they are %s',
        { timeout: 120_000 },
        async (_, how, rounds) => {
          const proxy = await Proxy.to(url, portOf(url));
          onTestFinished(() => proxy.close());
          const streams = `spec-${randomUUID()}`;
          onTestFinished(() => engine.clear(streams));
          const near = new DurableStreamManager(engine.open(streams));
          const far = new DurableStreamManager(engine.openBy(proxy.port, streams));
          onTestFinished(async () => {
            await Promise.all([near.close(), far.close()]);
          });
          const question = near.open<number>('question');
          await question.opened;
          const answer = far.open<number>('answer');
          await answer.opened;
          const heard: number[] = [];
          const answered: number[] = [];
          let done = false;
          const hearing = far.subscribe<number>('question').subscribe((chunk) => heard.push(chunk));
          near
            .subscribe<number>('answer')
            .subscribe({ next: (chunk) => answered.push(chunk), complete: () => (done = true) });
          await question.write(0);
          await eventually(PATIENCE, 'the reader is live', () => heard.length === 1);

          for (let round = 1; round <= rounds; round++) {
            for (let i = 0; i < 20; i++) answer.next(20 * round + i);
            proxy[how]();
            answer.next(20 * round + 20);
            await question.write(round);
            await eventually(PATIENCE, 'what was written meanwhile is there', () => heard.length > round);
          }
          answer.complete();
          await answer.flush();
          await eventually(PATIENCE, 'the end is there', () => done);

          hearing.unsubscribe();
          expect(heard).toEqual(Array.from({ length: rounds + 1 }, (_, round) => round));
          const written = Array.from({ length: rounds }, (_, round) =>
            Array.from({ length: 21 }, (_, i) => 20 * (round + 1) + i),
          );
          expect(answered).toEqual(written.flat());
        },
      );
    });
  });
}
