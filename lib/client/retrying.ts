import type { SchedulerLike } from 'rxjs';

import { type Failure, thrown } from './failure.js';
import type { ConnectionSettings } from './options.js';
import { sleep } from './timing.js';

/** How often in a row an answer may be one that no server should give. */
const MAX_MALFORMED = 3;

/** Counts failures in a row, and says how long to wait after one. */
export class Retrying {
  #failures = 0;
  #malformed = 0;

  constructor(private readonly settings: ConnectionSettings) {}

  /** Whether the last answer was none that a server should give: a cache may have made it. */
  get distrusts(): boolean {
    return this.#malformed > 0;
  }

  /** It goes on. */
  succeeded(): void {
    this.#failures = 0;
    this.#malformed = 0;
  }

  /** How many ms to wait before the next try; `undefined` if there is to be none. */
  failed({ error, mendable, retryAfter, malformed }: Failure): number | undefined {
    const { when, delayAfter } = this.settings;
    if (malformed && ++this.#malformed >= MAX_MALFORMED) return undefined;
    if (!mendable || !when(error)) return undefined;
    const delay = delayAfter(++this.#failures);
    return delay === undefined ? undefined : Math.max(delay, retryAfter);
  }

  /** How many ms to wait where something was over too soon, but has not failed. */
  restless(): number {
    return this.settings.delayAfter(1) ?? 0;
  }
}

/** Does something, and again while that can help and nothing is aborted. Rejects with a {@link Failure}. */
export async function persistently<T>(
  retrying: Retrying,
  scheduler: SchedulerLike,
  signal: AbortSignal,
  once: (retried: boolean) => Promise<T>,
): Promise<T> {
  for (let retried = false; ; retried = true) {
    let failure: Failure;
    try {
      const result = await once(retried);
      retrying.succeeded();
      return result;
    } catch (error) {
      failure = thrown(error);
    }
    const delay = signal.aborted ? undefined : retrying.failed(failure);
    if (delay === undefined) throw failure;
    await sleep(scheduler, delay, signal);
    if (signal.aborted) throw failure;
  }
}
