import type { Loaded } from '../engines/engine.js';
import { settle } from '../maybe-promise.js';
import type { Head } from './head.js';
import type { StreamLog } from './stream-log.js';

/** A producer that is observed: what it last showed of itself. */
interface Observed {
  readonly generation: number;
  n: number;
  beat: number;
  cancel: () => void;
}

/** How often an idle producer shows that it lives, as a share of its lease. */
const BEAT_EVERY = 1 / 3;

/**
 * Notices producers that are gone, on engines that don't know who is there. A lease is lost when neither the stream's
 * version nor its beat has changed for the length of the lease on the clock of whoever observes it, so no difference
 * of clocks ever loses one.
 */
export class Leases {
  readonly #observed = new Map<string, Observed>();
  /** Whether somebody here has a reason to go on observing. */
  isNeeded: (id: string, generation: number) => boolean = () => false;

  constructor(private readonly log: StreamLog) {}

  /** Begins to observe the producer of a stream that has a lease, unless that is done already. */
  observe(id: string, { head, soft }: Loaded): void {
    const { generation, n, status, facts } = head;
    if (this.log.rules.exact || status !== 'open' || facts.lifetime.lease === Infinity || facts.deleted)
      return;
    const known = this.#observed.get(id);
    if (known?.generation === generation) return;
    known?.cancel();
    const observed: Observed = { generation, n, beat: soft.beat, cancel: () => undefined };
    this.#observed.set(id, observed);
    this.#wait(id, observed, facts.lifetime.lease);
  }

  /** Shows that the producer of a stream lives, until the function given back is called. */
  beat(id: string, { generation, facts }: Head): () => void {
    const { engine, clock, rules } = this.log;
    const { lease } = facts.lifetime;
    if (rules.exact || lease === Infinity) return () => undefined;
    let ended = false;
    let cancel: () => void;
    const next = (): void => {
      if (!ended) cancel = clock.inBackground(lease * BEAT_EVERY, show);
    };
    const show = (): void => {
      settle(
        () => engine.load([{ id }]),
        ([loaded]) => {
          if (loaded?.head.generation !== generation || loaded.head.status !== 'open') return;
          // A counter, not a clock: whoever writes next may have a clock that is behind.
          settle(() => engine.touch([{ id, generation, beat: loaded.soft.beat + 1 }]), next, next);
        },
        // An engine that has failed may come back in time.
        next,
      );
    };
    next();
    return () => {
      ended = true;
      cancel();
    };
  }

  /** Observes nobody any more. */
  close(): void {
    for (const { cancel } of this.#observed.values()) cancel();
    this.#observed.clear();
  }

  #wait(id: string, observed: Observed, lease: number): void {
    observed.cancel = this.log.clock.inBackground(lease, () => {
      this.#check(id, observed);
    });
  }

  #check(id: string, observed: Observed): void {
    const { generation } = observed;
    settle(
      () => this.log.engine.load([{ id }]),
      ([loaded]) => {
        if (this.#observed.get(id) !== observed) return;
        if (loaded?.head.generation !== generation || loaded.head.status !== 'open') {
          this.#observed.delete(id);
          return;
        }
        const { head, soft } = loaded;
        if (head.n === observed.n && soft.beat === observed.beat) {
          this.#lose(id, observed);
          return;
        }
        observed.n = head.n;
        observed.beat = soft.beat;
        // Whoever sweeps will come back to it.
        if (this.isNeeded(id, generation)) this.#wait(id, observed, head.facts.lifetime.lease);
        else this.#observed.delete(id);
      },
      () => {
        // Nothing was seen, so nothing is concluded: it begins anew with the next look.
        this.#observed.delete(id);
      },
    );
  }

  #lose(id: string, { generation, n, beat }: Observed): void {
    this.#observed.delete(id);
    this.log.submit({
      id,
      command: { type: 'loseLease', generation, n, beat },
      done: () => undefined,
      // Gone meanwhile, or an engine that fails: whoever looks next notices again.
      failed: () => undefined,
    });
  }
}
