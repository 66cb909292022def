import type { Clock } from '../../../lib/log/clock.js';
import type { Random } from './random.js';

/** What stops a simulation: a promise that was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Something that can be gone: what it was to do is not done any more. */
export interface Owner {
  readonly alive: boolean;
}

interface Event {
  readonly at: number;
  readonly owner: Owner;
  run: (() => void) | undefined;
}

/** The network, the disk and the user: never gone. */
export const NATURE: Owner = { alive: true };

const EPOCH = 1_700_000_000_000;

/** Time, and what happens in it, one event after another. Nothing runs but by this. */
export class World {
  now = EPOCH;
  /** How many events there have been. */
  steps = 0;
  /** What happened, for people; kept only where somebody will read it. */
  trace: string[] | undefined;
  /** The first promise that was broken. */
  violation: Violation | undefined;
  readonly #events: Event[] = [];
  readonly #soon: Event[] = [];

  constructor(readonly random: Random) {}

  /** ms since the beginning. */
  get elapsed(): number {
    return this.now - EPOCH;
  }

  note(text: () => string): void {
    this.trace?.push(`${this.elapsed.toFixed(2).padStart(10)} ${text()}`);
  }

  /** Keeps what was broken, because the log catches what its callbacks throw. */
  broken(rule: string): Violation {
    this.note(() => `BROKEN: ${rule}`);
    return (this.violation ??= new Violation(rule));
  }

  demand(holds: boolean, rule: () => string): void {
    if (!holds) throw this.broken(rule());
  }

  /** Does something later, unless its owner is gone by then. Gives back what cancels it. */
  later(ms: number, owner: Owner, run: () => void): () => void {
    // The fraction lets what is due in one millisecond happen in any order.
    const fraction = this.random.fraction();
    const event: Event = { at: this.now + ms + fraction * 0.9, owner, run };
    this.#add(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Does something after what is running now, and before anything else. */
  soon(owner: Owner, run: () => void): void {
    this.#soon.push({ at: this.now, owner, run });
  }

  /** Lets the next event happen, if there is one until a moment; gives whether there was. */
  step(until = Infinity): boolean {
    const event = this.#events[0];
    if (event === undefined || event.at > until) {
      if (until !== Infinity) this.now = Math.max(this.now, until);
      return false;
    }
    this.#take();
    if (event.run === undefined || !event.owner.alive) return true;
    this.now = event.at;
    this.steps++;
    event.run();
    const soon = this.#soon;
    if (soon.length > 0) {
      // It grows as it is read.
      for (const next of soon) {
        if (next.owner.alive) next.run?.();
      }
      soon.length = 0;
    }
    return true;
  }

  #add(event: Event): void {
    const events = this.#events;
    let slot = events.push(event) - 1;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = events[parent] as Event;
      if (above.at <= event.at) break;
      events[slot] = above;
      slot = parent;
    }
    events[slot] = event;
  }

  #take(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    const { length } = events;
    if (length === 0) return;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= length) break;
      if (child + 1 < length && (events[child + 1] as Event).at < (events[child] as Event).at) child++;
      if ((events[child] as Event).at >= last.at) break;
      events[slot] = events[child] as Event;
      slot = child;
    }
    events[slot] = last;
  }
}

/** The clock of a process, which may be off. */
export const clockOf = (world: World, owner: Owner, skew: number): Clock => ({
  now: () => Math.floor(world.now) + skew,
  after: (ms, callback) => world.later(ms, owner, callback),
  inBackground: (ms, callback) => world.later(ms, owner, callback),
  soon: (callback) => {
    world.soon(owner, callback);
  },
  random: () => world.random.fraction(),
});
