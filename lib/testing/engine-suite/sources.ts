import { asyncScheduler } from 'rxjs';

import type { OpenOptions } from '../../stream-manager.js';
import { check, eventually, failsWith, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, type Process } from './process.js';

const CHUNKS = ['a', 'b'];
/** For how many ms a source lives: long enough for a fork to be made, in one of them. */
const LIFETIMES = [200, 1_000, 5_000];

/** Ways in which a stream goes by itself after some ms, counted from its end in the last. */
const EXPIRIES: readonly (readonly [when: string, options: (ms: number) => OpenOptions])[] = [
  ['at its moment', (ms) => ({ expiresAt: Date.now() + ms })],
  ['when it has been idle for too long', (idleTtl) => ({ idleTtl })],
  ['some time after its end', (ttl) => ({ ttl })],
];

/** What is kept for the forks of a stream that is gone, by whatever clock: the engine's own, too, if it has one. */
export function sourceCases(cases: Cases): void {
  const { patience } = cases;

  for (const [when, options] of EXPIRIES) {
    cases.it(
      `keeps for its fork a stream that expires ${when}, and frees its id with the fork`,
      inWorld(async (world) => {
        const realTime = { options: { scheduler: asyncScheduler, ttl: Infinity } };
        const [process, other] = [world.process(realTime), world.process(realTime)];
        const id = await forked(process, options);

        await eventually(patience + Math.max(...LIFETIMES), 'the source has expired', () =>
          isGone(other, id),
        );

        await failsWith('ALREADY_EXISTS', () => other.manager.open(id).opened, 'taking the id of the source');
        await failsWith('NOT_FOUND', () => other.manager.delete(id), 'deleting the source');
        for (const one of [process, other]) {
          const reading = one.read('fork');
          await eventually(patience, 'the fork is read', () => reading.chunks.length >= CHUNKS.length);
          same(reading.chunks, CHUNKS, 'The chunks of the fork');
          reading.leave();
        }
        await other.manager.delete('fork');
        await eventually(
          patience,
          'nothing is left of the source',
          async () => !(await world.store.load(id)),
        );
        await other.manager.open(id).opened;
      }),
    );
  }
}

/** Makes a stream that will expire, and, in time, its fork; gives the id of the stream. */
async function forked(process: Process, options: (ms: number) => OpenOptions): Promise<string> {
  for (const ms of LIFETIMES) {
    const id = `lives for ${ms} ms`;
    try {
      const { input } = await process.begin(id, CHUNKS, options(ms));
      await process.fork(id, 'fork');
      input.complete();
      await input.flush();
      return id;
    } catch {
      // It was gone before: too slow by that.
    }
  }
  check(false, `a stream of two chunks is made and forked in ${Math.max(...LIFETIMES)} ms`);
  return '';
}

const isGone = (process: Process, id: string): Promise<boolean> =>
  process.manager.head(id).then(
    () => false,
    (error: unknown) => (error as { code?: string }).code === 'NOT_FOUND',
  );
