import type { EngineFeatures, StreamEngine } from '../../engines/engine.js';
import type { Awaitable } from '../../maybe-promise.js';
import { check } from './assert.js';
import type { FuzzOptions } from './fuzz.js';
import { Store } from './store.js';

/** What the suite needs of a test framework: vitest, mocha, Jest, `node:test` and others have it. */
export interface TestFramework {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
}

/** What the suite has to know of an engine. */
export interface EngineUnderTest {
  /** For the names of the cases. */
  readonly name: string;
  /**
   * What the engine's `features` are, told beforehand because they select the cases. That the engine says the same is
   * checked.
   */
  readonly features: EngineFeatures;
  /** Whether the engine has {@link StreamEngine.presence}. Default: no. */
  readonly presence?: boolean;
  /** An engine on a store of its own, without streams. */
  create(): Awaitable<StreamEngine>;
  /**
   * Another engine on the store of one. Required of engines that are durable, where the first has been closed, and of
   * those of several processes, where it has not been.
   */
  reopen?(engine: StreamEngine): Awaitable<StreamEngine>;
  /** Removes the store of an engine. All engines on it have been closed. */
  destroy?(engine: StreamEngine): Awaitable<void>;
  /** How many parts one stream can have. Default, and the most that is tried: 10,000. */
  readonly maxParts?: number;
  /** Which random programs are run. Default: those of the seeds 1 to 3,000. */
  readonly fuzz?: FuzzOptions;
  /** For how many ms a hint, or a read that is not stale, is waited for. Default: 4,000. */
  readonly patience?: number;
}

type Body = (store: Store) => Promise<void>;

/** Registers the cases of a suite, each on a store of its own. */
export class Cases {
  readonly features: EngineFeatures;
  readonly presence: boolean;
  readonly patience: number;

  constructor(
    private readonly framework: TestFramework,
    readonly subject: EngineUnderTest,
  ) {
    this.features = subject.features;
    this.presence = subject.presence ?? false;
    this.patience = subject.patience ?? 4_000;
  }

  /** Registers a case. */
  it(title: string, body: Body): void {
    this.framework.it(title, () => this.#run(body));
  }

  /**
   * Registers a case that not every engine has to pass. For one that needn't, what is registered says why, and checks
   * that the engine has that reason.
   */
  when(
    applies: boolean,
    title: string,
    body: Body,
    otherwise: string,
    reason: (engine: StreamEngine) => boolean,
  ): void {
    if (applies) this.it(title, body);
    else
      this.it(otherwise, (store) => {
        check(reason(store.engine), `the engine ${otherwise}`);
        return Promise.resolve();
      });
  }

  /** Opens the store of an engine once more. The case has to close what it gets. */
  async reopen({ engine }: Store): Promise<Store> {
    const { subject, features, patience } = this;
    check(
      subject.reopen !== undefined,
      'there is a `reopen` for an engine that is durable or of several processes',
    );
    return new Store(await subject.reopen(engine), features, patience);
  }

  async #run(body: Body): Promise<void> {
    const { subject, features, patience } = this;
    const engine = await subject.create();
    try {
      await body(new Store(engine, features, patience));
    } finally {
      await engine.close();
      await subject.destroy?.(engine);
    }
  }
}
