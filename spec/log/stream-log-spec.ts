import { describe, expect, it } from 'vitest';

import { StreamError } from '../../lib/errors.js';
import { appendOf, creation, type LogProcess, type Submitted } from '../support/log-process.js';
import {
  type Alterations,
  callsOf,
  LogWorld,
  singleProcess,
  synchronousProcess,
} from '../support/log-world.js';

/** An append of a process that gives no name. */
const writeAs = (process: LogProcess, name: string, seq: number, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'process', id: name, seq, slot: undefined }, chunks));

const produce = (process: LogProcess, seq: number, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'producer', id: 'p', epoch: 0, seq }, chunks));

const REMOVE = { type: 'remove' } as const;

/** A process with the stream `s`, whose author has written `a`. */
function begun(options: Parameters<typeof singleProcess>[0] = {}, alterations?: Alterations) {
  const { world, engine, process } = singleProcess(options, alterations);
  const author = process.create('s');
  author.write('a');
  world.run(20);
  return { world, engine, process, author };
}

describe('Commands', () => {
  it('of many streams that come together share a call of the engine', () => {
    const { world, engine, process } = singleProcess();
    const ids = ['r', 's', 't'];
    const authors = ids.map((id) => process.create(id));
    world.run();
    expect(engine.calls.filter(({ method }) => method === 'commit').map((call) => call.ids)).toEqual([ids]);

    const answers = authors.map((author) => author.write('a'));
    world.run();

    expect(answers.map(({ state }) => state)).toEqual(['OK', 'OK', 'OK']);
    expect(callsOf(engine, 'commit')).toBe(2);
    expect(callsOf(engine, 'load')).toBe(1);
  });

  it('of one stream that come while a commit is on its way are the next commit', () => {
    const { world, engine, process } = begun({ latency: 10 });
    const commits = callsOf(engine, 'commit');
    const first = writeAs(process, 'x', 1, 'b');
    world.run(15);

    const next = ['y', 'z'].map((name) => writeAs(process, name, 1, name));
    world.run(100);

    expect([first, ...next].map(({ state }) => state)).toEqual(['OK', 'OK', 'OK']);
    expect(callsOf(engine, 'commit')).toBe(commits + 2);
    expect(process.read('s').told).toEqual([]);
  });

  it('that are answered as they come ask nothing that is known', () => {
    const { world, engine, author } = begun();
    const loads = callsOf(engine, 'load');

    for (let i = 0; i < 10; i++) {
      author.write('b');
      world.run();
    }

    expect(callsOf(engine, 'load')).toBe(loads);
  });

  it('that refuse nothing of each other are independent', () => {
    const { world, process } = singleProcess();
    process.create('r');
    const twice = process.create('r');
    const other = process.create('s');
    world.run();

    expect(twice.created.state).toBe('ALREADY_EXISTS');
    expect(other.created.state).toBe('OK');
  });
});

describe('A conflict', () => {
  it('is tried again at once, then after a moment', () => {
    const { world, engine, author } = begun();
    engine.next('commit', 'c', 'c');
    const answer = author.write('b');

    world.run();
    expect(answer.state).toBe('waits');
    world.run(100);

    expect(answer.state).toBe('OK');
    const frames = engine.calls.filter(({ method }) => method === 'commit').map(({ frame }) => frame);
    expect(frames.at(-2)).toBe(frames.at(-3));
    expect(frames.at(-1)).toBeGreaterThan(frames.at(-2)!);
  });

  it('that does not end is UNAVAILABLE after 10 s', () => {
    const { world, engine, process, author } = begun();
    for (let i = 0; i < 2_000; i++) engine.next('commit', 'c');
    const answer = author.write('b');

    world.run(9_900);
    expect(answer.state).toBe('waits');
    world.run(400);

    expect(answer.state).toBe('UNAVAILABLE');
    expect(callsOf(engine, 'commit')).toBeLessThan(300);
    world.run(100);
    expect(process.find('s').found?.head.tail).toBe(1);
  });

  it('with who has written decides anew', () => {
    const world = new LogWorld();
    const [one, other] = [world.process(world.engine()), world.process(world.engine())];
    const author = one.create('s');
    author.write('a');
    world.run();
    writeAs(other, 'x', 1, 'b');
    world.run();

    const [refused, stored] = [one.submit('s', creation('again')), author.write('c')];
    world.run(50);

    expect(refused.state).toBe('ALREADY_EXISTS');
    expect(stored.state).toBe('OK');
    expect(one.read('s').told).toEqual(['a', 'b', 'c']);
  });

  it('with who has ended the stream refuses', () => {
    const world = new LogWorld();
    const [one, other] = [world.process(world.engine()), world.process(world.engine())];
    const author = one.create('s');
    world.run();
    other.submit('s', { type: 'stop', reason: 'Enough.', grace: 0 });
    world.run();

    const late = author.write('a');
    world.run(50);

    expect(late.state).toBe('FAILED_PRECONDITION');
  });
});

