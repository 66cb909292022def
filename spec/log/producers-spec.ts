import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Writer } from '../../lib/log/command.js';
import { type Head, PART } from '../../lib/log/head.js';
import { standingOf, WRITER_SLOTS } from '../../lib/log/producers.js';
import { headOf, NO_PARTS, owner, process, producer } from './support.js';

const storedOwner = (seq: number): Head => headOf({ owner: { nonce: 'input', seq, position: 5, tag: 0 } });

const withProducer = (epoch: number, seq: number): ReadonlyMap<string, unknown> =>
  new Map([[PART.producer('producer'), { epoch, seq }]]);

/** The type of a standing, or the code of its error. */
function standing(writer: Writer, head = headOf(), parts = NO_PARTS): string {
  const given = standingOf(writer, head, parts);
  return 'error' in given ? `${given.type} ${given.error.code}` : given.type;
}

describe('An input', () => {
  it('numbers its appends from 1, each once', () => {
    expect(standing(owner(1), storedOwner(0))).toBe('new');
    expect(standing(owner(6), storedOwner(5))).toBe('new');
    expect(standing(owner(5), storedOwner(5))).toBe('duplicate');
    expect(standing(owner(1), storedOwner(5))).toBe('duplicate');
  });

  it('is fenced once another has taken over, also if that was before its first append', () => {
    const other = headOf({ owner: { nonce: 'other', seq: 0, position: 0, tag: 0 } });

    expect(standing(owner(1), other)).toBe('fenced ABORTED');
    expect(standing(owner(5), other)).toBe('fenced ABORTED');
    expect(standing(owner(1), headOf({ owner: undefined }))).toBe('fenced ABORTED');
  });

  it('has lost data if the store lacks what was acknowledged', () => {
    expect(standing(owner(8, 6), storedOwner(5))).toBe('gap DATA_LOSS');
    expect(standing(owner(8, 7), storedOwner(0))).toBe('gap DATA_LOSS');
  });

  it('is told of an append before it that was refused, not of a loss, if nothing lacks that was acknowledged', () => {
    expect(standing(owner(7, 5), storedOwner(5))).toBe('gap FAILED_PRECONDITION');
    expect(standing(owner(2, 0), storedOwner(0))).toBe('gap FAILED_PRECONDITION');
  });

  it('is remembered in the head, not in a part', () => {
    expect(standingOf(owner(1), headOf(), NO_PARTS)).toEqual({
      type: 'new',
      parts: undefined,
      registers: false,
    });
  });
});

describe('An idempotent producer', () => {
  it('is remembered from its first append on', () => {
    expect(standingOf(producer(0), headOf(), NO_PARTS)).toEqual({
      type: 'new',
      parts: { 'p:producer': { epoch: 0, seq: 0 } },
      registers: false,
    });
  });

  it('may begin in any epoch, with 0', () => {
    expect(standing(producer(0, 5))).toBe('new');
    expect(standing(producer(0, Number.MAX_SAFE_INTEGER))).toBe('new');
    expect(standing(producer(1))).toBe('gap FAILED_PRECONDITION');
  });

  it('goes on with the next number', () => {
    const parts = withProducer(3, 7);

    expect(standingOf(producer(8, 3), headOf(), parts)).toMatchObject({
      type: 'new',
      parts: { 'p:producer': { epoch: 3, seq: 8 } },
    });
    expect(standing(producer(7, 3), headOf(), parts)).toBe('duplicate');
    expect(standing(producer(0, 3), headOf(), parts)).toBe('duplicate');
  });

  it('is told after a gap which number is expected', () => {
    expect(standingOf(producer(9, 3), headOf(), withProducer(3, 7))).toMatchObject({
      type: 'gap',
      error: { code: 'FAILED_PRECONDITION', details: { expected: 8, received: 9 } },
    });
    expect(standingOf(producer(9, 3), headOf(), NO_PARTS)).toMatchObject({
      type: 'gap',
      error: { code: 'FAILED_PRECONDITION', details: { expected: 0, received: 9 } },
    });
  });

  it('begins a new epoch with 0, and only with it', () => {
    const parts = withProducer(3, 7);

    expect(standing(producer(0, 4), headOf(), parts)).toBe('new');
    expect(standing(producer(1, 4), headOf(), parts)).toBe('gap INVALID_ARGUMENT');
    expect(standing(producer(8, 4), headOf(), parts)).toBe('gap INVALID_ARGUMENT');
  });

  it('is fenced in a lower epoch, whatever the number, and told the epoch', () => {
    for (const seq of [0, 7, 8, 9]) {
      expect(standingOf(producer(seq, 2), headOf(), withProducer(3, 7))).toMatchObject({
        type: 'fenced',
        error: { code: 'ABORTED', details: { epoch: 3 } },
      });
    }
  });

  it('can go on up to the greatest number', () => {
    const max = Number.MAX_SAFE_INTEGER;
    const parts = withProducer(max, max - 1);

    expect(standing(producer(max, max), headOf(), parts)).toBe('new');
    expect(standing(producer(max, max), headOf(), withProducer(max, max))).toBe('duplicate');
  });

  it.each(['__proto__', 'constructor', 'toString', ''])('may be named %j', (id) => {
    const first = standingOf(producer(0, 0, id), headOf(), NO_PARTS);
    const parts = new Map(Object.entries((first as { parts: object }).parts));

    expect([...parts]).toEqual([[PART.producer(id), { epoch: 0, seq: 0 }]]);
    expect(standing(producer(0, 0, id), headOf(), parts)).toBe('duplicate');
    expect(standing(producer(1, 0, id), headOf(), parts)).toBe('new');
  });

  it('is another than one of another name, and than the input', () => {
    expect(standing(producer(0, 0, 'other'), headOf(), withProducer(3, 7))).toBe('new');
    expect(standing(producer(0, 0, 'input'), storedOwner(5))).toBe('new');
  });

  it('has every append stored once and in order, whatever is sent, as the protocol has it', () => {
    const sent = fc.array(fc.tuple(fc.nat(3), fc.nat(4)), { maxLength: 40 });
    fc.assert(
      fc.property(sent, (appends) => {
        let parts = NO_PARTS;
        let state: { epoch: number; lastSeq: number } | undefined;
        for (const [epoch, seq] of appends) {
          const given = standingOf(producer(seq, epoch), headOf(), parts);
          // The validation of section 5.2.1; for an unknown producer it leaves open what precedes 0.
          let expected: string;
          if (state === undefined) expected = seq === 0 ? 'new' : 'gap';
          else if (epoch < state.epoch) expected = 'fenced';
          else if (epoch > state.epoch) expected = seq === 0 ? 'new' : 'gap';
          else if (seq <= state.lastSeq) expected = 'duplicate';
          else expected = seq === state.lastSeq + 1 ? 'new' : 'gap';

          expect(given.type).toBe(expected);
          if (given.type !== 'new') continue;
          state = { epoch, lastSeq: seq };
          parts = new Map(Object.entries(given.parts!));
          expect([...parts]).toEqual([['p:producer', { epoch, seq }]]);
        }
      }),
    );
  });
});

