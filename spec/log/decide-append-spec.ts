import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Append } from '../../lib/log/command.js';
import { MAX_TEXT_BYTES, PART } from '../../lib/log/head.js';
import {
  append,
  creation,
  DONE,
  EXACT,
  headOf,
  outcomeOf,
  owner,
  process,
  producer,
  SHARED,
  stateOf,
  Stream,
  texts,
  write,
} from './support.js';

const closing = { chunks: [], bytes: 0, outcome: DONE };

/** A stream with the first append of an input, of a producer and of a process. */
function written(rules = EXACT): Stream {
  const stream = new Stream(rules);
  stream.do(creation({ contentType: 'text/plain' }));
  stream.do(append());
  stream.do(append({ writer: producer(0) }));
  stream.do(write());
  return stream;
}

describe('An append', () => {
  it('goes to the end, as the next version', () => {
    const stream = new Stream();
    stream.do(creation({ chunks: ['x'], bytes: 1 }));
    stream.now = 50;

    expect(stream.do(append({ chunks: ['a', 'b'], bytes: 2 }))).toEqual({
      type: 'change',
      head: stream.head,
      parts: undefined,
      chunks: ['a', 'b'],
      position: 1,
      previous: 0,
    });
    expect(stream.head).toMatchObject({
      n: 2,
      tail: 3,
      bytes: 3,
      usedAt: 50,
      owner: { nonce: 'input', seq: 1, position: 3 },
    });
  });

  it('shares the facts of the version before, which are most of a head', () => {
    const stream = written();
    const { facts } = stream.head;
    stream.do(append({ writer: owner(2) }));

    expect(stream.head.facts).toBe(facts);
  });

  it.each<[who: string, writer: (seq: number) => Append['writer'], part: string | undefined]>([
    ['an input', (seq) => owner(seq + 1), undefined],
    ['a producer', (seq) => producer(seq), PART.producer('producer')],
    ['a process', (seq) => process(seq + 1), PART.writer(0)],
  ])('of %s is stored once, however often it is sent', (_, writer, part) => {
    const stream = written();
    const before = stream.head;

    expect(stream.outcome(append({ writer: writer(0) }))).toBe('duplicate');
    expect(stream.head).toBe(before);
    expect(stream.outcome(append({ writer: writer(1), ...closing }))).toBe('change');
    expect(stream.outcome(append({ writer: writer(1), ...closing }))).toBe('duplicate');
    expect(stream.outcome(append({ writer: writer(0) }))).toBe('duplicate');
    expect(stream.head).toMatchObject({ n: before.n + 1, tail: before.tail, status: 'done' });
    if (part !== undefined) expect(stream.parts.has(part)).toBe(true);
  });

  it('is known again though its chunks are others', () => {
    expect(written().outcome(append({ writer: producer(0), chunks: ['other'] }))).toBe('duplicate');
  });

  it('leaves the owner where others write, so that its own can still be answered', () => {
    const stream = new Stream(SHARED);
    stream.do(creation());
    stream.do(append());
    const { owner } = stream.head;
    stream.do(append({ writer: producer(0) }));

    expect(stream.head).toMatchObject({ tail: 2, owner });
    expect(owner).toMatchObject({ seq: 1, position: 1 });
  });

  it('registers a process once', () => {
    const stream = written();
    expect(stream.head.writers).toBe(1);
    stream.do(write({ writer: process(2, 0) }));
    stream.do(write({ writer: process(1, undefined, 'other') }));

    expect(stream.head.writers).toBe(2);
    expect(stream.parts.get('w:0')).toEqual({ id: 'process', seq: 2 });
    expect(stream.parts.get('w:1')).toEqual({ id: 'other', seq: 1 });
  });

  it('stores its outcome with its chunks', () => {
    const stream = written();
    stream.now = 50;

    expect(stream.do(append({ writer: producer(1), chunks: ['last'], outcome: DONE }))).toMatchObject({
      chunks: ['last'],
      parts: { o: DONE, 'p:producer': { epoch: 0, seq: 1 } },
      head: { status: 'done', tail: 4, facts: { endedAt: 50 } },
    });
  });

  it('that only ends the stream leaves the tail and the tag where they were', () => {
    const stream = written(SHARED);
    const { tail, tag, bytes } = stream.head;

    expect(stream.do(append({ writer: owner(2), ...closing }))).toMatchObject({
      chunks: [],
      position: tail,
      previous: tag,
    });
    expect(stream.head).toMatchObject({
      tail,
      tag,
      bytes,
      status: 'done',
      owner: { seq: 2, position: tail, tag },
    });
  });

  it('ends a stop that was pending', () => {
    const stream = written();
    stream.do({ type: 'stop', reason: 'enough', grace: 50 });
    stream.do(append({ writer: owner(2), ...closing }));

    expect(stream.head.facts.stop).toBeUndefined();
    expect(stream.head.status).toBe('done');
    expect(stream.parts.get('o')).toEqual(DONE);
  });

  it('is refused once its input has left', () => {
    const stream = written();
    stream.do({ type: 'release', nonce: 'input' });

    expect(stream.outcome(append())).toBe('duplicate');
    expect(stream.outcome(append({ writer: owner(2) }))).toBe('FAILED_PRECONDITION');
    expect(stream.outcome(append({ writer: owner(2), ...closing }))).toBe('FAILED_PRECONDITION');
    expect(stream.outcome(append({ writer: producer(1) }))).toBe('change');
  });
});

