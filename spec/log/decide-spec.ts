import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Payload } from '../../lib/engines/engine.js';
import { payloadBytes } from '../../lib/log/bytes.js';
import type { Command } from '../../lib/log/command.js';
import { decide, isDue, partsOf } from '../../lib/log/decide.js';
import type { State } from '../../lib/log/decision.js';
import { decodeHead, encodeHead, type Lifetime } from '../../lib/log/head.js';
import { nextTag } from '../../lib/log/tag.js';
import {
  append,
  creation,
  DONE,
  EXACT,
  FOREVER,
  frozen,
  headOf,
  outcomeOf,
  owner,
  process,
  producer,
  SHARED,
  stateOf,
  Stream,
  texts,
} from './support.js';

const NONCES = ['input', 'other', 'third'];
const nonce = fc.constantFrom(...NONCES);
const chunks = fc.array(fc.oneof(texts(5), fc.uint8Array({ maxLength: 5 })), { maxLength: 3 });
const length = fc.oneof(fc.nat(20), fc.constant(Infinity));
const lifetime: fc.Arbitrary<Lifetime> = fc.record({
  ttl: length,
  idleTtl: length,
  expiresAt: fc.constantFrom(Infinity, 40),
  lease: length,
});
const outcome = fc.oneof(
  fc.constant(undefined),
  fc.constant(DONE),
  fc.constant({ type: 'error', error: { code: 'UNKNOWN', message: 'x' } } as const),
);
const writer = fc.oneof(
  fc.record({ nonce, seq: fc.nat(4) }).map(({ nonce, seq }) => owner(seq + 1, seq, nonce)),
  fc.record({ seq: fc.nat(3), epoch: fc.nat(2) }).map(({ seq, epoch }) => producer(seq, epoch)),
  fc.record({ seq: fc.nat(4) }).map(({ seq }) => process(seq)),
);
const generation = fc.constantFrom(7, 7, 7, 8);

const sizeOf = (chunks: readonly Payload[]): number =>
  chunks.reduce((sum, chunk) => sum + payloadBytes(chunk), 0);

/** Any command, about any of a few inputs, producers, forks, so that what is repeated or out of order is common. */
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .record({ nonce, lifetime, owned: fc.boolean(), chunks, outcome })
      .map((given) => creation({ ...given, bytes: sizeOf(given.chunks) })),
  },
  {
    weight: 8,
    arbitrary: fc
      .record({
        writer,
        chunks,
        outcome: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, outcome),
        sequence: fc.option(texts(2), { nil: undefined, freq: 2 }),
      })
      .map((given) => append({ ...given, bytes: sizeOf(given.chunks) })),
  },
  fc.record({ nonce, lifetime: fc.record({ ttl: length, lease: length }) }).map((given) => ({
    type: 'takeOver' as const,
    ...given,
  })),
  nonce.map((nonce) => ({ type: 'release' as const, nonce })),
  length.map((grace) => ({ type: 'stop' as const, reason: 'enough', grace })),
  fc
    .record({ generation, n: fc.nat(9), beat: fc.nat(1) })
    .map((given) => ({ type: 'loseLease' as const, ...given })),
  fc.constant({ type: 'remove' as const }),
  fc.constant({ type: 'settle' as const }),
  fc
    .record({
      generation,
      nonce,
      change: fc.oneof(
        fc.record({
          type: fc.constant('announce' as const),
          id: fc.constant('f'),
          until: fc.nat(50),
          after: fc.nat(4),
        }),
        fc.constantFrom({ type: 'confirm' as const }, { type: 'drop' as const }),
      ),
    })
    .map((given) => ({ type: 'refer' as const, ...given })),
  fc
    .record({
      generation,
      seen: fc.option(fc.nat(50), { nil: undefined }),
      at: fc.option(fc.nat(50), { nil: undefined }),
    })
    .map((given) => ({ type: 'recheck' as const, ...given })),
);

const program = fc.record({
  rules: fc.constantFrom(EXACT, SHARED, { ...EXACT, maxChunks: 5 }, { ...SHARED, maxBytes: 12 }),
  steps: fc.array(fc.tuple(command, fc.nat(5)), { maxLength: 40, size: 'max' }),
});

