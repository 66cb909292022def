import { describe, expect, it } from 'vitest';

import type { Entry, Hint, Page } from '../../lib/engines/engine.js';
import { StreamError } from '../../lib/errors.js';
import { ANY_TAG, misfit } from '../../lib/log/continuity.js';
import { appendOf, type LogProcess, type Submitted } from '../support/log-process.js';
import type { OnNext } from '../support/log-reader.js';
import {
  type Alterations,
  callsOf,
  singleProcess,
  synchronousProcess,
  TAGGED,
} from '../support/log-world.js';

const entry = (position: number, count: number, previous: number, tag: number): Entry => ({
  position,
  chunks: Array.from({ length: count }, () => 'x'),
  bytes: count,
  tag,
  previous,
});

describe('An entry', () => {
  const table = [
    { is: 'what comes next', position: 3, previous: 10, tag: 11, fits: true },
    { is: 'what comes next, of another past', position: 3, previous: 12, tag: 11, fits: false },
    { is: 'what was given in part', position: 2, previous: 9, tag: 10, fits: true },
    { is: 'what was given in part, of another past', position: 2, previous: 10, tag: 11, fits: false },
    { is: 'what comes after a hole', position: 4, previous: 10, tag: 11, fits: false },
  ];
  for (const { is, position, previous, tag, fits } of table) {
    it(`that is ${is} ${fits ? 'continues' : 'does not continue'} a place`, () => {
      const error = misfit('s', entry(position, 2, previous, tag), 3, 10);

      expect(error?.code).toBe(fits ? undefined : 'DATA_LOSS');
    });
  }

  it('continues a place of which no tag is known if there is no hole', () => {
    expect(misfit('s', entry(3, 2, 10, 11), 3, ANY_TAG)).toBeUndefined();
    expect(misfit('s', entry(2, 2, 10, 11), 3, ANY_TAG)).toBeUndefined();
    expect(misfit('s', entry(4, 2, 10, 11), 3, ANY_TAG)?.code).toBe('DATA_LOSS');
  });
});

let rivals = 0;

/** An append of somebody else. */
const rival = (process: LogProcess, ...chunks: string[]): Submitted =>
  process.submit(
    's',
    appendOf({ type: 'process', id: `rival ${++rivals}`, seq: 1, slot: undefined }, chunks),
  );

/** A stream with `a`, `b` and `c`, a commit each, whose tail can be lost without that anybody is told. */
function losing(alterations: Alterations = {}, onNext?: OnNext) {
  let unseen = false;
  const hint = (hint: Hint): readonly Hint[] =>
    unseen || hint.generation === 0 ? [] : (alterations.hint?.(hint) ?? [hint]);
  const { world, engine, process } = singleProcess(
    { features: { tagged: true, lossyHints: true } },
    { ...alterations, hint },
  );
  const author = process.create('s');
  const offsets = ['a', 'b', 'c'].map((chunk) => {
    const answer = author.write(chunk);
    world.run();
    return answer.offset;
  });
  const reader = process.read('s', onNext && { onNext });
  return {
    ...{ world, engine, process, author, offsets, reader },
    /** Loses commits, and has others written, without any hint. */
    lose: (commits: number, ...chunks: string[]): void => {
      unseen = true;
      engine.loseTail('s', commits);
      for (const chunk of chunks) {
        rival(process, chunk);
        world.run();
      }
      unseen = false;
    },
  };
}