describe('The order of the checks of an append', () => {
  /** What is wrong with it, each by itself enough; with the code that it would have alone. */
  const faults = {
    fenced: 'ABORTED',
    duplicate: 'duplicate',
    ended: 'FAILED_PRECONDITION',
    type: 'FAILED_PRECONDITION',
    gap: 'INVALID_ARGUMENT',
    sequence: 'FAILED_PRECONDITION',
    full: 'RESOURCE_EXHAUSTED',
  };
  type Fault = keyof typeof faults;
  const order = Object.keys(faults) as Fault[];

  /** Refusals with the same code are told apart by their details. */
  const detailsOf: Partial<Record<Fault, unknown>> = {
    type: { contentType: 'text/plain' },
    sequence: { sequence: '5' },
  };

  function attempt(has: ReadonlySet<Fault>): { outcome: string; details: unknown } {
    const head = headOf({
      status: has.has('ended') ? 'done' : 'open',
      sequence: '5',
      tail: 10,
      facts: { contentType: 'text/plain' },
    });
    const writer = has.has('fenced')
      ? producer(0, 1)
      : has.has('duplicate')
        ? producer(4, 2)
        : has.has('gap')
          ? producer(7, 3)
          : producer(5, 2);
    const stream = new Stream(
      { ...EXACT, maxChunks: has.has('full') ? 10 : Infinity },
      stateOf(head, {}, new Map([[PART.producer('producer'), { epoch: 2, seq: 4 }]])),
    );
    const command = append({
      writer,
      contentType: has.has('type') ? 'text/html' : 'text/plain',
      sequence: has.has('sequence') ? '5' : '6',
    });
    const decision = stream.decide(command);
    return {
      outcome: stream.outcome(command),
      details: decision.type === 'refusal' ? decision.error.details : undefined,
    };
  }

  it('is fenced, duplicate, ended, content type, gap, sequence, limits', () => {
    expect(attempt(new Set()).outcome).toBe('change');
    fc.assert(
      fc.property(fc.subarray(order, { minLength: 1 }), (given) => {
        const first = order.find((fault) => given.includes(fault))!;
        const { outcome, details } = attempt(new Set(given));

        expect(outcome).toBe(faults[first]);
        if (detailsOf[first] !== undefined) expect(details).toEqual(detailsOf[first]);
      }),
    );
  });

  it('tells an input that was replaced so, also where the stream has ended', () => {
    const head = headOf({ status: 'done', owner: { nonce: 'other', seq: 0, position: 0, tag: 0 } });

    expect(outcomeOf(stateOf(head), append())).toBe('ABORTED');
  });
});

describe('An append to a stream that has ended', () => {
  const ended = (): Stream => {
    const stream = written();
    stream.do(append({ writer: producer(1), chunks: ['last'], outcome: DONE }));
    return stream;
  };

  it.each<[who: string, writer: Append['writer']]>([
    ['an input', owner(2)],
    ['a producer', producer(2)],
    ['another producer', producer(0, 0, 'other')],
    ['a process', process(2)],
  ])('of %s is refused, also if it would end it', (_, writer) => {
    const stream = ended();
    const { head } = stream;

    expect(stream.outcome(append({ writer }))).toBe('FAILED_PRECONDITION');
    expect(stream.outcome(append({ writer, outcome: DONE }))).toBe('FAILED_PRECONDITION');
    expect(stream.head).toBe(head);
  });

  it('asks for nothing if it only ends it, but from its input, which has to know that another did', () => {
    const stream = ended();

    expect(stream.outcome(append({ writer: producer(2), ...closing }))).toBe('duplicate');
    expect(stream.outcome(write({ writer: process(2), ...closing }))).toBe('duplicate');
    expect(stream.outcome(append({ writer: owner(2), ...closing }))).toBe('FAILED_PRECONDITION');
  });

  it('is a duplicate if it is the one that ended it', () => {
    expect(ended().outcome(append({ writer: producer(1), chunks: ['last'], outcome: DONE }))).toBe(
      'duplicate',
    );
  });
});

