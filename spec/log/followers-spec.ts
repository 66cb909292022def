import { describe, expect, it } from 'vitest';

import type { Hint } from '../../lib/engines/engine.js';
import { StreamError } from '../../lib/errors.js';
import type { LogWriter } from '../../lib/log/reading.js';
import { callsOf, LOSSY, singleProcess, synchronousProcess } from '../support/log-world.js';

const closed = new StreamError('UNAVAILABLE', 'It is closed.');

/** A writer that notes what it is told. */
function createWriter(): LogWriter & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    hinted: ({ ended, stopping }) => {
      told.push(ended ? 'hint of an end' : stopping ? 'hint of a stop' : 'hint');
    },
    seen: (head) => {
      told.push(head?.status ?? 'gone');
    },
    lost: ({ code }) => {
      told.push(code);
    },
  };
}

describe('A stream that is read', () => {
  it('is watched before it is looked at', () => {
    const { world, engine, process } = singleProcess({ latency: 5 });
    process.create('s').write('a');
    world.run(50);
    const { length } = engine.calls;

    process.read('s');
    world.run(50);

    expect(engine.calls.slice(length).map(({ method }) => method)).toEqual(['watch', 'load', 'read']);
  });

  it('misses nothing that is written while it is looked at', () => {
    const { world, engine, process } = singleProcess();
    const author = process.create('s');
    author.write('a');
    world.run();
    engine.next('load', { type: 'delay', answer: 10 });
    const reader = process.read('s');

    author.write('b');
    author.complete();
    world.run(50);

    expect(reader.told).toEqual(['a', 'b', '|']);
  });

  it('is watched once for all, and not once nobody is left, on a synchronous engine', () => {
    const { process } = synchronousProcess();
    process.create('s');
    const { followers } = process.streams;
    const readers = [process.read('s'), process.read('s')];
    expect(followers.size).toBe(1);

    readers[0]?.leave();
    expect(followers.size).toBe(1);
    readers[1]?.leave();

    expect(followers.size).toBe(0);
  });

  it('is watched for a second longer where watching costs', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a');
    world.run();
    process.read('s').leave();
    world.run(900);
    expect(process.streams.followers.size).toBe(1);

    const reader = process.read('s');
    world.run(900);
    expect(process.streams.followers.size).toBe(1);
    reader.leave();
    world.run(1_100);

    expect(process.streams.followers.size).toBe(0);
    expect(callsOf(engine, 'watch')).toBe(1);
  });

  it('is watched no more once it has ended for all', () => {
    const { world, process } = singleProcess();
    const author = process.create('s');
    world.run();
    process.read('s');
    author.complete();

    world.run(2_000);

    expect(process.streams.followers.size).toBe(0);
  });

  it('gives a new reader what its own look shows, though no hint has told', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    const author = process.create('s');
    author.write('a');
    world.run();
    const first = process.read('s');
    engine.next('hint', 'x');
    author.write('b');
    world.run();

    const second = process.read('s');
    world.run();

    expect(first.told).toEqual(['a', 'b']);
    expect(second.told).toEqual(['a', 'b']);
  });

  it('is told as gone to who has not heard of it when another looks', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    process.create('s').write('a');
    world.run();
    const first = process.read('s');
    engine.next('hint', 'x');
    process.submit('s', { type: 'remove' });
    world.run();
    expect(first.told).toEqual(['a']);

    const second = process.read('s');

    expect(second.told).toEqual(['# NOT_FOUND']);
    expect(first.told).toEqual(['a', '# NOT_FOUND']);
  });

  it('is the present life for a reader whose look is answered after that has begun', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a');
    world.run();
    engine.next('load', { type: 'delay', answer: 20 });
    const reader = process.read('s');

    process.submit('s', { type: 'remove' });
    world.run();
    process.create('s').write('x');
    world.run(50);

    expect(reader.told).toEqual(['x']);
  });

  it('is not taken from its readers by an older look that is answered late', () => {
    for (const before of ['nothing', 'a former life']) {
      const { world, engine, process } = singleProcess();
      if (before !== 'nothing') process.create('s').write('a');
      world.run();
      engine.next('load', { type: 'delay', answer: 20 });
      const late = process.read('s');
      if (before !== 'nothing') process.submit('s', { type: 'remove' });
      world.run();
      const author = process.create('s');
      author.write('x');
      world.run();
      const reader = process.read('s');
      world.run(50);

      author.write('y');
      world.run();

      expect(reader.told).toEqual(['x', 'y']);
      expect(late.told).toEqual(['x', 'y']);
    }
  });

  it('is not spliced to a former life by a look at that which is answered late', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a', 'b');
    world.run();
    const former = process.read('s');
    engine.next('load', { type: 'delay', answer: 20 });
    const late = process.read('s', { after: former.offsets[0]! });
    process.submit('s', { type: 'remove' });
    world.run();
    process.create('s').write('x', 'y');
    world.run();
    const reader = process.read('s');
    world.run(50);

    expect(reader.told).toEqual(['x', 'y']);
    expect(late.told).toEqual(['# OUT_OF_RANGE']);
  });

  it('is nothing to a reader that has left before it was found', () => {
    const { world, process } = singleProcess({ latency: 5 });
    process.create('s').write('a');
    world.run(50);
    const reader = process.read('s');
    reader.leave();

    world.run(5_000);

    expect(reader.told).toEqual([]);
    expect(process.streams.followers.size).toBe(0);
  });

  it('is refused where its watch is refused, at once or later', () => {
    for (const request of [0, 5]) {
      const { world, engine, process } = singleProcess();
      const error = new StreamError('PERMISSION_DENIED', 'Not for you.');
      engine.next('watch', { type: 'fail', error, request });

      const reader = process.read('s');
      world.run(50);

      expect(reader.told).toEqual(['# PERMISSION_DENIED']);
      expect(process.streams.followers.size).toBe(0);
    }
  });

  it('is watched in the end where its watch fails for a while', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a');
    world.run();
    engine.next('watch', 'f', 'f', 'f');
    const reader = process.read('s');
    expect(reader.told).toEqual([]);

    world.run(1_000);

    expect(reader.told).toEqual(['a']);
  });
});

