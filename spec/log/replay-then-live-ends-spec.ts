import { describe, expect, it } from 'vitest';

import { WRITE_RETRY_FOR } from '../../lib/log/streams.js';
import { live, withoutEntries } from '../support/log-live.js';
import { callsOf, LOSSY, singleProcess, synchronousProcess, TAGGED } from '../support/log-world.js';

describe('A stream that goes while it is read', () => {
  it('is NOT_FOUND for who has all, and who has not, if it is deleted', () => {
    const { world, engine, process, reader } = live(TAGGED);
    engine.next('read', { type: 'delay', answer: 10 });
    const behind = process.read('s');

    process.submit('s', { type: 'remove' });
    world.run(20);

    expect(reader.told).toEqual(['a', '# NOT_FOUND']);
    expect(behind.told).toEqual(['# NOT_FOUND']);
  });

  it('is OUT_OF_RANGE for who has not all if it expires, and NOT_FOUND for who has', () => {
    const { world, engine, process } = singleProcess();
    const author = process.create('s', { expiresAt: 1_000 });
    author.write('a');
    world.run();
    const reader = process.read('s');
    engine.next('read', { type: 'delay', answer: 100_000 });
    const behind = process.read('s');

    world.run(70_000);

    expect(reader.told).toEqual(['a', '# NOT_FOUND']);
    expect(behind.told).toEqual(['# OUT_OF_RANGE']);
  });

  it('is told as gone when its id is used again, without splicing the lives', () => {
    const { world, engine, process, reader } = live(LOSSY);
    engine.next('hint', 'x');
    process.submit('s', { type: 'remove' });
    world.run();
    expect(reader.told).toEqual(['a']);

    process.create('s').write('x', 'y');
    world.run();

    expect(reader.told).toEqual(['a', '# NOT_FOUND']);
    expect(process.read('s').told).toEqual(['x', 'y']);
  });

  it('is told as gone in the middle of a replay, without splicing the lives', () => {
    const { world, engine, process } = singleProcess({}, { hint: () => [] });
    const author = process.create('s');
    for (let i = 0; i < 10; i++) author.write(`${i}`.repeat(60_000));
    world.run();
    // After the first page.
    engine.next('read', { type: 'delay' }, { type: 'delay', request: 10 });
    const reader = process.read('s');
    world.run(1);
    expect(reader.told).toHaveLength(5);

    process.submit('s', { type: 'remove' });
    world.run();
    process.create('s').write('x');
    world.run(50);

    expect(reader.told.slice(5)).toEqual(['# NOT_FOUND']);
  });

  it('is told as gone inside a callback to everybody, and once', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const first = process.read('s', { onNext: () => process.submit('s', { type: 'remove' }) });
    const second = process.read('s');

    author.write('a', 'b');

    expect(first.told).toEqual(['a', '# NOT_FOUND']);
    expect(second.told).toEqual(['# NOT_FOUND']);
  });
});

describe('An engine that fails', () => {
  it('for a while is asked again, and nobody is told', () => {
    const { world, reader, author } = live({ connection: '-----d--------------u' }, withoutEntries);
    world.run(20);
    author.write('b');
    world.run(100);
    expect(reader.told).toEqual(['a']);

    world.run(2_000);

    expect(reader.told).toEqual(['a', 'b']);
  });

  it('for good is UNAVAILABLE for who reads, after 60 s', () => {
    const { world, engine, reader, write } = live({}, withoutEntries);
    for (let i = 0; i < 200; i++) engine.next('read', 'f');
    write('b');

    world.run(59_000);
    expect(reader.told).toEqual(['a']);
    world.run(2_000);

    expect(reader.told).toEqual(['a', '# UNAVAILABLE']);
    expect(callsOf(engine, 'read')).toBeLessThan(100);
  });

  it('for good is UNAVAILABLE for who comes, after as long as look-ups are tried', () => {
    const { world, engine, process } = live();
    for (let i = 0; i < 200; i++) engine.next('load', 'f');
    const reader = process.read('s');

    world.run(WRITE_RETRY_FOR - 1_000);
    expect(reader.told).toEqual([]);
    world.run(2_000);

    expect(reader.told).toEqual(['# UNAVAILABLE']);
  });

  it('for good is UNAVAILABLE for who rests, by the polls, where hints can be lost', () => {
    const { world, engine, reader } = live(LOSSY);
    for (let i = 0; i < 1_000; i++) engine.next('load', 'f');

    world.run(120_000);

    expect(reader.told).toEqual(['a', '# UNAVAILABLE']);
  });
});
