import type { Loaded, Page, StreamEngine, Watch } from '../../../engines/engine.js';
import { StreamError } from '../../../errors.js';
import type { Clock } from '../../../log/clock.js';
import type { Command } from '../../../log/command.js';
import type { Rules } from '../../../log/decision.js';
import type { Head, Soft } from '../../../log/head.js';
import type { Answer } from '../../../log/group.js';
import { StreamLog } from '../../../log/stream-log.js';
import { check, eventually, shown } from '../assert.js';
import { IDS, type LifeOf, type Request, type Step } from './program.js';

/** When programs begin. */
const START = 1_000_000;
/** More waits than this between tries mean that an engine never stores what it is asked to. */
const MAX_WAITS = 200;

/** What is seen of a stream, with its lives counted instead of the generations that an engine happens to give. */
type Seen = Readonly<Record<string, unknown>> | undefined;

/** The newest that is known by hints of a stream. */
interface Hinted {
  readonly generation: number;
  readonly n: number;
  readonly gone: boolean;
}

/** Two processes on an engine, run by a program step by step. */
export class System {
  readonly #ids: readonly string[];
  readonly #logs: readonly StreamLog[];
  readonly #lives = IDS.map((): number[] => []);
  readonly #last = IDS.map((): Loaded | undefined => undefined);
  /** The newest version that a hint has told of. */
  readonly #hinted: Hinted[] = IDS.map(() => ({ generation: 0, n: 0, gone: true }));
  /** An id that a hint was of, and that is not watched. */
  #stray: string | undefined;
  #watch: Watch | undefined;
  #now = START;
  #waits = 0;
  #stuck: ((error: Error) => void) | undefined;