describe('An answer that is lost', () => {
  it('doubles nothing for an input, a producer or a process', () => {
    const { world, engine, process, author } = begun();
    const answers = [
      () => author.write('b'),
      () => produce(process, 0, 'c'),
      () => writeAs(process, 'x', 1, 'd'),
      () => author.complete(),
    ].map((write) => {
      engine.next('commit', 'l', 'l');
      const answer = write();
      world.run(500);
      return answer.state;
    });

    expect(answers).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate']);
    expect(process.read('s').told).toEqual(['a', 'b', 'c', 'd', '|']);
  });

  it('answers with the offset that the chunks have', () => {
    const { world, engine, process, author } = begun({ features: { tagged: true } });
    engine.next('commit', 'l');
    const answer = author.write('b', 'c');
    world.run(500);

    expect(answer.offset).toBe(process.read('s').offsets[2]);
  });

  it('of a creation is answered as if it were not', () => {
    const { world, engine, process } = singleProcess();
    engine.next('commit', 'l');
    const { created } = process.create('s');
    world.run(500);

    expect(created.state).toBe('duplicate');
    expect(created.answer?.head?.generation).toBe(process.find('s').found?.head.generation);
  });

  it('of a removal removes no life that has begun since', () => {
    const world = new LogWorld();
    const engine = world.engine();
    const [one, other] = [world.process(engine), world.process(world.engine())];
    one.create('s');
    world.run();
    engine.next('commit', 'l');
    const removed = one.submit('s', REMOVE);
    world.run();
    const next = other.create('s');
    world.run(500);

    expect(removed.state).not.toBe('waits');
    expect(next.created.state).toBe('OK');
    expect(one.find('s').found?.head.facts.nonce).toBe(next.nonce);
  });
});

