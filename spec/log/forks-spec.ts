import { describe, expect, it } from 'vitest';

import type { Head } from '../../lib/log/head.js';
import type { CallFault } from '../../lib/testing/index.js';
import { creation, type LogProcess } from '../support/log-process.js';
import { LogWorld, singleProcess, synchronousProcess, valueOf } from '../support/log-world.js';

const REMOVE = { type: 'remove' } as const;
/** A call that never gets there, and one whose answer never comes: the process is gone. */
const BEFORE: CallFault = { type: 'delay', request: Infinity };
const AFTER: CallFault = { type: 'delay', answer: Infinity };
const FINE: CallFault = { type: 'delay' };
/** By when everything that hangs is resolved. */
const LONG = 25 * 60_000;

/** What the store has, without any look that changes it. */
const stored = (world: LogWorld, id: string): Head | undefined =>
  valueOf(world.store.load([{ id }]))[0]?.head;

const references = (world: LogWorld, id: string): number | undefined => stored(world, id)?.facts.references;

/** A store with a source, and a process that will be gone. */
function doomed() {
  const world = new LogWorld();
  const engine = world.engine();
  const process = world.process(engine);
  process.create('source').write('a', 'b');
  world.run();
  return { world, engine, process };
}

/** The process is gone; another goes on. */
function goneOn(world: LogWorld, process: LogProcess): LogProcess {
  world.run(10);
  process.close();
  return world.process(world.engine());
}

describe('A process that is gone while it makes a fork', () => {
  const steps = ['announce', 'create', 'confirm'];
  for (const [step, name] of steps.entries()) {
    for (const [when, fault] of [
      ['before', BEFORE],
      ['after', AFTER],
    ] as const) {
      const made = step > 1 || (step === 1 && when === 'after');
      it(`${when} it could ${name} it leaves ${made ? 'a fork that its source knows' : 'nothing'}`, () => {
        const { world, engine, process } = doomed();
        engine.next('commit', ...Array.from({ length: step }, () => FINE), fault);
        process.fork('source', 'fork');
        const other = goneOn(world, process);
        world.run(LONG);

        expect(stored(world, 'fork')?.tail).toBe(made ? 2 : undefined);
        expect(references(world, 'source')).toBe(made ? 1 : 0);
        const reader = other.read('fork');
        world.run(10);
        expect(reader.told).toEqual(made ? ['a', 'b'] : ['# NOT_FOUND']);

        other.submit('source', REMOVE);
        world.run(10);
        expect(stored(world, 'source')?.facts.deleted).toBe(made ? true : undefined);
      });
    }
  }

  it('leaves a fork that is found in time though its source is deleted before that', () => {
    const { world, engine, process } = doomed();
    engine.next('commit', FINE, FINE, BEFORE);
    process.fork('source', 'fork');
    const other = goneOn(world, process);
    other.submit('source', REMOVE);
    world.run(LONG);

    expect(stored(world, 'source')?.facts).toMatchObject({ deleted: true, references: 1 });
    const reader = other.read('fork');
    world.run(10);
    expect(reader.told).toEqual(['a', 'b']);
  });

  it('leaves a deleted source that goes once no fork has come of what was announced', () => {
    const { world, engine, process } = doomed();
    engine.next('commit', FINE, BEFORE);
    process.fork('source', 'fork');
    const other = goneOn(world, process);
    other.submit('source', REMOVE);
    world.run(20_000);
    expect(stored(world, 'source')?.facts).toMatchObject({ deleted: true, references: 1 });

    world.run(LONG);

    expect(stored(world, 'source')).toBeUndefined();
  });
});

