import { check, same } from './assert.js';
import type { Cases } from './cases.js';
import { expiring } from './store.js';

/** What changes beside the head, and who is there. */
export function touchCases(cases: Cases): void {
  cases.it('knows when a stream was used last, and its last sign of life', async (store) => {
    const { generation } = await store.create('s');
    const touched = async (touch: { usedAt?: number; beat?: number }): Promise<unknown> => {
      await store.engine.touch([{ id: 's', generation, ...touch }]);
      const { usedAt, beat } = (await store.load('s'))?.soft ?? {};
      return { usedAt, beat };
    };

    same(await touched({ usedAt: 100, beat: 1 }), { usedAt: 100, beat: 1 }, 'What is known');
    same(await touched({ usedAt: 99, beat: 1 }), { usedAt: 100, beat: 1 }, 'After an earlier use');
    same(await touched({ beat: 3 }), { usedAt: 100, beat: 3 }, 'After a sign of life alone');
    same(await touched({ beat: 2 }), { usedAt: 100, beat: 3 }, 'After an older sign of life');
    same(
      await touched({ usedAt: 1_700_000_000_000 }),
      { usedAt: 1_700_000_000_000, beat: 3 },
      'After a later use',
    );
    same(await touched({}), { usedAt: 1_700_000_000_000, beat: 3 }, 'After nothing');
  });

  cases.it('begins with no use, no sign of life and no reader', async (store) => {
    await store.create('s');
    const { soft } = (await store.load('s')) ?? {};
    check(
      soft !== undefined && soft.usedAt <= 0 && soft.beat === 0,
      'nothing has happened beside the head yet',
    );
    same(soft.readers, 0, 'How many readers there are');
    same(soft.dueAt, Infinity, 'The deadline');
  });

  cases.it('makes no version by a touch, and tells of it wherever it tells of the stream', async (store) => {
    const head = await store.create('s');
    await store.engine.touch([{ id: 's', generation: head.generation, usedAt: 7, beat: 1 }]);

    same(await store.head('s'), head, 'The head');
    const met = await store.conflicting(store.creation('s'), 'another beginning');
    const { current } = await store.read('s', head);
    const [listed] = await store.engine.list({ prefix: '', after: '', limit: 1 });
    for (const loaded of [met, current, listed?.loaded]) {
      same([loaded?.soft.usedAt, loaded?.soft.beat], [7, 1], 'What is known beside the head');
    }
    await store.append('s', head, ['a']);
  });

  cases.it('keeps what is known beside a head over commits', async (store) => {
    const head = await store.create('s');
    await store.engine.touch([{ id: 's', generation: head.generation, usedAt: 50, beat: 2 }]);
    await store.append('s', head, ['a'], { parts: { 'p:1': 1 }, facts: { createdAt: 1 } });

    const { soft } = (await store.load('s')) ?? {};
    same([soft?.usedAt, soft?.beat], [50, 2], 'What is known beside the head');
  });

  cases.it('touches no stream that is not there, nor another life of it', async (store) => {
    const former = await store.create('s');
    await store.remove('s', former);
    await store.create('s');
    const touch = { generation: former.generation, usedAt: 50, beat: 2 };

    await store.engine.touch([
      { id: 'none', ...touch },
      { id: 's', ...touch },
    ]);

    same(await store.load('none'), undefined, 'What is there');
    const { soft } = (await store.load('s')) ?? {};
    check(soft !== undefined && soft.usedAt <= 0 && soft.beat === 0, 'the other life was not touched');
  });

  cases.it('touches many at once', async (store) => {
    const heads = await store.allStored(Array.from({ length: 100 }, (_, i) => store.creation(`s${i}`)));

    await store.engine.touch(
      heads.map(({ generation }, i) => ({ id: `s${i}`, generation, usedAt: i, beat: i })),
    );

    const loaded = await store.engine.load(heads.map((_, i) => ({ id: `s${i}` })));
    same(
      loaded.map((stream) => stream?.soft.beat),
      heads.map((_, i) => i),
      'The beats',
    );
  });

  presenceCases(cases);
}

function presenceCases(cases: Cases): void {
  const without = 'knows nobody that is there, because another process could not know';
  const needs = (title: string, body: Parameters<Cases['it']>[1]): void => {
    cases.when(
      cases.presence,
      title,
      body,
      `${without} (${title})`,
      (engine) => engine.presence === undefined,
    );
  };
  const idle = { lifetime: { ttl: Infinity, idleTtl: 100, expiresAt: Infinity, lease: Infinity } };

  needs('counts the readers that are there', async (store) => {
    const { generation } = await store.create('s');
    const readers = async (): Promise<number | undefined> => (await store.load('s'))?.soft.readers;
    const presence = store.engine.presence;
    const [one, other] = [presence?.hold('s', generation), presence?.hold('s', generation)];

    same(await readers(), 2, 'How many are there');
    one?.();
    one?.();
    same(await readers(), 1, 'How many are there after one has left, twice');
    other?.();
    same(await readers(), 0, 'How many are there at the end');
  });

  needs('counts no reader of what is not there', async (store) => {
    const former = await store.create('s');
    await store.remove('s', former);
    await store.create('s');

    store.engine.presence?.hold('none', 1)();
    const leave = store.engine.presence?.hold('s', former.generation);

    same((await store.load('s'))?.soft.readers, 0, 'How many are there');
    leave?.();
    same(
      (await store.load('s'))?.soft.readers,
      0,
      'How many are there after one has left that was not there',
    );
  });

  needs('suspends idleness while a reader is there', async (store) => {
    const { generation } = await store.create('s', [], { head: { usedAt: 5 }, facts: idle });
    same(await store.due(104), { ids: [], next: 105 }, 'What is due before');

    const leave = store.engine.presence?.hold('s', generation);
    same(await store.due(1_000), { ids: [], next: Infinity }, 'What is due while one is there');
    await store.engine.touch([{ id: 's', generation, usedAt: 50 }]);
    leave?.();

    same(await store.due(149), { ids: [], next: 150 }, 'What is due after');
    same(await store.due(150), { ids: ['s'], next: Infinity }, 'What is due then');
  });

  needs('tells the earliest deadline whenever it changes', async (store) => {
    const told: number[] = [];
    const end = store.engine.presence?.onDeadline((deadline) => told.push(deadline));
    same(told, [Infinity], 'What is told at first');

    const late = await store.create('late', [], { facts: expiring(200), dueAt: 200 });
    const early = await store.create('early', [], { facts: expiring(100), dueAt: 100 });
    await store.create('later', [], { facts: expiring(300), dueAt: 300 });
    await store.append('late', late, ['a']);
    await store.remove('early', early);
    end?.();
    await store.remove('late', { ...late, n: late.n + 1 });

    same(told, [Infinity, 200, 100, 200], 'What is told');
  });
}