describe('A process that writes without an input', () => {
  const parts = (
    slots: Record<number, [id: string, seq: number] | undefined>,
  ): ReadonlyMap<string, unknown> =>
    new Map(
      Object.entries(slots).map(([slot, state]) => [
        PART.writer(Number(slot)),
        state && { id: state[0], seq: state[1] },
      ]),
    );

  it('takes the next slot with its first append', () => {
    expect(standingOf(process(5), headOf({ writers: 3 }), NO_PARTS)).toEqual({
      type: 'new',
      parts: { 'w:3': { id: 'process', seq: 5 } },
      registers: true,
    });
  });

  it('takes the slot of the oldest where all are taken', () => {
    expect(WRITER_SLOTS).toBe(64);
    expect(standingOf(process(1), headOf({ writers: 64 * 5 + 7 }), parts({ 7: ['old', 9] }))).toMatchObject({
      parts: { 'w:7': { id: 'process', seq: 1 } },
      registers: true,
    });
  });

  it('is known in its slot from then on', () => {
    const known = parts({ 3: ['process', 5] });

    expect(standingOf(process(6, 3), headOf({ writers: 4 }), known)).toEqual({
      type: 'new',
      parts: { 'w:3': { id: 'process', seq: 6 } },
      registers: false,
    });
    expect(standing(process(5, 3), headOf({ writers: 4 }), known)).toBe('duplicate');
    expect(standing(process(4, 3), headOf({ writers: 4 }), known)).toBe('duplicate');
  });

  it('may leave numbers out', () => {
    expect(standing(process(99, 3), headOf(), parts({ 3: ['process', 5] }))).toBe('new');
  });

  it('is found among all if it repeats its first append and was not told its slot', () => {
    const known = parts({ 0: ['a', 9], 1: undefined, 2: ['process', 5], 3: ['b', 1] });

    expect(standing(process(5), headOf({ writers: 4 }), known)).toBe('duplicate');
    expect(standingOf(process(6), headOf({ writers: 4 }), known)).toMatchObject({
      parts: { 'w:2': { id: 'process', seq: 6 } },
      registers: false,
    });
  });

  it('is not found in a part of another kind', () => {
    const known = new Map<string, unknown>([['p:w:0', { id: 'process', seq: 9 }]]);

    expect(standing(process(5), headOf(), known)).toBe('new');
  });

  it.each<[what: string, slots: Parameters<typeof parts>[0]]>([
    ['another has its slot', { 3: ['other', 5] }],
    ['its slot is empty', { 3: undefined }],
    ['its slot was never there', {}],
  ])('is not told that an append was stored or not if %s', (_, slots) => {
    expect(standing(process(6, 3), headOf(), parts(slots))).toBe('fenced UNAVAILABLE');
  });
});
