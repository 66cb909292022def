import { describe, expect, it } from 'vitest';

import type { Commit } from '../../lib/engines/engine.js';
import type { StoredOutcome } from '../../lib/log/head.js';
import { decodeOffset } from '../../lib/offset.js';
import { appendOf, type LogProcess, type Submitted } from '../support/log-process.js';
import { callsOf, LogWorld, singleProcess, synchronousProcess, TAGGED } from '../support/log-world.js';

const writeAs = (process: LogProcess, name: string, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'process', id: name, seq: 1, slot: undefined }, chunks));

const produce = (process: LogProcess, seq: number, chunks: string[], outcome?: StoredOutcome): Submitted =>
  process.submit('s', appendOf({ type: 'producer', id: 'p', epoch: 0, seq }, chunks, outcome));

/** A process whose commits are noted, with the stream `s`. */
function noting(options: Parameters<typeof singleProcess>[0] = {}) {
  const commits: Commit[] = [];
  const { world, engine, process } = singleProcess(options, {
    commit: (commit) => {
      commits.push(commit);
      return undefined;
    },
  });
  const author = process.create('s');
  world.run(20);
  commits.length = 0;
  return { world, engine, process, author, commits };
}

const tagOf = ({ offset }: Submitted): number => decodeOffset(offset)!.tag;

describe('Appends that share a commit', () => {
  it('are one entry with one tag, and each is answered with its own offset', () => {
    const { world, process, author, commits } = noting(TAGGED);
    const answers = [
      writeAs(process, 'x', 'a'),
      author.write('b', 'c'),
      produce(process, 0, ['d']),
      writeAs(process, 'y', 'e'),
    ];
    world.run();

    expect(commits).toHaveLength(1);
    expect(commits[0]?.entries).toMatchObject([{ position: 0, chunks: ['a', 'b', 'c', 'd', 'e'], bytes: 5 }]);
    const { offsets } = process.read('s');
    expect(answers.map(({ offset }) => offset)).toEqual([0, 2, 3, 4].map((i) => offsets[i]));
    expect(new Set(answers.map(tagOf)).size).toBe(1);
  });

  it('keep for their input the tag that its chunks have', () => {
    const { world, process, author } = noting(TAGGED);
    const answer = author.write('a');
    writeAs(process, 'x', 'b');
    world.run();

    const { tag, owner } = process.find('s').found!.head;
    expect(owner).toMatchObject({ position: 1, tag });
    expect(tagOf(answer)).toBe(tag);
  });

  it('may be those of a stream that is created with them', () => {
    const { world, engine, process } = singleProcess(TAGGED);
    const author = process.create('s');
    const answers = [author.write('a'), author.complete('output')];
    world.run();

    expect([author.created, ...answers].map(({ state }) => state)).toEqual(['OK', 'OK', 'OK']);
    expect(callsOf(engine, 'commit')).toBe(1);
    const { told, offsets } = process.read('s');
    expect(told).toEqual(['a', '| output']);
    expect(answers.map(({ offset }) => offset)).toEqual(offsets);
    expect(author.created.answer?.position).toBe(0);
  });

  it('end with the stream: what comes after is refused', () => {
    const { world, process, author, commits } = noting();
    const states = [
      produce(process, 0, ['a'], { type: 'done' }),
      writeAs(process, 'x', 'b'),
      author.write('c'),
    ];
    world.run(20);

    expect(states.map(({ state }) => state)).toEqual(['OK', 'FAILED_PRECONDITION', 'FAILED_PRECONDITION']);
    expect(commits.filter(({ entries }) => entries.length > 0)).toHaveLength(1);
  });

  it('are no more than the engine takes at once', () => {
    const { world, process, commits } = noting({ features: { maxCommitBytes: 10 } });
    const answers = ['aaaa', 'bbbb', 'cccc', 'more than ten bytes'].map((chunk) =>
      writeAs(process, chunk, chunk),
    );
    world.run();

    expect(answers.map(({ state }) => state)).toEqual(['OK', 'OK', 'OK', 'OK']);
    expect(commits.map(({ entries }) => entries[0]?.bytes)).toEqual([8, 4, 19]);
  });

  it('are not with a removal, which comes after them', () => {
    const { world, process, author, commits } = noting();
    const states = [author.write('a'), process.submit('s', { type: 'remove' }), writeAs(process, 'x', 'b')];
    world.run();

    expect(states.map(({ state }) => state)).toEqual(['OK', 'OK', 'NOT_FOUND']);
    expect(commits.map(({ head }) => head?.tail)).toEqual([1, undefined]);
  });
});

