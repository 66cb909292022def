import { describe, expect, it } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import type { LogReaderStub } from '../support/log-reader.js';
import { callsOf, LogWorld, singleProcess, synchronousProcess } from '../support/log-world.js';

/** When a stream goes, to the ms, by looks that renew nothing. */
function goneAt(world: LogWorld, engine: StreamEngine, until = 10_000): number {
  const watcher = world.process(engine);
  while (world.scheduler.frame < until) {
    const look = watcher.find('s');
    world.run();
    if (look.code === 'NOT_FOUND') return world.scheduler.frame;
    world.run(1);
  }
  return Infinity;
}

describe('A stream with an idle TTL', () => {
  it('goes that long after its last use, to the ms, where the engine knows who is there', () => {
    const { world, engine, process } = synchronousProcess();
    process.create('s', { idleTtl: 1_000 }).write('a');
    world.run(300);
    process.read('s').leave();

    expect(goneAt(world, engine)).toBe(1_300);
  });

  it('goes up to a tenth later where there are only marks of use, and never earlier', () => {
    for (const usedAt of [0, 50, 99, 100, 450, 700]) {
      const { world, engine, process } = singleProcess();
      process.create('s', { idleTtl: 1_000 }).write('a');
      world.run();
      process.read('s').leave();
      world.run(usedAt);
      process.read('s').leave();
      world.run();

      const gone = goneAt(world, engine) - usedAt;

      expect(gone).toBeGreaterThanOrEqual(1_000);
      expect(gone).toBeLessThanOrEqual(1_100);
    }
  });

  it('is marked at most once per tenth of that, however often it is read', () => {
    const { world, engine, process } = singleProcess();
    process.create('s', { idleTtl: 1_000 }).write('a');
    world.run();

    for (let i = 0; i < 1_000; i++) {
      const readers = [process.read('s'), process.read('s')];
      for (const reader of readers) reader.leave();
      world.run(1);
    }

    expect(callsOf(engine, 'touch')).toBe(10);
  });

  it('is marked again after a mark that failed', () => {
    const { engine, process, world } = singleProcess();
    process.create('s', { idleTtl: 1_000 }).write('a');
    world.run(10);
    engine.next('touch', 'f', 'f', 'f', 'f');
    process.read('s').leave();
    expect(process.find('s').found?.soft.usedAt).toBe(-Infinity);

    process.read('s').leave();

    expect(process.find('s').found?.soft.usedAt).toBe(10);
  });

  it('stays as long as a live reader does, and goes that long after', () => {
    for (const kind of ['knows who is there', 'has marks']) {
      const { world, engine, process } = kind === 'has marks' ? singleProcess() : synchronousProcess();
      process.create('s', { idleTtl: 1_000 }).write('a');
      world.run();
      const readers = [process.read('s'), process.read('s')];
      world.run(5_000);
      readers[0]?.leave();
      world.run(2_345);
      readers[1]?.leave();

      const gone = goneAt(world, engine) - 7_345;

      expect(gone).toBeGreaterThanOrEqual(1_000);
      expect(gone).toBeLessThanOrEqual(kind === 'has marks' ? 1_100 : 1_000);
    }
  });

  it('is marked twice per TTL while a live reader stays, and no more once it has gone', () => {
    const { world, engine, process } = singleProcess();
    process.create('s', { idleTtl: 1_000 }).write('a');
    world.run();
    const reader = process.read('s');
    const touches = callsOf(engine, 'touch');

    world.run(10_000);
    expect(callsOf(engine, 'touch') - touches).toBe(20);
    reader.leave();
    world.run(100);
    const { length } = engine.calls;
    world.run(900);

    expect(engine.calls.slice(length).filter(({ method }) => method === 'touch')).toEqual([]);
  });

  it('is not kept by a reader whose process is gone', () => {
    const world = new LogWorld();
    const engine = world.engine();
    const process = world.process(engine);
    process.create('s', { idleTtl: 1_000 }).write('a');
    world.run();
    const reader: LogReaderStub = process.read('s');
    process.close();

    expect(reader.told.at(-1)).toBe('# UNAVAILABLE');
    expect(goneAt(world, world.engine())).toBeLessThanOrEqual(1_100);
  });

  it('that it has only since it was taken over stays for who has read it before', () => {
    const { world, process } = synchronousProcess();
    process.create('s').write('a');
    const reader = process.read('s');
    process.submit('s', { type: 'takeOver', nonce: 'next', lifetime: { idleTtl: 1_000 } });

    world.run(5_000);

    expect(reader.told).toEqual(['a']);
    expect(process.find('s').found).toBeDefined();
  });

  it('is renewed by each chunk that is pulled, also from a page that was read before', () => {
    const { world, engine, process } = singleProcess();
    process.create('s', { idleTtl: 1_000 }).write('a', 'b', 'c', 'd', 'e');
    world.run();
    const reader = process.read('s', { onNext: (_, self) => self.pause() });

    for (let i = 0; i < 4; i++) {
      world.run(800);
      reader.resume();
    }

    expect(reader.told).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(goneAt(world, engine)).toBeGreaterThanOrEqual(4_200);
  });
});

describe('A stream without an idle TTL', () => {
  it('is never marked', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a');
    world.run();
    process.read('s');
    world.run(10_000);

    expect(callsOf(engine, 'touch')).toBe(0);
  });
});
