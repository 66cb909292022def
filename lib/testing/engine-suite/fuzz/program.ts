import type { Payload, ReadRequest } from '../../../engines/engine.js';
import { payloadBytes } from '../../../log/bytes.js';
import type { Append, Command, Refer, Writer } from '../../../log/command.js';
import type { Lifetime, StoredOutcome } from '../../../log/head.js';
import { type Random, seeded } from './random.js';

/** Which life of an id is meant: the one that was seen last, or the one before. */
export type LifeOf = 'current' | 'former' | undefined;

/** A command on a stream. Which life, or version, it is about is told by what was seen of the stream when it is run. */
export interface Request {
  readonly stream: number;
  readonly command: Command;
  readonly life: LifeOf;
}

/** A step of a program: plain data, so that it can be left out, printed, and run again. */
export type Step =
  /** Commands that one of two processes is asked for at once. */
  | { readonly does: 'submit'; readonly process: number; readonly requests: readonly Request[] }
  | { readonly does: 'wait'; readonly ms: number }
  | {
      readonly does: 'touch';
      readonly stream: number;
      readonly usedAt?: number;
      readonly beat?: number;
      readonly life: LifeOf;
    }
  | ({ readonly does: 'read'; readonly stream: number; readonly life: LifeOf } & Omit<
      ReadRequest,
      'id' | 'generation'
    >)
  | { readonly does: 'list'; readonly prefix: string; readonly after: string; readonly limit: number }
  | { readonly does: 'due'; readonly in: number; readonly limit: number }
  | {
      readonly does: 'schedule';
      readonly stream: number;
      readonly life: LifeOf;
      readonly in: number;
      readonly late: boolean;
    };

/** The ids of a program, behind what is its own. One is the beginning of the other, and one is odd. */
export const IDS = ['a', 'a/b', '\0\u{1f600} {x}\n'] as const;

const FOREVER: Lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };
const CHUNKS: readonly Payload[] = [
  ...['', 'a', 'b', 'é', '\u{1f600}', '\0', '\ufeff', 'a longer chunk of some words', 'x'.repeat(3_000)],
  ...[new Uint8Array(), Uint8Array.of(0), Uint8Array.of(255, 0, 128), new Uint8Array(2_000).fill(7)],
];
const CONTENT_TYPES = [undefined, undefined, undefined, 'text/plain'] as const;

/** Makes the program of a seed. */
export function programOf(seed: number): Step[] {
  const random = seeded(seed);
  const writer = new ProgramWriter(random);
  return Array.from({ length: 8 + random.below(13) }, () => writer.step());
}

/** Writes a program, and remembers what makes the next step likely to fit the ones before. */
class ProgramWriter {
  #names = 0;
  readonly #inputs: { stream: number; nonce: string; seq: number }[] = [];
  readonly #producers = new Map<string, { epoch: number; seq: number }>();
  readonly #processes = [0, 0];
  readonly #forks: string[] = [];
  /** The streams that are probably there. */
  readonly #made = new Set<number>();

  constructor(private readonly random: Random) {}

  step(): Step {
    const { random } = this;
    const kind = random.below(20);
    const stream = this.#stream();
    const life = this.#life();
    if (kind < 13) {
      const process = random.below(2);
      const count = random.chance(0.25) ? 2 + random.below(5) : 1;
      return {
        does: 'submit',
        process,
        requests: Array.from({ length: count }, () => this.#request(process)),
      };
    }
    if (kind < 15) {
      const maxChunks = random.pick([1, 2, 5, Infinity]);
      const maxBytes = random.pick([0, 1, 100, Infinity]);
      const position = random.pick([0, 0, 0, 1, 2, 4, Infinity]);
      const until = random.pick([Infinity, Infinity, Infinity, 0, 1, 3, 6]);
      return { does: 'read', stream, life, position, until, maxBytes, maxChunks };
    }
    if (kind === 15) return { does: 'wait', ms: random.pick([0, 1, 5, 20, 60]) };
    if (kind === 16) {
      const touch = {
        ...(random.chance(0.7) && { usedAt: random.below(50) }),
        ...(random.chance(0.5) && { beat: random.below(9) }),
      };
      return { does: 'touch', stream, life, ...touch };
    }
    if (kind === 17) {
      return {
        does: 'list',
        prefix: random.pick(['', '', 'a', 'a/']),
        after: random.pick(['', '', 'a', 'a/b', '\0']),
        limit: 1 + random.below(4),
      };
    }
    if (kind === 18)
      return { does: 'due', in: random.pick([0, 10, 100, Infinity]), limit: 1 + random.below(3) };
    return {
      does: 'schedule',
      stream,
      life,
      in: random.pick([-1, 0, 30, Infinity]),
      late: random.below(4) === 0,
    };
  }

  #stream(): number {
    return this.random.pick([0, 0, 0, 0, 1, 2]);
  }

