import type { Hint, Watch } from '../../engines/engine.js';
import type { Head } from '../../log/head.js';
import { check, eventually, same } from './assert.js';
import type { Cases } from './cases.js';
import type { Store } from './store.js';

/** Whether a hint makes whoever gets it look at least at this version. */
const tellsOf = (hint: Hint, { generation, n }: Head): boolean =>
  isBlank(hint) || (hint.generation === generation && hint.n >= n);

/** Whether a hint says to look again, and nothing else. */
const isBlank = ({ generation, n }: Hint): boolean => generation === 0 && n === 0;

/** The hints of some ids, as they come. */
class Watcher {
  readonly hints: Hint[] = [];
  watch: Watch | undefined;

  constructor(
    private readonly store: Store,
    private readonly onHint: (hint: Hint) => void = () => undefined,
  ) {}

  async arm(...ids: string[]): Promise<this> {
    this.watch = await this.store.engine.watch(ids, (hint) => {
      this.hints.push(hint);
      this.onHint(hint);
    });
    return this;
  }

  close(): void {
    this.watch?.close();
  }

  /** Waits for a hint: not at all where the engine is synchronous. */
  async sees(what: string, holds: (hint: Hint) => boolean): Promise<Hint> {
    const { features, patience } = this.store;
    const find = (): Hint | undefined => this.hints.find(holds);
    if (features.synchronous)
      check(find() !== undefined, `a watcher has been told ${what} when the call returns`);
    else await eventually(patience, `a watcher is told ${what}`, () => find() !== undefined);
    return find() as Hint;
  }

  seesVersion(id: string, head: Head, what: string): Promise<Hint> {
    return this.sees(what, (hint) => hint.id === id && tellsOf(hint, head));
  }

  seesEnd(id: string, head: Head, what: string): Promise<Hint> {
    return this.sees(
      what,
      (hint) => hint.id === id && (isBlank(hint) || (hint.generation === head.generation && hint.gone)),
    );
  }
}

