import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Hint,
  Loaded,
  LoadRequest,
  Move,
  Page,
  Presence,
  ReadRequest,
  StreamEngine,
  Touch,
  Watch,
} from '../engines/engine.js';
import { invalid, StreamError } from '../errors.js';
import { type Awaitable, settle } from '../maybe-promise.js';
import { chain, Deferred } from './deferred.js';
import type { CallFault, EngineCall, FaultPlan } from './faulty-engine/faults.js';
import { Journal } from './faulty-engine/journal.js';
import { FaultyWatch } from './faulty-engine/watch.js';

export type {
  CallFault,
  Delays,
  EngineCall,
  EngineMethod,
  FaultPlan,
  HintFault,
} from './faulty-engine/faults.js';

/** Options of {@link faultyEngine}. */
export interface FaultyEngineOptions {
  /** Calls back after so many ms. Without, there are no delays. */
  after?: ((ms: number, callback: () => void) => void) | undefined;
  /** What the engine says of itself, where it differs from the engine behind it, which is not synchronous any more. */
  features?: Partial<EngineFeatures> | undefined;
}

/** An engine with which things go wrong. */
export interface FaultyEngine extends StreamEngine {
  /**
   * Loses the last acknowledged commits of a stream, as a failover does, and tells watchers that hints may have been
   * lost. Only of what was committed through a faulty engine to a memory engine.
   */
  loseTail(id: string, commits?: number): void;
  /** Tells all watchers of these ids, or of all, that hints may have been lost. No fault takes this away. */
  interrupt(ids?: readonly string[]): void;
}

const STALE_METHODS = ['read'];

/**
 * An engine through which another one is used, and with which things go wrong as a plan decides: no clock, no chance
 * and no marbles are in here. Several faulty engines on one engine are as several processes on one store: closing one
 * leaves the engine behind it open. One that says that it is of several processes, or that hints can be lost, can't know
 * who is there: the engine behind it must not, either (`memoryEngine({ presence: false })`).
 */
export function faultyEngine(
  engine: StreamEngine,
  plan: FaultPlan,
  options: FaultyEngineOptions = {},
): FaultyEngine {
  return new Faulty(engine, plan, options);
}