describe('An entry', () => {
  it('is cut at 64 KiB, all pieces under one tag', () => {
    const { world, process, author, commits } = noting(TAGGED);
    const chunks = Array.from({ length: 5 }, (_, i) => String(i).repeat(30_000));
    author.write(...chunks);
    author.write('x'.repeat(100_000));
    world.run();

    const entries = commits.flatMap((commit) => commit.entries);
    expect(entries.map(({ chunks: each }) => each.length)).toEqual([2, 2, 1, 1]);
    expect(entries.map(({ position }) => position)).toEqual([0, 2, 4, 5]);
    expect(entries.map(({ bytes }) => bytes)).toEqual([60_000, 60_000, 30_000, 100_000]);
    const [first, second, third] = entries;
    expect(second).toMatchObject({ tag: first?.tag, previous: first?.tag });
    expect(third).toMatchObject({ tag: first?.tag, previous: first?.tag });
    expect(first?.previous).not.toBe(first?.tag);
    expect(process.read('s').told).toHaveLength(6);
  });

  it('is cut at 1,024 chunks', () => {
    const { world, author, commits } = noting();
    author.write(...Array.from({ length: 2_500 }, () => 'x'));
    world.run();

    expect(commits[0]?.entries.map(({ chunks }) => chunks.length)).toEqual([1_024, 1_024, 452]);
  });
});

describe('What is known of a stream', () => {
  it('is not taken for known of the next life of its id', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      process.create('s');
      produce(process, 0, ['a']);
      produce(process, 1, ['b']);
      writeAs(process, 'x', 'c');
      world.run();
      process.submit('s', { type: 'remove' });
      world.run();
      process.create('s');

      const states = [produce(process, 2, ['x']), writeAs(process, 'x', 'c'), produce(process, 0, ['a'])];
      world.run();

      expect(states.map(({ state }) => state)).toEqual(['FAILED_PRECONDITION', 'OK', 'OK']);
      expect(process.read('s').told).toEqual(['c', 'a']);
    }
  });

  it('is asked for by those parts alone that are needed, and once', () => {
    const { world, engine, process } = noting();
    const loads = callsOf(engine, 'load');

    for (let seq = 0; seq < 5; seq++) {
      produce(process, seq, ['a']);
      world.run();
    }

    expect(callsOf(engine, 'load')).toBe(loads + 1);
  });

  it('is not mixed with what is asked for of a later version', () => {
    const world = new LogWorld();
    const [one, other] = [world.process(world.engine()), world.process(world.engine())];
    one.create('s');
    world.run();
    produce(one, 0, ['a']);
    world.run();
    produce(other, 1, ['b']);
    world.run();

    // The first knows the producer as it was, and nothing of the process.
    const states = [produce(one, 1, ['b']), writeAs(one, 'x', 'c')];
    world.run();

    expect(states.map(({ state }) => state)).toEqual(['duplicate', 'OK']);
    expect(one.read('s').told).toEqual(['a', 'b', 'c']);
  });

  it('tells a fork’s source that it has expired, also where it was seen in a conflict only', () => {
    const { world, engine, process } = singleProcess();
    process.create('source').write('a');
    world.run();
    const fork = process.fork('source', 's', undefined, { expiresAt: 100 });
    world.run(99);
    expect(process.find('source').found?.head.facts.references).toBe(1);
    engine.next('commit', 'c', 'c');
    const late = fork.write('b');

    world.run(50);

    expect(late.state).toBe('NOT_FOUND');
    expect(process.find('source').found?.head.facts.references).toBe(0);
  });
});
