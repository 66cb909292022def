import { Subject, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { type Offset, StreamError } from '../lib/index.js';
import { heard, LateWorld, openInput, Outcomes } from './support/late-world.js';
import { codes } from './support/outcomes.js';
import { unhandledBy } from './support/unhandled.js';
import { noted } from './support/views.js';

/** What another process does to the stream. */
const OTHERS: [code: string, how: string, act: (world: LateWorld) => unknown, status: string][] = [
  ['CANCELLED', 'stopped', (world) => world.startPrompt().streams.stop('s'), 'error'],
  ['NOT_FOUND', 'deleted', (world) => world.startPrompt().streams.delete('s'), 'error'],
  ['ABORTED', 'taken over', (world) => world.startPrompt().streams.open('s', { resume: true }), 'open'],
];

describe('An input on an engine that takes little at once', () => {
  it('makes several commits of what it has to store', async () => {
    const { world, engine, input } = await openInput({ features: { maxCommitBytes: 100 } });
    const { length } = engine.calls;
    const chunks = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(28, '.'));
    for (const chunk of chunks) input.next(chunk);
    const outcomes = new Outcomes();
    outcomes.note('flush', input.flush());
    await world.pass(100);

    expect(input.closed).toBe(false);
    // How many chunks each commit has: as many as there is room for.
    expect(await world.entries('s')).toEqual([3, 3, 3, 3]);
    expect(engine.calls.slice(length).filter(({ method }) => method === 'commit')).toHaveLength(4);
  });
});

describe('An input on an engine that others use too', () => {
  it.each(OTHERS)('fails with %s when its stream is %s, without writing', async (code, _, act, status) => {
    const { world, input } = await openInput();
    const failed = noted(codes(input.failed));
    const { signal } = input;
    await act(world);
    await world.pass(50);
    expect(failed).toEqual([code, '|']);
    expect(signal.reason).toMatchObject({ code });
    expect([input.status, input.closed]).toEqual([status, true]);
  });

  it.each(OTHERS)(
    'fails with %s when its stream is %s, and what waits is not stored',
    async (code, _, act) => {
      // No hint gets through: it is the write that finds out.
      const { world, engine, input } = await openInput({ features: { lossyHints: true } });
      engine.next('hint', { type: 'drop' }, { type: 'drop' });
      await act(world);
      const before = await world.entries('s');
      const outcomes = new Outcomes();
      input.next('a');
      outcomes.note('write', input.write('b'));
      outcomes.note('flush', input.flush());
      await world.pass(1);
      input.next('c');
      outcomes.note('next flush', input.flush());
      input.complete();
      await world.pass(100);
      expect(outcomes.seen).toEqual([`write ${code}`, `flush ${code}`, `next flush ${code}`]);
      expect(noted(codes(input.failed))).toEqual([code, '|']);
      expect(await world.entries('s')).toEqual(before);
    },
  );

  it.each(OTHERS)(
    'reports %s (%s) once to nobody in particular where nobody watches, and only if a write was lost',
    async (code, _, act) => {
      const { world, input } = await openInput();
      const unhandled = await unhandledBy(async () => {
        await act(world);
        await world.pass(50);
        input.close();
        await world.pass(50);
      });
      expect(unhandled).toEqual([]);
      const others = await openInput();
      const refused = await unhandledBy(async () => {
        await act(others.world);
        await others.world.pass(50);
        others.input.next('a');
        others.input.next('b');
        others.input.complete();
        await others.world.pass(50);
      });
      expect(refused).toMatchObject([{ code }]);
    },
  );

  it('is told of a stop with grace, may end the stream in it, and keeps that end', async () => {
    const { world, input } = await openInput();
    const failed = noted(codes(input.failed));
    const { signal } = input;
    await world.startPrompt().streams.stop('s', { grace: 100, reason: 'too long' });
    await world.pass(20);
    expect(signal.reason).toMatchObject({ code: 'CANCELLED', message: 'too long' });
    expect([input.closed, failed]).toEqual([false, []]);
    input.next('last');
    input.complete('output');
    await world.pass(200);
    expect([input.status, failed]).toEqual(['done', ['|']]);
    const { streams } = world.startPrompt();
    expect(noted(streams.subscribe<string, string>('s').output())).toEqual(['output', '|']);
  });

  it('is cancelled when the grace of a stop is over', async () => {
    const { world, input } = await openInput();
    const failed = noted(codes(input.failed));
    await world.startPrompt().streams.stop('s', { grace: 100 });
    await world.pass(90);
    expect(failed).toEqual([]);
    await world.pass(50);
    expect(failed).toEqual(['CANCELLED', '|']);
  });

  it('is told, by a signal that it asks for only now, of a stop that waits for it', async () => {
    const { world, input } = await openInput();
    await world.startPrompt().streams.stop('s', { grace: 1_000 });
    await world.pass(50);
    expect(input.signal.reason).toMatchObject({ code: 'CANCELLED' });
    expect(input.closed).toBe(false);
  });

  it('reports a chunk that is refused in the grace of a stop, though the signal has told of the stop', async () => {
    const { world, input } = await openInput();
    const { signal } = input;
    const unhandled = await unhandledBy(async () => {
      await world.startPrompt().streams.stop('s', { grace: 100 });
      await world.pass(20);
      input.next(undefined as never);
      await heard();
    });
    expect(signal.reason).toMatchObject({ code: 'CANCELLED' });
    expect(unhandled).toMatchObject([{ code: 'INVALID_ARGUMENT' }]);
  });

  it('leaves a stream that was stopped CANCELLED when its source ends because of that', async () => {
    const { world, input, streams } = await openInput();
    const source = new Subject<string>();
    source.pipe(takeUntil(input.failed)).subscribe(input);
    source.next('a');
    await world.pass(50);
    await world.startPrompt().streams.stop('s');
    await world.pass(50);
    expect(source.observed).toBe(false);
    const seen = noted(streams.subscribe<string>('s'));
    await world.pass(50);
    expect(seen).toEqual(['a', 'CANCELLED']);
  });

  it('is not taken for replaced by a look that began before it took the stream over', async () => {
    const world = new LateWorld();
    const features = { lossyHints: true };
    const former = world.startPrompt().streams.open<string>('s');
    await world.pass(1);
    const { streams, engine } = world.startPrompt({ features });
    streams.subscribe('s').subscribe();
    const poll = engine.calls.length;
    engine.next('load', { type: 'delay', answer: 500 });
    engine.interrupt();
    expect(engine.calls.slice(poll)).toMatchObject([{ method: 'load' }]);
    const heir = streams.open<string>('s', { resume: true });
    await world.pass(1_000);
    expect(noted(codes(heir.failed))).toEqual([]);
    expect(noted(codes(former.failed))).toEqual(['ABORTED', '|']);
    expect(heir.closed).toBe(false);
  });

  it('goes on at the tail of a stream that it takes over, and replaces what it is given of its lifetime', async () => {
    const world = new LateWorld();
    const { streams: former } = world.startPrompt({ expiresAt: 5_000 });
    former.open<string>('s', { ttl: 7 }).next('a');
    await world.pass(100);
    // That of its own manager has passed, and is not asked for.
    const { streams } = world.start({ expiresAt: 1 });
    const input = streams.open<string>('s', { resume: true, ttl: 1_000 });
    const offset = await world.within(100, () => input.write('b'));
    input.complete();
    await world.pass(50);
    const { tail, expiresAt, endedAt } = await former.head('s');
    expect(offset).toBe(tail);
    expect(expiresAt).toBe(endedAt! + 1_000);
  });
});

