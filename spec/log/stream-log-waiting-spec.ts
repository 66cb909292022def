import { describe, expect, it } from 'vitest';

import { StreamError } from '../../lib/errors.js';
import { appendOf, type LogProcess, type Submitted } from '../support/log-process.js';
import { type Alterations, callsOf, singleProcess } from '../support/log-world.js';

/** An append of a process that gives no name. */
const writeAs = (process: LogProcess, name: string, seq: number, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'process', id: name, seq, slot: undefined }, chunks));

const produce = (process: LogProcess, seq: number, ...chunks: string[]): Submitted =>
  process.submit('s', appendOf({ type: 'producer', id: 'p', epoch: 0, seq }, chunks));

/** A process with the stream `s`, whose author has written `a`. */
function begun(options: Parameters<typeof singleProcess>[0] = {}, alterations?: Alterations) {
  const { world, engine, process } = singleProcess(options, alterations);
  const author = process.create('s');
  author.write('a');
  world.run(20);
  return { world, engine, process, author };
}

describe('What waits to be stored', () => {
  it('is bounded in bytes, and free again once it is stored or refused', () => {
    const { world, process } = singleProcess({ maxInFlightBytes: 10 });
    const author = process.create('s');
    world.run();
    const states = [produce(process, 0, '12345678'), produce(process, 1, '123')];
    expect(states.map(({ state }) => state)).toEqual(['waits', 'RESOURCE_EXHAUSTED']);
    expect(produce(process, 7, '12').state).toBe('waits');
    world.run(50);

    const [large, next] = [author.write('more than ten bytes'), author.write('x')];
    world.run(50);

    expect([large.state, next.state]).toEqual(['OK', 'RESOURCE_EXHAUSTED']);
    expect(process.read('s').told).toEqual(['12345678', 'more than ten bytes']);
  });

  it('is bounded by stream', () => {
    const { world, process } = singleProcess({ maxInFlightBytes: 10 });
    const authors = ['s', 't'].map((id) => process.create(id));
    const answers = authors.map((author) => author.write('12345678'));
    world.run(50);

    expect(answers.map(({ state }) => state)).toEqual(['OK', 'OK']);
  });

  it('may grow while there is room', () => {
    const { process } = singleProcess({ maxInFlightBytes: 10 });
    const { log } = process.streams;
    process.create('s');
    produce(process, 0, '12345678');
    expect(log.refusal('s', 3)?.code).toBe('RESOURCE_EXHAUSTED');
    expect(log.refusal('s', 2)).toBeUndefined();

    log.grown('s', 2);

    expect(log.refusal('s', 1)?.code).toBe('RESOURCE_EXHAUSTED');
  });

  it('fails when the log is closed, and what comes then, too', () => {
    const { world, engine, process, author } = begun({ latency: 10 });
    const onItsWay = author.write('b');
    world.run(5);
    const commits = callsOf(engine, 'commit');
    const waiting = writeAs(process, 'x', 1, 'c');

    process.streams.log.close(new StreamError('UNAVAILABLE', 'It is closed.'));
    const late = writeAs(process, 'x', 2, 'd');
    expect([waiting.state, late.state]).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    world.run(100);

    expect(onItsWay.state).toBe('OK');
    expect(callsOf(engine, 'commit')).toBe(commits);
  });

  it('fails when the log is closed while the engine fails, conflicts or refuses', () => {
    const full = new StreamError('RESOURCE_EXHAUSTED', 'Too much.');
    for (const fault of ['f', 'c', 'refuse'] as const) {
      const { world, engine, process, author } = begun(
        { latency: 10 },
        {
          commit: ({ expected }) => (fault === 'refuse' && expected !== undefined ? full : undefined),
        },
      );
      if (fault !== 'refuse')
        engine.next('commit', { ...(fault === 'f' ? { type: 'fail' } : { type: 'conflict' }), request: 10 });
      const answers = [author.write('b'), writeAs(process, 'x', 1, 'c')];
      world.run(15);

      process.streams.log.close(new StreamError('UNAVAILABLE', 'It is closed.'));
      world.run(20_000);

      for (const { state } of answers) expect(state).toMatch(/UNAVAILABLE|RESOURCE_EXHAUSTED/);
    }
  });
});
