/** A call that waits for its turn. */
interface Call<Q, R> {
  readonly items: readonly Q[];
  readonly resolve: (results: R[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What a batch may have. */
export interface BatchLimits<Q> {
  /** How many batches may be on their way at once. */
  readonly parallel: number;
  readonly maxItems: number;
  /** The most that its items may weigh together, unless one call alone weighs more. */
  readonly maxWeight?: number;
  readonly weight?: (item: Q) => number;
  /** What has to be distinct in a batch. */
  readonly key?: (item: Q) => string;
}

/**
 * Puts calls together: those of one turn of the event loop, and those that come while as many batches as there may be
 * are on their way. A call is never cut.
 */
export class Batch<Q, R> {
  #queue: Call<Q, R>[] = [];
  #running = 0;
  #scheduled = false;

  constructor(
    private readonly limits: BatchLimits<Q>,
    private readonly run: (items: readonly Q[]) => Promise<R[]>,
  ) {}

  /** Asks for the results of some items. */
  add(items: readonly Q[]): Promise<R[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#queue.push({ items, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#begin();
      });
    });
  }

  #begin(): void {
    while (this.#queue.length > 0 && this.#running < this.limits.parallel) void this.#runBatch(this.#next());
  }

  /** The calls of the next batch, in order; those that don't fit stay where they are. */
  #next(): Call<Q, R>[] {
    if (this.#queue.length === 1) return this.#queue.splice(0);
    const { maxItems, maxWeight = Infinity, weight = () => 0, key } = this.limits;
    const taken: Call<Q, R>[] = [];
    const left: Call<Q, R>[] = [];
    const keys = new Set<string>();
    let count = 0;
    let heavy = 0;
    for (const call of this.#queue) {
      const more = call.items.reduce((sum, item) => sum + weight(item), 0);
      const names = key === undefined ? [] : call.items.map(key);
      const fits =
        taken.length === 0 ||
        (left.length === 0 &&
          count + call.items.length <= maxItems &&
          heavy + more <= maxWeight &&
          !names.some((name) => keys.has(name)));
      if (!fits) {
        left.push(call);
        continue;
      }
      taken.push(call);
      count += call.items.length;
      heavy += more;
      for (const name of names) keys.add(name);
    }
    this.#queue = left;
    return taken;
  }

  async #runBatch(calls: readonly Call<Q, R>[]): Promise<void> {
    this.#running++;
    const [only] = calls;
    try {
      const results = await this.run(
        only !== undefined && calls.length === 1 ? only.items : calls.flatMap(({ items }) => items),
      );
      let at = 0;
      for (const { items, resolve } of calls) resolve(results.slice(at, (at += items.length)));
    } catch (error) {
      for (const { reject } of calls) reject(error);
    } finally {
      this.#running--;
      this.#begin();
    }
  }
}