describe('A writer', () => {
  it('is told what the stream is, and what others do to it', () => {
    const { world, process } = singleProcess();
    const { answer } = process.create('s').created;
    expect(answer).toBeUndefined();
    world.run();
    const { generation } = process.find('s').found!.head;
    const writer = createWriter();
    process.streams.followers.write(writer, 's', generation);
    expect(writer.told).toEqual(['open']);

    process.submit('s', { type: 'stop', reason: 'Enough.', grace: 1_000 });
    world.run();
    process.submit('s', { type: 'remove' });
    world.run();

    expect(writer.told).toEqual(['open', 'hint of a stop', 'gone']);
  });

  it('is told that the stream is gone if there is another by now, or none', () => {
    const { world, process } = singleProcess();
    const [late, later] = [createWriter(), createWriter()];
    process.create('s');
    world.run();
    const { generation } = process.find('s').found!.head;
    process.streams.followers.write(late, 's', generation - 1);
    process.submit('s', { type: 'remove' });
    world.run();
    process.streams.followers.write(later, 's', generation);
    world.run(2_000);

    expect(late.told).toEqual(['gone']);
    expect(later.told).toEqual(['gone']);
    expect(process.streams.followers.size).toBe(0);
  });

  it('keeps the stream watched until it is released', () => {
    const { process } = synchronousProcess();
    process.create('s');
    const writer = createWriter();
    process.streams.followers.write(writer, 's', process.find('s').found!.head.generation);
    expect(process.streams.followers.size).toBe(1);

    process.streams.followers.release(writer, 's');

    expect(process.streams.followers.size).toBe(0);
  });

  it('is told when the stream may have changed without a hint', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    process.create('s');
    world.run();
    const writer = createWriter();
    process.streams.followers.write(writer, 's', process.find('s').found!.head.generation);
    engine.next('hint', 'x');
    process.submit('s', { type: 'stop', reason: 'Enough.', grace: 0 });
    world.run();

    engine.interrupt();

    expect(writer.told).toEqual(['open', 'error']);
  });

  it('is told of an end without a hint, also where readers have found it', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    const author = process.create('s');
    world.run();
    const writer = createWriter();
    process.streams.followers.write(writer, 's', process.find('s').found!.head.generation);
    const reader = process.read('s');
    world.run();
    engine.next('read', { type: 'delay', request: 10 });
    engine.next('hint', { type: 'blank' });
    author.write('a');
    world.run();
    engine.next('hint', 'x');
    process.submit('s', { type: 'stop', reason: 'Enough.', grace: 0 });
    world.run(20);
    expect(reader.told).toEqual(['a', '# CANCELLED']);
    expect(writer.told).not.toContain('error');

    world.run(60_000);

    expect(writer.told).toContain('error');
  });
});

describe('Closing', () => {
  it('ends who reads, who looks and who arms a watch, at once', () => {
    const { world, engine, process } = singleProcess();
    process.create('s').write('a');
    world.run();
    const reading = process.read('s');
    engine.next('load', { type: 'delay', answer: 50 });
    const looking = process.read('s');
    engine.next('watch', { type: 'delay', answer: 50 });
    const arming = process.read('t');

    process.streams.followers.close(closed);

    for (const { told } of [reading, looking, arming]) expect(told.at(-1)).toBe('# UNAVAILABLE');
    world.run(100_000);
    expect(looking.told).toEqual(['# UNAVAILABLE']);
    expect(arming.told).toEqual(['# UNAVAILABLE']);
    expect(process.streams.followers.size).toBe(0);
  });

  it('refuses who comes later', () => {
    const { engine, process } = singleProcess();
    process.close();
    const { length } = engine.calls;

    expect(process.read('s').told).toEqual(['# UNAVAILABLE']);
    expect(engine.calls).toHaveLength(length);
  });

  it('closes a watch that is armed only then', () => {
    const { world, engine, process } = singleProcess();
    const hints: Hint[] = [];
    engine.next('watch', { type: 'delay', answer: 10 });
    const reader = process.read('s');
    process.streams.followers.close(closed);
    world.run(20);

    process.create('s').write('a');
    world.run(20);

    expect(hints).toEqual([]);
    expect(reader.told).toEqual(['# UNAVAILABLE']);
  });

  it('ends polling', () => {
    const { world, engine, process } = singleProcess(LOSSY);
    process.create('s');
    world.run();
    process.read('s');
    process.close();
    const { length } = engine.calls;

    world.run(600_000);

    expect(engine.calls).toHaveLength(length);
  });
});
