import { describe, expect, it } from 'vitest';

import { callsOf, singleProcess, STALE, synchronousProcess, TAGGED } from '../support/log-world.js';

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => String(from + i));

describe('A replay', () => {
  it('gives everything from the start, before subscribing returns on a synchronous engine', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b');
    author.write('c');

    const reader = process.read('s');

    expect(reader.told).toEqual(['a', 'b', 'c']);
    expect(reader.replayed).toBe(3);
  });

  it('gives what follows an offset, also from inside of an entry', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b', 'c');
    author.write('d');
    const { offsets } = process.read('s');

    const told = offsets.map((after) => process.read('s', { after }).told);

    expect(told).toEqual([['b', 'c', 'd'], ['c', 'd'], ['d'], []]);
  });

  it('gives nothing that was written before to a reader from now on', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a');
    const reader = process.read('s', { fromNow: true });

    author.write('b');

    expect(reader.told).toEqual(['b']);
    expect(reader.replayed).toBe(0);
  });

  it('then gives the end, also to a reader at the tail', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const { offset } = author.write('a');
    author.complete('output');

    expect(process.read('s').told).toEqual(['a', '| output']);
    expect(process.read('s', { after: offset }).told).toEqual(['| output']);
    expect(process.readEnd('s').told).toEqual(['| output']);
  });

  it('reads pages that are bounded in chunks', () => {
    const { world, engine, process } = singleProcess();
    const author = process.create('s');
    for (let i = 0; i < 20; i++) author.write(...numbered(1_000, i * 1_000));
    world.run();
    const before = callsOf(engine, 'read');

    const reader = process.read('s');

    expect(reader.told).toEqual(numbered(20_000));
    // 8,192 chunks a page, in whole entries.
    expect(callsOf(engine, 'read') - before).toBe(3);
  });

  it('reads pages that are bounded in bytes', () => {
    const { world, engine, process } = singleProcess();
    const author = process.create('s');
    const chunk = 'x'.repeat(60_000);
    for (let i = 0; i < 20; i++) author.write(chunk);
    world.run();
    const before = callsOf(engine, 'read');

    const reader = process.read('s');

    expect(reader.told).toHaveLength(20);
    // 256 KiB a page.
    expect(callsOf(engine, 'read') - before).toBe(4);
  });

  it('does not grow the stack with the pages of a synchronous engine', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const chunk = 'x'.repeat(300_000);
    for (let i = 0; i < 5_000; i++) author.write(chunk);

    expect(process.read('s').told).toHaveLength(5_000);
  });

  it('is each reader’s own: a second one begins at the start while the first is at the edge', () => {
    const { world, engine, process } = singleProcess({ latency: 5 });
    const author = process.create('s');
    author.write('a', 'b');
    world.run(50);
    const first = process.read('s');
    world.run(50);
    const second = process.read('s');
    expect(second.told).toEqual([]);

    author.write('c');
    world.run(50);

    expect(first.told).toEqual(['a', 'b', 'c']);
    expect(second.told).toEqual(['a', 'b', 'c']);
    expect(callsOf(engine, 'watch')).toBe(1);
  });

  it('catches up with what is written while its pages are read', () => {
    const { world, engine, process } = singleProcess({ latency: 5 });
    const author = process.create('s');
    author.write('a');
    world.run(50);
    const reader = process.read('s');
    while (callsOf(engine, 'read') === 0) world.run(1);

    author.write('b');
    author.write('c');
    world.run(50);

    expect(reader.told).toEqual(['a', 'b', 'c']);
    expect(reader.live).toBe(true);
  });

  it('gives what is written in its own callback after what was there', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b');

    const reader = process.read('s', {
      onNext: (chunk) => {
        if (chunk === 'a') author.write('c');
      },
    });

    expect(reader.told).toEqual(['a', 'b', 'c']);
  });

  it('gives what is written in its callback once, when a sibling is at the edge', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b');
    const sibling = process.read('s');

    const reader = process.read('s', {
      onNext: (chunk) => {
        if (chunk === 'b') author.write('c');
        if (chunk === 'c') author.complete();
      },
    });

    expect(reader.told).toEqual(['a', 'b', 'c', '|']);
    expect(sibling.told).toEqual(['a', 'b', 'c', '|']);
  });

  it('ends when its reader leaves in the middle of a page', () => {
    const { world, engine, process } = singleProcess({ latency: 1 });
    const author = process.create('s');
    author.write('a', 'b', 'c');
    world.run(20);
    const reader = process.read('s', { onNext: (_, self) => self.leave() });
    world.run(20);
    const calls = callsOf(engine, 'read', 'load');

    author.write('d');
    world.run(20);

    expect(reader.told).toEqual(['a']);
    expect(callsOf(engine, 'read', 'load')).toBe(calls);
  });

  it('goes on after a callback that throws, and reports it', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b');
    const reader = process.read('s', {
      onNext: (chunk) => {
        throw new Error(chunk);
      },
    });

    author.write('c');

    expect(reader.told).toEqual(['a', 'b', 'c']);
    expect(process.reported).toEqual([new Error('a'), new Error('b'), new Error('c')]);
  });

  it('ends with DATA_LOSS at a chunk that can’t be decoded', () => {
    const decode = (payload: unknown): unknown => {
      if (payload === 'b') throw new Error('unreadable');
      return payload;
    };
    const { process } = synchronousProcess({}, { decode });
    const author = process.create('s');
    author.write('a', 'b', 'c');

    expect(process.read('s').told).toEqual(['a', '# DATA_LOSS']);
  });

  it('reads again while a read is behind what was acknowledged', () => {
    const { world, engine, process } = singleProcess(STALE);
    const author = process.create('s');
    author.write('a');
    author.write('b');
    world.run();
    engine.next('read', { type: 'stale', by: 2 }, { type: 'stale', by: 1 }, 's');

    const reader = process.read('s');
    world.run(1_000);

    expect(reader.told).toEqual(['a', 'b']);
  });

  it('tells offsets with the tag of the entry that a chunk is in', () => {
    const { world, process } = singleProcess(TAGGED);
    const author = process.create('s');
    const answers = [author.write('a', 'b'), author.write('c')];
    world.run();
    const [reader, late] = [process.read('s'), process.read('s', { after: answers[0]!.offset })];

    const last = author.write('d');
    world.run();

    expect(reader.offsets[1]).toBe(answers[0]!.offset);
    expect(reader.offsets.slice(2)).toEqual([answers[1]!.offset, last.offset]);
    expect(late.offsets).toEqual(reader.offsets.slice(2));
  });
});

