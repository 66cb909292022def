import type { DurableInput } from '../../../lib/durable-input.js';
import type { StreamError } from '../../../lib/errors.js';
import type { StoredOutcome } from '../../../lib/log/head.js';
import { decodeOffset } from '../../../lib/offset.js';
import type { Author, Life, Value } from './life.js';
import { failureOf, type Process } from './process.js';
import type { Simulation } from './simulation.js';

/** An input, as a manager opens it. */
export class Input {
  readonly author: Author;
  readonly input: DurableInput<string, string>;
  /** It can write no more; `OK` after its own end. */
  over: string | undefined;
  #opened = false;
  #written = 0;
  readonly #since: number;

  constructor(
    private readonly sim: Simulation,
    readonly process: Process,
    readonly id: string,
    private readonly creates: boolean,
  ) {
    const { oracle, world, profile, lib } = sim;
    const nonce = sim.name(creates ? 'input' : 'heir');
    this.author = { kind: 'owner', key: nonce };
    this.#since = world.now;
    world.note(() => `${nonce} ${creates ? 'opens' : 'takes over'} ${id} in ${process.name}`);
    if (creates) oracle.asked.creations.add(nonce);
    const { streams } = process;
    this.input = new lib.DurableInput<string, string>(
      id,
      {
        streams,
        maxChunks: profile.maxChunks,
        maxBytes: Infinity,
        maxChunkBytes: Infinity,
        encode: (chunk) => chunk as string,
        outcomeOf: ({ code, message }): StoredOutcome => {
          // Of an input that could not write all: whatever it is, it may end the stream.
          oracle.asked.ends.add(message);
          return { type: 'error', error: { code, message } };
        },
        errorOf: failureOf,
        released: () => undefined,
      },
      {
        nonce,
        creates,
        ask: (done, failed) => {
          const { lifetime } = profile;
          if (creates) streams.create(id, { type: 'create', nonce, lifetime, owned: true }, { done, failed });
          else streams.log.submit({ id, command: { type: 'takeOver', nonce, lifetime: {} }, done, failed });
        },
      },
    );
    this.input.failed.subscribe({
      next: (error) => {
        try {
          this.#failed(error);
        } catch (broken) {
          // RxJS would tell it later; it is kept where it is looked for after each step.
          if (broken !== world.violation) throw broken;
        }
      },
      complete: () => {
        this.over ??= 'OK';
      },
    });
    void this.input.opened.then(
      () => {
        this.#opened = true;
        const life = this.life;
        const right = life !== undefined && (!creates || life.nonce === nonce);
        world.demand(right, () => `${nonce} is told that it has opened ${id}`);
      },
      () => undefined,
    );
  }

  /** The life that it writes, once it is known. */
  get life(): Life | undefined {
    return this.sim.oracle.claims.get(this.author.key);
  }

  get usable(): boolean {
    return this.process.alive && this.over === undefined && !this.input.closed;
  }

