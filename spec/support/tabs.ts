interface Request {
  readonly granted: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Web Locks, as far as they are used: one at a time, in the order in which they are asked for. */
export class FakeLocks {
  readonly #held = new Map<string, Request>();
  readonly #waiting = new Map<string, Request[]>();

  readonly request = (
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    granted: () => Promise<void>,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = { granted, resolve, reject };
      const waiting = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, waiting);
      if (options.steal === true) {
        const robbed = this.#held.get(name);
        this.#held.delete(name);
        waiting.unshift(request);
        robbed?.reject(new DOMException('It was stolen.', 'AbortError'));
      } else {
        waiting.push(request);
      }
      options.signal?.addEventListener('abort', () => {
        const index = waiting.indexOf(request);
        if (index < 0) return;
        waiting.splice(index, 1);
        reject(options.signal?.reason);
      });
      queueMicrotask(() => this.#grant(name));
    });

  #grant(name: string): void {
    if (this.#held.has(name)) return;
    const next = this.#waiting.get(name)?.shift();
    if (next === undefined) return;
    this.#held.set(name, next);
    void next.granted().then(() => {
      next.resolve();
      if (this.#held.get(name) !== next) return;
      this.#held.delete(name);
      this.#grant(name);
    });
  }
}

const channels = new Set<FakeChannel>();

/** A `BroadcastChannel` whose messages come in the next microtask. */
export class FakeChannel {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  /** Whether it hears nothing, as in a page that is frozen. */
  static readonly deaf = new Set<FakeChannel>();
  /** What was said. */
  static said: unknown[] = [];

  constructor(readonly name: string) {
    channels.add(this);
  }

  static get all(): readonly FakeChannel[] {
    return [...channels];
  }

  postMessage(message: unknown): void {
    const data: unknown = structuredClone(message);
    FakeChannel.said.push(data);
    for (const channel of channels) {
      if (channel === this || channel.name !== this.name || FakeChannel.deaf.has(channel)) continue;
      queueMicrotask(() => {
        if (channels.has(channel)) channel.onmessage?.({ data });
      });
    }
  }

  close(): void {
    channels.delete(this);
  }
}