describe('A reader that leaves after each chunk', () => {
  const pulling = (latency?: number) => {
    const { world, engine, process } = singleProcess({ ...TAGGED, ...(latency && { latency }) });
    const author = process.create('s');
    author.write('a', 'b');
    author.write('c');
    world.run(20);
    const reader = process.read('s', { onNext: (_, self) => self.pause() });
    const pull = (): string | undefined => {
      const { length } = reader.told;
      reader.resume();
      world.run(20);
      return reader.told[length];
    };
    world.run(20);
    return { world, engine, author, reader, pull };
  };

  it('is given the rest of its page without another read where reading costs', () => {
    const { engine, reader, pull } = pulling(2);
    const calls = engine.calls.length;

    expect(reader.told).toEqual(['a']);
    expect([pull(), pull()]).toEqual(['b', 'c']);
    expect(engine.calls).toHaveLength(calls);
    expect(reader.page).toBeUndefined();
  });

  it('waits for what comes once its page is used up', () => {
    const { world, author, reader, pull } = pulling(2);
    expect([pull(), pull(), pull()]).toEqual(['b', 'c', undefined]);

    author.write('d', 'e');
    world.run(20);
    expect(reader.told.at(-1)).toBe('d');

    expect([pull(), pull()]).toEqual(['e', undefined]);
    author.complete();
    world.run(20);
    expect(reader.told).toEqual(['a', 'b', 'c', 'd', 'e', '|']);
  });

  it('keeps no page on a synchronous engine, but reads again', () => {
    const pages: number[] = [];
    const { process } = synchronousProcess({
      page: (page) => {
        pages.push(page.entries.length);
        return page;
      },
    });
    const author = process.create('s');
    author.write('a');
    author.write('b');

    const reader = process.read('s', { onNext: (_, self) => self.pause() });
    expect(reader.page).toBeUndefined();
    reader.resume();

    expect(reader.told).toEqual(['a', 'b']);
    expect(pages).toHaveLength(2);
  });

  it('may come back inside of its callback', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b', 'c');

    const reader = process.read('s', {
      onNext: (_, self) => {
        self.pause();
        self.resume();
      },
    });
    author.write('d');
    author.complete();

    expect(reader.told).toEqual(['a', 'b', 'c', 'd', '|']);
  });

  it('is told NOT_FOUND when it comes back to a stream that was deleted', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    author.write('a', 'b');
    const reader = process.read('s', { onNext: (_, self) => self.pause() });

    process.submit('s', { type: 'remove' });
    process.create('s').write('x');
    reader.resume();

    expect(reader.told).toEqual(['a', '# NOT_FOUND']);
  });
});