  #life(): LifeOf {
    return this.random.pick(['current', 'current', 'current', 'former'] as const);
  }

  #request(process: number): Request {
    const stream = this.#stream();
    const kind = this.random.below(24);
    const given = (command: Command, life?: LifeOf): Request => ({ stream, command, life });
    if (!this.#made.has(stream) && this.random.chance(0.9)) return given(this.#create(stream));
    if (kind < 2) return given(this.#create(stream));
    if (kind < 17)
      return given(this.#append(stream, process), this.random.chance(0.2) ? this.#life() : undefined);
    if (kind === 17) {
      const nonce = this.#newInput(stream);
      return given({ type: 'takeOver', nonce, lifetime: this.random.chance(0.5) ? {} : this.#lifetime() });
    }
    if (kind === 18) return given({ type: 'release', nonce: this.#input(stream)?.nonce ?? 'nobody' });
    if (kind === 19)
      return given({ type: 'stop', reason: 'enough', grace: this.random.pick([0, 10, Infinity]) });
    // `n` and `beat` are told by what was seen.
    if (kind === 20) return given({ type: 'loseLease', generation: 0, n: 0, beat: 0 }, this.#life());
    if (kind === 21) this.#made.delete(stream);
    if (kind === 21) return given({ type: 'remove' }, this.random.chance(0.3) ? this.#life() : undefined);
    if (kind === 22) return given(this.#refer(), this.#life());
    const at = this.random.pick([undefined, 50, 1_000_050]);
    return given({ type: 'recheck', generation: 0, seen: undefined, at }, this.#life());
  }

  #create(stream: number): Command {
    const { random } = this;
    const again = random.chance(0.1) ? this.#input(stream)?.nonce : undefined;
    const chunks = random.chance(0.3) ? this.#chunks() : undefined;
    this.#made.add(stream);
    return {
      type: 'create',
      nonce: again ?? this.#newInput(stream),
      lifetime: { ...FOREVER, ...(random.chance(0.25) && this.#lifetime()) },
      owned: random.chance(0.8),
      contentType: random.pick(CONTENT_TYPES),
      ...(chunks && { chunks, bytes: bytesOf(chunks) }),
      ...(random.chance(0.04) && { outcome: this.#outcome() }),
    };
  }

  #append(stream: number, process: number): Append {
    const { random } = this;
    const outcome = random.chance(0.06) ? this.#outcome() : undefined;
    const chunks = outcome && random.chance(0.5) ? [] : this.#chunks();
    return {
      type: 'append',
      writer: this.#writer(stream, process),
      chunks,
      bytes: bytesOf(chunks),
      outcome,
      contentType: random.chance(0.1) ? random.pick(['text/plain', 'application/json']) : undefined,
      sequence: random.chance(0.1) ? random.pick(['1', '2', '10', 'é']) : undefined,
    };
  }

  /** Whoever is next most of the time; and repeated, after a gap, or replaced. */
  #writer(stream: number, process: number): Writer {
    const { random } = this;
    const slip = random.pick([0, 0, 0, 0, 0, 0, -1, -2, 1]);
    const kind = random.below(10);
    const input = this.#input(stream);
    if (kind < 5 && input !== undefined) {
      const seq = Math.max(1, input.seq + 1 + slip);
      input.seq = Math.max(seq, input.seq);
      return { type: 'owner', nonce: input.nonce, seq, acknowledged: 0 };
    }
    if (kind < 8) {
      const id = random.pick(['p', 'q', '__proto__']);
      const key = `${stream} ${id}`;
      const last = this.#producers.get(key) ?? { epoch: 0, seq: -1 };
      const turn = random.pick([0, 0, 0, 0, 0, 0, 1, -1]);
      const epoch = Math.max(0, last.epoch + turn);
      const seq = turn === 0 ? Math.max(0, last.seq + 1 + slip) : 0;
      this.#producers.set(key, { epoch, seq });
      return { type: 'producer', id, epoch, seq };
    }
    const seq = Math.max(1, (this.#processes[process] ?? 0) + 1 + slip);
    this.#processes[process] = seq;
    return {
      type: 'process',
      id: `process ${process}`,
      seq,
      slot: random.pick([undefined, undefined, undefined, 0, 1]),
    };
  }

  #refer(): Refer {
    const { random } = this;
    const announces = random.chance(0.5) || this.#forks.length === 0;
    if (!announces) {
      const change = random.chance(0.4) ? ({ type: 'confirm' } as const) : ({ type: 'drop' } as const);
      return { type: 'refer', generation: 0, nonce: random.pick(this.#forks), change };
    }
    const nonce = this.#newName('fork');
    this.#forks.push(nonce);
    const change = {
      type: 'announce',
      id: nonce,
      until: random.pick([1_000_030, 2_000_000]),
      after: random.below(3),
    } as const;
    return { type: 'refer', generation: 0, nonce, change };
  }

  #lifetime(): Partial<Lifetime> {
    const { random } = this;
    return random.pick<Partial<Lifetime>>([
      { ttl: random.pick([0, 10]) },
      { idleTtl: random.pick([1, 50]) },
      { expiresAt: 1_000_000 + random.pick([1, 40]) },
      { lease: random.pick([0, 20]) },
    ]);
  }

  #outcome(): StoredOutcome {
    const error = { code: 'DATA_LOSS', message: 'gone', details: { a: [1, null] } };
    return this.random.pick<StoredOutcome>([
      { type: 'done' },
      { type: 'done', output: '"an output é"' },
      { type: 'done', output: Uint8Array.of(0, 255) },
      { type: 'error', error },
    ]);
  }

  #chunks(): Payload[] {
    return Array.from({ length: this.random.pick([1, 1, 1, 2, 3, 7]) }, () => this.random.pick(CHUNKS));
  }

  /** An input of a stream: mostly its last. */
  #input(stream: number): { nonce: string; seq: number } | undefined {
    const inputs = this.#inputs.filter((input) => input.stream === stream);
    return this.random.chance(0.8) ? inputs.at(-1) : this.random.pick(inputs);
  }

  #newInput(stream: number): string {
    const nonce = this.#newName('input');
    this.#inputs.push({ stream, nonce, seq: 0 });
    return nonce;
  }

  #newName(what: string): string {
    return `${what} ${++this.#names}`;
  }
}

const bytesOf = (chunks: readonly Payload[]): number =>
  chunks.reduce((bytes, chunk) => bytes + payloadBytes(chunk), 0);
