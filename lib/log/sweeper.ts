import { settle } from '../maybe-promise.js';
import type { Forks } from './forks.js';
import type { Leases } from './leases.js';
import type { StreamLog } from './stream-log.js';
import { deadline } from './time.js';

/** How many streams one look at the index asks for. */
const BATCH = 100;
/** The longest time, in ms, between two looks at an index that other processes write to. */
const LOOK_EVERY = 60_000;
/** The time, in ms, after which an index that could not be read is read again. */
const LOOK_AGAIN = 1_000;

/** Does what the clock asks for, stream by stream as their deadlines come: work is proportional to what is due. */
export class Sweeper {
  #sweeping = false;
  #again = false;
  /** The stream that was due first, at the last look of this sweep. */
  #first: string | undefined;
  #closed = false;

  constructor(
    private readonly log: StreamLog,
    private readonly leases: Leases,
    private readonly forks: Forks,
    /** Arms one timer, in place of the one before, for a moment; `Infinity`: none. */
    private readonly arm: (at: number) => void,
  ) {}

  /** Does everything that is due now; on a synchronous engine it is done when the call returns. */
  sweep(): void {
    if (this.#closed) return;
    // On a synchronous engine whoever is told of what is swept may need what is still to be.
    if (this.#sweeping && !this.log.engine.features.synchronous) {
      this.#again = true;
      return;
    }
    this.#sweeping = true;
    this.#look();
  }

  /** Sweeps no more. */
  close(): void {
    this.#closed = true;
    this.arm(Infinity);
  }

  #look(): void {
    const { engine, clock } = this.log;
    settle(
      () => engine.due(clock.now(), BATCH),
      ({ ids, next }) => {
        const [first] = ids;
        if (first !== undefined && first === this.#first) {
          // What was done about it has not moved it, so the rest of the index waits a moment rather than for ever.
          this.#over(clock.now() + LOOK_AGAIN);
          return;
        }
        this.#first = first;
        this.#each(ids, 0, next);
      },
      () => {
        this.#over(clock.now() + LOOK_AGAIN);
      },
    );
  }

  /** One after another, without a stack that grows. */
  #each(ids: readonly string[], from: number, next: number): void {
    for (let i = from; i < ids.length; i++) {
      if (this.#closed) return;
      const step = { over: false, waits: false };
      this.#one(ids[i] as string, () => {
        step.over = true;
        if (step.waits) this.#each(ids, i + 1, next);
      });
      step.waits = true;
      if (!step.over) return;
    }
    if (this.#closed) return;
    const again = this.#again || next <= this.log.clock.now();
    this.#again = false;
    if (again) {
      this.#look();
      return;
    }
    const { engine, clock } = this.log;
    if (engine.presence !== undefined) {
      // It tells by itself when the next is due.
      this.#first = undefined;
      this.#sweeping = false;
      return;
    }
    this.#over(Math.min(next, clock.now() + LOOK_EVERY * (0.75 + clock.random() / 2)));
  }

  #over(next: number): void {
    this.#first = undefined;
    this.#sweeping = false;
    if (!this.#closed) this.arm(next);
  }

  #one(id: string, over: () => void): void {
    const { log } = this;
    log.look(
      id,
      (loaded) => {
        if (loaded === undefined) {
          over();
          return;
        }
        const now = log.clock.now();
        const { head, soft } = loaded;
        if ((head.facts.recheckAt ?? Infinity) <= now) {
          this.forks.recheck(id, loaded, over);
          return;
        }
        if (log.rules.exact) {
          over();
          return;
        }
        this.leases.observe(id, loaded);
        const { generation } = head;
        // Found too early, or to be looked at again.
        const dueAt = deadline(head, soft, now, log.rules);
        settle(() => log.engine.schedule([{ id, generation, dueAt }]), over, over);
      },
      // An engine that fails: it stays in the index.
      over,
    );
  }
}