  constructor(
    private readonly engine: StreamEngine,
    /** What the ids of a program begin with. */
    private readonly prefix: string,
    private readonly patience: number,
  ) {
    this.#ids = IDS.map((id) => prefix + id);
    const rules: Rules = {
      exact: engine.presence !== undefined,
      tagged: engine.features.tagged,
      maxChunks: 40,
      maxBytes: 30_000,
    };
    const after = (ms: number, callback: () => void): (() => void) => {
      if (++this.#waits > MAX_WAITS) this.#stuck?.(new Error(`A commit was tried ${MAX_WAITS} times.`));
      const timer = setTimeout(callback, Math.min(ms, 5));
      return () => clearTimeout(timer);
    };
    const clock: Clock = {
      now: () => this.#now,
      after,
      inBackground: after,
      soon: (callback) => void Promise.resolve().then(callback),
      random: () => 0.5,
    };
    const limits = { maxInFlightBytes: Infinity, retryFor: Infinity };
    this.#logs = [0, 1].map(() => new StreamLog(engine, rules, clock, limits, () => undefined));
  }

  /** To be called before the first step. */
  async begin(): Promise<void> {
    this.#watch = await this.engine.watch(this.#ids, ({ id, generation, n, gone }) => {
      const stream = this.#ids.indexOf(id);
      if (stream < 0) this.#stray = id;
      else if (generation !== 0 || n !== 0) this.#told(stream, { generation, n, gone });
      else void this.#look(stream);
    });
  }

  /** Makes a step, and gives all that can be seen of it and after it. */
  async step(step: Step): Promise<unknown> {
    const result = await this.#result(step);
    return { result, streams: await this.#streams() };
  }

  /** All that is left at the end. */
  async logs(): Promise<unknown> {
    const range = { position: 0, until: Infinity, maxBytes: Infinity, maxChunks: Infinity };
    const logs: unknown[] = [];
    for (const stream of this.#ids.keys())
      logs.push(await this.#read(stream, this.#generation(stream, 'current'), range));
    return logs;
  }

  /** Waits for the hints of what is there, then removes it. */
  async end(): Promise<void> {
    await this.#hintsArrive();
    await this.abandon();
  }

  /** Removes what is there. */
  async abandon(): Promise<void> {
    for (const log of this.#logs) log.close(new StreamError('UNAVAILABLE', 'The program is over.'));
    this.#watch?.close();
    for (const [stream, loaded] of (await this.engine.load(this.#ids.map((id) => ({ id })))).entries()) {
      if (loaded === undefined) continue;
      const removal = { expected: loaded.head, head: undefined, parts: undefined, entries: [] };
      await this.engine.commit([{ id: this.#id(stream), ...removal }]);
    }
  }

  #told(stream: number, hint: Hinted): void {
    const last = this.#hinted[stream] as Hinted;
    const { generation, n, gone } = hint;
    const newer = generation === last.generation ? n > last.n || gone : generation > last.generation;
    if (newer) this.#hinted[stream] = hint;
  }

  /** Looks again, which is all that a hint of nothing else says. */
  async #look(stream: number): Promise<void> {
    const [loaded] = await this.engine.load([{ id: this.#id(stream) }]);
    const { generation, n } = loaded?.head ?? (this.#hinted[stream] as Hinted);
    this.#told(stream, { generation, n, gone: loaded === undefined || loaded.head.facts.deleted === true });
  }

  async #hintsArrive(): Promise<void> {
    check(this.#stray === undefined, `there is no hint of ${shown(this.#stray)}, which nobody watches`);
    for (const [stream, id] of this.#ids.entries()) {
      const head = this.#last[stream]?.head;
      await eventually(
        this.patience,
        `a watcher was told of the last version of ${JSON.stringify(id)}`,
        () => {
          const hinted = this.#hinted[stream];
          if (head === undefined || head.facts.deleted) return hinted?.gone === true;
          return hinted?.generation === head.generation && hinted.n >= head.n;
        },
      );
    }
  }

  async #result(step: Step): Promise<unknown> {
    const { engine } = this;
    switch (step.does) {
      case 'submit': {
        const log = this.#logs[step.process] as StreamLog;
        return Promise.all(step.requests.map((request) => this.#submit(log, request)));
      }
      case 'wait':
        this.#now += step.ms;
        return undefined;
      case 'touch': {
        const { does: _, stream, life, ...touch } = step;
        if (touch.usedAt !== undefined) touch.usedAt += START;
        await engine.touch([{ id: this.#id(stream), generation: this.#generation(stream, life), ...touch }]);
        return undefined;
      }
      case 'schedule': {
        const { stream, life } = step;
        const generation = this.#generation(stream, life);
        const id = this.#id(stream);
        const [loaded] = await engine.load([{ id }]);
        const from = step.late ? this.#now : (loaded?.soft.dueAt ?? Infinity);
        await engine.schedule([{ id, generation, from, to: this.#now + step.in }]);
        return undefined;
      }
      case 'read': {
        const { does: _, stream, life, ...range } = step;
        return this.#read(stream, this.#generation(stream, life), range);
      }
      case 'list': {
        const { prefix, after, limit } = step;
        const before = this.prefix;
        const listed = await engine.list({ prefix: before + prefix, after: before + after, limit });
        return listed.map(({ id, loaded }) => [id, this.#seen(this.#ids.indexOf(id), loaded)]);
      }
      case 'due': {
        const { ids, next } = await engine.due(this.#now + step.in, step.limit);
        // Which of those that are due at once comes first is the engine's to choose.
        const dueAt = ids.map((id) => this.#last[this.#ids.indexOf(id)]?.soft.dueAt);
        return { different: new Set(ids).size, dueAt, next };
      }
    }
  }

  #submit(log: StreamLog, { stream, command, life }: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#stuck = reject;
      log.submit({
        id: this.#id(stream),
        command: this.#resolved(command, stream, life),
        done: (answer) => resolve(this.#answer(stream, answer)),
        failed: ({ code, message }) => resolve(`${code}: ${message}`),
      });
    });
  }

  /** A command with the life, and the version, that it is about. */
  #resolved(command: Command, stream: number, life: LifeOf): Command {
    if (life === undefined) return command;
    const generation = this.#generation(stream, life);
    if (command.type !== 'loseLease') return { ...command, generation } as Command;
    const { head, soft } = this.#last[stream] ?? {};
    return { ...command, generation, n: head?.n ?? 0, beat: soft?.beat ?? 0 };
  }

  #id(stream: number): string {
    return this.#ids[stream] as string;
  }

  #generation(stream: number, life: LifeOf): number {
    const lives = this.#lives[stream] ?? [];
    return lives.at(life === 'former' ? -2 : -1) ?? 1;
  }

  #life(stream: number, generation: number): string {
    const lives = this.#lives[stream] as number[];
    if (!lives.includes(generation)) lives.push(generation);
    return `life ${lives.indexOf(generation) + 1}`;
  }

  async #streams(): Promise<Seen[]> {
    const all = await this.engine.load(this.#ids.map((id) => ({ id, partsWith: '' })));
    return all.map((loaded, stream) => {
      this.#last[stream] = loaded;
      return this.#seen(stream, loaded);
    });
  }

  #seen(stream: number, loaded: Loaded | undefined): Seen {
    if (loaded === undefined) return undefined;
    const { head, soft, parts } = loaded;
    return { head: this.#head(stream, head), soft: softly(soft), parts };
  }

  #head(stream: number, head: Head): unknown {
    return { ...head, generation: this.#life(stream, head.generation) };
  }

  #answer(stream: number, { head, ...answer }: Answer): unknown {
    return { ...answer, head: head && this.#head(stream, head) };
  }

  async #read(
    stream: number,
    generation: number,
    range: Omit<Extract<Step, { does: 'read' }>, 'does' | 'stream' | 'life'>,
  ): Promise<unknown> {
    let page: Page | undefined;
    const there = this.#last[stream]?.head;
    await eventually(this.patience, 'a read has what was stored', async () => {
      [page] = await this.engine.read([{ id: this.#id(stream), generation, ...range }]);
      const head = page?.current?.head;
      return (
        !this.engine.features.staleReads || (head?.generation === there?.generation && head?.n === there?.n)
      );
    });
    return { current: this.#seen(stream, page?.current), entries: page?.entries };
  }
}

/** What a stream that was not used begins with is the engine's to choose. */
const softly = ({ usedAt, ...rest }: Soft): unknown => ({ ...rest, usedAt: Math.max(0, usedAt) });
