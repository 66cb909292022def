import type { Hint } from '../../../lib/engines/engine.js';
import type { Mutant } from './mutant.js';
import { having, commits, reads, hints, current, byGeneration } from './mutate.js';

const IDLE = 'lets a reader keep an idle stream without a conflict for its producer';
const LEASES = ['ahead of', 'behind'].map(
  (where) => `loses no lease of a producer by a clock that is an hour ${where} its own`,
);
/** What a crash leaves, while a process does something. */
const crash = (what: string): string =>
  `leaves nothing half done, whenever a process is gone while it ${what}`;

/** What can be wrong with hints, touches, lists, deadlines, generations and tags. */
export const INDEX_MUTANTS: readonly Mutant[] = [
  {
    does: 'tells of versions that are not there',
    mutate: hints((hint) => [{ ...hint, n: hint.n + 1 }]),
    found: ['tells of what has been stored'],
  },
  {
    does: 'does not tell that a stream is gone',
    fuzzed: true,
    mutate: hints((hint) => [{ ...hint, gone: false }]),
    found: [
      'tells of a stream that begins, grows, is to stop, ends and goes',
      'tells that a stream is kept only for its forks',
    ],
  },
  {
    does: 'does not tell of a stop',
    mutate: hints((hint) => [{ ...hint, stopping: false }]),
    found: ['tells of a stream that begins, grows, is to stop, ends and goes'],
  },
  {
    does: 'tells who has closed a watch',
    mutate: having((engine) => ({
      watch: (ids, onHint) => {
        void engine.watch(ids, onHint);
        return { close: () => undefined };
      },
    })),
    found: [
      'tells nothing after a watch is closed, also if it is closed again',
      'tells nothing to a watcher that another one closes while it is told',
      'lets a watcher close its own watch while it is told',
    ],
  },
  {
    does: 'tells before it stores',
    mutate: having((engine) => {
      const watchers: [readonly string[], (hint: Hint) => void][] = [];
      return {
        watch: (ids, onHint) => {
          watchers.push([ids, onHint]);
          return { close: () => undefined };
        },
        commit: (all) => {
          for (const { id, head } of all) {
            for (const [ids, onHint] of watchers) {
              if (head && ids.includes(id)) {
                const { generation, n, tail, tag } = head;
                onHint({
                  id,
                  generation,
                  n,
                  tail,
                  tag,
                  ended: false,
                  stopping: false,
                  owner: undefined,
                  gone: false,
                });
              }
            }
          }
          return engine.commit(all);
        },
      };
    }),
    found: [
      'tells of what has been stored',
      'has told all watchers when a commit of several streams returns, and after all of them are stored',
    ],
  },
  {
    does: 'takes no notice of a touch',
    fuzzed: true,
    mutate: having(() => ({ touch: () => undefined })),
    found: [
      'knows when a stream was used last, and its last sign of life',
      'touches many at once',
      IDLE,
      ...LEASES,
    ],
  },
  {
    does: 'makes a version of a touch',
    fuzzed: true,
    mutate: having((engine) => ({
      touch: (touches) => {
        void engine.touch(touches);
        for (const { id } of touches) {
          const head = current(engine, id)?.head;
          if (head === undefined) continue;
          engine.commit([
            { id, expected: head, head: { ...head, n: head.n + 1 }, parts: undefined, entries: [] },
          ]);
        }
      },
    })),
    found: ['makes no version by a touch, and tells of it wherever it tells of the stream', IDLE],
  },
  {
    does: 'touches another life',
    fuzzed: true,
    mutate: having((engine) => ({
      touch: (touches) =>
        engine.touch(
          touches.map((touch) => ({ ...touch, generation: current(engine, touch.id)?.head.generation ?? 0 })),
        ),
    })),
    found: ['touches no stream that is not there, nor another life of it'],
  },
  {
    does: 'lists by UTF-16',
    mutate: having((engine) => ({
      list: (options) =>
        [...engine.list({ ...options, limit: 1_000 })]
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, options.limit),
    })),
    found: ['lists streams in the order of their ids in UTF-8'],
  },
  {
    does: 'lists what is there after an id with it',
    fuzzed: true,
    mutate: having((engine) => ({
      list: (options) => {
        const at = current(engine, options.after);
        const rest = engine.list(options);
        return at ? [{ id: options.after, loaded: at }, ...rest] : rest;
      },
    })),
    found: ['lists what comes after an id, be that there or not'],
  },
  {
    does: 'lists as many as there are',
    fuzzed: true,
    mutate: having((engine) => ({ list: (options) => engine.list({ ...options, limit: 10_000 }) })),
    found: ['lists so many, and the rest after the last of them'],
  },
  {
    does: 'gives deadlines in any order',
    fuzzed: true,
    mutate: having((engine) => ({
      due: (now, limit) => {
        const { ids, next } = engine.due(now, limit);
        return { ids: [...ids].reverse(), next };
      },
    })),
    found: ['gives those that are due, the earliest first, and the next deadline'],
  },
  {
    does: 'knows no next deadline',
    fuzzed: true,
    mutate: having((engine) => ({ due: (now, limit) => ({ ...engine.due(now, limit), next: Infinity }) })),
    found: [
      'gives so many, and the deadline of the next also if it is over',
      'gives the ten of a thousand streams that are due',
    ],
  },
  {
    does: 'is not told deadlines by commits',
    fuzzed: true,
    mutate: commits(({ dueAt: _, ...commit }) => commit),
    found: [
      'moves a deadline with a commit, also out of the index',
      crash('forks a stream that another deletes then'),
      crash('deletes the fork of a stream that was deleted before'),
      crash('lets a stream expire that has a fork'),
      crash('lets a fork expire whose source was deleted'),
    ],
  },
  {
    does: 'does not move deadlines as it is told',
    fuzzed: true,
    mutate: having(() => ({ schedule: () => undefined })),
    found: ['moves deadlines as it is told, without a version'],
  },
  {
    does: 'moves a deadline that others have moved meanwhile',
    fuzzed: true,
    mutate: having((engine) => ({
      schedule: (moves) => {
        for (const move of moves) {
          const [loaded] = engine.load([move]);
          void engine.schedule([{ ...move, from: loaded?.soft.dueAt ?? Infinity }]);
        }
      },
    })),
    found: ['moves deadlines as it is told, without a version'],
  },
  {
    does: 'goes on after it is closed',
    mutate: having(() => ({ close: () => undefined })),
    found: ['fails with UNAVAILABLE after it is closed'],
  },
  {
    does: 'counts the lives of each id by themselves',
    mutate: byGeneration(() => {
      const lives = new Map<string, number[]>();
      return (id, generation) => {
        const known = lives.get(id) ?? [];
        lives.set(id, known);
        return 1 + (known.includes(generation) ? known.indexOf(generation) : known.push(generation) - 1);
      };
    }),
    found: [
      'gives offsets that sort in a fork of a fresh id, after 2 of 4 chunks, and takes those of its source up to there',
      'refuses in a fork the offsets of the life before that of its source',
      'gives offsets that sort in a fork of a fork, of reused ids, and takes those of both sources',
    ],
  },
  {
    does: 'gives generations that fall',
    mutate: byGeneration(() => (_, generation) => 2 ** 52 - generation),
    found: [
      'gives each life of an id a generation greater than any before',
      'gives offsets that sort in a fork of a fresh id, after 2 of 4 chunks, and takes those of its source up to there',
      'refuses the offsets of the life before a fork of a reused id, after 2 of 4 chunks, be that older than its source or not',
    ],
  },
  {
    does: 'takes an end for a chunk',
    mutate: commits((commit) =>
      commit.head === undefined || commit.head.status === 'open' || commit.entries.length > 0
        ? commit
        : { ...commit, head: { ...commit.head, tail: commit.head.tail + 1 } },
    ),
    found: ['an empty stream', 'a stream with chunks'].flatMap((which) => [
      `completing leaves the tail of ${which} where it was`,
      `failing leaves the tail of ${which} where it was`,
      `stopping leaves the tail of ${which} where it was`,
      `the end that a named producer commits leaves the tail of ${which} where it was`,
      `the end that a process without a name commits leaves the tail of ${which} where it was`,
    ]),
  },
  {
    does: 'forgets the tags of entries',
    mutate: reads((entries) => entries.map((entry) => ({ ...entry, tag: 0, previous: 0 }))),
    found: ['tells whoever resumes after what was lost, where the tail has grown again past where it was'],
  },
  {
    does: 'forgets the tags of heads',
    mutate: commits((commit) => (commit.head ? { ...commit, head: { ...commit.head, tag: 0 } } : commit)),
    found: ['tells whoever resumes after what was lost, where the tail has grown again to where it was'],
  },
  {
    does: 'lets streams expire by a clock of its own, also those that forks need',
    mutate: having((engine) => ({
      load: (requests) => {
        for (const { id } of requests) {
          const head = current(engine, id)?.head;
          if (head !== undefined && head.facts.lifetime.expiresAt <= Date.now())
            engine.commit([{ id, expected: head, head: undefined, parts: undefined, entries: [] }]);
        }
        return engine.load(requests);
      },
    })),
    found: ['keeps for its fork a stream that expires at its moment, and frees its id with the fork'],
  },
];
