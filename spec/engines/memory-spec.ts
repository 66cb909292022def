import { describe, expect, it } from 'vitest';

import { memoryEngine } from '../../lib/engines/memory.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { engineSuite } from '../../lib/testing/index.js';

// What random programs are compared with is this engine: a few show that the same gives the same.
const fuzz = { programs: 300 };

engineSuite(
  { describe, it },
  { name: 'memory', features: memoryEngine().features, presence: true, create: () => memoryEngine(), fuzz },
);

engineSuite(
  { describe, it },
  {
    name: 'memory (without presence)',
    features: memoryEngine().features,
    create: () => memoryEngine({ presence: false }),
    fuzz,
  },
);

describe('The memory engine', () => {
  it('refuses a stream more than there is room for, and nothing else', async () => {
    const engine = memoryEngine({ maxStreams: 2 });
    const store = new Store(engine, engine.features, 0);
    const head = await store.create('a');
    await store.create('b');

    const results = await engine.commit([store.creation('c'), store.next('a', head, ['x'])]);

    expect(results).toMatchObject([
      { type: 'refused', error: { code: 'RESOURCE_EXHAUSTED' } },
      { type: 'stored' },
    ]);
    expect(await store.load('c')).toBeUndefined();
    await store.remove('a', { ...head, n: 2 });
    await store.create('c');
  });

  it.each([-1, 0.5, NaN])('takes no maxStreams of %d', (maxStreams) => {
    expect(() => memoryEngine({ maxStreams })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