describe('A lost tail', () => {
  it('is DATA_LOSS for a parked reader once it is looked again', () => {
    const { engine, process, world } = singleProcess(TAGGED);
    const author = process.create('s');
    author.write('a');
    author.write('b');
    world.run();
    author.write('c');
    world.run();
    const reader = process.read('s');

    engine.loseTail('s');

    expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
  });

  it('is DATA_LOSS by the next poll where no hint tells', () => {
    const { world, reader, lose } = losing();

    lose(1);
    world.run(40_000);

    expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
  });

  it('is DATA_LOSS by the next poll when it has grown to the same length', () => {
    const { world, reader, lose } = losing();

    lose(1, 'x');
    world.run(40_000);

    expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
  });

  it('is DATA_LOSS, never a splice, when it has grown past a parked reader', () => {
    const { world, process, reader, lose } = losing();

    lose(2, 'x', 'y');
    rival(process, 'z');
    world.run();

    expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
  });

  it('is DATA_LOSS also where hints carry no entries', () => {
    const { world, process, reader, lose } = losing({
      hint: (hint) => [{ ...hint, entries: undefined }],
    });

    lose(1, 'x', 'y');
    rival(process, 'z');
    world.run();

    expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
  });

  it('is DATA_LOSS for who was told of it late, by the hint of what has taken its place', () => {
    const { world, engine, process, author, reader, lose } = losing();
    engine.next('hint', { type: 'delay', ms: 50 });
    author.write('d');
    world.run();
    lose(1);
    world.run(100);
    expect(reader.told).toEqual(['a', 'b', 'c', 'd']);

    rival(process, 'x');
    world.run();

    expect(reader.told).toEqual(['a', 'b', 'c', 'd', '# DATA_LOSS']);
  });

  it('is DATA_LOSS for who resumes after what was lost, shorter, as long or longer now', () => {
    for (const regrown of [[], ['x'], ['x', 'y']]) {
      const { process, offsets, reader, lose } = losing();
      reader.leave();

      lose(1, ...regrown);

      expect(process.read('s', { after: offsets[2]! }).told).toEqual(['# DATA_LOSS']);
    }
  });

  it('is nothing to who resumes before it', () => {
    const { process, offsets, reader, lose } = losing();
    reader.leave();

    lose(1, 'x');

    expect(process.read('s', { after: offsets[1]! }).told).toEqual(['x']);
  });

  it('is DATA_LOSS for a reader that left and comes back', () => {
    for (const regrown of [[], ['x'], ['x', 'y']]) {
      const { world, reader, lose } = losing({}, (_, self) => self.pause());
      for (const chunk of ['b', 'c']) {
        reader.resume();
        expect(reader.told.at(-1)).toBe(chunk);
      }
      // Nobody watches any more.
      world.run(5_000);

      lose(1, ...regrown);
      reader.resume();
      world.run();

      expect(reader.told).toEqual(['a', 'b', 'c', '# DATA_LOSS']);
    }
  });

  it('is told to the producer, too', () => {
    const { world, engine, process } = singleProcess(TAGGED);
    const author = process.create('s');
    author.write('a');
    world.run();
    author.write('b');
    world.run();

    engine.loseTail('s');

    const next = author.write('c');
    world.run(50);
    expect(next.state).toBe('DATA_LOSS');
  });
});

describe('A reader that resumes ahead of the live edge', () => {
  /** An edge at `a`, behind what is written. */
  const lagging = () => {
    let deaf = false;
    const { world, engine, process } = singleProcess(TAGGED, { hint: (hint) => (deaf ? [] : [hint]) });
    const author = process.create('s');
    author.write('a');
    world.run();
    process.read('s');
    deaf = true;
    const answers = ['b', 'c', 'd'].map((chunk) => {
      const answer = author.write(chunk);
      world.run();
      return answer;
    });
    return {
      ...{ world, engine, process, author },
      offsets: answers.map(({ offset }) => offset),
      hear: () => {
        deaf = false;
      },
    };
  };

  it('is given what follows, and nothing before', () => {
    const { world, process, author, offsets, hear } = lagging();
    const readers = offsets.map((after) => process.read('s', { after }));

    hear();
    author.write('e');
    world.run();

    expect(readers.map(({ told }) => told)).toEqual([['c', 'd', 'e'], ['d', 'e'], ['e']]);
  });

  it('is told DATA_LOSS if what it has was lost', () => {
    const { world, engine, process, offsets, hear } = lagging();
    engine.loseTail('s', 3);
    for (const chunk of ['x', 'y', 'z', 'z']) {
      rival(process, chunk);
      world.run();
    }
    const readers = offsets.map((after) => process.read('s', { after }));

    hear();
    rival(process, 'z');
    world.run();

    for (const { told } of readers) expect(told).toEqual(['# DATA_LOSS']);
  });

  it('is told so, too, where nobody else reads', () => {
    const { world, engine, process, offsets, hear } = lagging();
    engine.loseTail('s', 3);
    for (const chunk of ['x', 'y', 'z']) rival(process, chunk);
    world.run();
    rival(process, 'z');
    world.run();
    const reader = process.read('s', { after: offsets[0]! });

    hear();
    rival(process, 'z');
    world.run();

    expect(reader.told).toEqual(['# DATA_LOSS']);
  });
});

