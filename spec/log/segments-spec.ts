import { describe, expect, it } from 'vitest';

import { findSegments, generationAt, offsetOf, readSegment, type Segment } from '../../lib/log/segments.js';
import { START } from '../../lib/offset.js';
import { type LogProcess, outcomeIn, Submitted } from '../support/log-process.js';
import { singleProcess, TAGGED, valueOf } from '../support/log-world.js';
import { headOf } from './support.js';

describe('An offset', () => {
  const fork = headOf({
    generation: 9,
    tail: 8,
    facts: {
      lineage: [
        [5, 3],
        [7, 6],
      ],
    },
  });

  it('of a fork has the generation that wrote it', () => {
    expect([0, 3, 4, 6, 7].map((position) => generationAt(fork, position))).toEqual([5, 5, 7, 7, 9]);
    expect(generationAt(headOf(), 3)).toBe(7);
  });

  it('sorts in stream order across all sources', () => {
    const offsets = Array.from({ length: 9 }, (_, position) => offsetOf(fork, position, 0));

    expect([START, ...offsets]).toEqual([START, ...offsets].sort());
  });
});

/** A source, a fork of it, and a fork of that: `a b | c d | e f`, and what others have beyond. */
function lineOfForks(options: Parameters<typeof singleProcess>[0] = {}) {
  const { world, engine, process } = singleProcess(options);
  const source = process.create('source');
  source.write('a', 'b', 'x');
  world.run(100);
  const { offsets: at } = process.read('source');
  world.run(100);
  const fork = process.fork('source', 'fork', at[1]);
  world.run(100);
  source.write('y');
  fork.write('c');
  fork.write('d', 'z');
  world.run(100);
  const { offsets } = process.read('fork');
  world.run(100);
  const last = process.fork('fork', 'last', offsets[3]);
  world.run(100);
  last.write('e', 'f');
  world.run(100);
  return { world, engine, process, last };
}

const segmentsOf = (process: LogProcess, id: string): readonly Segment[] | string => {
  let result: readonly Segment[] | string = 'waits';
  const { head } = process.find(id).found!;
  findSegments(
    { clock: process.clock, engine: process.engine, retryFor: 0 },
    id,
    head,
    (segments) => {
      result = segments;
    },
    ({ code }) => {
      result = code;
    },
  );
  return result;
};

