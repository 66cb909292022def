import { eventsOf } from './timing.js';

/** What of a page is used. */
interface Page {
  readonly visibilityState: string;
}

/** What tells how a page fares. Whatever else comes after `freeze` says that it is over. */
const EVENTS = ['visibilitychange', 'freeze', 'resume'];

/** Holds a reading back while the page is frozen, or hidden if that is wanted, and while it is parked. */
export class Gate {
  #parked = false;
  #frozen = false;
  #waiting: (() => void)[] = [];
  readonly #page: (Page & EventTarget) | undefined;

  constructor(
    private readonly pauseWhenHidden: boolean,
    watchesPage: boolean,
    /** Called when it shuts. */
    private readonly onShut: () => void,
  ) {
    const page = eventsOf(globalThis.document) as (Page & EventTarget) | undefined;
    if (!watchesPage || page === undefined) return;
    this.#page = page;
    for (const type of EVENTS) page.addEventListener(type, this.#changed);
  }

  get isOpen(): boolean {
    const isHidden = this.pauseWhenHidden && this.#page?.visibilityState === 'hidden';
    return !this.#parked && !this.#frozen && !isHidden;
  }

  park(parked: boolean): void {
    this.#parked = parked;
    this.#changed();
  }

  /** Resolves once it is open. */
  opened(): Promise<void> {
    if (this.isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Nobody is held back any more. */
  close(): void {
    for (const type of EVENTS) this.#page?.removeEventListener(type, this.#changed);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  readonly #changed = (event?: Event): void => {
    if (event !== undefined) this.#frozen = event.type === 'freeze';
    if (!this.isOpen) this.onShut();
    else for (const resolve of this.#waiting.splice(0)) resolve();
  };
}
