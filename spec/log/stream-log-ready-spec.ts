import { describe, expect, it } from 'vitest';

import { StreamError } from '../../lib/errors.js';
import { appendOf, type LogProcess, type Submitted } from '../support/log-process.js';
import { callsOf, LogWorld } from '../support/log-world.js';

/** An append of a process that gives no name. */
const writeAs = (process: LogProcess, name: string, seq: number, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'process', id: name, seq, slot: undefined }, chunks));

/** A process with the stream `s`, on an engine that says when it is the turn of a commit: when it is told to. */
function begun() {
  const world = new LogWorld();
  const waiting: (() => void)[] = [];
  const engine = Object.assign(world.engine(), { ready: (callback: () => void) => waiting.push(callback) });
  const process = world.process(engine);
  /** Gives their turn to those who wait, and gives how many there were. */
  const turn = (): number => {
    const callbacks = waiting.splice(0);
    for (const callback of callbacks) callback();
    return callbacks.length;
  };
  const author = process.create('s');
  world.run();
  return { world, engine, process, author, turn };
}

describe('What is asked for until the engine is ready', () => {
  it('of one stream shares a commit', () => {
    const { world, engine, process, turn } = begun();
    writeAs(process, 'w', 1, 'w');
    world.run();
    const commits = callsOf(engine, 'commit');
    const answers = ['x', 'y', 'z'].map((name) => {
      const answer = writeAs(process, name, 1, name);
      world.run(10);
      return answer;
    });
    expect(callsOf(engine, 'commit')).toBe(commits);

    expect(turn()).toBe(1);
    world.run();

    expect(answers.map(({ state }) => state)).toEqual(['OK', 'OK', 'OK']);
    expect(callsOf(engine, 'commit')).toBe(commits + 1);
  });

  it('of several streams shares a call', () => {
    const { world, engine, process, author, turn } = begun();
    const other = process.create('t');
    world.run();
    const answers = [author, other].map((each) => {
      const answer = each.write('a');
      world.run(10);
      return answer;
    });

    expect(turn()).toBe(1);
    world.run();

    expect(answers.map(({ state }) => state)).toEqual(['OK', 'OK']);
    const commits = engine.calls.filter(({ method }) => method === 'commit');
    expect(commits.at(-1)?.ids).toEqual(['s', 't']);
  });

  it('and changes nothing is answered, but not within the callback', () => {
    const { world, process, turn } = begun();
    const first = writeAs(process, 'x', 1, 'a');
    world.run();
    const again = writeAs(process, 'x', 1, 'a');
    world.run();

    expect(turn()).toBe(1);
    expect([first.state, again.state]).toEqual(['OK', 'waits']);
    world.run();

    expect(again.state).toBe('duplicate');
  });

  it('and needs to know more is looked for, but not within the callback', () => {
    const { world, engine, process, author, turn } = begun();
    const answer = author.write('a');
    world.run();
    const other = process.submit('s', appendOf({ type: 'producer', id: 'p', epoch: 0, seq: 0 }, ['b']));
    const loads = callsOf(engine, 'load');

    turn();
    expect(callsOf(engine, 'load')).toBe(loads);
    world.run();

    expect([answer.state, other.state]).toEqual(['OK', 'OK']);
    expect(process.read('s').told).toEqual(['a', 'b']);
  });

  it('is not committed once all is closed', () => {
    const { world, engine, process, author, turn } = begun();
    const answer = author.write('a');
    world.run();
    const commits = callsOf(engine, 'commit');

    process.streams.close(new StreamError('UNAVAILABLE', 'It is closed.'));
    turn();
    world.run();

    expect(answer.state).toBe('UNAVAILABLE');
    expect(callsOf(engine, 'commit')).toBe(commits);
  });

  it('is tried again where the commit that follows fails', () => {
    const { world, engine, process, author, turn } = begun();
    engine.next('commit', 'f');
    const answer = author.write('a');
    world.run();
    turn();
    expect(answer.state).toBe('waits');
    world.run(1_000);

    expect(answer.state).toBe('OK');
    expect(process.read('s').told).toEqual(['a']);
  });
});