describe('A fork', () => {
  it('is read through its sources, up to where it begins, and then itself', () => {
    for (const options of [{}, TAGGED, { latency: 2 }]) {
      const { world, process } = lineOfForks(options);
      const readers = ['source', 'fork', 'last'].map((id) => process.read(id));
      world.run(100);

      expect(readers.map(({ told }) => told.join(''))).toEqual(['abxy', 'abcdz', 'abcdef']);
    }
  });

  it('is live', () => {
    const { world, process, last } = lineOfForks(TAGGED);
    const reader = process.read('last');

    last.write('g');
    last.complete('output');
    world.run();

    expect(reader.told.join('')).toBe('abcdefg| output');
  });

  it('is resumed from each of its offsets, which sort', () => {
    const { process } = lineOfForks(TAGGED);
    const { told, offsets } = process.read('last');

    expect(offsets).toEqual([...offsets].sort());
    const rests = offsets.map((after) => process.read('last', { after }).told.join(''));
    expect(rests).toEqual(told.map((_, i) => told.slice(i + 1).join('')));
  });

  it('shares its offsets with its source before it begins, and refuses those after', () => {
    const { process } = lineOfForks(TAGGED);
    const ofSource = process.read('source').offsets;
    const ofFork = process.read('fork').offsets;

    expect(ofFork.slice(0, 2)).toEqual(ofSource.slice(0, 2));
    expect(process.read('fork', { after: ofSource[2]! }).told).toEqual(['# OUT_OF_RANGE']);
    expect(process.read('last', { after: ofFork[4]! }).told).toEqual(['# OUT_OF_RANGE']);
  });

  it('finds its segments from the oldest', () => {
    const { process } = lineOfForks();

    expect(segmentsOf(process, 'source')).toEqual([]);
    expect(segmentsOf(process, 'last')).toMatchObject([
      { id: 'source', until: 2 },
      { id: 'fork', until: 4 },
    ]);
  });

  it('of a fork at or before where that began has no segment of it beyond', () => {
    const { world, process } = lineOfForks();
    const { offsets } = process.read('fork');
    process.fork('fork', 'early', offsets[0]);
    process.fork('fork', 'empty', START);
    world.run(100);

    expect(segmentsOf(process, 'early')).toMatchObject([
      { id: 'source', until: 1 },
      { id: 'fork', until: 1 },
    ]);
    expect(process.read('early').told).toEqual(['a']);
    expect(process.read('empty').told).toEqual([]);
  });

  it('is read after its source was deleted, which is kept for it', () => {
    const { world, process } = lineOfForks();
    process.submit('source', { type: 'remove' });
    process.submit('fork', { type: 'remove' });
    world.run(100);

    expect(process.read('last').told.join('')).toBe('abcdef');
    expect(process.read('source').told).toEqual(['# NOT_FOUND']);
  });

  it('is DATA_LOSS where its source is gone, or is another life', () => {
    for (const again of [false, true]) {
      const { world, engine, process } = lineOfForks();
      const { head } = process.find('source').found!;
      void engine.commit([{ id: 'source', expected: head, head: undefined, parts: undefined, entries: [] }]);
      if (again) process.create('source').write('a', 'b');
      world.run(100);

      expect(process.read('last').told).toEqual(['# DATA_LOSS']);
    }
  });

  it('has nothing of a source that it forks from the start, so that one may be gone', () => {
    const { world, process } = singleProcess();
    process.create('source').write('a');
    world.run(100);
    const fork = process.fork('source', 'fork', START);
    world.run(100);
    fork.write('b');
    world.run(100);
    const store = process.find('source').found!.head;
    void process.engine.commit([
      { id: 'source', expected: store, head: undefined, parts: undefined, entries: [] },
    ]);
    world.run(100);

    expect(segmentsOf(process, 'fork')).toEqual([]);
    const reader = process.read('fork');
    world.run(100);
    expect(reader.told).toEqual(['b']);
  });

  it('is NOT_FOUND where it goes itself, with its sources, while they are looked for', () => {
    for (const loads of [1, 2, 3]) {
      const { world, engine, process } = lineOfForks();
      for (const id of ['source', 'fork']) process.submit(id, { type: 'remove' });
      world.run(100);
      world.run(5_000);
      engine.next('load', ...Array.from({ length: loads }, () => ({ type: 'delay' }) as const));
      engine.next('load', { type: 'delay', request: 50 });
      const reader = process.read('last');
      process.submit('last', { type: 'remove' });
      world.run(200);

      expect(reader.told.at(-1)).toBe('# NOT_FOUND');
    }
  });

  it('gives no page of more than one segment, and cuts what its source has beyond', () => {
    const { process } = lineOfForks();
    const { head } = process.find('last').found!;
    const segments = segmentsOf(process, 'last') as readonly Segment[];
    const page = (position: number): string[] => {
      const { current, entries } = valueOf(
        readSegment(process.engine, segments, {
          id: 'last',
          generation: head.generation,
          position,
          maxBytes: 1_000_000,
          maxChunks: 1_000,
        }),
      );
      expect(current?.head.generation).toBe(head.generation);
      return entries.map((entry) => `${entry.position} ${entry.chunks.join('')}`);
    };

    expect(page(0)).toEqual(['0 ab']);
    expect(page(1)).toEqual(['0 ab']);
    expect(page(2)).toEqual(['2 c', '3 d']);
    expect(page(4)).toEqual(['4 ef']);
    expect(page(6)).toEqual([]);
  });

  it('refuses to be the ninth behind each other', () => {
    const { world, process } = singleProcess();
    process.create('0').write('a');
    world.run();
    const states = Array.from({ length: 9 }, (_, i) => {
      const fork = process.fork(String(i), String(i + 1));
      world.run();
      fork.write('a');
      world.run();
      return fork.created.state;
    });

    expect(states).toEqual([...Array.from({ length: 8 }, () => 'OK'), 'RESOURCE_EXHAUSTED']);
    expect(process.read('8').told).toHaveLength(9);
  });
});

it('A source that is not there can’t be forked', () => {
  const { process } = singleProcess();
  const submitted = new Submitted();
  process.streams.fork(
    'none',
    ({ head }) => ({ position: head.tail, tag: head.tag }),
    'fork',
    { type: 'create', nonce: 'x', lifetime: headOf().facts.lifetime, owned: true },
    outcomeIn(submitted),
  );

  expect(submitted.state).toBe('NOT_FOUND');
});
