import { check, failsWith, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, type Process, type World } from './process.js';

const MINUTE = 60_000;
/** In this time everything that hangs is resolved, whoever has left it. */
const LONG = 25 * MINUTE;
/** More calls than anything here takes. */
const MANY = 100;
const CHUNKS = ['a', 'b'];

/** Something that takes several steps, between any two of which its process can be gone. */
interface Undertaking {
  /** As titles have it: `while it …`. */
  readonly what: string;
  /** What is there before. */
  readonly before: (process: Process, now: number) => Promise<unknown>;
  /** What is done. */
  readonly act: (process: Process) => Promise<unknown>;
  /** For how many ms the process is there. Default: 10,000. */
  readonly lasts?: number;
  /** What somebody else does when the process is gone. */
  readonly then?: (process: Process) => Promise<unknown>;
  /** Whether the fork, and the source for its users, have to be there in the end. */
  readonly fork: Stays;
  readonly source: Stays;
}

/** Until or before something is done, either will do. */
type Stays = 'always' | 'never' | 'once done' | 'until done';

const begin = (process: Process): Promise<unknown> => process.begin('source', CHUNKS);
const fork = (process: Process): Promise<unknown> => process.fork('source', 'fork');
const both = async (process: Process): Promise<void> => {
  await begin(process);
  await fork(process);
};
const remove =
  (id: string) =>
  (process: Process): Promise<void> =>
    process.manager.delete(id);
/** Uses the store, and from then on sees to what is due; but looks at nothing that is there. */
const use = (process: Process): Promise<unknown> => isThere(process, 'none');

const UNDERTAKINGS: readonly Undertaking[] = [
  { what: 'forks a stream', before: begin, act: fork, fork: 'once done', source: 'always' },
  {
    what: 'forks a stream that another deletes then',
    before: begin,
    act: fork,
    then: remove('source'),
    fork: 'once done',
    source: 'never',
  },
  { what: 'deletes a fork', before: both, act: remove('fork'), fork: 'until done', source: 'always' },
  {
    what: 'deletes the fork of a stream that was deleted before',
    before: async (process) => {
      await both(process);
      await process.manager.delete('source');
    },
    act: remove('fork'),
    fork: 'until done',
    source: 'never',
  },
  {
    what: 'deletes a stream that has a fork',
    before: both,
    act: remove('source'),
    fork: 'always',
    source: 'until done',
  },
  {
    what: 'lets a stream expire that has a fork',
    before: async (process, now) => {
      await process.begin('source', CHUNKS, { expiresAt: now + MINUTE });
      await fork(process);
    },
    act: use,
    lasts: 3 * MINUTE,
    fork: 'always',
    source: 'never',
  },
  {
    what: 'lets a fork expire whose source was deleted',
    before: async (process, now) => {
      await begin(process);
      await process.fork('source', 'fork', undefined, { expiresAt: now + MINUTE });
      await process.manager.delete('source');
    },
    act: use,
    lasts: 3 * MINUTE,
    fork: 'never',
    source: 'never',
  },
];

/** What a crash between any two steps leaves. */
export function crashCases(cases: Cases): void {
  for (const undertaking of UNDERTAKINGS) {
    const { what } = undertaking;
    cases.when(
      !cases.presence,
      `leaves nothing half done, whenever a process is gone while it ${what}`,
      inWorld((world) => crashes(world, undertaking)),
      `is gone with its one process (while it ${what})`,
      (engine) => engine.presence !== undefined,
    );
  }
}

/** Lets a process be gone after no call of the engine, after one, after two, … until it has made all. */
async function crashes(world: World, undertaking: Undertaking): Promise<void> {
  const { before, act, lasts = 10_000, then } = undertaking;
  for (let calls = 0, gone = true; gone; calls++) {
    check(calls < MANY, `it is done after ${calls} calls`);
    const former = world.process();
    await before(former, world.time.now());
    await former.manager.close();
    const process = world.process({ calls });
    let done = false;
    act(process).then(
      () => (done = true),
      () => undefined,
    );
    await world.time.pass(lasts);
    ({ gone } = process);
    await process.manager.close();

    const other = world.process();
    await then?.(other);
    await use(other);
    await world.time.pass(LONG);

    await isResolved(world, other, undertaking, done, `after ${calls} calls`);
    await other.manager.close();
  }
}

/** Nothing is half there, and the ids are free again after what is there was deleted. */
async function isResolved(
  world: World,
  other: Process,
  undertaking: Undertaking,
  done: boolean,
  when: string,
): Promise<void> {
  // Nobody has looked at them yet, so what is due was found.
  if (undertaking.fork === 'never')
    same(await world.store.load('fork'), undefined, `What is left of the fork ${when}`);
  const left = await world.store.head('source');
  if (undertaking.source === 'never')
    check(left === undefined || left.facts.deleted === true, `the source is over ${when}`);
  const fork = await isThere(other, 'fork');
  const source = await isThere(other, 'source');
  stays(fork, undertaking.fork, done, `the fork is there ${when}`);
  stays(source, undertaking.source, done, `the source is there ${when}`);
  if (fork) same((await other.read('fork').has(2)).chunks, CHUNKS, `The chunks of the fork ${when}`);
  else await other.read('fork').ends('NOT_FOUND');
  const references = (await world.store.head('source'))?.facts.references;
  same(references, fork ? 1 : source ? 0 : undefined, `How many forks the source knows ${when}`);

  if (source) await other.manager.delete('source');
  if (fork) {
    await failsWith(
      'ALREADY_EXISTS',
      () => other.manager.open('source').opened,
      'taking the id of the source',
    );
    const late = world.process();
    same((await late.read('fork').has(2)).chunks, CHUNKS, `The chunks of the fork at last ${when}`);
    await late.manager.close();
    await other.manager.delete('fork');
  }
  await world.time.pass(MINUTE);
  for (const id of ['source', 'fork']) {
    same(await world.store.load(id), undefined, `What is left of the ${id} ${when}`);
    await other.begin(id);
    await other.manager.delete(id);
  }
}

function stays(isThere: boolean, stays: Stays, done: boolean, what: string): void {
  if (stays === 'always' || (done && stays === 'once done')) check(isThere, what);
  if (stays === 'never' || (done && stays === 'until done')) check(!isThere, `not: ${what}`);
}

const isThere = (process: Process, id: string): Promise<boolean> =>
  process.manager.head(id).then(
    () => true,
    () => false,
  );
