import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Refer } from '../../lib/log/command.js';
import { isDue, partsOf } from '../../lib/log/decide.js';
import { PART, type Reference } from '../../lib/log/head.js';
import { append, creation, EXACT, FOREVER, Stream } from './support.js';

const refer = (change: Refer['change'], nonce = 'fork'): Refer => ({
  type: 'refer',
  generation: 7,
  nonce,
  change,
});
const announce = (nonce = 'fork', until = 100, after = 0): Refer =>
  refer({ type: 'announce', id: `id of ${nonce}`, until, after }, nonce);
const confirm = (nonce = 'fork'): Refer => refer({ type: 'confirm' }, nonce);
const drop = (nonce = 'fork'): Refer => refer({ type: 'drop' }, nonce);
const recheck = (seen: number | undefined, at?: number) =>
  ({ type: 'recheck', generation: 7, seen, at }) as const;
const REMOVE = { type: 'remove' } as const;

function createSource(...commands: Refer[]): Stream {
  const stream = new Stream(EXACT);
  stream.do(creation({ chunks: ['a', 'b'], bytes: 2 }));
  for (const command of commands) stream.do(command);
  return stream;
}

const deletedSource = (...commands: Refer[]): Stream => {
  const stream = createSource(...commands);
  stream.do(REMOVE);
  return stream;
};

const referencesOf = ({ parts }: Stream): Record<string, unknown> => Object.fromEntries(parts);

describe('A fork', () => {
  it('is announced to its source, which then waits for it until a moment', () => {
    const source = createSource();

    expect(source.outcome(announce())).toBe('change');
    expect(referencesOf(source)).toEqual({ 'r:fork': { id: 'id of fork', until: 100 } });
    expect(source.head).toMatchObject({
      n: 2,
      tail: 2,
      facts: { references: 1, announced: 1, recheckAt: 100 },
    });
  });

  it('is made firm, and waited for no more', () => {
    const source = createSource(announce());

    expect(source.outcome(confirm())).toBe('change');
    expect(referencesOf(source)).toEqual({ 'r:fork': { id: 'id of fork' } });
    expect(source.head).toMatchObject({ n: 3, facts: { references: 1 } });
  });

  it('is dropped, firm or not', () => {
    for (const source of [createSource(announce()), createSource(announce(), confirm())]) {
      expect(source.outcome(drop())).toBe('change');
      expect(referencesOf(source)).toEqual({});
      expect(source.head.facts.references).toBe(0);
    }
  });

  it('is announced, made firm and dropped once each, however often that is said', () => {
    const source = createSource();
    for (const command of [announce(), confirm(), drop()]) {
      expect(source.outcome(command)).toBe('change');
      expect(source.outcome(command)).toBe('duplicate');
    }
    expect(source.head).toMatchObject({ n: 4, facts: { references: 0 } });
  });

  it('is not made firm once it was given up', () => {
    expect(createSource().outcome(confirm())).toBe('ABORTED');
    expect(createSource(announce(), drop()).outcome(confirm())).toBe('ABORTED');
  });

  it('begins within its source', () => {
    expect(createSource().outcome(announce('fork', 100, 2))).toBe('change');
    expect(createSource().outcome(announce('fork', 100, 3))).toBe('OUT_OF_RANGE');
  });

  it('can be made of a source that has ended', () => {
    const source = createSource();
    source.do({ type: 'stop', reason: '', grace: 0 });

    expect(source.outcome(announce())).toBe('change');
  });

  it('may have a nonce like a name of prototypes', () => {
    const source = createSource(announce('__proto__'), announce('constructor'));

    expect(source.head.facts.references).toBe(2);
    expect(source.outcome(announce('__proto__'))).toBe('duplicate');
    expect(source.outcome(drop('__proto__'))).toBe('change');
  });

  it('keeps its source from nothing: it is written as before', () => {
    expect(createSource(announce(), confirm()).outcome(append())).toBe('change');
  });
});

