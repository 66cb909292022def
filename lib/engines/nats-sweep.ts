import { decodeSoft } from './nats-look.js';
import type { NatsStore } from './nats-store.js';

/** What a life that is over has left. */
interface Remains {
  readonly id: string;
  /** The last message of it. */
  readonly through: number;
  readonly generation: number;
}

/** How many times as long as a purge took nothing is purged: it stops the writers of its shard. */
const PAUSE = 4;

/**
 * Removes what is left of lives that are over, one after another: a server looks through all of a shard for it. What is
 * not removed is found again whenever streams are listed.
 */
export class NatsSweep {
  readonly #remains = new Map<string, Remains>();
  #running: Promise<void> | undefined;
  #hurry: (() => void) | undefined;
  #closed = false;

  constructor(private readonly store: NatsStore) {}

  /** What an id has up to a message, and up to a generation, is of no account any more. */
  add(id: string, through: number, generation: number): void {
    if (this.#closed) return;
    this.#remains.set(id, { id, through, generation });
    this.#running ??= this.#run();
  }

  /** Removes what is known, without pauses, as long as that is allowed to take, in ms. */
  async close(patience: number): Promise<void> {
    this.#closed = true;
    this.#hurry?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
    this.#remains.clear();
  }

  async #run(): Promise<void> {
    for (const [id, remains] of this.#remains) {
      this.#remains.delete(id);
      const begun = performance.now();
      // What fails is left to who finds it.
      await this.#remove(remains).catch(() => undefined);
      if (!this.#closed) await this.#pause((performance.now() - begun) * PAUSE);
    }
    this.#running = undefined;
  }

  async #remove({ id, through, generation }: Remains): Promise<void> {
    const { store } = this;
    const { keys } = store;
    const beside = await store.last(keys.soft, keys.softSubject(id));
    // Before the tombstone goes, by which it is found.
    if (beside !== undefined && decodeSoft(beside.data).generation <= generation)
      await store.remove(keys.soft, beside.seq);
    await store.purge(keys.logStream(id), keys.logSubject(id), through);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