class Faulty implements FaultyEngine {
  readonly name: string;
  readonly features: EngineFeatures;
  readonly presence?: Presence;
  readonly confirm?: (ids: readonly string[]) => Awaitable<readonly (Loaded | undefined)[]>;
  readonly #journal: Journal;
  readonly #watches = new Set<FaultyWatch>();
  readonly #after: (ms: number, callback: () => void) => void;
  readonly #lost = (id: string): void => {
    this.interrupt([id]);
  };
  #closed = false;

  constructor(
    private readonly engine: StreamEngine,
    private readonly plan: FaultPlan,
    { after, features }: FaultyEngineOptions,
  ) {
    this.name = `faulty ${engine.name}`;
    this.features = { ...engine.features, synchronous: false, ...features };
    if (engine.presence !== undefined) {
      if (this.features.multiProcess || this.features.lossyHints) {
        throw invalid('What is of several processes, or loses hints, takes an engine without presence.');
      }
      this.presence = engine.presence;
    }
    this.#journal = Journal.of(engine);
    this.#journal.listeners.add(this.#lost);
    this.#after = (ms, callback) => {
      if (ms === 0) callback();
      else if (after === undefined) throw invalid('Without `after`, a faulty engine has no delays.');
      else if (ms !== Infinity) after(ms, callback);
    };
    if (this.features.staleReads) {
      this.confirm = (ids) => {
        const look = (): Awaitable<readonly (Loaded | undefined)[]> =>
          engine.confirm?.(ids) ?? engine.load(ids.map((id) => ({ id })));
        return this.#call({ method: 'confirm', ids }, look);
      };
    }
  }

  load(requests: readonly LoadRequest[]): Awaitable<readonly (Loaded | undefined)[]> {
    return this.#call({ method: 'load', ids: idsOf(requests) }, () => this.engine.load(requests));
  }

  commit(commits: readonly Commit[]): Awaitable<readonly CommitResult[]> {
    return this.#call({ method: 'commit', ids: idsOf(commits) }, (fault) =>
      fault?.type === 'conflict' ? this.#afterRival(commits) : this.#commit(commits),
    );
  }

  read(requests: readonly ReadRequest[]): Awaitable<readonly Page[]> {
    return this.#call({ method: 'read', ids: idsOf(requests) }, (fault) => {
      const pages = this.engine.read(requests);
      if (fault?.type !== 'stale') return pages;
      const { by = 1 } = fault;
      return chain(pages, (all) =>
        all.map((page, i) => this.#journal.before(page, requests[i] as ReadRequest, by)),
      );
    });
  }

  watch(ids: readonly string[], onHint: (hint: Hint) => void): Awaitable<Watch> {
    return this.#call({ method: 'watch', ids }, () => {
      const watch = new FaultyWatch(ids, onHint, this.plan, this.#after, () => this.#watches.delete(watch));
      this.#watches.add(watch);
      return chain(
        this.engine.watch(ids, (hint) => {
          watch.tell(hint);
        }),
        (inner) => watch.begin(inner),
      );
    });
  }

  touch(touches: readonly Touch[]): Awaitable<void> {
    return this.#call({ method: 'touch', ids: idsOf(touches) }, () => this.engine.touch(touches));
  }

  list(options: Parameters<StreamEngine['list']>[0]): ReturnType<StreamEngine['list']> {
    return this.#call({ method: 'list', ids: [] }, () => this.engine.list(options));
  }

  due(now: number, limit: number): ReturnType<StreamEngine['due']> {
    return this.#call({ method: 'due', ids: [] }, () => this.engine.due(now, limit));
  }

  schedule(moves: readonly Move[]): Awaitable<void> {
    return this.#call({ method: 'schedule', ids: idsOf(moves) }, () => this.engine.schedule(moves));
  }

  close(): void {
    this.#closed = true;
    this.#journal.listeners.delete(this.#lost);
    for (const watch of this.#watches) watch.close();
  }

  loseTail(id: string, commits = 1): void {
    this.#journal.lose(id, commits);
  }

  interrupt(ids?: readonly string[]): void {
    for (const watch of [...this.#watches]) watch.interrupt(ids);
  }

  #call<T>(call: EngineCall, run: (fault: CallFault | undefined) => Awaitable<T>): Awaitable<T> {
    this.#assertOpen();
    const fault = this.plan.onCall?.(call);
    if (fault === undefined) return run(undefined);
    if (fault.type === 'conflict' && call.method !== 'commit') throw misplaced(fault, call);
    if (fault.type === 'stale' && !STALE_METHODS.includes(call.method)) throw misplaced(fault, call);
    const { request = 0, answer = 0 } = fault;
    const answered = new Deferred<T>();
    const failed = (error: unknown): void => {
      this.#after(answer, () => {
        answered.reject(error);
      });
    };
    this.#after(request, () => {
      if (fault.type === 'fail') {
        failed(fault.error ?? unavailable('was not reached'));
        return;
      }
      settle(
        () => run(fault),
        (value) => {
          if (fault.type === 'lose') failed(fault.error ?? unavailable('has not answered'));
          else
            this.#after(answer, () => {
              answered.resolve(value);
            });
        },
        failed,
      );
    });
    return answered.now();
  }

  #commit(commits: readonly Commit[]): Awaitable<readonly CommitResult[]> {
    const noted = this.#journal.begin(commits);
    return chain(this.engine.commit(commits), (results) => {
      noted(results);
      return results;
    });
  }

  /** Commits after somebody else has. */
  #afterRival(commits: readonly Commit[]): Awaitable<readonly CommitResult[]> {
    return chain(this.engine.load(commits.map(({ id }) => ({ id }))), (loaded) => {
      const rivals = loaded.flatMap((stream, i) =>
        stream ? [versionAfter((commits[i] as Commit).id, stream)] : [],
      );
      return chain(this.#commit(rivals), () => {
        // What is to begin where nothing is was begun and removed: there is nothing to commit upon.
        const made = commits.filter((_, i) => loaded[i] !== undefined);
        return chain(this.#commit(made), (results) => {
          const rest = [...results];
          return loaded.map((stream) => (stream && rest.shift()) ?? { type: 'conflict', current: undefined });
        });
      });
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw unavailable('is closed');
  }
}

const idsOf = (requests: readonly { readonly id: string }[]): string[] => requests.map(({ id }) => id);

const versionAfter = (id: string, { head }: Loaded): Commit => ({
  id,
  expected: head,
  head: { ...head, n: head.n + 1 },
  parts: undefined,
  entries: [],
});

const unavailable = (what: string): StreamError => new StreamError('UNAVAILABLE', `The engine ${what}.`);

const misplaced = ({ type }: CallFault, { method }: EngineCall): StreamError =>
  invalid(`A fault of the type ${type} can't befall a ${method}.`);