  next(): void {
    this.input.next(this.#value());
  }

  /** Waits until all that was written is stored, and looks whether it is. */
  flush(): void {
    const { oracle, world } = this.sim;
    const written = this.#written;
    void this.input.flush().then(
      () => {
        const { life } = this;
        if (life === undefined) throw world.broken(`${this.author.key} is flushed without a stream`);
        if (life.cut) return;
        for (let i = 0; i < written; i++) {
          const value = oracle.values.get(`${this.author.key}:0.${i}`) as Value;
          const isThere = value.refused || life.log.includes(value);
          world.demand(isThere, () => `${value.text} is flushed, and not stored`);
        }
      },
      () => undefined,
    );
  }

  /** Writes, and looks whether the offset that it is told is that of the chunk. */
  write(): void {
    const text = this.#value();
    const { oracle, world } = this.sim;
    void this.input.write(text).then(
      (offset) => {
        const value = oracle.values.get(text) as Value;
        const place = decodeOffset(offset);
        const life = place && oracle.lives.get(place.generation);
        if (place === undefined || life === undefined)
          throw world.broken(`${text} is told to be at ${offset}`);
        if (life.cut) return;
        const { position, tag } = place;
        const right = life.log[position - 1] === value && life.tags[position - 1] === tag;
        world.demand(right, () => `${text} is told to be at ${position}#${tag}`);
      },
      (error: unknown) => {
        // Others go on.
        if ((error as StreamError).code === 'RESOURCE_EXHAUSTED')
          (oracle.values.get(text) as Value).refused = true;
      },
    );
  }

  complete(): void {
    const { key } = this.author;
    const output = `output ${key}`;
    this.sim.oracle.asked.ends.add(output);
    this.input.complete(output);
  }

  error(): void {
    const { key } = this.author;
    const error = new Error(`failure ${key}`);
    this.input.error(error);
  }

  /** At rest, an input that may not write any more knows it. */
  settled(): void {
    if (!this.process.alive) return;
    const { world } = this.sim;
    const { key } = this.author;
    if (this.over !== undefined) return;
    const { life } = this;
    if (this.input.closed || life === undefined) throw world.broken(`${key} was not answered`);
    if (!this.#opened) throw world.broken(`${key} was not told that it is open`);
    if (life.over <= world.now) throw world.broken(`${key} does not know that ${this.id} is gone`);
    if (life.outcome !== undefined && !life.cut)
      throw world.broken(`${key} does not know that ${this.id} has ended`);
    // Where its claim is what was lost, it is told with its next write.
    if (life.head.owner?.nonce !== key && !life.cut)
      throw world.broken(`${key} does not know that it was replaced`);
  }

  #value(): string {
    return this.sim.oracle.value(this.author, 0, this.#written++);
  }

  /** An input is only told what is so. */
  #failed({ code, message }: StreamError): void {
    const { sim, id, process, life, author } = this;
    const { world, oracle } = sim;
    world.note(() => `${author.key} fails with ${code}: ${message}`);
    this.over = code;
    if (life?.cut || oracle.byId.get(id)?.cut) return;
    // Of a claim whose answer was lost it is not known whether it came before the other.
    const isReplaced = (oracle.byId.get(id)?.replaced ?? -Infinity) >= this.#since;
    const outcome = life?.outcome;
    const ends = outcome?.type === 'error' ? outcome.error.code : outcome && 'FAILED_PRECONDITION';
    const holds =
      code === 'UNAVAILABLE'
        ? process.mayFail()
        : code === 'ABORTED'
          ? // What it was to take over may be gone, and another life have begun.
            (life?.fenced.has(author.key) ?? (isReplaced || oracle.wasAbsent(id, this.#since)))
          : code === 'NOT_FOUND'
            ? life === undefined
              ? oracle.wasAbsent(id, this.#since)
              : life.over <= world.now
            : code === 'ALREADY_EXISTS'
              ? this.creates && life === undefined && oracle.byId.has(id)
              : code === 'RESOURCE_EXHAUSTED'
                ? sim.profile.refusals > 0 || sim.profile.maxChunks < Infinity
                : code === ends || (life === undefined && code === 'FAILED_PRECONDITION');
    world.demand(holds, () => `${author.key} is told ${code}, which is not so`);
  }
}

/** An idempotent producer: it survives, and repeats what was not answered. */
export class Producer {
  readonly author: Author;
  #epoch = 0;
  #seq = 0;
  #chunks: string[] | undefined;
  #generation: number | undefined;
  readonly #asked = new Set<Process>();

  constructor(
    private readonly sim: Simulation,
    readonly id: string,
  ) {
    this.author = { kind: 'producer', key: sim.name('producer') };
  }

  /** Writes, or repeats what was not answered yet. */
  append(process: Process, size: number): void {
    const { sim, author, id } = this;
    this.#chunks ??= Array.from({ length: size }, (_, i) =>
      sim.oracle.value(author, this.#epoch, this.#seq, i, size),
    );
    // One process asks once at a time; another may ask meanwhile.
    if (this.#asked.has(process)) return;
    this.#asked.add(process);
    const [epoch, seq, chunks] = [this.#epoch, this.#seq, this.#chunks];
    const isLast = (): boolean => this.#chunks === chunks;
    sim.world.note(() => `${author.key} sends ${epoch}.${seq} to ${id} by ${process.name}`);
    process.streams.log.submit({
      id,
      command: {
        type: 'append',
        writer: { type: 'producer', id: author.key, epoch, seq },
        generation: this.#generation,
        chunks,
        bytes: chunks.join('').length,
      },
      done: ({ head }) => {
        this.#asked.delete(process);
        if (!isLast()) return;
        this.#generation = head?.generation;
        this.#chunks = undefined;
        this.#seq++;
      },
      failed: ({ code, details }) => {
        this.#asked.delete(process);
        if (!isLast() || code === 'UNAVAILABLE') return;
        const { world, oracle } = sim;
        const cut = oracle.byId.get(id)?.cut === true;
        const gap =
          code === 'INVALID_ARGUMENT' ||
          (details as { expected?: number } | undefined)?.expected !== undefined;
        world.demand(!gap || cut, () => `${author.key} is told of a gap`);
        world.demand(code !== 'ABORTED', () => `${author.key} is fenced by nobody`);
        this.renew();
      },
    });
  }

  /** Begins a new epoch: what was not answered may be stored or not, but never after what follows. */
  renew(): void {
    this.#epoch++;
    this.#seq = 0;
    this.#chunks = undefined;
    this.#generation = undefined;
    this.#asked.clear();
  }
}

/** Appends that nobody has given a name, numbered by their process. */
export class Anonymous {
  readonly author: Author;
  #seq = 0;

  constructor(
    private readonly sim: Simulation,
    readonly process: Process,
    readonly id: string,
  ) {
    this.author = { kind: 'process', key: sim.name('process') };
  }

  append(ends: boolean): void {
    const { sim, process, id, author } = this;
    const seq = ++this.#seq;
    const chunks = ends ? [] : [sim.oracle.value(author, 0, seq)];
    const output = `output ${author.key}`;
    if (ends) sim.oracle.asked.ends.add(output);
    process.streams.begin();
    process.streams.log.submit({
      id,
      command: {
        type: 'append',
        writer: { type: 'process', id: author.key, seq, slot: undefined },
        chunks,
        bytes: chunks.join('').length,
        ...(ends && { outcome: { type: 'done', output } as const }),
      },
      done: () => undefined,
      failed: () => undefined,
    });
  }
}
