import { DurableStreamManager, type DurableStreamManagerOptions } from '../../durable-manager.js';
import type { StreamEngine } from '../../engines/engine.js';
import type { StreamError } from '../../errors.js';
import type { Offset } from '../../offset.js';
import type { StreamManager, SubscribeOptions } from '../../stream-manager.js';
import { type FaultPlan, faultyEngine } from '../faulty-engine.js';
import { check, eventually, failsWith, pause, same } from './assert.js';
import type { Cases } from './cases.js';
import { Reading } from './reading.js';
import type { Store } from './store.js';

/** Fails every so many calls of a kind, or does something else to them. */
function everySo(
  many: number,
  fault: Exclude<ReturnType<NonNullable<FaultPlan['onCall']>>, undefined>,
): FaultPlan {
  let calls = 0;
  return {
    onCall: ({ method }) => {
      if (fault.type !== 'fail' && method !== 'commit') return undefined;
      return ++calls % many === 0 ? fault : undefined;
    },
  };
}

/** What a user sees of an engine, with what goes wrong on the way to it. */
export function managerCases(cases: Cases): void {
  const { patience } = cases;

  /** Registers a case with several managers on one engine. */
  const withManagers = (
    title: string,
    body: (
      open: (plan?: FaultPlan, options?: DurableStreamManagerOptions) => DurableStreamManager,
    ) => Promise<void>,
  ): void => {
    cases.it(title, async (store) => {
      const managers: DurableStreamManager[] = [];
      try {
        await body((plan = {}, options) => {
          const manager = new DurableStreamManager(reached(store, plan), options);
          managers.push(manager);
          return manager;
        });
      } finally {
        for (const manager of managers) await manager.close();
      }
    });
  };
  const read = (streams: StreamManager, id: string, options?: SubscribeOptions): Reading =>
    new Reading(streams, id, (what, holds) => eventually(patience, what, holds), options);

  withManagers('gives what one manager has written to another', async (open) => {
    const values = ['text', '', 'é\u{1f600}', { a: [1, null] }, 5, null, false, Uint8Array.of(0, 255)];
    const input = open().open<unknown, unknown>('s');
    for (const value of values) input.next(value);
    input.complete({ sum: 8 });
    await input.flush();

    const other = open();
    const { events, chunks } = await read(other, 's').ends('complete');

    same(chunks, values, 'The chunks');
    const last = events.at(-1);
    same(last?.type === 'done' && last.output, { sum: 8 }, 'The output');
    const head = await other.head('s');
    same([head.status, head.chunks, head.tail], ['done', values.length, last?.offset], 'The head');
    same(
      (await other.list()).map(({ id }) => id),
      ['s'],
      'The ids',
    );
  });

  withManagers('gives every chunk once, in order, to whoever comes at whatever time', async (open) => {
    const [writer, reader] = [open(), open()];
    const input = writer.open<number>('s');
    await input.opened;
    const readings: Reading[] = [];
    for (let i = 0; i < 300; i++) {
      if (i % 20 === 0) readings.push(read(i % 40 === 0 ? reader : writer, 's'));
      if (i % 7 === 0) await input.write(i);
      else input.next(i);
    }
    input.complete();

    for (const reading of readings) {
      const { chunks } = await reading.ends('complete');
      same(
        chunks,
        Array.from({ length: 300 }, (_, i) => i),
        'The chunks',
      );
    }
  });

  withManagers('resumes after every offset', async (open) => {
    const streams = open();
    const input = streams.open<number>('s');
    const offsets: Offset[] = [];
    for (let i = 0; i < 10; i++) offsets.push(await input.write(i));
    input.complete();
    await input.flush();

    for (const [i, after] of offsets.entries()) {
      const { chunks } = await read(streams, 's', { after }).ends('complete');
      same(
        chunks,
        Array.from({ length: 9 - i }, (_, j) => i + 1 + j),
        `The chunks after chunk ${i}`,
      );
    }
  });

  for (const [what, plan] of [
    ['answers are lost', () => everySo(2, { type: 'lose' })],
    ['others commit in between', () => everySo(2, { type: 'conflict' })],
    ['calls fail', () => everySo(3, { type: 'fail' })],
  ] as const) {
    withManagers(`stores every chunk once where ${what}`, async (open) => {
      const streams = open(plan());
      const input = streams.open<number>('s');
      const reading = read(streams, 's', { wait: Infinity });
      for (let i = 0; i < 30; i++) {
        if (i % 3 === 0) await input.write(i);
        else input.next(i);
      }
      input.complete();
      await input.flush();

      const all = Array.from({ length: 30 }, (_, i) => i);
      same((await reading.ends('complete')).chunks, all, 'The chunks that a reader was given');
      same((await read(open(), 's').ends('complete')).chunks, all, 'The chunks that are stored');
    });
  }

  withManagers('lets one of two managers have an id', async (open) => {
    const inputs = [open(), open()].map((streams) => streams.open('s'));
    const opened = await Promise.allSettled(inputs.map(({ opened }) => opened));
    const refused = opened.flatMap((each) =>
      each.status === 'rejected' ? [(each.reason as StreamError).code] : [],
    );
    same(refused, ['ALREADY_EXISTS'], 'The codes of who was refused');
  });

  withManagers('lets an input that was replaced write no more', async (open) => {
    const former = open().open<string>('s');
    await former.write('a');
    const input = open().open<string>('s', { resume: true });
    await input.opened;

    await failsWith('ABORTED', () => former.write('late'), 'writing to what was taken over');
    await input.write('b');
    input.complete();
    await input.flush();

    same((await read(open(), 's').ends('complete')).chunks, ['a', 'b'], 'The chunks');
  });

  withManagers('tells a producer that another manager has stopped it', async (open) => {
    const input = open().open<string>('s');
    await input.write('a');
    let code: string | undefined;
    input.failed.subscribe((error) => (code = error.code));
    const reading = read(open(), 's');

    await open().stop('s', { reason: 'enough' });

    await eventually(patience, 'the producer is told', () => code !== undefined);
    same(code, 'CANCELLED', 'What the producer was told');
    const last = (await reading.ends('complete')).events.at(-1);
    same(last?.type === 'error' && last.error.code, 'CANCELLED', 'What a reader was told');
  });

  withManagers('cuts whoever reads what is deleted, and keeps lives apart', async (open) => {
    const [one, other] = [open(), open()];
    const input = one.open<string>('s');
    const after = await input.write('a');
    input.failed.subscribe();
    const reading = read(other, 's');
    await eventually(patience, 'a reader has a chunk', () => reading.chunks.length === 1);

    await other.delete('s');

    await reading.ends('NOT_FOUND');
    await failsWith('NOT_FOUND', () => one.head('s'), 'looking for what is deleted');
    const next = one.open<string>('s');
    await next.write('b');
    await read(other, 's', { after }).ends('OUT_OF_RANGE');
    next.complete();
    same((await read(other, 's').ends('complete')).chunks, ['b'], 'The chunks of the next life');
  });

  withManagers('forgets what has ended when its time is over', async (open) => {
    const streams = open({}, { ttl: 30 });
    const input = streams.open<string>('s');
    input.next('a');
    input.complete();
    await input.flush();
    await pause(40);

    await failsWith('NOT_FOUND', () => streams.head('s'), 'looking for what is over');
    await streams.open('s').opened;
  });

  cases.when(
    cases.features.durable,
    'goes on after a restart, as a user sees it',
    async (store) => {
      const before = new DurableStreamManager(store.engine);
      const input = before.open<string>('s');
      const after = await input.write('a');
      await input.write('b');
      await before.close();
      const again = await cases.reopen(store);
      const streams = new DurableStreamManager(again.engine);
      try {
        const reading = read(streams, 's', { after });
        const next = streams.open<string>('s', { resume: true });
        await next.write('c');
        next.complete();
        same((await reading.ends('complete')).chunks, ['b', 'c'], 'The chunks');
      } finally {
        await streams.close();
      }
    },
    'is not durable, so a user sees nothing after a restart',
    (engine) => !engine.features.durable,
  );

  cases.when(
    cases.features.multiProcess,
    'shows a user of one process what another writes, while it writes',
    async (store) => {
      const again = await cases.reopen(store);
      const [one, other] = [
        new DurableStreamManager(reached(store, {})),
        new DurableStreamManager(again.engine),
      ];
      try {
        const input = one.open<number>('s');
        await input.opened;
        const reading = read(other, 's');
        for (let i = 0; i < 20; i++) {
          await input.write(i);
          if (i % 5 === 0)
            await eventually(patience, 'a reader has what was written', () => reading.chunks.length > i);
        }
        input.complete();
        same(
          (await reading.ends('complete')).chunks,
          Array.from({ length: 20 }, (_, i) => i),
          'The chunks',
        );
        check(
          reading.events.some((event) => event.type === 'chunk' && !event.replay),
          'some chunks came live',
        );
      } finally {
        await one.close();
        await other.close();
      }
    },
    'is for one process, so no user sees what another writes',
    (engine) => !engine.features.multiProcess,
  );
}

/** The engine of a store, as one of several users has it. */
const reached = ({ engine, features }: Store, plan: FaultPlan): StreamEngine =>
  faultyEngine(engine, plan, { features });
