import type { Loaded, StreamEngine } from '../engines/engine.js';
import { settle } from '../maybe-promise.js';
import type { Clock } from './clock.js';
import type { Head } from './head.js';
import type { Leases } from './leases.js';
import { markEvery, type Precision } from './time.js';

/** How often a reader that stays renews its mark, as a share of the `idleTtl`. */
const RENEW_EVERY = 0.5;
/** How many marks are remembered, which saves touches and nothing else. */
const MAX_MARKS = 16_384;

/**
 * Tells an engine which streams are in use, so that what is idle can expire: exactly, where the engine knows who is
 * there; else by marks, at most one per tenth of the `idleTtl`.
 */
export class Usage {
  /** When each stream was last marked, and what ends the presence of its readers. */
  readonly #marks = new Map<string, { generation: number; at: number }>();
  readonly #stays = new Map<string, () => void>();

  constructor(
    private readonly engine: StreamEngine,
    private readonly clock: Clock,
    private readonly precision: Precision,
    private readonly leases: Leases,
  ) {}

  /** A stream is read. */
  used(id: string, { generation, facts }: Head): void {
    const { idleTtl } = facts.lifetime;
    if (idleTtl === Infinity) return;
    const now = this.clock.now();
    const every = markEvery(idleTtl, this.precision);
    const last = this.#marks.get(id);
    if (every > 0) {
      if (last?.generation === generation && now - last.at < every) return;
      if (this.#marks.size >= MAX_MARKS) this.#marks.clear();
      this.#marks.set(id, { generation, at: now });
    }
    settle(
      () => this.engine.touch([{ id, generation, usedAt: now }]),
      () => undefined,
      () => {
        // Not marked, so the next use tries again. An engine that has failed tells those who read and write.
        this.#marks.delete(id);
      },
    );
  }

  /** The first reader of this process has come, or the last one has gone. */
  observed(id: string, head: Head, observed: boolean): void {
    this.used(id, head);
    this.#stays.get(id)?.();
    this.#stays.delete(id);
    if (!observed) return;
    // Who takes the stream over may give it an `idleTtl`.
    const stays = head.facts.lifetime.idleTtl !== Infinity || this.engine.presence !== undefined;
    if (stays) this.#stays.set(id, this.#stay(id, head));
  }

  /** A stream has one more reader. */
  joined(id: string, loaded: Loaded): void {
    this.leases.observe(id, loaded);
  }

  /** Forgets everybody. */
  close(): void {
    for (const leave of this.#stays.values()) leave();
    this.#stays.clear();
    this.#marks.clear();
  }

  #stay(id: string, head: Head): () => void {
    const { presence } = this.engine;
    if (presence !== undefined) return presence.hold(id, head.generation);
    const { idleTtl } = head.facts.lifetime;
    let cancel: () => void;
    const renew = (): void => {
      this.used(id, head);
      cancel = this.clock.inBackground(idleTtl * RENEW_EVERY, renew);
    };
    renew();
    return () => {
      cancel();
    };
  }
}
