import { persist } from './clock.js';
import type { Asked } from './known.js';
import type { Follower } from './replay-then-live.js';
import type { StreamLog } from './stream-log.js';

/** How often, in ms, all tails are looked at. */
const EVERY = 30_000;
/** How many are looked at in one call. */
const BATCH = 500;

/** An id that is looked at. */
export interface Polled {
  readonly follower: Follower | undefined;
  /** Who waits for a stream to be opened. */
  readonly waiters: ReadonlySet<() => void> | undefined;
}

/** The safety net under hints that can be lost, and nothing else: now and then, it looks at every tail that is watched. */
export class Poll {
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly log: StreamLog,
    private readonly retryFor: number,
    private readonly watched: ReadonlyMap<string, Polled>,
  ) {}

  /** Looks for as long as there is anything to look at. Calling it again changes nothing. */
  begin(): void {
    const { engine, clock } = this.log;
    if (this.#cancel !== undefined || !engine.features.lossyHints || this.#closed) return;
    this.#cancel = clock.inBackground(EVERY * (0.75 + clock.random() / 2), () => {
      this.#cancel = undefined;
      const followers = [...this.watched.values()].flatMap(({ follower }) => follower ?? []);
      for (let i = 0; i < followers.length; i += BATCH) this.#lookAt(followers.slice(i, i + BATCH));
      for (const [id, { waiters }] of this.watched) {
        if (waiters !== undefined && waiters.size > 0) this.#lookFor(id, waiters);
      }
      if (this.watched.size > 0) this.begin();
    });
  }

  /** Looks no more. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #lookAt(followers: readonly Follower[]): void {
    const { engine, clock } = this.log;
    const begun = followers.map(({ asked }) => asked);
    persist(
      { clock, engine, retryFor: this.retryFor },
      () => engine.load(followers.map(({ id }) => ({ id }))),
      (loaded) => {
        for (const [i, follower] of followers.entries()) follower.seen(loaded[i], begun[i] as Asked);
      },
      // Who rests asks nothing, and would never hear of it.
      (error) => {
        for (const follower of followers) follower.lost(error);
      },
    );
  }

  #lookFor(id: string, waiters: ReadonlySet<() => void>): void {
    this.log.look(
      id,
      (loaded) => {
        if (loaded !== undefined) for (const opened of [...waiters]) opened();
      },
      () => undefined,
    );
  }
}