describe('An input on an engine that fails', () => {
  const forever = Array.from({ length: 1_000 }, () => ({ type: 'fail' }) as const);

  it.each(['fail', 'lose', 'conflict'] as const)(
    'writes all once though commits meet a fault: %s',
    async (type) => {
      const world = new LateWorld();
      const { streams, engine } = world.start();
      const input = streams.open<string>('s');
      await world.pass(50);
      engine.next('commit', { type }, { type }, { type });
      const offsets: Offset[] = [];
      for (const chunk of ['a', 'b', 'c']) {
        void input.write(chunk).then((offset) => offsets.push(offset));
        await world.pass(4);
      }
      await world.skip(5_000);
      input.complete();
      await world.skip(5_000);
      const events: Offset[] = [];
      const { streams: other } = world.startPrompt();
      other
        .subscribe<string>('s')
        .events()
        .subscribe(({ type: what, offset }) => {
          if (what === 'chunk') events.push(offset);
        });
      expect(noted(other.subscribe<string>('s'))).toEqual(['a', 'b', 'c', '|']);
      expect(offsets).toEqual(events);
    },
  );

  it('goes on after an engine that was not there for a while', async () => {
    const { world, engine, input } = await openInput();
    engine.next('commit', { type: 'fail' });
    engine.next('load', ...Array.from({ length: 6 }, () => ({ type: 'fail' }) as const));
    const outcomes = new Outcomes();
    outcomes.note('write', input.write('a'));
    outcomes.note('flush', input.flush());
    await world.skip(9_000);
    expect(outcomes.seen).toEqual(['write OK', 'flush OK']);
    expect(input.closed).toBe(false);
  });

  it('fails with UNAVAILABLE after 10 s, and all that waits with it', async () => {
    const { world, engine, input } = await openInput();
    engine.next('commit', ...forever);
    engine.next('load', ...forever);
    const outcomes = new Outcomes();
    outcomes.note('write', input.write('a'));
    await world.pass(1);
    input.next('b');
    outcomes.note('flush', input.flush());
    input.complete();
    await world.skip(9_900);
    expect(outcomes.seen).toEqual([]);
    await world.skip(2_000);
    expect(outcomes.seen).toEqual(['write UNAVAILABLE', 'flush UNAVAILABLE']);
    expect(noted(codes(input.failed))).toEqual(['UNAVAILABLE', '|']);
    expect([input.status, input.closed]).toEqual(['error', true]);
  });

  it('reports that nobody watches, once', async () => {
    const { world, engine, input } = await openInput();
    engine.next('commit', ...forever);
    engine.next('load', ...forever);
    const unhandled = await unhandledBy(async () => {
      input.next('a');
      await world.pass(1);
      input.next('b');
      input.complete();
      await world.skip(12_000);
    });
    expect(unhandled).toMatchObject([{ code: 'UNAVAILABLE' }]);
  });

  it('takes a stream over though answers are lost', async () => {
    const world = new LateWorld();
    const former = world.startPrompt().streams.open<string>('s');
    former.next('a');
    await world.pass(1);
    const { streams, engine } = world.start();
    engine.next('commit', 'l', 'l');
    const input = streams.open<string>('s', { resume: true });
    const outcomes = new Outcomes();
    outcomes.note('opened', input.opened);
    outcomes.note('write', input.write('b'));
    await world.skip(5_000);
    await world.skip(5_000);
    expect(outcomes.seen.sort()).toEqual(['opened OK', 'write OK']);
    expect(noted(codes(former.failed))).toEqual(['ABORTED', '|']);
    expect(noted(world.startPrompt().streams.subscribe('s'))).toEqual(['a', 'b']);
  });

  it('opens, ends, stops and deletes though answers are lost', async () => {
    const world = new LateWorld();
    const { streams, engine } = world.start();
    const outcomes = new Outcomes();
    engine.next('commit', 'l');
    const input = streams.open<string>('s');
    outcomes.note('opened', input.opened);
    await world.skip(5_000);
    engine.next('commit', 'l');
    input.complete();
    outcomes.note('flush', input.flush());
    await world.skip(5_000);
    expect(input.status).toBe('done');
    engine.next('commit', 'l');
    outcomes.note('delete', streams.delete('s'));
    await world.skip(5_000);
    const other = streams.open<string>('s');
    await world.skip(5_000);
    engine.next('commit', 'l');
    outcomes.note('stop', streams.stop('s'));
    await world.skip(5_000);
    expect(outcomes.seen).toEqual(['opened OK', 'flush OK', 'delete OK', 'stop OK']);
    expect(noted(codes(other.failed))).toEqual(['CANCELLED', '|']);
  });

  it('tells its producer of DATA_LOSS where the store has lost what it had acknowledged', async () => {
    const { world, engine, input } = await openInput({ features: { tagged: true, lossyHints: true } });
    const failed = noted(codes(input.failed));
    for (const chunk of ['a', 'b', 'c']) {
      input.next(chunk);
      await world.pass(50);
    }
    engine.next('hint', { type: 'drop' });
    engine.loseTail('s', 2);
    const outcomes = new Outcomes();
    outcomes.note('write', input.write('d'));
    await world.pass(200);
    expect(outcomes.seen).toEqual(['write DATA_LOSS']);
    expect(failed).toEqual(['DATA_LOSS', '|']);
  });

  it('tells of DATA_LOSS also where what waits was written before the loss was acknowledged', async () => {
    const { world, engine, input } = await openInput({ features: { tagged: true, lossyHints: true } });
    const outcomes = new Outcomes();
    engine.next('hint', { type: 'drop' });
    outcomes.note('first', input.write('a'));
    await world.pass(1);
    outcomes.note('second', input.write('b'));
    await world.pass(10);
    expect(outcomes.seen).toEqual(['first OK']);
    engine.next('hint', { type: 'drop' });
    engine.next('commit', { type: 'fail' });
    engine.loseTail('s', 1);
    await world.pass(200);
    expect(outcomes.seen).toEqual(['first OK', 'second DATA_LOSS']);
  });

  it('ends the stream where the engine refuses a chunk, whatever was written after it', async () => {
    const { world, engine, input } = await openInput();
    const outcomes = new Outcomes();
    const refused = new StreamError('RESOURCE_EXHAUSTED', 'The disk is full.');
    input.failed.subscribe();
    engine.next('commit', { type: 'fail', error: refused });
    input.next('a');
    outcomes.note('first', input.flush());
    await world.pass(1);
    outcomes.note('second', input.write('b'));
    input.complete();
    await world.pass(200);
    expect(outcomes.seen).toEqual(['first RESOURCE_EXHAUSTED', 'second RESOURCE_EXHAUSTED']);
    expect(noted(world.startPrompt().streams.subscribe('s'))).toEqual(['RESOURCE_EXHAUSTED']);
  });
});