describe('A process that is gone while it removes a fork', () => {
  for (const [when, fault] of [
    ['before it tells the source', BEFORE],
    ['while it tells the source', AFTER],
  ] as const) {
    it(`${when} leaves a deleted source that goes all the same`, () => {
      const { world, engine, process } = doomed();
      process.fork('source', 'fork');
      world.run(10);
      process.submit('source', REMOVE);
      world.run(10);
      engine.next('commit', FINE, fault);
      process.submit('fork', REMOVE);
      goneOn(world, process);

      world.run(LONG);

      expect([stored(world, 'fork'), stored(world, 'source')]).toEqual([undefined, undefined]);
    });
  }

  it('before the removal leaves everything as it was', () => {
    const { world, engine, process } = doomed();
    process.fork('source', 'fork');
    world.run(10);
    engine.next('commit', BEFORE);
    process.submit('fork', REMOVE);
    const other = goneOn(world, process);
    world.run(LONG);

    const reader = other.read('fork');
    world.run(10);
    expect(reader.told).toEqual(['a', 'b']);
    expect(references(world, 'source')).toBe(1);
  });
});

describe('A source', () => {
  it('that is deleted is kept for its forks: its id is taken, and nobody else reads or writes it', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      const source = process.create('source');
      source.write('a');
      world.run();
      const reader = process.read('source');
      const fork = process.fork('source', 'fork');
      world.run();

      const removed = process.submit('source', REMOVE);
      world.run();
      const refused = [source.write('b'), process.create('source').created, process.submit('source', REMOVE)];
      const late = process.fork('source', 'late');
      world.run(100);

      expect(removed.state).toBe('OK');
      expect(reader.told).toEqual(['a', '# NOT_FOUND']);
      expect(process.find('source').code).toBe('NOT_FOUND');
      expect(refused.map(({ state }) => state)).toEqual(['NOT_FOUND', 'ALREADY_EXISTS', 'NOT_FOUND']);
      expect(late.created.state).toBe('FAILED_PRECONDITION');
      expect(fork.created.state).toBe('OK');
      expect(process.read('fork').told).toEqual(['a']);
    }
  });

  it('that is deleted goes with the last of its forks', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      process.create('source').write('a');
      world.run();
      for (const id of ['x', 'y']) process.fork('source', id);
      world.run(10);
      process.submit('source', REMOVE);
      world.run(10);
      process.submit('x', REMOVE);
      world.run(10);
      expect(process.create('source').created.state).not.toBe('OK');

      process.submit('y', REMOVE);
      world.run(10);

      const again = process.create('source');
      world.run(10);
      expect(again.created.state).toBe('OK');
    }
  });

  it('that is not deleted stays when its forks go', () => {
    const { world, process } = doomed();
    process.fork('source', 'fork');
    world.run(10);

    process.submit('fork', REMOVE);
    world.run(10);

    expect(references(world, 'source')).toBe(0);
    expect(process.read('source').told).toEqual(['a', 'b']);
  });

  it('that expires is kept for its forks, too', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      process.create('source', { expiresAt: 1_000 }).write('a');
      world.run();
      process.fork('source', 'fork');
      world.run(100_000);

      expect(process.find('source').code).toBe('NOT_FOUND');
      expect(process.read('fork').told).toEqual(['a']);
      process.submit('fork', REMOVE);
      world.run(100);
      const again = process.create('source');
      world.run();
      expect(again.created.state).toBe('OK');
    }
  });

  it('of a source goes with it: what is kept cascades', () => {
    const { world, process } = doomed();
    for (const [from, to] of [
      ['source', 'x'],
      ['x', 'y'],
      ['y', 'z'],
    ] as const) {
      process.fork(from, to);
      world.run(10);
    }
    for (const id of ['source', 'x', 'y']) process.submit(id, REMOVE);
    world.run(10);
    expect(process.read('z').told).toEqual(['a', 'b']);

    process.submit('z', REMOVE);
    world.run(10);

    expect(['source', 'x', 'y', 'z'].map((id) => stored(world, id))).toEqual(Array(4).fill(undefined));
  });

  it('that is kept is looked after every ten minutes, and not for ever more often', () => {
    const { world, engine, process } = doomed();
    process.fork('source', 'fork');
    world.run(10);
    process.submit('source', REMOVE);
    world.run(120_000);
    const { length } = engine.calls;

    world.run(6 * 600_000);

    const commits = engine.calls.slice(length).filter(({ method }) => method === 'commit');
    expect(commits.length).toBeLessThanOrEqual(6);
    expect(commits.length).toBeGreaterThan(3);
  });
});