describe('A source that is deleted', () => {
  it('is kept while it has forks, and looks for them at once', () => {
    const source = createSource(announce(), confirm());

    expect(source.outcome(REMOVE)).toBe('change');
    expect(source.head).toMatchObject({
      status: 'open',
      tail: 2,
      facts: { deleted: true, references: 1, recheckAt: 0 },
    });
  });

  it('is kept as well when it expires, and does not expire again', () => {
    const source = new Stream(EXACT);
    source.do(creation({ lifetime: { ...FOREVER, expiresAt: 50, idleTtl: 10, lease: 5 } }));
    source.do(announce());
    source.do({ type: 'stop', reason: '', grace: 60 });
    source.now = 50;

    expect(source.outcome({ type: 'settle' })).toBe('change');
    expect(source.head.facts.deleted).toBe(true);
    expect(isDue(source.state!, 1_000_000, EXACT)).toBe(false);
  });

  it('goes with its last fork', () => {
    const source = deletedSource(announce('a'), announce('b'), confirm('b'));

    expect(source.outcome(drop('a'))).toBe('change');
    expect(source.head.facts).toMatchObject({ deleted: true, references: 1 });
    expect(source.outcome(drop('b'))).toBe('removal');
  });

  it('takes no more forks, but lets one become firm that was announced', () => {
    const source = deletedSource(announce());

    expect(source.outcome(announce('late'))).toBe('FAILED_PRECONDITION');
    expect(source.outcome(announce())).toBe('duplicate');
    expect(source.outcome(confirm())).toBe('change');
  });

  it('is not kept where its forks have gone before', () => {
    expect(createSource(announce(), drop()).outcome(REMOVE)).toBe('removal');
  });

  it('tells its own source, for which its origin is loaded', () => {
    for (const command of [REMOVE, drop(), recheck(0), { type: 'settle' } as const]) {
      expect(partsOf(command).parts).toContain(PART.origin);
    }
  });
});

describe('Looking for forks', () => {
  it('is put off to another moment, or for good', () => {
    const source = createSource(announce());

    expect(source.outcome(recheck(1, 500))).toBe('change');
    expect(source.head.facts.recheckAt).toBe(500);
    expect(source.outcome(recheck(1))).toBe('change');
    expect(source.head.facts).not.toHaveProperty('recheckAt');
    expect(source.head.facts.references).toBe(1);
  });

  it('comes sooner for a fork that is announced, never later', () => {
    const source = createSource(announce('a', 100), announce('b', 50));
    expect(source.head.facts.recheckAt).toBe(50);
    source.do(announce('c', 500));

    expect(source.head.facts.recheckAt).toBe(50);
  });

  it('is not put off by who has not seen a fork that was announced meanwhile', () => {
    for (const until of [20, 100, 500]) {
      const source = createSource(announce('a', 100));
      const seen = source.head.facts.announced;
      source.do(announce('b', until));

      expect(source.outcome(recheck(seen))).toBe('nothing');
      expect(source.outcome(recheck(seen, 1_000))).toBe('nothing');
      expect(source.head.facts.recheckAt).toBeLessThanOrEqual(until);
    }
  });

  it('is put off also where a fork was made firm or dropped meanwhile', () => {
    const source = createSource(announce('a'), announce('b'));
    const seen = source.head.facts.announced;
    source.do(confirm('a'));
    source.do(drop('b'));
    source.do(append());

    expect(source.outcome(recheck(seen))).toBe('change');
  });

  it('never misses a fork that is announced and not made, whoever looks, and whatever comes between', () => {
    const step = fc.oneof(
      fc.record({
        does: fc.constantFrom('announce', 'announce', 'confirm', 'drop'),
        fork: fc.nat(3),
        wait: fc.integer({ min: 1, max: 9 }),
      }),
      fc.constantFrom({ does: 'look' }, { does: 'look' }, { does: 'store' }, { does: 'store' }),
    );
    const steps = fc.array(fc.tuple(step, fc.nat(5)), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(steps, (program) => {
        const source = createSource();
        // Several look when they have to, and store what they have found some time later.
        const looks: { seen: number | undefined; at: number | undefined }[] = [];
        const untilsOf = (): number[] =>
          [...source.parts.values()].flatMap((part) => (part as Reference).until ?? []);
        for (const [given, pause] of program) {
          source.now += pause;
          const { announced: seen, recheckAt = Infinity } = source.head.facts;
          if ('fork' in given) {
            const nonce = String(given.fork);
            if (given.does === 'announce') source.do(announce(nonce, source.now + given.wait));
            else source.do(given.does === 'confirm' ? confirm(nonce) : drop(nonce));
          } else if (given.does === 'look' && recheckAt <= source.now) {
            for (const [name, part] of source.parts) {
              const { until = Infinity } = part as Reference;
              if (until <= source.now) source.do(drop(name.slice(PART.references.length)));
            }
            const untils = untilsOf();
            looks.push({ seen, at: untils.length > 0 ? Math.min(...untils) : undefined });
          } else if (given.does === 'store') {
            const look = looks.shift();
            if (look !== undefined) source.do(recheck(look.seen, look.at));
          }

          for (const until of untilsOf()) expect(source.head.facts.recheckAt).toBeLessThanOrEqual(until);
        }
      }),
      { numRuns: 500 },
    );
  });
});