describe('The content type of an append', () => {
  it('must be that of the stream, if it has one', () => {
    const stream = written();

    expect(stream.outcome(append({ writer: owner(2), contentType: 'text/html' }))).toBe(
      'FAILED_PRECONDITION',
    );
    expect(stream.outcome(append({ writer: owner(2), contentType: 'text/plain' }))).toBe('change');
    expect(stream.outcome(append({ writer: owner(3) }))).toBe('change');
  });

  it('can’t be given where the stream has none', () => {
    expect(outcomeOf(stateOf(), append({ contentType: 'text/plain' }))).toBe('FAILED_PRECONDITION');
  });

  it('is not looked at where there are no chunks', () => {
    expect(written().outcome(append({ writer: owner(2), ...closing, contentType: 'text/html' }))).toBe(
      'change',
    );
  });
});

describe('The application sequence of an append', () => {
  it('must be greater than the last, by code units, and is kept', () => {
    fc.assert(
      fc.property(fc.array(fc.option(texts(3), { nil: undefined }), { maxLength: 10 }), (sequences) => {
        const stream = new Stream();
        stream.do(creation());
        let seq = 0;
        let last: string | undefined;
        for (const sequence of sequences) {
          const later = sequence === undefined || last === undefined || sequence > last;

          expect(stream.outcome(append({ writer: owner(seq + 1), sequence }))).toBe(
            later ? 'change' : 'FAILED_PRECONDITION',
          );
          if (!later) continue;
          seq++;
          last = sequence ?? last;
          expect(stream.head.sequence).toBe(last);
        }
      }),
    );
  });

  it('is compared as a text, not as a number', () => {
    const stream = new Stream();
    stream.do(creation());

    expect(stream.outcome(append({ writer: owner(1), sequence: '9' }))).toBe('change');
    expect(stream.outcome(append({ writer: owner(2), sequence: '10' }))).toBe('FAILED_PRECONDITION');
    expect(stream.outcome(append({ writer: owner(2), sequence: '9a' }))).toBe('change');
  });

  it('counts also for what only ends the stream', () => {
    const stream = stateOf(headOf({ sequence: '5' }));

    expect(outcomeOf(stream, append({ ...closing, sequence: '5' }))).toBe('FAILED_PRECONDITION');
    expect(outcomeOf(stream, append({ ...closing, sequence: '6' }))).toBe('change');
  });

  it('can’t be one that makes the head long', () => {
    const sequence = 'x'.repeat(MAX_TEXT_BYTES - 2);

    expect(outcomeOf(stateOf(), append({ sequence }))).toBe('change');
    expect(outcomeOf(stateOf(), append({ sequence: `${sequence}x` }))).toBe('INVALID_ARGUMENT');
  });
});

describe('The limits of a stream', () => {
  const rules = { ...EXACT, maxChunks: 3, maxBytes: 10 };

  it('are reached, and not passed', () => {
    const stream = new Stream(rules);
    stream.do(creation({ chunks: ['a'], bytes: 1 }));

    expect(stream.outcome(append({ chunks: ['b', 'c', 'd'], bytes: 3 }))).toBe('RESOURCE_EXHAUSTED');
    expect(stream.outcome(append({ chunks: ['b'], bytes: 10 }))).toBe('RESOURCE_EXHAUSTED');
    expect(stream.head).toMatchObject({ n: 1, tail: 1, owner: { seq: 0 } });
    expect(stream.outcome(append({ chunks: ['b', 'c'], bytes: 9 }))).toBe('change');
    expect(stream.outcome(append({ writer: owner(2), chunks: [''], bytes: 0 }))).toBe('RESOURCE_EXHAUSTED');
  });

  it('do not keep a full stream from its end', () => {
    const stream = new Stream({ ...rules, maxChunks: 0 }, stateOf(headOf({ tail: 5, bytes: 50 })));

    expect(stream.outcome(append(closing))).toBe('change');
  });
});
