import { describe, expect, it } from 'vitest';

import { AT_START } from '../../lib/log/place.js';
import type { LogProcess } from '../support/log-process.js';
import { LogReaderStub } from '../support/log-reader.js';
import { callsOf, LOSSY, singleProcess, synchronousProcess } from '../support/log-world.js';

/** A reader that can stop waiting. */
class Waiter extends LogReaderStub {
  stop: () => void = () => undefined;
}

/** Reads a stream, waiting for it to be opened. */
function awaitStream(process: LogProcess, id = 's'): Waiter {
  const { followers } = process.streams;
  const reader = new Waiter();
  const read = (): void => {
    followers.read(
      reader,
      id,
      () => AT_START,
      () => {
        const stop = followers.wait(id, () => {
          stop();
          read();
        });
        reader.stop = stop;
      },
    );
  };
  read();
  return reader;
}

describe('A stream that is waited for', () => {
  it('is read once it is opened', () => {
    for (const { world, process } of [singleProcess({ latency: 3 }), synchronousProcess()]) {
      const reader = awaitStream(process);
      world.run(50);
      expect(reader.told).toEqual([]);

      process.create('s').write('a');
      world.run(50);

      expect(reader.told).toEqual(['a']);
    }
  });

  it('is read when it is opened while it is looked for', () => {
    const { world, engine, process } = singleProcess();
    engine.next('load', { type: 'delay', answer: 10 });
    const reader = awaitStream(process);

    process.create('s').write('a');
    world.run(50);

    expect(reader.told).toEqual(['a']);
  });

  it('is found by a poll where the hint is lost', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    const reader = awaitStream(process);
    engine.next('hint', 'x', 'x');
    process.create('s').write('a');
    world.run(100);
    expect(reader.told).toEqual([]);

    world.run(40_000);

    expect(reader.told).toEqual(['a']);
  });

  it('is watched as long as somebody waits', () => {
    const { process } = synchronousProcess();
    const readers = [awaitStream(process), awaitStream(process)];
    readers[0]?.stop();
    expect(process.streams.followers.size).toBe(1);

    readers[1]?.stop();

    expect(process.streams.followers.size).toBe(0);
  });

  it('asks the engine nothing while nothing happens', () => {
    const { world, engine, process } = singleProcess();
    awaitStream(process);
    const calls = callsOf(engine, 'load', 'read', 'watch');

    world.run(600_000);

    expect(callsOf(engine, 'load', 'read', 'watch')).toBe(calls);
  });
});