/** Runs a program with what is due stored before each command, as the log does, and looks at each decision. */
function runAll(look: (stream: Stream, command: Command, before: State | undefined) => void): void {
  fc.assert(
    fc.property(program, ({ rules, steps }) => {
      const stream = new Stream(rules);
      for (const [next, pause] of steps) {
        stream.now += pause;
        const settle = { type: 'settle' } as const;
        while (stream.state !== undefined && isDue(stream.state, stream.now, rules)) {
          look(stream, settle, stream.state);
          expect(stream.outcome(settle)).toMatch(/change|removal/);
        }
        look(stream, next, stream.state);
        stream.do(next);
      }
    }),
    { numRuns: 200 },
  );
}

describe('A decision', () => {
  it('is the same each time, and changes nothing that it was given', () => {
    runAll((stream, next, before) => {
      const parts = before && [...before.parts];
      frozen(next);
      frozen(before);
      const decision = stream.decide(next);

      expect(stream.decide(next)).toEqual(decision);
      expect(before && [...before.parts]).toEqual(parts);
    });
  });

  it('is made from the stored head as from the one that was stored', () => {
    runAll((stream, next, before) => {
      if (before === undefined) return;
      const stored = { ...before, head: decodeHead(encodeHead(before.head)) };

      expect(decide('s', stored, next, stream.now, stream.rules)).toEqual(stream.decide(next));
    });
  });

  it('needs no parts but those that it names', () => {
    runAll((stream, next, before) => {
      if (before === undefined) return;
      const { parts, partsWith } = partsOf(next);
      const needed = [...before.parts].filter(
        ([name]) => parts.includes(name) || (partsWith !== undefined && name.startsWith(partsWith)),
      );
      const loaded = { ...before, parts: new Map(needed) };

      expect(decide('s', loaded, next, stream.now, stream.rules)).toEqual(stream.decide(next));
    });
  });

  it('that changes a stream makes its next version, and what it appends goes to its end', () => {
    runAll((stream, next, before) => {
      const decision = stream.decide(next);
      if (decision.type !== 'change') return;
      const { head, position, previous, chunks } = decision;
      const old = before?.head;

      expect(head.n).toBe((old?.n ?? 0) + 1);
      expect(head.generation).toBe(old?.generation ?? 0);
      expect(position).toBe(old?.tail ?? 0);
      expect(head.tail).toBe(position + chunks.length);
      if (old !== undefined) expect(previous).toBe(old.tag);
      if (chunks.length === 0) expect(head.tag).toBe(previous);
      expect(head.tag === 0).toBe(!stream.rules.tagged);
      expect(head.bytes).toBe((old?.bytes ?? 0) + sizeOf(chunks));
      expect(head.tail).toBeLessThanOrEqual(stream.rules.maxChunks);
      expect(head.bytes).toBeLessThanOrEqual(stream.rules.maxBytes);
    });
  });

  it('never makes an ended stream open, nor its outcome another', () => {
    runAll((stream, next, before) => {
      const decision = stream.decide(next);
      if (decision.type !== 'change') return;
      const { head, parts, chunks } = decision;
      const ends = head.status !== 'open';

      expect(head.facts.endedAt !== undefined).toBe(ends);
      if (before !== undefined && before.head.status !== 'open') {
        expect(head.status).toBe(before.head.status);
        expect(head.facts.endedAt).toBe(before.head.facts.endedAt);
        expect(chunks).toEqual([]);
        expect(Object.keys(parts ?? {})).not.toContain('o');
      } else {
        expect((parts?.['o'] as { type: string } | undefined)?.type).toBe(ends ? head.status : undefined);
      }
      if (ends) expect(head.facts.stop).toBeUndefined();
    });
  });

  it('counts the forks of a stream as it has parts for them', () => {
    runAll((stream) => {
      if (stream.state === undefined) return;
      const references = [...stream.parts.keys()].filter((name) => name.startsWith('r:'));

      expect(stream.head.facts.references).toBe(references.length);
    });
  });

  it('on an append or on a claim is a duplicate, or a refusal as before, if it is asked for again', () => {
    runAll((stream, next) => {
      if (!['append', 'create', 'takeOver', 'release', 'stop', 'refer'].includes(next.type)) return;
      const first = stream.decide(next);
      if (first.type === 'removal') return;
      // One whose writer or whose change can be known again.
      const after = new Stream(stream.rules, stream.state);
      after.now = stream.now;
      after.do(next);
      const second = after.decide(next);

      if (first.type === 'change') {
        expect(second).toEqual({ type: 'nothing', duplicate: true });
      } else {
        expect(second).toEqual(first);
      }
    });
  });
});

