import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';

import { memoryEngine } from '../../lib/engines/memory.js';
import { DurableStreamManager, StreamError } from '../../lib/index.js';
import { settle } from '../../lib/maybe-promise.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { type ScriptedEngine, scriptedEngine, type ScriptedEngineOptions } from '../../lib/testing/index.js';
import { testScheduler } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { environments } from './environments.js';

/** What a call gives, noted in the frame in which it does. */
function noting(scheduler: TestScheduler, notes: string[]) {
  return (name: string, call: () => unknown, after: number): void => {
    const note = (what: string): void => {
      notes.push(`${scheduler.frame} ${name} ${what}`);
    };
    scheduler.schedule(() => {
      settle(
        call,
        () => {
          note('OK');
        },
        (error) => {
          note((error as StreamError).code);
        },
      );
    }, after);
  };
}

/** Loads in each frame, and gives what came of it: `.` for an answer, `x` for a failure. */
function loadsOf(
  options: ScriptedEngineOptions,
  frames: number,
  act?: (engine: ScriptedEngine) => void,
): string {
  const scheduler = testScheduler();
  const came: string[] = [];
  scheduler.run(() => {
    const engine = scriptedEngine(scheduler, options);
    act?.(engine);
    for (let i = 0; i < frames; i++) {
      scheduler.schedule(() => {
        settle(
          () => engine.load([]),
          () => came.push('.'),
          () => came.push('x'),
        );
      }, i);
    }
  });
  return came.join('');
}

