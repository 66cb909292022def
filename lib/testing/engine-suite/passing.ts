import type { FaultPlan } from '../faulty-engine.js';
import { check, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, type Process } from './process.js';
import type { Reading } from './reading.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** The lease of a producer, and for how long a stream may be idle. */
const LEASE = 9 * SECOND;
const IDLE_TTL = 10 * SECOND;

/** The code of the error that a stream has ended with, as a reader was told. */
function errorIn({ events }: Reading): string | undefined {
  const last = events.at(-1);
  return last?.type === 'error' ? last.error.code : undefined;
}

const isThere = (process: Process): Promise<boolean> =>
  process.manager.head('s').then(
    () => true,
    () => false,
  );

/** What is promised of time, whatever clocks and hints do. */
export function passingCases(cases: Cases): void {
  leaseCases(cases);
  idleCases(cases);
  stopCases(cases);
}

/** Who is there, and who is gone. */
function leaseCases(cases: Cases): void {
  for (const [where, ahead] of [
    ['ahead of', HOUR],
    ['behind', -HOUR],
  ] as const) {
    const when = (title: string, body: Parameters<typeof inWorld>[0]): void => {
      cases.when(
        !cases.presence,
        title,
        inWorld(body),
        `is of one process, which has one clock (${title})`,
        (engine) => engine.presence !== undefined,
      );
    };

    when(`loses no lease of a producer by a clock that is an hour ${where} its own`, async (world) => {
      const producer = world.process({ options: { lease: LEASE } });
      const { input } = await producer.begin('s', ['a']);
      let failed = false;
      input.failed.subscribe(() => (failed = true));
      const reader = world.process({ ahead });
      const reading = await reader.read('s').has(1);
      // Whoever lists or looks for streams observes leases, too.
      await reader.manager.list();

      await world.time.pass(12 * LEASE);

      same([reading.end, failed], [undefined, false], 'What a reader, and the producer, were told');
      await input.write('b');
      input.complete();
      await input.flush();
      same((await reading.ends('complete')).chunks, ['a', 'b'], 'The chunks');
    });

    when(`notices a producer that is gone by a clock that was an hour ${where} its own`, async (world) => {
      const producer = world.process({ options: { lease: LEASE } });
      await producer.begin('s', ['a']);
      const reading = await world.process({ ahead }).read('s').has(1);
      await world.time.pass(2 * LEASE);
      same(reading.end, undefined, 'What a reader was told before');

      producer.dies();

      await world.time.until('a reader is told', () => reading.end !== undefined);
      same(errorIn(reading), 'DEADLINE_EXCEEDED', 'What a reader was told');
      same((await world.process({ ahead }).manager.head('s')).status, 'error', 'The status');
    });
  }

  cases.it(
    'ends a stream whose input was closed without an end, after its lease, and not before',
    inWorld(async (world) => {
      const producer = world.process({ options: { lease: LEASE } });
      const { input } = await producer.begin('s', ['a']);
      const reading = await world.process().read('s').has(1);
      input.close();
      await input.flush();
      await world.time.pass(LEASE - 1);
      same(reading.end, undefined, 'What a reader was told before');

      await world.time.until('a reader is told', () => reading.end !== undefined);

      same(errorIn(reading), 'DEADLINE_EXCEEDED', 'What a reader was told');
      same(reading.chunks, ['a'], 'The chunks');
    }),
  );
}

/** Who reads is not in the way of who writes. */
function idleCases(cases: Cases): void {
  cases.it(
    'lets a reader keep an idle stream without a conflict for its producer',
    inWorld(async (world) => {
      let touches = 0;
      const reader = world.process({
        touch: (all) => {
          touches += all.length;
          return world.store.engine.touch(all);
        },
      });
      const producer = world.process({ options: { idleTtl: IDLE_TTL } });
      const { input } = await producer.begin('s', ['a']);
      const reading = await reader.read('s').has(1);
      const rounds = 50;

      for (let i = 0; i < rounds; i++) {
        input.next(`${i}`);
        input.next(`${i} again`);
        await world.time.pass(IDLE_TTL / 10);
      }
      await input.flush();

      await reading.has(1 + 2 * rounds);
      same(reading.chunks.length, 1 + 2 * rounds, 'How many chunks the reader has');
      // Nobody writes any more.
      await world.time.pass(5 * IDLE_TTL);
      check(cases.presence || touches > 5, 'the reader has shown that it is there');
      same(reading.end, undefined, 'What the reader was told');
      same(producer.conflicts, 0, 'How often a commit of the producer has met another');
      await input.write('b');
      same(producer.conflicts, 0, 'How often a commit of the producer has met another, at last');
      await reading.has(2 + 2 * rounds);

      reading.leave();
      await world.time.pass(2 * IDLE_TTL);
      check(!(await isThere(producer)), 'the stream is gone when nobody has been there for long enough');
    }),
  );
}

/** What hints do not tell. */
function stopCases(cases: Cases): void {
  /** A process that is told nothing. An engine that knows who is there loses no hint, so it must not say that it does. */
  const plan: FaultPlan = { onHint: () => ({ type: 'drop' }) };
  const options = { plan, features: { lossyHints: true }, presence: false };

  cases.it(
    'tells an idle producer of a stop whose hint was lost',
    inWorld(async (world) => {
      const producer = world.process(options);
      const { input } = await producer.begin('s', ['a']);
      let code: string | undefined;
      input.failed.subscribe((error) => (code = error.code));

      await world.process().manager.stop('s', { reason: 'enough' });

      await world.time.until('the producer is told', () => code !== undefined);
      same(code, 'CANCELLED', 'What it was told');
    }),
  );

  cases.it(
    'asks an idle producer to stop in time where the hint was lost',
    inWorld(async (world) => {
      const producer = world.process(options);
      const { input } = await producer.begin('s', ['a']);
      const { signal } = input;
      const other = world.process({ presence: false });

      await other.manager.stop('s', { grace: HOUR });

      await world.time.until('the producer is asked', () => signal.aborted);
      same((signal.reason as { code?: string }).code, 'CANCELLED', 'What it was told');
      input.complete();
      await input.flush();
      same((await other.manager.head('s')).status, 'done', 'The status');
    }),
  );
}
