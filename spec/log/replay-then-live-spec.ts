import { describe, expect, it } from 'vitest';

import type { Hint } from '../../lib/engines/engine.js';
import { live, withoutEntries } from '../support/log-live.js';
import { callsOf, LOSSY, singleProcess, STALE, synchronousProcess, TAGGED } from '../support/log-world.js';

describe('What is written', () => {
  it('comes to all who are live, before the write returns on a synchronous engine', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const readers = [process.read('s'), process.read('s')];

    author.write('a');
    expect(readers.map(({ told }) => told)).toEqual([['a'], ['a']]);

    author.complete();
    expect(readers.map(({ told }) => told)).toEqual([
      ['a', '|'],
      ['a', '|'],
    ]);
  });

  it('inside a callback comes to all after what is being told', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const first = process.read('s', {
      onNext: (chunk) => {
        if (chunk === 'a') author.write('b');
        if (chunk === 'b') author.complete();
      },
    });
    const second = process.read('s');

    author.write('a');

    expect(first.told).toEqual(['a', 'b', '|']);
    expect(second.told).toEqual(['a', 'b', '|']);
  });

  it('comes once to a reader that is taken in inside a callback', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const late: string[][] = [];
    process.read('s', {
      onNext: () => {
        late.push(process.read('s').told);
      },
    });

    author.write('a', 'b');

    expect(late).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('comes to the siblings of a reader that throws or leaves', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    process.read('s', {
      onNext: (chunk) => {
        throw new Error(chunk);
      },
    });
    const leaver = process.read('s', { onNext: (_, self) => self.leave() });
    const sibling = process.read('s');

    author.write('a');
    author.write('b');

    expect(leaver.told).toEqual(['a']);
    expect(sibling.told).toEqual(['a', 'b']);
    expect(process.reported).toEqual([new Error('a'), new Error('b')]);
  });

  it('comes without a read where hints carry it', () => {
    const { engine, reader, write } = live();
    const reads = callsOf(engine, 'read');

    write('b', 'c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
    expect(callsOf(engine, 'read')).toBe(reads);
  });

  it('comes by a read where hints do not carry it', () => {
    const { engine, reader, write } = live({}, withoutEntries);
    const reads = callsOf(engine, 'read');

    write('b', 'c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
    expect(callsOf(engine, 'read')).toBe(reads + 2);
  });

  it('comes without waiting for a read that is under way where a hint carries it', () => {
    let carries = false;
    const { world, engine, reader, write } = live({}, (hint) => (carries ? [hint] : withoutEntries(hint)));
    engine.next('read', { type: 'delay', answer: 10 });
    write('b');
    expect(reader.told).toEqual(['a']);

    carries = true;
    write('c');
    // It does not join, so it waits for the read.
    expect(reader.told).toEqual(['a']);
    world.run(10);

    expect(reader.told).toEqual(['a', 'b', 'c']);
  });

  it('comes by a hint during a read of the same, and once', () => {
    const { world, engine, reader, write } = live({}, (hint) => [...withoutEntries(hint), hint]);
    engine.next('read', { type: 'delay', answer: 10 });

    write('b');
    expect(reader.told).toEqual(['a', 'b']);
    world.run(50);
    write('c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
  });
});

describe('A hint', () => {
  it('that is lost is made up for by the next', () => {
    const { engine, reader, write } = live(LOSSY);
    engine.next('hint', 'x');

    write('b');
    expect(reader.told).toEqual(['a']);
    write('c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
  });

  it('that is lost is made up for by the next poll', () => {
    const { world, engine, reader, author, write } = live(LOSSY);
    engine.next('hint', 'x', 'x');
    write('b');
    author.complete();
    world.run();
    expect(reader.told).toEqual(['a']);

    world.run(37_500);

    expect(reader.told).toEqual(['a', 'b', '|']);
  });

  it('that comes twice, or late, tells nothing twice', () => {
    const { world, engine, reader, write } = live();
    engine.next('hint', 'r', { type: 'delay', ms: 30 }, 'r');

    write('b', 'c', 'd');
    world.run(50);

    expect(reader.told).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that comes after the next changes no order', () => {
    for (const alter of [undefined, withoutEntries]) {
      const { world, engine, reader, author, write } = live({}, alter);
      engine.next('hint', 'h');
      write('b', 'c');
      engine.next('hint', 'h');
      write('d');
      author.complete('output');
      world.run(100);

      expect(reader.told).toEqual(['a', 'b', 'c', 'd', '| output']);
    }
  });

  it('that is ahead of what a read returns is waited for', () => {
    const { world, engine, reader, write } = live(STALE, withoutEntries);
    engine.next('read', 's', 's');

    write('b');
    expect(reader.told).toEqual(['a']);
    world.run(100);

    expect(reader.told).toEqual(['a', 'b']);
    expect(callsOf(engine, 'read')).toBeLessThan(8);
  });

  it('that is ahead of what there will ever be parks its readers all the same', () => {
    for (const options of [{}, TAGGED, STALE]) {
      const { world, engine, reader, write } = live(options, (hint) => [
        { ...hint, tail: hint.tail + 5, n: hint.n + 5, tag: 7, entries: undefined },
      ]);
      write('b');
      world.run(1_000);
      const { length } = engine.calls;

      world.run(30_000);
      expect(engine.calls).toHaveLength(length);
      expect(reader.told).toEqual(['a', 'b']);

      write('c', 'd', 'e', 'f', 'g', 'h');
      world.run(5_000);
      expect(reader.told).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    }
  });

  it('of an end that is lost ends nobody', () => {
    let ends = false;
    const { world, reader, author, write } = live({}, (hint) => [{ ...hint, ended: hint.ended || ends }]);
    ends = true;
    write('b');
    expect(reader.told).toEqual(['a', 'b']);

    ends = false;
    write('c');
    author.complete();
    world.run();

    expect(reader.told).toEqual(['a', 'b', 'c', '|']);
  });

  it('whose entries begin beyond the edge leads to a read', () => {
    const { engine, reader, write } = live(LOSSY);
    const reads = callsOf(engine, 'read');
    engine.next('hint', 'x', 'x');

    write('b', 'c', 'd');

    expect(reader.told).toEqual(['a', 'b', 'c', 'd']);
    expect(callsOf(engine, 'read')).toBe(reads + 1);
  });

  it('whose entries begin before the edge gives what is behind it', () => {
    // As from a store that puts commits together.
    const all: Hint['entries'][] = [];
    const { reader, write } = live({}, (hint) => {
      const entries = hint.entries ?? [];
      if (entries.length > 0) all.push(entries);
      const [first] = all.flat() as NonNullable<Hint['entries']>;
      if (first === undefined) return [hint];
      const chunks = all.flatMap((each) => each?.flatMap((entry) => entry.chunks) ?? []);
      return [{ ...hint, entries: [{ ...first, chunks }] }];
    });

    write('b', 'c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
  });

  it('of a former life is ignored', () => {
    let former: Hint | undefined;
    let again = false;
    const { world, process, author } = live({}, (hint) => {
      former ??= hint;
      return again ? [{ ...former, gone: true }, hint] : [hint];
    });
    author.write('b');
    process.submit('s', { type: 'remove' });
    world.run();
    const next = process.create('s');
    next.write('x');
    world.run(20);
    const reader = process.read('s');
    again = true;

    next.write('y');
    world.run();

    expect(reader.told).toEqual(['x', 'y']);
  });

  it('to look again finds what was missed', () => {
    for (const staleReads of [false, true]) {
      const { world, engine, reader, author, write } = live({ features: { lossyHints: true, staleReads } });
      engine.next('hint', 'x', 'x', 'x');
      write('b', 'c');
      author.complete();
      world.run();
      expect(reader.told).toEqual(['a']);

      engine.interrupt();
      world.run(50);

      expect(reader.told).toEqual(['a', 'b', 'c', '|']);
    }
  });

  it('to look again finds that the stream is gone', () => {
    const { world, engine, process, reader } = live(LOSSY);
    engine.next('hint', 'x', 'x');
    process.submit('s', { type: 'remove' });
    world.run();
    process.create('s');
    world.run();

    engine.interrupt();

    expect(reader.told).toEqual(['a', '# NOT_FOUND']);
  });

  it('that comes during a look is not taken back by it', () => {
    for (const options of [{}, STALE, TAGGED]) {
      const { world, engine, reader, author } = live(options, withoutEntries);
      // The look sees the stream as it is now, and tells so later.
      engine.next('load', { type: 'delay', answer: 50 });
      engine.next('confirm', { type: 'delay', answer: 50 });
      engine.interrupt();
      world.run(10);
      author.write('b');
      author.complete();
      world.run(100);

      expect(reader.told).toEqual(['a', 'b', '|']);
    }
  });
});

describe('Where reads can be stale', () => {
  it('the stream is confirmed once before its readers rest', () => {
    const { world, engine, reader } = live(STALE);
    expect(callsOf(engine, 'confirm')).toBe(1);

    world.run(100_000);

    expect(callsOf(engine, 'confirm')).toBe(1);
    expect(reader.told).toEqual(['a']);
  });

  it('it is confirmed again after hints may have been lost', () => {
    const { world, engine } = live(STALE);

    engine.interrupt();
    world.run(100);

    expect(callsOf(engine, 'confirm')).toBe(2);
  });
});

describe('Readers that want no chunks', () => {
  it('cause no reads, and are told the end', () => {
    const { world, engine, process } = singleProcess();
    const author = process.create('s');
    author.write('a');
    world.run();
    const reader = process.readEnd('s');
    expect(reader.told).toEqual(['open']);

    for (let i = 0; i < 10; i++) {
      engine.next('hint', 'b');
      author.write('b');
      world.run();
    }
    author.complete('output');
    world.run();

    expect(reader.told).toEqual(['open', '| output']);
    expect(callsOf(engine, 'read')).toBe(0);
  });
});