describe('A scripted engine', () => {
  it('arms a fault in its frame, for the next call', () => {
    expect(loadsOf({ script: { load: '--f-f' } }, 6)).toBe('..x.x.');
  });

  it('arms several in one frame', () => {
    expect(loadsOf({ script: { load: '-(fff)' } }, 6)).toBe('.xxx..');
  });

  it('arms what is in the first frame before the scheduler runs', () => {
    const scheduler = testScheduler();
    const engine = scriptedEngine(scheduler, { script: { load: 'f' } });
    expect(() => engine.load([])).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(engine.load([])).toEqual([]);
  });

  it('keeps a fault until there is a call of its method', () => {
    const scheduler = testScheduler();
    scheduler.run(() => {
      const engine = scriptedEngine(scheduler, { script: { load: '-f', commit: '--(lc)', hint: 'h' } });
      scheduler.schedule(() => {
        expect(() => engine.commit([])).toThrow();
        expect(engine.list({ prefix: '', after: '', limit: 1 })).toEqual([]);
        expect(engine.armed.map(({ target, fault }) => [target, fault.type])).toEqual([
          ['hint', 'hold'],
          ['load', 'fail'],
          ['commit', 'conflict'],
        ]);
      }, 3);
    });
  });

  it('can be told from inside a test', () => {
    expect(loadsOf({}, 5, (engine) => engine.next('load', 'f', { type: 'lose' }))).toBe('xx...');
    expect(loadsOf({}, 5, (engine) => engine.script('load', '-f-f'))).toBe('.x.x.');
  });

  it('takes letters for faults of its own', () => {
    const error = new StreamError('PERMISSION_DENIED', 'no');
    const scheduler = testScheduler();
    const notes: string[] = [];
    scheduler.run(() => {
      const engine = scriptedEngine(scheduler, {
        script: { load: '-(pdf)' },
        faults: { p: { type: 'fail', error }, d: { type: 'delay', request: 3, answer: 2 } },
      });
      const note = noting(scheduler, notes);
      for (const name of ['p', 'd', 'f', '.']) note(name, () => engine.load([]), 1);
    });
    expect(notes).toEqual(['1 p PERMISSION_DENIED', '1 f UNAVAILABLE', '1 . OK', '6 d OK']);
  });

  it('takes time for each call', () => {
    const scheduler = testScheduler();
    const notes: string[] = [];
    scheduler.run(() => {
      const engine = scriptedEngine(scheduler, {
        latency: { request: 2, answer: 3 },
        script: { load: '-f' },
      });
      const store = new Store(engine, engine.features, 0);
      const note = noting(scheduler, notes);
      settle(
        () => engine.watch(['s'], () => notes.push(`${scheduler.frame} hint`)),
        () => notes.push(`${scheduler.frame} watch`),
        () => undefined,
      );
      note('commit', () => engine.commit([store.creation('s')]), 10);
      note('load', () => engine.load([]), 10);
    });
    expect(notes).toEqual(['5 watch', '12 hint', '15 commit OK', '15 load UNAVAILABLE']);
  });

  it('is not reached while the connection is down, and says so when it is up', () => {
    expect(loadsOf({ connection: '-d--u-d-u' }, 10)).toBe('.xxx..xx..');

    const scheduler = testScheduler();
    const hints: string[] = [];
    scheduler.run(() => {
      const behind = memoryEngine({ presence: false });
      const store = new Store(behind, behind.features, 0);
      const engine = scriptedEngine(scheduler, { engine: behind, connection: '-d--u' });
      void engine.watch(['s'], ({ n }) => hints.push(`${scheduler.frame}:${n}`));
      for (const frame of [0, 2, 5]) {
        scheduler.schedule(() => {
          const [loaded] = behind.load([{ id: 's' }]) as [{ head: never } | undefined];
          void behind.commit([loaded ? store.next('s', loaded.head) : store.creation('s')]);
        }, frame);
      }
    });
    expect(hints).toEqual(['0:1', '4:0', '5:3']);
  });

  it('knows what it was called for, and when', () => {
    const scheduler = testScheduler();
    scheduler.run(() => {
      const engine = scriptedEngine(scheduler, { script: { read: '-s' } });
      void engine.load([{ id: 'a' }, { id: 'b' }]);
      scheduler.schedule(() => {
        void engine.read([{ id: 'c', generation: 1, position: 0, until: 1, maxBytes: 1, maxChunks: 1 }]);
        void engine.due(0, 1);
        expect(engine.calls).toEqual([
          { frame: 0, method: 'load', ids: ['a', 'b'], fault: undefined },
          { frame: 1, method: 'read', ids: ['c'], fault: { type: 'stale', request: 0 } },
          { frame: 1, method: 'due', ids: [], fault: undefined },
        ]);
      }, 1);
    });
  });

  it.each<[string, ScriptedEngineOptions]>([
    ['a letter that stands for nothing', { script: { load: '-q' } }],
    ['a letter of hints for calls', { script: { load: '-x' } }],
    ['a letter of calls for hints', { script: { hint: '-f' } }],
    ['a fault of hints for calls', { script: { load: 'q' }, faults: { q: { type: 'hold' } } }],
    [
      'a fault of hints with a time for calls',
      { script: { load: 'q' }, faults: { q: { type: 'delay', ms: 1 } } },
    ],
    ['a fault of calls for hints', { script: { hint: 'q' }, faults: { q: { type: 'conflict' } } }],
    ['a script that ends', { script: { load: '-f-|' } }],
    ['a script that fails', { script: { load: '-#' } }],
    ['a connection that is neither down nor up', { connection: 'x' }],
    ['a loss of nothing', { lose: { s: '0' } }],
    [
      'an engine with presence that is of several processes',
      { engine: memoryEngine(), features: { multiProcess: true } },
    ],
    ['a hint that is lost on an engine that loses none', { script: { hint: '-x' } }],
  ])('takes no script with %s', (_, options) => {
    const scheduler = testScheduler();
    const run = (): void => {
      scriptedEngine(scheduler, options);
    };
    expect(run).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

/** Everything is decided in the frame, so a manager on it is as on memory. */
const AT_ONCE = { synchronous: true };

describe.each(environments)('A manager on a scripted engine under $name', ({ run }) => {
  it('stores once what it has no answer for', () => {
    run((scheduler, frame) => {
      const engine = scriptedEngine(scheduler, { features: AT_ONCE, script: { commit: 'l' } });
      const streams = new DurableStreamManager(engine, { scheduler });

      const input = streams.open<string>('s');
      scheduler.schedule(() => input.next('a'), 200 * frame);
      engine.next('commit', 'l');
      scheduler.schedule(() => input.complete(), 400 * frame);

      const chunks: string[] = [];
      streams.subscribe<string>('s', { wait: Infinity }).subscribe((chunk) => chunks.push(chunk));
      scheduler.schedule(() => {
        expect(chunks).toEqual(['a']);
        expect(input.status).toBe('done');
        expect(engine.armed).toEqual([]);
      }, 800 * frame);
    });
  });

  it('commits what has met a conflict, in the same frame', () => {
    run((scheduler, frame) => {
      const engine = scriptedEngine(scheduler, { features: AT_ONCE, script: { commit: '---c' } });
      const streams = new DurableStreamManager(engine, { scheduler });
      const input = streams.open<string>('s');
      scheduler.schedule(() => input.next('a'), 2 * frame);
      scheduler.schedule(() => input.next('b'), 3 * frame);
      scheduler.schedule(() => input.complete(), 4 * frame);

      scheduler.expectObservable(streams.subscribe('s')).toBe('--ab|');
    });
  });

  it('delivers once, in order, whatever becomes of hints', () => {
    run((scheduler, frame) => {
      const engine = scriptedEngine(scheduler, { features: AT_ONCE, script: { hint: '-r-b-h' } });
      const streams = new DurableStreamManager(engine, { scheduler });
      const input = streams.open<string>('s');
      for (const [i, chunk] of ['a', 'b', 'c', 'd'].entries()) {
        scheduler.schedule(() => input.next(chunk), (1 + 2 * i) * frame);
      }
      scheduler.schedule(() => input.complete(), 12 * frame);

      // What is held comes after the next, which has it.
      scheduler.expectObservable(streams.subscribe('s')).toBe('-a-b---(cd)-|');
    });
  });

  it('takes the time of its engine, frame by frame', () => {
    run((scheduler, frame) => {
      const engine = scriptedEngine(scheduler, { latency: { request: frame, answer: frame } });
      const streams = new DurableStreamManager(engine, { scheduler });
      const input = streams.open<string>('s');
      scheduler.schedule(() => input.next('a'), 10 * frame);
      scheduler.schedule(() => input.complete(), 20 * frame);

      // A commit is told of when it is stored, in the frame after; an outcome has to be read, for two frames more.
      const chunks = '-----------a-----------|';
      scheduler.expectObservable(streams.subscribe<string>('s', { wait: Infinity })).toBe(chunks);
    });
  });

  it('goes on where hints are lost, and the connection', () => {
    run((scheduler, frame) => {
      const engine = scriptedEngine(scheduler, {
        features: { ...AT_ONCE, lossyHints: true },
        script: { hint: '--x' },
        connection: '-------d---u',
      });
      const streams = new DurableStreamManager(engine, { scheduler });
      const input = streams.open<string>('s');
      for (const [i, chunk] of ['a', 'b'].entries()) {
        scheduler.schedule(() => input.next(chunk), (2 + 2 * i) * frame);
      }
      const end = 60_000;
      scheduler.schedule(() => input.next('c'), 8 * frame);
      scheduler.schedule(() => void streams.close(), end);

      const chunks: string[] = [];
      streams
        .subscribe<string>('s')
        .subscribe({ next: (chunk) => chunks.push(chunk), error: () => chunks.push('#') });
      scheduler.schedule(() => {
        expect(chunks.join('')).toBe('abc');
        expect(engine.armed).toEqual([]);
      }, end - 1);
      scheduler.schedule(() => {
        expect(chunks.join('')).toBe('abc#');
      }, end + 1);
    });
  });

  it('tells of a tail that was lost', () => {
    run((scheduler) => {
      const engine = scriptedEngine(scheduler, {
        features: { ...AT_ONCE, tagged: true },
        lose: { s: '------2' },
      });
      const streams = new DurableStreamManager(engine, { scheduler });
      const input = streams.open<string>('s');
      input.next('a');
      input.next('b');
      input.next('c');

      scheduler.expectObservable(streams.subscribe('s').pipe(byCode)).toBe('(abc)-#', undefined, 'DATA_LOSS');
    });
  });
});
