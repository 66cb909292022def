import { DurableStreamManager, type DurableStreamManagerOptions } from '../../durable-manager.js';
import type { Commit, Loaded } from '../../engines/engine.js';
import type { StreamError } from '../../errors.js';
import type { Command, Create, Writer } from '../../log/command.js';
import type { Answer } from '../../log/group.js';
import type { Lifetime, StoredOutcome } from '../../log/head.js';
import { placeOf } from '../../log/place.js';
import { offsetOf } from '../../log/segments.js';
import { settle } from '../../maybe-promise.js';
import type { Offset } from '../../offset.js';
import type { StreamInput, SubscribeOptions } from '../../stream-manager.js';
import { Deferred } from '../deferred.js';
import { type FaultPlan, faultyEngine } from '../faulty-engine.js';
import type { Cases } from './cases.js';
import { type Detour, reach, straight } from './reach.js';
import { Reading } from './reading.js';
import type { Store } from './store.js';
import { Time } from './time.js';

const FOREVER: Lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };

/** How many ms pass before it is looked again what a reader was given. */
const MOMENT = 10;

/** A process, and what is different about it. */
interface ProcessOptions extends Detour {
  /** By how many ms its clock is ahead. */
  readonly ahead?: number;
  /** How many calls of the engine it makes; then it is gone, and hears of nothing. */
  readonly calls?: number;
  /** What befalls its calls and hints. */
  readonly plan?: FaultPlan;
  /** The options of its manager. */
  readonly options?: DurableStreamManagerOptions;
}

/** A process that uses an engine: a manager, and what protocols do beneath it. Its time is that of the case. */
export class Process {
  readonly manager: DurableStreamManager;
  /** Whether it has made all the calls that it will make, and wanted to make another. */
  gone = false;
  /** How many of its commits have met another's. */
  conflicts = 0;
  #calls: number;
  #names = 0;

  constructor(
    store: Store,
    private readonly time: Time,
    private readonly name: string,
    { ahead, calls = Infinity, plan, options, features: changed, ...detour }: ProcessOptions,
  ) {
    this.#calls = calls;
    const features = { ...store.features, ...changed };
    const { around = straight, commit = (commits: readonly Commit[]) => store.engine.commit(commits) } =
      detour;
    const engine = reach(store.engine, {
      ...detour,
      features,
      around: (call) => (this.#lives() ? time.around(() => around(call)) : new Deferred()),
      commit: (commits) => {
        const results = commit(commits);
        settle(
          () => results,
          (all) => (this.conflicts += all.filter(({ type }) => type === 'conflict').length),
          () => undefined,
        );
        return results;
      },
    });
    // Nothing ends by itself that a case does not end.
    const manager = { ttl: Infinity, scheduler: time.scheduler(ahead), ...options };
    this.manager = new DurableStreamManager(
      plan === undefined ? engine : faultyEngine(engine, plan, { features }),
      manager,
    );
  }

  /** It is gone after so many more calls. */
  dies(calls = 0): void {
    this.#calls = calls;
  }

  /** Begins a stream with chunks; gives its input, and the offsets. */
  async begin<C = unknown>(
    id: string,
    chunks: readonly C[] = [],
    options?: Parameters<DurableStreamManager['open']>[1],
  ): Promise<{ input: StreamInput<C, unknown>; offsets: Offset[] }> {
    const input = this.manager.open<C, unknown>(id, options);
    await input.opened;
    const offsets: Offset[] = [];
    for (const chunk of chunks) offsets.push(await input.write(chunk));
    return { input, offsets };
  }

  read(id: string, options?: SubscribeOptions): Reading {
    // A reader that is behind asks again after a moment.
    const until = (what: string, holds: () => boolean): Promise<void> => this.time.until(what, holds, MOMENT);
    return new Reading(this.manager, id, until, options);
  }

  /** Carries out a command. */
  submit(id: string, command: Command): Promise<Answer> {
    return new Promise((done, failed: (error: StreamError) => void) => {
      this.manager.inside.streams.begin();
      this.manager.inside.streams.log.submit({ id, command, done, failed });
    });
  }

  /** Appends without an input. */
  append(id: string, writer: Writer, chunks: readonly string[], outcome?: StoredOutcome): Promise<Answer> {
    // As the manager stores them.
    const stored = chunks.map((chunk) => JSON.stringify(chunk));
    const bytes = stored.join('').length;
    return this.submit(id, { type: 'append', writer, chunks: stored, bytes, outcome });
  }

  /** Makes a fork that begins after an offset of its source; default: at the tail. */
  fork(source: string, id: string, after?: Offset, lifetime?: Partial<Lifetime>): Promise<Answer> {
    const create: Omit<Create, 'fork'> = {
      type: 'create',
      nonce: `${this.name} ${++this.#names}`,
      lifetime: { ...FOREVER, ...lifetime },
      owned: true,
    };
    const place = ({ head }: Loaded): { position: number; tag: number } =>
      after === undefined ? { position: head.tail, tag: head.tag } : placeOf(source, after, head);
    return new Promise((done, failed: (error: StreamError) => void) => {
      this.manager.inside.streams.fork(source, place, id, create, { done, failed });
    });
  }

  #lives(): boolean {
    if (this.#calls > 0) this.#calls--;
    else this.gone = true;
    return !this.gone;
  }
}

/** The offset that a command was answered with. */
export const offsetIn = ({ head, position, tag }: Answer): Offset =>
  head === undefined ? '' : offsetOf(head, position, tag);

/** A store that processes share, and the time of all of them. */
export class World {
  readonly time: Time;
  readonly #processes: Process[] = [];

  constructor(readonly store: Store) {
    this.time = new Time(store.patience);
  }

  /** Another process on the store. */
  process(options: ProcessOptions = {}): Process {
    const process = new Process(this.store, this.time, `process ${this.#processes.length}`, options);
    this.#processes.push(process);
    return process;
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    for (const { manager } of this.#processes) await manager.close();
    await this.time.rest();
  }
}

/** The body of a case in which processes share the store. */
export const inWorld =
  (body: (world: World) => Promise<void>): Parameters<Cases['it']>[1] =>
  async (store) => {
    const world = new World(store);
    try {
      await body(world);
    } finally {
      await world.close();
    }
  };
