import type { Hint } from '../../engines/engine.js';
import type { Head } from '../../log/head.js';
import { check, eventually, failsWith, same } from './assert.js';
import type { Cases } from './cases.js';
import { expiring, type Store } from './store.js';

/** What an engine says of itself, and how it ends. */
export function lifecycleCases(cases: Cases): void {
  cases.it('has the features that the suite was told', ({ engine }) => {
    same(engine.features, cases.features, 'The features');
    same(engine.presence !== undefined, cases.presence, 'Whether it has presence');
    check(engine.name !== '', 'the engine has a name');
    check(
      engine.presence === undefined || (!engine.features.multiProcess && !engine.features.lossyHints),
      'an engine with presence has one process, and no hint is lost',
    );
    return Promise.resolve();
  });

  cases.it('fails with UNAVAILABLE after it is closed', async (store) => {
    const { engine } = store;
    const head = await store.create('s', ['a']);

    await engine.close();

    const request = {
      id: 's',
      generation: head.generation,
      position: 0,
      until: 9,
      maxBytes: 9,
      maxChunks: 9,
    };
    await failsWith('UNAVAILABLE', () => engine.load([{ id: 's' }]), 'load');
    await failsWith('UNAVAILABLE', () => engine.commit([store.next('s', head)]), 'commit');
    await failsWith('UNAVAILABLE', () => engine.read([request]), 'read');
    await failsWith('UNAVAILABLE', () => engine.watch(['s'], () => undefined), 'watch');
    await failsWith('UNAVAILABLE', () => engine.touch([{ id: 's', generation: 1, usedAt: 1 }]), 'touch');
    await failsWith('UNAVAILABLE', () => engine.list({ prefix: '', after: '', limit: 1 }), 'list');
    await failsWith('UNAVAILABLE', () => engine.due(0, 1), 'due');
    await failsWith(
      'UNAVAILABLE',
      () => engine.schedule([{ id: 's', generation: 1, from: 1, to: 2 }]),
      'schedule',
    );
    if (engine.confirm !== undefined) {
      await failsWith('UNAVAILABLE', () => engine.confirm?.(['s']) ?? [], 'confirm');
    }
  });

  cases.it('can be closed more than once, also while it is being closed', async ({ engine }) => {
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
  });

  cases.it('lets a watch be closed after it', async (store) => {
    const watch = await store.engine.watch(['s'], () => undefined);
    await store.engine.close();
    watch.close();
    watch.close();
  });

  cases.it('settles what it was asked for when it is closed', async (store) => {
    await store.create('s');
    // Whether it is done or fails, nobody waits for ever.
    const asked = [
      ...Array.from({ length: 20 }, (_, i) => attempt(() => store.engine.commit([store.creation(`s${i}`)]))),
      attempt(() => store.engine.load([{ id: 's' }])),
    ];
    await store.engine.close();
    let settled = 0;
    for (const call of asked) void call.then(() => settled++);
    await eventually(store.patience, 'all calls are settled', () => settled === asked.length);
  });

  durableCases(cases);
  sharedCases(cases);
}

async function attempt<T>(call: () => PromiseLike<T> | T): Promise<T | undefined> {
  try {
    return await call();
  } catch {
    return undefined;
  }
}

/** Something of everything that there is to keep. */
async function fill(store: Store): Promise<{ head: Head; gone: Head }> {
  const begun = await store.create('s', ['a', 'é\u{1f600}'], { parts: { 'p:1': { epoch: 0, seq: 1 } } });
  const grown = await store.append('s', begun, [Uint8Array.of(0, 1, 255), ''], {
    facts: expiring(500),
    parts: { 'p:2': 2, 'p:1': undefined },
    dueAt: 500,
  });
  const head = await store.append('s', grown, [], {
    head: { status: 'done' },
    parts: { o: { type: 'done', output: Uint8Array.of(0, 9) } },
  });
  await store.engine.touch([{ id: 's', generation: head.generation, usedAt: 70, beat: 4 }]);
  await store.create('\0 odd/{id}\n\u{1f600}', ['x']);
  const gone = await store.create('gone', ['y'], { dueAt: 1 });
  await store.remove('gone', gone);
  return { head, gone };
}

/** Everything that {@link fill} has stored is there. */
async function isFilled(store: Store, head: Head): Promise<void> {
  const loaded = await store.load('s', { partsWith: '' });
  same(loaded?.head, head, 'The head');
  same(loaded?.parts, { 'p:2': 2, o: { type: 'done', output: Uint8Array.of(0, 9) } }, 'The parts');
  same([loaded?.soft.usedAt, loaded?.soft.beat], [70, 4], 'What is known beside the head');
  same(await store.chunks('s', head), ['a', 'é\u{1f600}', Uint8Array.of(0, 1, 255), ''], 'The chunks');
  const listed = await store.engine.list({ prefix: '', after: '', limit: 9 });
  same(
    listed.map(({ id }) => id),
    ['\0 odd/{id}\n\u{1f600}', 's'],
    'The ids',
  );
  same(await store.due(Infinity), { ids: ['s'], next: Infinity }, 'What is due');
}