describe('A stream that is not there', () => {
  const generation = 7;
  const others: Command[] = [
    append(),
    { type: 'takeOver', nonce: 'other', lifetime: {} },
    { type: 'release', nonce: 'input' },
    { type: 'stop', reason: '', grace: 0 },
    { type: 'loseLease', generation, n: 1, beat: 0 },
    { type: 'remove' },
    { type: 'refer', generation, nonce: 'f', change: { type: 'drop' } },
    { type: 'recheck', generation, seen: undefined, at: undefined },
  ];

  it.each(others)('can only be created: $type', (other) => {
    expect(outcomeOf(undefined, other)).toBe('NOT_FOUND');
    expect(outcomeOf(undefined, creation())).toBe('change');
  });

  it('has nothing to settle', () => {
    expect(outcomeOf(undefined, { type: 'settle' })).toBe('nothing');
  });

  it('is one of another generation than a command means', () => {
    const named = [append({ generation: 8 }), ...others.filter((other) => 'generation' in other)];

    expect(named).toHaveLength(4);
    for (const other of named) {
      expect(outcomeOf(stateOf(headOf({ generation: 9 })), other)).toBe('NOT_FOUND');
    }
    expect(outcomeOf(stateOf(), append({ generation }))).toBe('change');
  });

  it.each(others.filter(({ type }) => !['refer', 'recheck'].includes(type)))(
    'is one that is kept only for its forks: $type',
    (other) => {
      const deleted = stateOf(headOf({ facts: { deleted: true, references: 1 } }));

      expect(outcomeOf(deleted, other)).toBe('NOT_FOUND');
    },
  );
});

describe('The head of a stream', () => {
  it('does not grow with its producers, its processes or its appends', () => {
    const stream = new Stream(SHARED);
    stream.do(creation({ chunks: ['a'], bytes: 1 }));
    const bytesOf = (): number => Buffer.byteLength(encodeHead(stream.head));
    const before = bytesOf();
    // Only its own part is loaded for each.
    for (let i = 0; i < 10_000; i++) {
      const decision = decide(
        's',
        { ...stream.state!, parts: new Map() },
        append({
          writer: i % 2 === 0 ? producer(0, 0, `producer ${i}`) : process(1, undefined, `process ${i}`),
        }),
        i,
        stream.rules,
      );
      if (decision.type !== 'change') throw new Error(decision.type);
      expect(Object.keys(decision.parts!)).toEqual([
        i % 2 === 0 ? `p:producer ${i}` : `w:${((i - 1) / 2) % 64}`,
      ]);
      stream.state = { ...stream.state!, head: decision.head };
    }

    expect(stream.head).toMatchObject({ n: 10_001, tail: 10_001, bytes: 50_001, writers: 5_000 });
    // What grew is digits.
    expect(bytesOf() - before).toBeLessThan(30);
  });

  it('has a tag of all that was written, and where', () => {
    const write = (...texts: string[]): number => {
      const stream = new Stream(SHARED);
      stream.do(creation());
      texts.forEach((text, i) => stream.do(append({ writer: owner(i + 1), chunks: [text] })));
      return stream.head.tag;
    };
    const stream = new Stream(SHARED);
    stream.do(creation());
    const { tag } = stream.head;

    expect(stream.do(append({ chunks: ['a'] }))).toMatchObject({
      previous: tag,
      head: { tag: nextTag(tag, 'input', 1, ['a']) },
    });
    expect(write('a', 'b')).toBe(write('a', 'b'));
    expect(new Set([write(), write('a'), write('a', 'b'), write('b', 'a'), write('ab')]).size).toBe(5);
  });

  it('has the tag 0 where nothing that was acknowledged is lost', () => {
    const stream = new Stream(EXACT);
    stream.do(creation({ chunks: ['a'], bytes: 1, lifetime: FOREVER }));
    stream.do(append({ outcome: DONE }));

    expect(stream.head).toMatchObject({ tag: 0, owner: { tag: 0 }, tail: 2 });
  });
});