describe('An engine that fails', () => {
  it('is tried again, in looks and in commits', () => {
    const { world, engine, process } = singleProcess();
    engine.next('load', 'f', 'f');
    engine.next('commit', 'f', 'f');
    const author = process.create('s');
    const answer = author.write('a');
    world.run(2_000);

    expect([author.created.state, answer.state]).toEqual(['OK', 'OK']);
  });

  it('for good is UNAVAILABLE for all that waits, after 10 s', () => {
    const { world, engine, process, author } = begun();
    for (let i = 0; i < 1_000; i++) engine.next('commit', 'f');
    const answers = [author.write('b'), writeAs(process, 'x', 1, 'c')];
    const found = process.find('s');

    world.run(9_000);
    expect(answers.map(({ state }) => state)).toEqual(['waits', 'waits']);
    world.run(2_000);

    expect(answers.map(({ state }) => state)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(found.found?.head.tail).toBe(1);
    expect(callsOf(engine, 'commit')).toBeLessThan(50);
  });

  it('with what no later try mends fails at once, and goes on with the next', () => {
    const { world, engine, process, author } = begun();
    engine.next('commit', { type: 'fail', error: new StreamError('PERMISSION_DENIED', 'No.') });
    const answer = writeAs(process, 'x', 1, 'b');
    world.run();
    expect(answer.state).toBe('PERMISSION_DENIED');

    const next = author.write('c');
    world.run(50);

    expect(next.state).toBe('OK');
  });
});

describe('A refusal', () => {
  it('is sure: it is decided on the stream as the store has it, not as it was', () => {
    const world = new LogWorld();
    const engine = world.engine();
    const [one, other] = [world.process(engine), world.process(world.engine())];
    one.create('s');
    world.run();
    // What the first knows is that there is one.
    other.submit('s', REMOVE);
    world.run();

    const again = one.create('s');
    world.run();

    expect(again.created.state).toBe('OK');
  });

  it('changes nothing, and is told to who is refused alone', () => {
    const { world, process, author } = begun();
    const states = [author.write('b'), produce(process, 5, 'x'), writeAs(process, 'x', 1, 'c')];
    world.run();

    expect(states.map(({ state }) => state)).toEqual(['OK', 'FAILED_PRECONDITION', 'OK']);
    expect(process.read('s').told).toEqual(['a', 'b', 'c']);
  });

  it('by the engine of several that share a commit is found out one by one', () => {
    const full = new StreamError('RESOURCE_EXHAUSTED', 'Too much.');
    const { world, process } = begun(
      {},
      {
        commit: ({ entries }) => (entries.some(({ chunks }) => chunks.includes('x')) ? full : undefined),
      },
    );
    const states = ['b', 'x', 'c'].map((chunk) => writeAs(process, chunk, 1, chunk));
    world.run(50);

    expect(states.map(({ state }) => state)).toEqual(['OK', 'RESOURCE_EXHAUSTED', 'OK']);
    expect(process.read('s').told).toEqual(['a', 'b', 'c']);
  });
});

describe('What is due', () => {
  it('is stored before anything else is decided', () => {
    const { world, process } = singleProcess();
    const author = process.create('s');
    process.submit('s', { type: 'stop', reason: 'Enough.', grace: 100 });
    world.run(99);
    const before = author.write('a');
    world.run(1);
    const after = author.write('b');
    world.run(50);

    expect([before.state, after.state]).toEqual(['OK', 'FAILED_PRECONDITION']);
    expect(process.read('s').told).toEqual(['a', '# CANCELLED']);
  });

  it('frees the id before it is taken again', () => {
    for (const { world, process } of [singleProcess(), synchronousProcess()]) {
      process.create('s', { expiresAt: 100 });
      world.run(100);

      const { created } = process.create('s');
      world.run();

      expect(created.state).toBe('OK');
    }
  });

  it('is nothing once the stream was used, which a removal is guarded by', () => {
    let use: (() => void) | undefined;
    const { world, engine, process } = singleProcess(
      {},
      {
        commit: ({ head }) => {
          // Just before the removal gets there.
          if (head === undefined) use?.();
          return undefined;
        },
      },
    );
    process.create('s', { idleTtl: 1_000 });
    world.run();
    const { generation } = process.find('s').found!.head;
    world.run(1_100);
    use = () => {
      use = undefined;
      void engine.touch([{ id: 's', generation, usedAt: world.scheduler.frame }]);
    };

    const { found } = process.find('s');
    world.run(50);

    expect(use).toBeUndefined();
    expect(found?.head.generation ?? process.find('s').found?.head.generation).toBe(generation);
  });
});

describe('On a synchronous engine', () => {
  it('everything has happened when a call returns, also inside of a hint', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    expect(author.created.state).toBe('OK');
    const states: string[] = [];
    process.read('s', {
      onNext: (chunk) => {
        if (chunk === 'a') states.push(author.write('b').state, author.write('c').state);
      },
    });

    expect(author.write('a').state).toBe('OK');

    expect(states).toEqual(['OK', 'OK']);
    expect(process.read('s').told).toEqual(['a', 'b', 'c']);
  });

  it('a write inside of the answer to another is carried out, too', () => {
    const { process } = synchronousProcess();
    const author = process.create('s');
    const states: string[] = [];
    process.streams.log.submit({
      id: 's',
      command: appendOf({ type: 'process', id: 'x', seq: 1, slot: undefined }, ['a']),
      done: () => {
        states.push(author.write('b').state);
      },
      failed: () => undefined,
    });

    expect(states).toEqual(['OK']);
  });

  it('a conflict is tried again at once, as often as others write in between', () => {
    const rivals: (() => void)[] = [];
    const { process, engine } = synchronousProcess({
      commit: () => {
        rivals.shift()?.();
        return undefined;
      },
    });
    const author = process.create('s');
    author.write('a');
    const other = new LogWorld().process(engine);
    for (let i = 1; i <= 20; i++)
      rivals.push(
        () => writeAs(other, 'x', i, 'x'),
        () => undefined,
      );

    const answer = author.write('b');

    expect(answer.state).toBe('OK');
    expect(process.read('s').told.at(-1)).toBe('b');
  });
});
