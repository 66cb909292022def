import { describe, expect, it } from 'vitest';

import type { Author, LogProcess } from '../support/log-process.js';
import { callsOf, LogWorld, singleProcess, synchronousProcess } from '../support/log-world.js';

const HOUR = 3_600_000;

/** Shows that the producer lives, as its input does. */
const beat = ({ process, id }: Author): (() => void) =>
  process.streams.leases.beat(id, process.find(id).found!.head);

/** Processes whose clocks are an hour apart, on one store, with a stream of the first. */
function apart(lease = 9_000) {
  const world = new LogWorld();
  const engines = [world.engine(), world.engine(), world.engine()];
  const processes = engines.map((engine, i) => world.process(engine, { skew: (i - 1) * HOUR }));
  const author = processes[0]!.create('s', { lease });
  author.write('a');
  world.run();
  const [, early, late] = processes as [LogProcess, LogProcess, LogProcess];
  return { world, engines, author, processes, early, late };
}

describe('A lease', () => {
  it('is not lost by clocks that are an hour apart, while its producer beats', () => {
    const { world, author, early, late } = apart();
    const stop = beat(author);
    const readers = [early.read('s'), late.read('s')];

    world.run(10 * 60_000);
    expect(readers.map(({ told }) => told)).toEqual([['a'], ['a']]);
    stop();
    world.run(2 * 9_000);

    for (const { told } of readers) expect(told).toEqual(['a', '# DEADLINE_EXCEEDED']);
  });

  it('is not lost while its producer writes', () => {
    const { world, author, late } = apart();
    const reader = late.read('s');

    for (let i = 0; i < 20; i++) {
      world.run(8_000);
      author.write('b');
    }
    world.run(1_000);

    expect(reader.told).toHaveLength(21);
  });

  it('is lost by nobody before its length has passed since the first look', () => {
    const { world, author, early, late } = apart();
    world.run(8_000);
    const readers = [early.read('s'), late.read('s')];

    world.run(8_900);
    expect(readers.map(({ told }) => told)).toEqual([['a'], ['a']]);
    world.run(200);

    for (const { told } of readers) expect(told).toEqual(['a', '# DEADLINE_EXCEEDED']);
    expect(author.write('b').state).toBe('waits');
  });

  it('is lost by a sweep where nobody reads', () => {
    const world = new LogWorld();
    const [engine, other] = [world.engine(), world.engine()];
    const process = world.process(engine);
    process.create('s', { lease: 9_000 });
    world.run();
    process.close();

    world.process(other);
    world.run(200_000);

    expect(world.process(world.engine()).find('s').found?.head.status).toBe('error');
  });

  it('is not lost by who could not look', () => {
    const { world, engines, author, early } = apart();
    const stop = beat(author);
    const reader = early.read('s');
    world.run(1);
    // Its next look fails, in which it would have seen nothing.
    engines[1]!.next('load', 'f');

    world.run(20_000);
    stop();

    expect(reader.told).toEqual(['a']);
  });

  it('is kept by what happened between a look and its loss', () => {
    const { world, engines, author, early } = apart();
    const reader = early.read('s');
    // What it saw is long past when it arrives.
    world.run(8_999);
    engines[1]!.next('load', { type: 'delay', answer: 500 });
    world.run(1);
    author.write('b');
    world.run(1_000);

    expect(reader.told).toEqual(['a', 'b']);
  });

  it('is renewed by three beats in its length, each of two calls', () => {
    const { world, engines, author } = apart();
    const stop = beat(author);
    const calls = (): number[] => [callsOf(engines[0]!, 'load'), callsOf(engines[0]!, 'touch')];
    const [loads, touches] = calls() as [number, number];

    world.run(18_000);

    expect(calls()).toEqual([loads + 6, touches + 6]);
    stop();
    world.run(18_000);
    expect(calls()).toEqual([loads + 6, touches + 6]);
  });

  it('is renewed again after a beat that failed', () => {
    const { world, engines, author } = apart();
    const stop = beat(author);
    engines[0]!.next('load', 'f');
    engines[0]!.next('touch', 'f');

    world.run(12_001);
    stop();

    expect(author.process.find('s').found?.soft.beat).toBe(2);
  });

  it('is renewed no more once the stream has ended, or is another', () => {
    const { world, engines, author } = apart();
    beat(author);
    author.complete();
    world.run(100_000);

    expect(callsOf(engines[0]!, 'touch')).toBe(0);
  });

  it('is observed again by who comes back just after nobody did', () => {
    const { world, author, early } = apart();
    const first = early.read('s');
    world.run(5_000);
    author.write('b');
    world.run(3_900);
    first.leave();
    // The look at its end finds a change, and nobody who reads; but the stream is still watched here.
    world.run(200);
    const second = early.read('s');
    world.run(9_000);

    expect(second.told).toEqual(['a', 'b', '# DEADLINE_EXCEEDED']);
  });

  it('is observed no more by who reads no more', () => {
    const { world, engines, author, early } = apart(100_000);
    const stop = beat(author);
    early.read('s').leave();
    world.run(110_000);
    const { length } = engines[1]!.calls;
    world.run(40_000);
    stop();

    const looks = engines[1]!.calls.slice(length).filter(({ ids }) => ids.includes('s'));
    expect(looks).toEqual([]);
  });

  it('is nobody’s to observe or renew where the engine knows who is there', () => {
    const { world, process } = synchronousProcess();
    const author = process.create('s', { lease: 1_000 });
    beat(author);
    process.read('s');
    world.run(100_000);

    expect(process.find('s').found?.head.status).toBe('open');
    expect(world.scheduler.actions).toHaveLength(0);
  });

  it('runs from when the input left, to the ms, where the engine knows who is there', () => {
    const { world, process } = synchronousProcess();
    const author = process.create('s', { lease: 1_000 });
    const reader = process.read('s');
    process.submit('s', { type: 'release', nonce: author.nonce });
    world.run(999);
    expect(reader.told).toEqual([]);

    world.run(1);

    expect(reader.told).toEqual(['# DEADLINE_EXCEEDED']);
  });

  it('is observed by nobody after closing', () => {
    const { world, process } = singleProcess();
    process.create('s', { lease: 1_000 });
    world.run();
    process.read('s');
    process.close();

    world.run(100_000);

    expect(world.scheduler.actions).toHaveLength(0);
  });
});
