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
const NONE: ReadonlySet<string> = new Set();

/** Does what the clock asks for, stream by stream as their deadlines come: work is proportional to what is due. */
export class Sweeper {
  #sweeping = false;
  #again = false;
  /** What was due at the last look of this sweep. */
  #last: ReadonlySet<string> = NONE;
  /** The moment of the next sweep, while there is none; and what came nearer during one. */
  #next = Infinity;
  #nearer = Infinity;
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
    this.#last = NONE;
    this.#look();
  }

  /** Something will be due at a moment: this process has made it so, or has heard of it. */
  expect(at: number): void {
    if (this.#closed || this.log.engine.presence !== undefined) return;
    if (this.#sweeping) this.#nearer = Math.min(this.#nearer, at);
    else if (at < this.#next) this.#armFor(at);
  }

  /** Sweeps no more. */
  close(): void {
    this.#closed = true;
    this.arm(Infinity);
  }

  /** Looks at the index, and again while there is more: where answers come at once in a loop, not on a stack that grows. */
  #look(): void {
    const { engine, clock } = this.log;
    for (let again = true; again;) {
      again = false;
      let returned = false;
      const goOn = (): void => {
        if (returned) this.#look();
        else again = true;
      };
      settle(
        () => engine.due(clock.now(), BATCH),
        ({ ids, next }) => {
          this.#all(ids, next, goOn);
        },
        () => {
          this.#over(clock.now() + LOOK_AGAIN);
        },
      );
      returned = true;
    }
  }

  /** Does what is due, all at once: what is stored for streams that are ready at once shares a commit. */
  #all(ids: readonly string[], next: number, goOn: () => void): void {
    const { clock } = this.log;
    const due = ids.filter((id) => !this.#last.has(id));
    if (due.length === 0 && ids.length > 0) {
      // What was done about them has not moved them, so the rest of the index waits a moment rather than for ever.
      this.#over(clock.now() + LOOK_AGAIN);
      return;
    }
    this.#last = new Set(ids);
    let left = due.length;
    const over = (): void => {
      if (--left <= 0 && !this.#closed) this.#done(next, goOn);
    };
    if (left === 0) over();
    for (const id of due) if (!this.#closed) this.#one(id, over);
  }

  #done(next: number, goOn: () => void): void {
    const { engine, clock } = this.log;
    const again = this.#again || next <= clock.now();
    this.#again = false;
    if (again) goOn();
    // It tells by itself when the next is due.
    else if (engine.presence !== undefined) this.#sweeping = false;
    else this.#over(Math.min(next, clock.now() + LOOK_EVERY * (0.75 + clock.random() / 2)));
  }

  #over(next: number): void {
    this.#sweeping = false;
    if (!this.#closed) this.#armFor(Math.min(next, this.#nearer));
    this.#nearer = Infinity;
  }

  #armFor(at: number): void {
    this.#next = at;
    this.arm(at);
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
        const to = deadline(head, soft, now, log.rules);
        settle(() => log.engine.schedule([{ id, generation, from: soft.dueAt, to }]), over, over);
      },
      // An engine that fails: it stays in the index.
      over,
    );
  }
}
