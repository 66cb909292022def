import { DurableStreamManager, type DurableStreamManagerOptions, type StreamInput } from '../../lib/index.js';
import type { ScriptedEngine, ScriptedEngineOptions } from '../../lib/testing/index.js';
import { LogWorld } from './log-world.js';
import { outcome } from './outcomes.js';

/** What an engine, and the manager on it, are made with. */
export type LateOptions = ScriptedEngineOptions & Omit<DurableStreamManagerOptions, 'scheduler'>;

/** A manager in a process of its own. */
export interface LateProcess {
  readonly engine: ScriptedEngine;
  readonly streams: DurableStreamManager;
}

/** One store, and managers on engines that answer late: after 10 ms, where a test does not say otherwise. */
export class LateWorld extends LogWorld {
  start(options: LateOptions = {}): LateProcess {
    const engine = this.engine({ latency: { request: 5, answer: 5 }, ...options });
    const streams = new DurableStreamManager(engine, { ...options, scheduler: this.scheduler });
    return { engine, streams };
  }

  /** A manager on an engine that answers at once. */
  startPrompt(options: LateOptions = {}): LateProcess {
    return this.start({ latency: 0, ...options });
  }

  /** Lets time pass, and promises be heard, ms by ms. */
  async pass(ms: number): Promise<void> {
    for (let i = 0; i < ms; i++) {
      this.run(1);
      await heard();
    }
    await heard();
  }

  /** Lets much time pass, and promises be heard at its end. */
  async skip(ms: number): Promise<void> {
    this.run(ms);
    await heard();
  }

  /** Gives what becomes of a call in so many ms, or `undefined` if nothing has. */
  async within<T>(ms: number, call: () => Promise<T>): Promise<T | undefined> {
    let value: T | undefined;
    void call().then((given) => (value = given));
    await this.pass(ms);
    return value;
  }

  /** How many chunks each entry of a stream has: those that were committed together. */
  async entries(id: string): Promise<number[]> {
    const [loaded] = await this.store.load([{ id }]);
    if (loaded === undefined) return [];
    const { generation } = loaded.head;
    const limits = { until: Infinity, maxBytes: Infinity, maxChunks: Infinity };
    const [page] = await this.store.read([{ id, generation, position: 0, ...limits }]);
    return page!.entries.map(({ chunks }) => chunks.length);
  }
}

/** A world with an input that is open. */
export async function openInput(
  options: LateOptions = {},
): Promise<LateProcess & { world: LateWorld; input: StreamInput<string, string> }> {
  const world = new LateWorld();
  const process = world.start(options);
  const input = process.streams.open<string, string>('s');
  await world.pass(100);
  return { world, input, ...process };
}

/** What became of promises so far, by name. */
export class Outcomes {
  readonly seen: string[] = [];

  note(name: string, promise: Promise<unknown>): void {
    void outcome(() => promise).then((what) => this.seen.push(`${name} ${what}`));
  }
}

/** Enough microtasks for whoever waits for an answer through a few promises. */
export async function heard(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
