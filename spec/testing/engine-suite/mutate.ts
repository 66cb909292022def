import type { Commit, CommitResult, Entry, Hint, Loaded, StreamEngine } from '../../../lib/engines/engine.js';

/** A memory engine, in types that say so: all its methods are synchronous. */
interface Plain {
  load: (...args: Parameters<StreamEngine['load']>) => readonly (Loaded | undefined)[];
  commit: (commits: readonly Commit[]) => readonly CommitResult[];
  read: (
    ...args: Parameters<StreamEngine['read']>
  ) => readonly { current: Loaded | undefined; entries: readonly Entry[] }[];
  list: (...args: Parameters<StreamEngine['list']>) => readonly { id: string; loaded: Loaded }[];
  due: (...args: Parameters<StreamEngine['due']>) => { ids: readonly string[]; next: number };
  watch: StreamEngine['watch'];
  touch: StreamEngine['touch'];
  schedule: StreamEngine['schedule'];
  close: StreamEngine['close'];
}

export const having =
  (override: (engine: Plain) => Partial<Plain>) =>
  (engine: StreamEngine): StreamEngine => ({
    name: engine.name,
    features: engine.features,
    load: (requests) => engine.load(requests),
    commit: (commits) => engine.commit(commits),
    read: (requests) => engine.read(requests),
    list: (options) => engine.list(options),
    due: (now, limit) => engine.due(now, limit),
    watch: (ids, onHint) => engine.watch(ids, onHint),
    touch: (touches) => engine.touch(touches),
    schedule: (moves) => engine.schedule(moves),
    close: () => engine.close(),
    ...override(engine as unknown as Plain),
  });

/** What changes each commit before it is made. */
export const commits = (change: (commit: Commit, engine: Plain) => Commit) =>
  having((engine) => ({ commit: (all) => engine.commit(all.map((commit) => change(commit, engine))) }));

export const reads = (
  change: (entries: readonly Entry[], request: { position: number; until: number }) => readonly Entry[],
) =>
  having((engine) => ({
    read: (requests) =>
      engine.read(requests).map((page, i) => ({ ...page, entries: change(page.entries, requests[i]!) })),
  }));

export const hints = (change: (hint: Hint) => Hint[]) =>
  having((engine) => ({
    watch: (ids, onHint) =>
      engine.watch(ids, (hint) => {
        for (const changed of change(hint)) onHint(changed);
      }),
  }));

export const current = (engine: Plain, id: string): Loaded | undefined => engine.load([{ id }])[0];

const text = (chunk: unknown, change: (text: string) => string): string => change(chunk as string);

export const changedChunks = (entries: readonly Entry[], change: (text: string) => string): Entry[] =>
  entries.map((entry) => ({
    ...entry,
    chunks: entry.chunks.map((chunk) => (typeof chunk === 'string' ? text(chunk, change) : chunk)),
  }));

export const byId = (change: (id: string) => string) =>
  having((engine) => ({
    load: (requests) => engine.load(requests.map((request) => ({ ...request, id: change(request.id) }))),
    commit: (all) => engine.commit(all.map((commit) => ({ ...commit, id: change(commit.id) }))),
    read: (requests) => engine.read(requests.map((request) => ({ ...request, id: change(request.id) }))),
  }));

/** What gives other generations than the engine behind it, which `outward` makes of an id and its generation there. */
export const byGeneration =
  (give: () => (id: string, generation: number) => number) =>
  (engine: StreamEngine): StreamEngine => {
    const outward = give();
    const known = new Map<string, number>();
    const out = (id: string, generation: number): number => {
      const given = outward(id, generation);
      known.set(`${given} ${id}`, generation);
      return given;
    };
    const inside = <T extends { id: string; generation: number }>(all: readonly T[]): T[] =>
      all.map((one) => ({ ...one, generation: known.get(`${one.generation} ${one.id}`) ?? 0 }));
    const shown = (id: string, loaded: Loaded | undefined): Loaded | undefined =>
      loaded && { ...loaded, head: { ...loaded.head, generation: out(id, loaded.head.generation) } };
    return having((plain) => ({
      load: (requests) => plain.load(requests).map((loaded, i) => shown(requests[i]!.id, loaded)),
      commit: (all) => {
        const expected = all.map(({ id, expected: version }) => version && inside([{ id, ...version }])[0]!);
        const heads = all.map(({ id, head }) => head && inside([{ id, ...head }])[0]!);
        const made = all.map((commit, i) => ({ ...commit, expected: expected[i], head: heads[i] }));
        return plain.commit(made).map((result, i) => {
          const { id } = all[i]!;
          if (result.type === 'stored') return { ...result, generation: out(id, result.generation) };
          return result.type === 'conflict' ? { ...result, current: shown(id, result.current) } : result;
        });
      },
      read: (requests) =>
        plain
          .read(inside(requests))
          .map((page, i) => ({ ...page, current: shown(requests[i]!.id, page.current) })),
      list: (options) =>
        plain.list(options).map(({ id, loaded }) => ({ id, loaded: shown(id, loaded) ?? loaded })),
      touch: (touches) => plain.touch(inside(touches)),
      schedule: (moves) => plain.schedule(inside(moves)),
      watch: (ids, onHint) =>
        plain.watch(ids, (hint) => {
          onHint({ ...hint, generation: out(hint.id, hint.generation) });
        }),
    }))(engine);
  };
