import fc from 'fast-check';

import type { Payload } from '../../lib/engines/engine.js';
import type { Command, Writer } from '../../lib/log/command.js';
import { decide } from '../../lib/log/decide.js';
import type { Decision, Rules, State } from '../../lib/log/decision.js';
import type { Facts, Head, Lifetime, Soft } from '../../lib/log/head.js';

export const FOREVER: Lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };
export const UNREAD: Soft = { usedAt: -Infinity, beat: 0, readers: 0, dueAt: Infinity };
export const NO_PARTS: ReadonlyMap<string, unknown> = new Map();

/** The rules on an engine in memory. */
export const EXACT: Rules = { exact: true, tagged: false, maxChunks: Infinity, maxBytes: Infinity };
/** Whoever opened a stream of {@link headOf}, with its first append or a later one. */
export const owner = (seq = 1, acknowledged = seq - 1, nonce = 'input'): Writer => ({
  type: 'owner',
  nonce,
  seq,
  acknowledged,
});

export const producer = (seq: number, epoch = 0, id = 'producer'): Writer => ({
  type: 'producer',
  id,
  epoch,
  seq,
});

export const process = (seq: number, slot?: number, id = 'process'): Writer => ({
  type: 'process',
  id,
  seq,
  slot,
});

/** The rules on an engine of many processes. */
export const SHARED: Rules = { ...EXACT, exact: false, tagged: true };

/** A fresh, open stream of `input`, with what is told of it. */
export function headOf({
  facts,
  ...rest
}: Partial<Omit<Head, 'facts'>> & { facts?: Partial<Facts> } = {}): Head {
  return {
    generation: 7,
    n: 1,
    status: 'open',
    tail: 0,
    tag: 0,
    bytes: 0,
    owner: { nonce: 'input', seq: 0, position: 0, tag: 0 },
    usedAt: 0,
    sequence: undefined,
    writers: 0,
    ...rest,
    facts: { nonce: 'input', createdAt: 0, lifetime: FOREVER, references: 0, ...facts },
  };
}

export const stateOf = (head: Head = headOf(), soft?: Partial<Soft>, parts = NO_PARTS): State => ({
  head,
  soft: { ...UNREAD, ...soft },
  parts,
});

/** A stream that is decided on again and again, as an engine would store it. */
export class Stream {
  now = 0;

  constructor(
    readonly rules: Rules = EXACT,
    public state?: State,
  ) {}

  get head(): Head {
    return this.state!.head;
  }

  get parts(): ReadonlyMap<string, unknown> {
    return this.state!.parts;
  }

  /** Decides, without storing what was decided. */
  decide(command: Command): Decision {
    return decide('s', this.state, command, this.now, this.rules);
  }

  /** Decides and stores. */
  do(command: Command): Decision {
    const decision = this.decide(command);
    if (decision.type === 'removal') this.state = undefined;
    if (decision.type !== 'change') return decision;
    const parts = new Map(this.state?.parts);
    for (const [name, part] of Object.entries(decision.parts ?? {})) {
      if (part === undefined) parts.delete(name);
      else parts.set(name, part);
    }
    const { head } = decision;
    this.state = {
      head: head.generation === 0 ? { ...head, generation: 7 } : head,
      soft: this.state?.soft ?? UNREAD,
      parts,
    };
    return decision;
  }

  /** What became of a command: the type of the decision, or the code of the refusal. */
  outcome(command: Command): string {
    const decision = this.do(command);
    if (decision.type === 'nothing') return decision.duplicate ? 'duplicate' : 'nothing';
    return decision.type === 'refusal' ? decision.error.code : decision.type;
  }
}

/** What {@link Stream.outcome} gives, of one decision on one state. */
export const outcomeOf = (state: State | undefined, command: Command, now = 0, rules = EXACT): string => {
  const stream = new Stream(rules, state);
  stream.now = now;
  return stream.outcome(command);
};

type Given<C extends Command['type']> = Partial<Omit<Extract<Command, { type: C }>, 'type'>>;

export const creation = (given: Given<'create'> = {}): Extract<Command, { type: 'create' }> => ({
  type: 'create',
  nonce: 'input',
  lifetime: FOREVER,
  owned: true,
  ...given,
});

export const append = (given: Given<'append'> = {}): Extract<Command, { type: 'append' }> => ({
  type: 'append',
  writer: owner(),
  chunks: ['chunk'],
  bytes: 5,
  ...given,
});

/** An append of a process, of which none is refused for who writes. */
export const write = (given: Given<'append'> = {}): Extract<Command, { type: 'append' }> =>
  append({ writer: process(1), ...given });

export const DONE = { type: 'done' } as const;

/** Freezes a value and all that is in it. Maps and bytes can't be frozen. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const inner of value instanceof Map ? value.values() : Object.values(value)) frozen(inner);
  }
  return value;
}

/** Well-formed texts of all planes, with byte order marks and control characters. */
export const texts = (maxLength?: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom('a', 'Z', '0', '"', '\\', '\n', '\0', '\ufeff', '\u2028', 'é', '€', '😀'),
      },
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    ...(maxLength !== undefined && { maxLength }),
  });

export const bytes = fc.uint8Array({ maxLength: 40 });

export const payloads: fc.Arbitrary<Payload> = fc.oneof(texts(), bytes);

/** Moments and lengths, up to what numbers can hold. */
export const counts = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
