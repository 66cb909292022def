import { describe, expect, it } from 'vitest';

import { StreamError } from '../../lib/errors.js';
import { creation, type LogProcess } from '../support/log-process.js';
import { callsOf, LogWorld, singleProcess, synchronousProcess } from '../support/log-world.js';

const BEYOND = 1_000_000_000;

const createMany = (process: LogProcess, from: number, to: number, expiresAt: number): void => {
  for (let i = from; i < to; i++) process.submit(`s${i}`, creation(`${i}`, { expiresAt }));
};

/** How many streams are there. */
function count(process: LogProcess): number {
  let found = -1;
  process.streams.list('', '', 100_000, {
    done: (all) => {
      found = all.length;
    },
    failed: () => undefined,
  });
  return found;
}

describe('A sweep', () => {
  it('comes with the next deadline, and not without one, where the engine knows it', () => {
    const { world, engine, process } = synchronousProcess();
    process.create('s', { expiresAt: 500 });
    const reader = process.read('s');
    world.run(499);
    expect(reader.told).toEqual([]);

    world.run(1);

    expect(reader.told).toEqual(['# NOT_FOUND']);
    expect(engine.due(BEYOND, 10)).toEqual({ ids: [], next: Infinity });
    expect(world.scheduler.actions).toHaveLength(0);
  });

  it('comes about once a minute where others may write the index', () => {
    const { world, engine } = singleProcess();
    world.run(600_000);

    expect(callsOf(engine, 'due')).toBe(11);
    expect(engine.calls).toHaveLength(11);
  });

  it('looks at what is due, and at nothing else', () => {
    const { world, engine, process } = singleProcess();
    createMany(process, 0, 10, 50_000);
    createMany(process, 10, 2_000, BEYOND);
    world.run();
    const { length } = engine.calls;

    world.run(70_000);

    const ids = new Set(engine.calls.slice(length).flatMap((call) => call.ids));
    expect([...ids].sort()).toEqual(Array.from({ length: 10 }, (_, i) => `s${i}`));
    expect(count(process)).toBe(1_990);
  });

  it('takes one commit for streams that are due together, up to a hundred', () => {
    const { world, engine, process } = singleProcess();
    createMany(process, 0, 250, 50_000);
    world.run();
    const commits = callsOf(engine, 'commit');

    world.run(70_000);

    expect(count(process)).toBe(0);
    expect(callsOf(engine, 'commit') - commits).toBe(3);
  });

  it('does not grow the stack with what is due at once', () => {
    const { world, engine, process } = synchronousProcess();
    createMany(process, 0, 10_000, 500);
    const due = engine.due.bind(engine);
    engine.due = (now) => due(now, 1);

    world.run(500);

    expect(count(process)).toBe(0);
  });

  it('is over when a call returns on a synchronous engine, also inside of what it tells', () => {
    const { world, process } = synchronousProcess();
    createMany(process, 0, 3, 500);
    const found: number[] = [];
    const reader = process.read('s0');
    const leave = reader.leave.bind(reader);
    reader.leave = () => {
      process.streams.sweeper.sweep();
      found.push(count(process));
      leave();
    };

    world.run(500);

    expect(found).toEqual([0]);
  });

  it('moves what is found too early, by one call, and touches it no more', () => {
    const { world, engine, process } = singleProcess();
    process.create('s', { idleTtl: 100_000 });
    world.run();
    const { head, soft } = process.find('s').found!;
    void engine.schedule([{ id: 's', generation: head.generation, from: soft.dueAt, to: 10_000 }]);
    const { length } = engine.calls;

    world.run(65_000);

    const calls = engine.calls.slice(length).filter(({ ids }) => ids.includes('s'));
    expect(calls.map(({ method }) => method)).toEqual(['load', 'schedule']);
    expect(process.find('s').found?.soft.dueAt).toBe(110_000);
  });

  it('does not spin about what it can’t move, and does the rest', () => {
    const { world, engine, process } = singleProcess();
    createMany(process, 0, 1, 50_000);
    createMany(process, 1, 300, 50_001);
    world.run();
    // What is due first is always in the way: it can't be removed.
    const torn = new StreamError('DATA_LOSS', 'The store has a head that is torn.');
    const load = engine.load.bind(engine);
    engine.load = (requests) => {
      if (requests.some(({ id }) => id === 's0')) throw torn;
      return load(requests);
    };
    const { length } = engine.calls;

    world.run(62_000);

    const due = engine.calls.slice(length).filter(({ method }) => method === 'due').length;
    expect(due).toBeLessThan(10);
    expect(valueOfDue(engine)).toEqual(['s0']);
  });

  it('is tried again a second after an index that can’t be read', () => {
    const { world, engine } = singleProcess();
    engine.next('due', 'f', 'f');

    world.run(62_500);

    const frames = engine.calls.filter(({ method }) => method === 'due').map(({ frame }) => frame);
    expect(frames).toEqual([0, 60_000, 61_000, 62_000]);
  });

  it('ends with its process, and leaves nothing to be done', () => {
    const { world, engine, process } = singleProcess();
    process.create('s', { expiresAt: 500 });
    world.run();
    process.close();
    const { length } = engine.calls;

    world.run(600_000);

    expect(engine.calls).toHaveLength(length);
    expect(world.scheduler.actions).toHaveLength(0);
  });

  it('finds at its beginning what fell due while nobody was there', () => {
    const world = new LogWorld();
    const first = world.process(world.engine());
    first.create('s', { expiresAt: 500 });
    world.run();
    first.close();
    world.run(1_000);
    const engine = world.engine();

    world.process(engine);
    world.run();

    expect(engine.calls.map(({ method }) => method)).toContain('commit');
    expect(valueOfDue(engine)).toEqual([]);
  });
});

const valueOfDue = (engine: { due(now: number, limit: number): unknown }): readonly string[] =>
  (engine.due(BEYOND, 1_000) as { ids: readonly string[] }).ids;
