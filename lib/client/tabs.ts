import type { SchedulerLike } from 'rxjs';

import { after } from './timing.js';

/** What a tab tells the others of a stream. */
export interface News {
  /** What follows an offset. */
  readonly from: string;
  readonly next: string;
  readonly chunks: readonly unknown[];
  readonly closed: boolean;
  /** The outcome, as the server has said it. */
  readonly outcome: unknown;
}

type Message =
  | ({ readonly type: 'news' } & News)
  /** The leader is there, and has come so far. */
  | { readonly type: 'at'; readonly next: string }
  /** Somebody wants to know that. */
  | { readonly type: 'where' };

/** What of the platform is used. */
interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    granted: () => Promise<void>,
  ): Promise<unknown>;
}

/** How often, in ms, a leader says that it is there. */
const BEAT = 5_000;
/** For how long, in ms, it may say nothing, before another takes its place: one that is seen, and any. */
const SILENT = 20_000;
const SILENT_HIDDEN = 120_000;
/** How many messages are kept for a tab that is catching up; it reads what is beyond from the server. */
const MAX_KEPT = 1_000;

/**
 * One reader among all tabs of an origin that read a stream live. The one that has the lock leads: it alone follows the
 * server, and tells the others what comes, each with the offsets before and after it. Who finds that something is
 * missing reads that from the server itself, so that nothing depends on messages but who asks. A leader that ends, is
 * frozen or is to hold no connection gives the lock back, and one that is silent is robbed of it.
 */
export class Tabs {
  readonly #channel: BroadcastChannel;
  #kept: News[] = [];
  /** How far the leader has come, as it says. */
  #leaderAt = '';
  #wake: (() => void) | undefined;
  #claim: AbortController | undefined;
  #release: (() => void) | undefined;
  #at = '';
  #heardAt = 0;
  #closed = false;
  #cancelTimer: (() => void) | undefined;

  private constructor(
    private readonly name: string,
    private readonly locks: Locks,
    private readonly scheduler: SchedulerLike,
    private readonly onYield: () => void,
  ) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => {
      this.#heard(data as Message);
    };
  }

  /** `undefined` where the platform has no channels, or no locks. `onYield` is called when it leads no more. */
  static of(url: URL, scheduler: SchedulerLike, onYield: () => void): Tabs | undefined {
    const { locks } = Object(globalThis.navigator as unknown) as { readonly locks?: Locks };
    const hasChannels = typeof (globalThis.BroadcastChannel as unknown) === 'function';
    return locks === undefined || !hasChannels
      ? undefined
      : new Tabs(`rxjs-durable-streams ${url.href}`, locks, scheduler, onYield);
  }

  /** Whether this tab is the one that follows the server. */
  get leads(): boolean {
    return this.#release !== undefined;
  }

  /**
   * What follows an offset, once the leader has told it; `undefined` once this tab leads, has to read what it has missed,
   * or does not wait any more.
   */
  async next(offset: string): Promise<News | undefined> {
    this.#at = offset;
    if (this.#claim === undefined) {
      this.#queue(false);
      this.#post({ type: 'where' });
      this.#heardAt = this.scheduler.now();
      this.#watch();
    }
    for (;;) {
      if (this.#closed || this.#claim === undefined) return undefined;
      // An end may have nothing before it.
      this.#kept = this.#kept.filter(({ next, closed }) => next > offset || (closed && next === offset));
      const [news] = this.#kept;
      if (news?.from === offset) return this.#kept.shift();
      if (this.leads || news !== undefined || this.#leaderAt > offset) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Tells the others what has come. */
  tell(news: News): void {
    this.#at = news.next;
    if (this.leads) this.#post({ type: 'news', ...news });
  }

  /** Tells the others how far this one is, where it can't tell them what has come. */
  come(next: string): void {
    this.#at = next;
    if (this.leads) this.#post({ type: 'at', next });
  }

  /** Does not lead, nor wait to, until something is asked for again. */
  yield(): void {
    this.#cancelTimer?.();
    this.#claim?.abort();
    this.#claim = undefined;
    const release = this.#release;
    this.#release = undefined;
    this.#kept = [];
    this.#wakeUp();
    if (release === undefined) return;
    release();
    this.onYield();
  }

  close(): void {
    this.#closed = true;
    this.yield();
    this.#channel.close();
  }

  /** Waits for the lock, or takes it. */
  #queue(steal: boolean): void {
    const claim = new AbortController();
    this.#claim?.abort();
    this.#claim = claim;
    const granted = (): Promise<void> => {
      if (this.#claim !== claim) return Promise.resolve();
      return new Promise<void>((resolve) => {
        this.#release = resolve;
        this.#beat();
        this.#wakeUp();
      });
    };
    this.locks.request(this.name, steal ? { steal } : { signal: claim.signal }, granted).catch(() => {
      // It was aborted, or robbed: another leads now.
      if (this.#claim === claim) this.yield();
    });
  }

  #heard(message: Message): void {
    this.#heardAt = this.scheduler.now();
    if (message.type === 'where') {
      if (this.leads) this.#post({ type: 'at', next: this.#at });
      return;
    }
    if (message.next > this.#leaderAt) this.#leaderAt = message.next;
    if (message.type === 'news' && this.#kept.length < MAX_KEPT) this.#kept.push(message);
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #post(message: Message): void {
    if (!this.#closed) this.#channel.postMessage(message);
  }

  /** Says now and then that the leader is there. */
  #beat(): void {
    this.#cancelTimer?.();
    this.#post({ type: 'at', next: this.#at });
    this.#cancelTimer = after(
      this.scheduler,
      BEAT,
      () => {
        this.#beat();
      },
      true,
    );
  }

  /** Takes the place of a leader that says nothing. */
  #watch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = after(
      this.scheduler,
      // Not all at once.
      BEAT * (1 + Math.random()),
      () => {
        const silence = this.scheduler.now() - this.#heardAt;
        const isHidden = (globalThis.document as Document | undefined)?.visibilityState === 'hidden';
        if (silence > (isHidden ? SILENT_HIDDEN : SILENT)) this.#queue(true);
        if (!this.leads) this.#watch();
      },
      true,
    );
  }
}