/** Being told. */
export function watchCases(cases: Cases): void {
  const { features } = cases;
  const arm = (store: Store, ...ids: string[]): Promise<Watcher> => new Watcher(store).arm(...ids);

  cases.it('tells of a stream that begins, grows, is to stop, ends and goes', async (store) => {
    const watcher = await arm(store, 's');

    const begun = await store.create('s', ['a'], {
      head: { owner: { nonce: 'o', seq: 0, position: 1, tag: 0 } },
    });
    const first = await watcher.seesVersion('s', begun, 'of the beginning');
    const grown = await store.append('s', begun, ['b', 'c']);
    const second = await watcher.seesVersion('s', grown, 'of more chunks');
    const stopping = await store.append('s', grown, [], { facts: { stop: { at: 5, reason: '' } } });
    const third = await watcher.seesVersion('s', stopping, 'of a stop');
    const ended = await store.append('s', stopping, [], { head: { status: 'done', owner: undefined } });
    const fourth = await watcher.seesVersion('s', ended, 'of the end');
    await store.remove('s', ended);
    const fifth = await watcher.seesEnd('s', ended, 'of the removal');

    matches(first, begun);
    matches(second, grown);
    matches(third, stopping);
    matches(fourth, ended);
    if (!isBlank(fifth)) same(fifth.gone, true, 'Whether it is gone');
    watcher.close();
  });

  cases.it('tells of the next life of an id', async (store) => {
    const former = await store.create('s');
    const watcher = await arm(store, 's');
    await store.remove('s', former);
    const head = await store.create('s', ['a']);

    matches(await watcher.seesVersion('s', head, 'of the next life'), head);
    watcher.close();
  });

  cases.it('tells that a stream is kept only for its forks', async (store) => {
    const head = await store.create('s');
    const watcher = await arm(store, 's');
    const kept = await store.append('s', head, [], { facts: { deleted: true, references: 1 } });

    const hint = await watcher.seesVersion('s', kept, 'of the deletion');

    if (!isBlank(hint)) same(hint.gone, true, 'Whether it is gone');
    watcher.close();
  });

  cases.it('tells of what has been stored', async (store) => {
    const behind: string[] = [];
    const looks: Promise<void>[] = [];
    const look = async (hint: Hint): Promise<void> => {
      const loaded = await store.load('s');
      if (!isBlank(hint) && (loaded?.head.n ?? 0) < hint.n)
        behind.push(`${loaded?.head.n} instead of ${hint.n}`);
    };
    const watcher = await new Watcher(store, (hint) => looks.push(look(hint))).arm('s');

    let head = await store.create('s');
    for (let i = 0; i < 20; i++) head = await store.append('s', head, [`${i}`]);
    await watcher.seesVersion('s', head, 'of the last commit');
    await Promise.all(looks);

    same(behind, [], 'The versions that a watcher has found');
    watcher.close();
  });

  cases.it('tells all watchers, each of its own streams', async (store) => {
    const both = await arm(store, 'a', 'b');
    const onlyB = await arm(store, 'b');
    const alsoB = await arm(store, 'b', 'none');

    const a = await store.create('a');
    const b = await store.create('b');
    const c = await store.create('c');

    await both.seesVersion('a', a, 'of the one');
    for (const watcher of [both, onlyB, alsoB]) await watcher.seesVersion('b', b, 'of the other');
    check(c.generation > 0, 'there is a third');
    same([...new Set(both.hints.map(({ id }) => id))].sort(), ['a', 'b'], 'The ids that were told of');
    check(
      [...onlyB.hints, ...alsoB.hints].every(({ id }) => id === 'b' || id === 'none'),
      'nobody is told of what was not watched',
    );
    for (const watcher of [both, onlyB, alsoB]) watcher.close();
  });

  cases.it('tells twice who watches the same stream twice with one function', async (store) => {
    const hints: Hint[] = [];
    const onHint = (hint: Hint): unknown => hints.push(hint);
    const one = await store.engine.watch(['s'], onHint);
    const other = await store.engine.watch(['s'], onHint);
    const witness = await arm(store, 's');

    const head = await store.create('s');
    await eventually(store.patience, 'both watches have told', () => hints.length >= 2);
    one.close();
    const before = hints.length;
    const next = await store.append('s', head);
    await witness.seesVersion('s', next, 'of more');
    await eventually(store.patience, 'the other watch has told', () => hints.length > before);

    other.close();
    witness.close();
  });

  cases.it('tells nothing after a watch is closed, also if it is closed again', async (store) => {
    const closed = await arm(store, 'a', 'b');
    const witness = await arm(store, 'a', 'b');
    const a = await store.create('a');
    await closed.seesVersion('a', a, 'of the one');

    closed.close();
    closed.close();
    const before = closed.hints.length;
    const next = await store.append('a', a, ['x']);
    const b = await store.create('b');
    await witness.seesVersion('a', next, 'of the one');
    await witness.seesVersion('b', b, 'of the other');

    same(closed.hints.length, before, 'How many hints the closed one has');
    witness.close();
  });

  cases.it('tells nothing to a watcher that another one closes while it is told', async (store) => {
    const watchers: Watcher[] = [];
    // Whoever is told first closes the other.
    const closeOthers = (self: number): void => {
      for (const [i, watcher] of watchers.entries()) if (i !== self) watcher.close();
    };
    for (let i = 0; i < 3; i++) {
      watchers.push(await new Watcher(store, () => closeOthers(i)).arm('s'));
    }
    const witness = await arm(store, 's');

    const head = await store.create('s');
    await witness.seesVersion('s', head, 'of it');
    await eventually(store.patience, 'one is told', () => watchers.some(({ hints }) => hints.length > 0));

    same(watchers.filter(({ hints }) => hints.length > 0).length, 1, 'How many were told');
    for (const watcher of watchers) watcher.close();
    witness.close();
  });

  cases.it('lets a watcher close its own watch while it is told', async (store) => {
    const watcher = new Watcher(store, () => watcher.close());
    const witness = await arm(store, 's');
    await watcher.arm('s');

    let head = await store.create('s');
    await watcher.seesVersion('s', head, 'of the beginning');
    for (let i = 0; i < 3; i++) head = await store.append('s', head, ['x']);
    await witness.seesVersion('s', head, 'of the rest');

    same(watcher.hints.length, 1, 'How often it was told');
    witness.close();
  });

  cases.it('lets a watcher write while it is told', async (store) => {
    const writes: Promise<Head>[] = [];
    const watcher = await new Watcher(store, (hint) => {
      if (writes.length === 0) writes.push(store.create('other', [`seen ${hint.id}`]));
    }).arm('s');

    const head = await store.create('s');
    await watcher.seesVersion('s', head, 'of it');
    const other = await writes[0];

    check(other !== undefined, 'it has written');
    same(await store.chunks('other', other), ['seen s'], 'The chunks');
    watcher.close();
  });

  cases.it('tells of nothing that was not stored', async (store) => {
    const head = await store.append('s', await store.create('s'), ['a']);
    const watcher = await arm(store, 's');
    await store.conflicting(store.creation('s', ['b']), 'another beginning');
    await store.conflicting(store.next('s', { ...head, n: 99 }, ['b']), 'a change');
    const next = await store.append('s', head, ['c']);

    await watcher.seesVersion('s', next, 'of the next version');

    const told = watcher.hints.filter((hint) => !isBlank(hint)).map(({ n }) => n);
    check(
      told.every((n) => n <= next.n),
      `versions ${told.join(', ')} were stored`,
    );
    watcher.close();
  });

  cases.when(
    features.synchronous,
    'has told all watchers when a commit of several streams returns, and after all of them are stored',
    async (store) => {
      const seen: (number | undefined)[] = [];
      const watcher = await new Watcher(store, () => {
        const heads = store.engine.load([{ id: 'a' }, { id: 'b' }]) as readonly (
          { head: Head } | undefined
        )[];
        seen.push(...heads.map((loaded) => loaded?.head.n));
      }).arm('a', 'b');

      const results = store.engine.commit([store.creation('a'), store.creation('b')]);

      check(Array.isArray(results), 'a commit gives a plain value');
      same(seen, [1, 1, 1, 1], 'The versions found when told');
      watcher.close();
    },
    'is not synchronous, so hints come in their own time',
    (engine) => !engine.features.synchronous,
  );
}

/** A hint says what the version is that it tells of. */
function matches(hint: Hint, head: Head): void {
  if (isBlank(hint) || hint.n !== head.n) return;
  const { tail, tag, ended, stopping, owner, gone, entries } = hint;
  same(
    { tail, tag, ended, stopping, owner, gone },
    {
      tail: head.tail,
      tag: head.tag,
      ended: head.status !== 'open',
      stopping: head.facts.stop !== undefined,
      owner: head.owner?.nonce,
      gone: false,
    },
    `The hint of version ${head.n}`,
  );
  const last = entries?.at(-1);
  if (last !== undefined)
    same(last.position + last.chunks.length, head.tail, 'Where the entries of a hint end');
}