describe('A hole', () => {
  const withHole = () => {
    let reads = 0;
    const state = { hole: false };
    const page = (given: Page): Page => {
      if (++reads > 100) throw new StreamError('INTERNAL', 'It spins.');
      if (!state.hole) return given;
      const single = given.entries.flatMap(({ position, chunks, ...entry }) =>
        chunks.map((chunk, i) => ({ ...entry, position: position + i, chunks: [chunk] })),
      );
      return { ...given, entries: single.filter(({ chunks }) => chunks[0] !== 'b') };
    };
    const hint = (given: Hint): readonly Hint[] => [{ ...given, entries: undefined }];
    return { state, alterations: { page, hint } };
  };

  it('is DATA_LOSS in a replay', () => {
    const { state, alterations } = withHole();
    const { process } = synchronousProcess(alterations);
    const author = process.create('s');
    author.write('a');
    author.write('b');
    author.write('c');
    state.hole = true;

    expect(process.read('s').told).toEqual(['a', '# DATA_LOSS']);
  });

  it('is DATA_LOSS at the live edge', () => {
    const { state, alterations } = withHole();
    const { world, process, engine } = singleProcess({}, alterations);
    const author = process.create('s');
    author.write('a');
    world.run();
    const reader = process.read('s');
    state.hole = true;
    engine.next('read', { type: 'delay', answer: 10 });

    author.write('b');
    world.run();
    author.write('c');
    world.run(50);

    expect(reader.told).toEqual(['a', '# DATA_LOSS']);
  });

  it('is DATA_LOSS where a read begins with it', () => {
    const { state, alterations } = withHole();
    const { world, process } = singleProcess({}, alterations);
    const author = process.create('s');
    author.write('a');
    world.run();
    const reader = process.read('s');
    state.hole = true;

    author.write('b');
    author.write('c');
    world.run(50);

    expect(reader.told.filter((told) => told !== 'c')).toEqual(['a', '# DATA_LOSS']);
  });
});

describe('A parked reader', () => {
  it('asks nothing of an engine that loses no hints', () => {
    const { world, engine, process } = singleProcess(TAGGED);
    process.create('s').write('a');
    world.run();
    process.read('s');
    const calls = callsOf(engine, 'load', 'read', 'watch', 'confirm');

    world.run(3_600_000);

    expect(callsOf(engine, 'load', 'read', 'watch', 'confirm')).toBe(calls);
  });

  it('is asked for about every 30 s where hints can be lost, all in one call', () => {
    const { world, engine, process } = singleProcess({ features: { lossyHints: true } });
    for (const id of ['s', 't', 'u']) {
      process.create(id).write('a');
      world.run();
      process.read(id);
    }
    const before = engine.calls.length;

    world.run(300_000);

    const looks = engine.calls.slice(before).filter(({ method }) => method === 'load');
    expect(looks).toHaveLength(10);
    expect(looks[0]?.ids).toEqual(['s', 't', 'u']);
    expect(callsOf(engine, 'read')).toBe(3);
  });
});