describe('A fork', () => {
  it('in the midst of its source is made also where a read is behind', () => {
    const { world, engine, process } = singleProcess({ features: { staleReads: true, tagged: true } });
    const source = process.create('source');
    world.run(10);
    for (const chunk of ['a', 'b', 'c', 'd']) {
      source.write(chunk);
      world.run(10);
    }
    const { offsets } = process.read('source');
    world.run(100);
    engine.next('read', { type: 'stale', by: 3 });

    process.fork('source', 'fork', offsets[2]);
    world.run(100);

    const reader = process.read('fork');
    world.run(100);
    expect(reader.told).toEqual(['a', 'b', 'c']);
  });

  it('of a taken id is refused, and forgotten by its source', () => {
    const { world, process } = doomed();
    process.create('fork');
    world.run();
    const fork = process.fork('source', 'fork');
    world.run(10);

    expect(fork.created.state).toBe('ALREADY_EXISTS');
    expect(references(world, 'source')).toBe(0);
  });

  it('is made once where answers are lost', () => {
    const { world, engine, process } = doomed();
    engine.next('commit', 'l', 'l', 'l', 'l', 'l', 'l');
    const fork = process.fork('source', 'fork');
    world.run(5_000);

    expect(fork.created.state).toMatch(/OK|duplicate/);
    expect(references(world, 'source')).toBe(1);
    expect(process.read('fork').told).toEqual(['a', 'b']);
  });

  it('that was given up before it was made is announced anew', () => {
    const { world, engine, process } = doomed();
    engine.next('commit', FINE, { type: 'delay', request: 100_000 });
    const fork = process.fork('source', 'fork');
    world.run(99_000);
    expect(references(world, 'source')).toBe(0);
    world.run(2_000);

    expect(fork.created.state).toBe('OK');
    world.run(LONG);
    expect(references(world, 'source')).toBe(1);
    expect(process.read('fork').told).toEqual(['a', 'b']);
  });

  it('that was given up, and whose source is gone since, is refused, and is not there', () => {
    const { world, engine, process } = doomed();
    const other = world.process(world.engine());
    engine.next('commit', FINE, { type: 'delay', request: 100_000 });
    const fork = process.fork('source', 'fork');
    world.run(99_000);
    other.submit('source', REMOVE);
    world.run(2_000);

    expect(fork.created.state).toBe('NOT_FOUND');
    expect([stored(world, 'source'), stored(world, 'fork')]).toEqual([undefined, undefined]);
  });

  it('of a source that is deleted meanwhile is refused', () => {
    const { world, engine, process } = doomed();
    const other = world.process(world.engine());
    engine.next('commit', { type: 'delay', request: 50 });
    const fork = process.fork('source', 'fork');
    world.run();
    other.submit('source', REMOVE);
    world.run(200);

    expect(fork.created.state).toBe('NOT_FOUND');
    expect(stored(world, 'fork')).toBeUndefined();
  });

  it('into an id that had a life before refuses the offsets of that', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      process.create('fork').write('x', 'y');
      process.create('source').write('a', 'b');
      world.run();
      const { offsets } = process.read('fork');
      process.submit('fork', REMOVE);
      world.run();
      process.fork('source', 'fork');
      world.run(10);

      expect(process.read('fork', { after: offsets[0]! }).told).toEqual(['# OUT_OF_RANGE']);
      expect(process.read('fork').told).toEqual(['a', 'b']);
    }
  });

  it('is not removed by a recheck of a former fork of the same name', () => {
    const { world, process } = doomed();
    process.fork('source', 'fork');
    world.run(10);
    process.submit('fork', REMOVE);
    process.submit('fork', creation('own'));
    world.run(LONG);

    expect(stored(world, 'fork')?.facts.nonce).toBe('own');
    expect(references(world, 'source')).toBe(0);
  });
});
