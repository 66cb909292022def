import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

import type { Commit, CommitResult, Hint, Page, StreamEngine } from '../../lib/engines/engine.js';
import { memoryEngine } from '../../lib/engines/memory.js';
import type { StreamError } from '../../lib/errors.js';
import { type Awaitable, settle } from '../../lib/maybe-promise.js';
import { chain } from '../../lib/testing/deferred.js';
import {
  type EngineMethod,
  type ScriptedEngine,
  scriptedEngine,
  type ScriptedEngineOptions,
} from '../../lib/testing/index.js';
import { LogProcess, type ProcessOptions } from './log-process.js';
import { runUntil } from './schedulers.js';

/** What differs from the engine behind. */
export interface Alterations {
  /** What a read gives. */
  page?: (page: Page) => Page;
  /** What a watcher is told. */
  hint?: (hint: Hint) => readonly Hint[];
  /** Called before a commit is made. An error refuses it. */
  commit?: (commit: Commit) => StreamError | undefined;
}

/** What the engines here say of themselves, of what hints and reads can do. */
export const LOSSY = { features: { lossyHints: true } } as const;
export const TAGGED = { features: { tagged: true } } as const;
export const STALE = { features: { staleReads: true } } as const;

/** One store that processes share, all of whose engines are scripted, and the time of all of them. */
export class LogWorld {
  readonly scheduler = new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  });
  readonly store = memoryEngine({ presence: false });

  /** Lets time pass. */
  run(ms = 0): void {
    const until = this.scheduler.frame + ms;
    runUntil(this.scheduler, until);
    this.scheduler.frame = until;
  }

  /** Another engine on the store, as of a process. */
  engine(options: ScriptedEngineOptions = {}): ScriptedEngine {
    return scriptedEngine(this.scheduler, { engine: this.store, ...options });
  }

  process(engine: StreamEngine, options?: ProcessOptions): LogProcess {
    const process = new LogProcess(this.scheduler, engine, options);
    process.streams.begin();
    return process;
  }
}

/** A world with one process. */
export function singleProcess(
  options: ScriptedEngineOptions & ProcessOptions = {},
  alterations?: Alterations,
): { world: LogWorld; engine: ScriptedEngine; process: LogProcess } {
  const world = new LogWorld();
  const engine = world.engine(options);
  const process = world.process(alterations ? altered(engine, alterations) : engine, options);
  return { world, engine, process };
}

/** A process on a synchronous engine of its own, in memory. */
export function synchronousProcess(
  alterations: Alterations = {},
  options?: ProcessOptions,
): { world: LogWorld; engine: StreamEngine; process: LogProcess } {
  const world = new LogWorld();
  const engine = altered(memoryEngine(), alterations);
  return { world, engine, process: world.process(engine, options) };
}

/** How many calls of some methods there were. */
export const callsOf = (engine: ScriptedEngine, ...methods: EngineMethod[]): number =>
  engine.calls.filter(({ method }) => methods.includes(method)).length;

/** An engine whose reads and hints can be altered at any time. */
function altered(engine: StreamEngine, alterations: Alterations): StreamEngine {
  return {
    name: engine.name,
    features: engine.features,
    load: (requests) => engine.load(requests),
    commit: (commits) => {
      const errors = commits.map((commit) => alterations.commit?.(commit));
      const made = engine.commit(commits.filter((_, i) => errors[i] === undefined));
      return chain(made, (results) => {
        const left = [...results];
        return errors.map((error) => (error ? { type: 'refused', error } : (left.shift() as CommitResult)));
      });
    },
    read: (requests) =>
      chain(engine.read(requests), (pages) => pages.map((page) => alterations.page?.(page) ?? page)),
    watch: (ids, onHint) =>
      engine.watch(ids, (hint) => {
        for (const each of alterations.hint?.(hint) ?? [hint]) onHint(each);
      }),
    touch: (touches) => engine.touch(touches),
    ...(engine.confirm && { confirm: (ids) => engine.confirm?.(ids) ?? [] }),
    ...(engine.presence && { presence: engine.presence }),
    list: (options) => engine.list(options),
    due: (now, limit) => engine.due(now, limit),
    schedule: (moves) => engine.schedule(moves),
    close: () => engine.close(),
  };
}

/** What an answer is, of an engine that answers at once. */
export function valueOf<T>(answer: Awaitable<T>): T {
  let value: { readonly is: T } | undefined;
  settle(
    () => answer,
    (given) => {
      value = { is: given };
    },
    (error) => {
      throw error;
    },
  );
  if (value === undefined) throw new Error('It has not answered.');
  return value.is;
}