function durableCases(cases: Cases): void {
  const when = (title: string, body: Parameters<Cases['it']>[1]): void => {
    cases.when(
      cases.features.durable,
      title,
      body,
      `is not durable, so nothing is asked of a restart (${title})`,
      (engine) => !engine.features.durable,
    );
  };

  when('has everything after it was closed and opened again', async (store) => {
    const { head } = await fill(store);
    await store.engine.close();
    await using(await cases.reopen(store), (again) => isFilled(again, head));
  });

  when('goes on after it was opened again: versions, generations, the index', async (store) => {
    const { head, gone } = await fill(store);
    await store.engine.close();
    await using(await cases.reopen(store), async (again) => {
      const newest = await again.create('gone', ['z'], { dueAt: 2 });
      check(
        newest.generation > gone.generation && newest.generation > head.generation,
        'generations still grow',
      );
      await again.conflicting(again.next('gone', gone, ['zombie']), 'the append of a zombie');
      await again.append('s', head, ['more']);
      same(await again.due(2), { ids: ['gone'], next: 500 }, 'What is due');
    });
  });

  when('has what it acknowledged before it was closed in the midst of writing', async (store) => {
    let head = await store.create('s');
    for (let i = 0; i < 10; i++) head = await store.append('s', head, [`${i}`]);
    const last = attempt(() => store.engine.commit([store.next('s', head, ['last'], { parts: { o: 1 } })]));
    await store.engine.close();
    const [result] = (await last) ?? [];
    await using(await cases.reopen(store), async (again) => {
      const loaded = await again.load('s', { partsWith: '' });
      check(loaded !== undefined, 'the stream is there');
      // Without an answer it may be there, but only wholly.
      const whole = result?.type === 'stored' || loaded.head.tail === 11;
      same(loaded.parts, whole ? { o: 1 } : {}, 'The parts');
      const chunks = Array.from({ length: 10 }, (_, i) => `${i}`);
      same(await again.chunks('s', loaded.head), whole ? [...chunks, 'last'] : chunks, 'The chunks');
    });
  });
}

function sharedCases(cases: Cases): void {
  const when = (title: string, body: Parameters<Cases['it']>[1]): void => {
    cases.when(
      cases.features.multiProcess,
      title,
      body,
      `is for one process, so nothing is asked of another (${title})`,
      (engine) => !engine.features.multiProcess,
    );
  };

  when('shares all that there is with another process', async (store) => {
    const { head } = await fill(store);
    await using(await cases.reopen(store), (other) => isFilled(other, head));
  });

  when('tells of what another process commits', async (store) => {
    await using(await cases.reopen(store), async (other) => {
      const hints: Hint[] = [];
      const watch = await store.engine.watch(['s'], (hint) => hints.push(hint));
      const told = (head: Head, what: string): Promise<void> =>
        eventually(store.patience, `a watcher is told of ${what} by another process`, () =>
          hints.some(
            ({ generation, n, gone }) =>
              (generation === 0 && n === 0) || (generation === head.generation && (gone || n >= head.n)),
          ),
        );

      const head = await other.create('s', ['a']);
      await told(head, 'a beginning');
      hints.length = 0;
      const next = await other.append('s', head, ['b']);
      await told(next, 'more');
      same(await store.chunks('s', next), ['a', 'b'], 'The chunks');
      hints.length = 0;
      await other.remove('s', next);
      await told(next, 'a removal');
      watch.close();
    });
  });

  when('stores each of the commits that two processes make on one stream', async (store) => {
    await using(await cases.reopen(store), async (other) => {
      await store.create('s');
      const write = async (one: Store, name: string): Promise<void> => {
        for (let i = 0; i < 25; i++) {
          for (;;) {
            const head = await one.head('s');
            check(head !== undefined, 'the stream is there');
            const [result] = await one.engine.commit([one.next('s', head, [`${name}${i}`])]);
            if (result?.type === 'stored') break;
          }
        }
      };

      await Promise.all([write(store, 'a'), write(other, 'b')]);

      const head = await store.head('s');
      check(head?.tail === 50, 'fifty chunks were stored');
      const chunks = (await other.chunks('s', head)).map(String);
      for (const name of ['a', 'b']) {
        same(
          chunks.filter((chunk) => chunk.startsWith(name)),
          Array.from({ length: 25 }, (_, i) => `${name}${i}`),
          'The chunks of one of them',
        );
      }
    });
  });

  when('gives no generation twice to two processes', async (store) => {
    await using(await cases.reopen(store), async (other) => {
      const generations: number[] = [];
      for (let i = 0; i < 20; i++) {
        const one = i % 2 === 0 ? store : other;
        generations.push((await one.create(`s${i}`)).generation);
      }
      check(
        generations.every((generation, i) => generation > (generations[i - 1] ?? 0)),
        `the generations ${generations.join(', ')} grow`,
      );
    });
  });
}

async function using(store: Store, body: (store: Store) => Promise<void>): Promise<void> {
  try {
    await body(store);
  } finally {
    await store.engine.close();
  }
}
