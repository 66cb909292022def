import { describe, expect, it } from 'vitest';

import type { StreamEngine } from '../../lib/engines/engine.js';
import { memoryEngine } from '../../lib/engines/memory.js';
import { engineSuite, type EngineUnderTest, faultyEngine, type FaultPlan } from '../../lib/testing/index.js';
import { MUTANTS } from './engine-suite/mutants.js';
import { registered } from './engine-suite/registered.js';

/** A memory engine as it would be elsewhere: it answers later, and several processes share it. */
function elsewhere(
  name: string,
  features: Partial<StreamEngine['features']>,
  plan: () => FaultPlan,
): EngineUnderTest {
  const stores = new Map<StreamEngine, StreamEngine>();
  const on = (store: StreamEngine): StreamEngine => {
    const engine = faultyEngine(store, plan(), {
      features,
      after: (ms, callback) => setTimeout(callback, ms),
    });
    stores.set(engine, store);
    return engine;
  };
  return {
    name,
    features: { ...memoryEngine().features, synchronous: false, ...features },
    create: () => on(memoryEngine({ presence: false })),
    fuzz: { programs: 300, seed: 10_000 },
    reopen: (engine) => on(stores.get(engine) ?? memoryEngine({ presence: false })),
  };
}

engineSuite(
  { describe, it },
  elsewhere('shared', { multiProcess: true }, () => ({})),
);

engineSuite(
  { describe, it },
  elsewhere('repeating', { multiProcess: true, lossyHints: true }, () => ({
    onHint: () => ({ type: 'repeat' }),
  })),
);

engineSuite(
  { describe, it },
  elsewhere('blank', { multiProcess: true, lossyHints: true }, () => ({ onHint: () => ({ type: 'blank' }) })),
);

engineSuite(
  { describe, it },
  elsewhere('stale, tagged', { multiProcess: true, staleReads: true, tagged: true }, () => {
    let reads = 0;
    return { onCall: ({ method }) => (method === 'read' && ++reads % 3 > 0 ? { type: 'stale' } : undefined) };
  }),
);

engineSuite(
  { describe, it },
  elsewhere('late', { maxChunkBytes: 1_000_000, maxCommitBytes: 1_000_000 }, () => {
    let calls = 0;
    // Out of order, too.
    return {
      onCall: () => (++calls % 7 < 2 ? { type: 'delay', request: calls % 2, answer: calls % 3 } : undefined),
    };
  }),
);

const memory = (create: () => StreamEngine): EngineUnderTest => ({
  name: 'mutant',
  features: memoryEngine().features,
  create,
  patience: 100,
  fuzz: { programs: 300 },
});

describe('The engine suite', () => {
  it('has the same titles whenever it is registered, and none twice', () => {
    const titles = registered(memory(memoryEngine)).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(registered(memory(memoryEngine)).map(({ title }) => title)).toEqual(titles);
  });

  it('has a case in the place of one that does not apply, which says why', () => {
    const titles = registered(memory(memoryEngine)).map(({ title }) => title);
    const { features } = memoryEngine();
    const other = registered({
      ...memory(memoryEngine),
      features: { ...features, durable: true, multiProcess: true, staleReads: true, byReference: false },
      presence: true,
      reopen: () => memoryEngine(),
    }).map(({ title }) => title);

    expect(titles.length).toBe(other.length);
    expect(titles.filter((title) => !other.includes(title)).length).toBeGreaterThan(10);
    expect(
      titles.filter((title) => title.includes('is not durable, so nothing is asked of a restart')),
    ).toHaveLength(3);
  });

  it('fails where an engine has other features than it was told', async () => {
    const features = { ...memoryEngine().features, byReference: false };
    const [first] = registered({ ...memory(memoryEngine), features });
    expect(first?.title).toContain('has the features that the suite was told');
    await expect(first?.run()).rejects.toThrow(
      'The features: at ["byReference"] there is true instead of false',
    );
  });

  it('fails where an engine has presence that it was not told of', async () => {
    const [first] = registered(memory(memoryEngine));
    await expect(first?.run()).rejects.toThrow('Whether it has presence');
  });

  it('fails where a case is left out for a reason that is none', async () => {
    const late = registered({
      ...memory(memoryEngine),
      features: { ...memoryEngine().features, synchronous: false },
    });
    const reason = late.find(({ title }) => title.includes('is not synchronous'));
    await expect(reason?.run()).rejects.toThrow("It doesn't hold that the engine is not synchronous");
  });

  it('asks for `reopen` where it is needed', () => {
    for (const feature of ['durable', 'multiProcess'] as const) {
      const features = { ...memoryEngine().features, [feature]: true };
      expect(() => registered({ ...memory(memoryEngine), features })).toThrow('`reopen`');
    }
  });

  it('closes each engine, and then destroys its store, also after a failure', async () => {
    const done: string[] = [];
    const all = registered({
      ...memory(memoryEngine),
      features: { ...memoryEngine().features, durable: true },
      reopen: () => memoryEngine(),
      create: () => {
        const engine = memoryEngine({ presence: false });
        done.push('create');
        const close = engine.close.bind(engine);
        return Object.assign(engine, { close: () => (done.push('close'), close()) });
      },
      destroy: () => {
        done.push('destroy');
      },
    });
    await all.find(({ title }) => title.endsWith('gives undefined where no stream is'))?.run();
    await expect(all.find(({ title }) => title.includes('has the features'))?.run()).rejects.toThrow();
    expect(done).toEqual(['create', 'close', 'destroy', 'create', 'close', 'destroy']);
  });

  it.each(MUTANTS)('finds an engine that $does', async ({ mutate, found }) => {
    const features = memoryEngine().features;
    const all = registered({ ...memory(() => mutate(memoryEngine({ presence: false }))), features });
    const failed: string[] = [];
    const cases = all.filter(({ title }) => found.some((name) => title.endsWith(` > ${name}`)));
    expect(cases).toHaveLength(found.length);
    for (const { title, run } of cases) await run().catch(() => failed.push(title));
    expect(failed).toHaveLength(found.length);
  });

  it.each(MUTANTS.filter(({ fuzzed }) => fuzzed))(
    'finds by random programs an engine that $does, and says how',
    async ({ mutate }) => {
      const all = registered(memory(() => mutate(memoryEngine({ presence: false }))));
      let message = '';
      for (const { title, run } of all) {
        if (message !== '' || !title.includes('random programs')) continue;
        await run().catch((error: unknown) => (message = (error as Error).message));
      }
      expect(message).toMatch(/^The program of the seed \d+ fails. (After step \d+|In the end|For 100 ms)/);
      // What is left of a program is what it takes.
      expect(message.split('\n1. ')[1]?.split(/\n\d+\. /).length).toBeLessThan(6);
    },
  );

  it('runs the programs that it is told to, in cases of twenty', () => {
    const titles = registered({ ...memory(memoryEngine), fuzz: { programs: 50, seed: 7 } }).map(
      ({ title }) => title,
    );
    expect(
      titles.filter((title) => title.includes('random programs >')).map((title) => title.split('seeds ')[1]),
    ).toEqual(['7 to 26', '27 to 46', '47 to 56']);
  });
});
