import type { Hint, StreamEngine } from '../../../lib/engines/engine.js';
import { having, commits, reads, hints, current, changedChunks, byGeneration, byId } from './mutate.js';

/** A way to get an engine wrong, and the cases that have to find it. */
export interface Mutant {
  readonly does: string;
  readonly mutate: (engine: StreamEngine) => StreamEngine;
  readonly found: readonly string[];
  /** Whether random programs find it, too. */
  readonly fuzzed?: true;
}

const CROWD = 'takes no more bytes for an append of one of 100 producers than of one of ten';
const IDLE = 'lets a reader keep an idle stream without a conflict for its producer';
const LEASES = ['ahead of', 'behind'].map(
  (where) => `loses no lease of a producer by a clock that is an hour ${where} its own`,
);
/** What a crash leaves, while a process does something. */
const crash = (what: string): string =>
  `leaves nothing half done, whenever a process is gone while it ${what}`;
const ODD_IDS = 'keeps streams with odd ids apart';

export const MUTANTS: readonly Mutant[] = [
  {
    does: 'compares the number of a version alone',
    mutate: commits((commit, engine) =>
      commit.expected === undefined
        ? commit
        : {
            ...commit,
            expected: {
              ...commit.expected,
              generation: current(engine, commit.id)?.head.generation ?? 0,
              tag: current(engine, commit.id)?.head.tag ?? 0,
            },
          },
    ),
    found: ['keeps a zombie of the former life of an id out, also at the same number'],
  },
  {
    does: 'compares the generation of a version alone',
    fuzzed: true,
    mutate: commits((commit, engine) =>
      commit.expected === undefined
        ? commit
        : {
            ...commit,
            expected: {
              generation: commit.expected.generation,
              n: current(engine, commit.id)?.head.n ?? 0,
              tag: current(engine, commit.id)?.head.tag ?? 0,
            },
          },
    ),
    found: [
      'changes no stream that is at another version, behind or ahead',
      'stores one of twenty commits upon the same version at once',
      'changes nothing by a conflict',
    ],
  },
  {
    does: 'compares all of a version but its tag',
    mutate: commits((commit, engine) =>
      commit.expected === undefined
        ? commit
        : { ...commit, expected: { ...commit.expected, tag: current(engine, commit.id)?.head.tag ?? 0 } },
    ),
    found: ['keeps out whoever knows a commit that was lost, at the same number'],
  },
  {
    does: 'begins a stream over one that is there',
    fuzzed: true,
    mutate: commits((commit, engine) => ({
      ...commit,
      expected: commit.expected ?? current(engine, commit.id)?.head,
    })),
    found: ['begins no stream where there is one', 'begins one stream where twenty begin it at once'],
  },
  {
    does: 'changes parts in spite of a conflict',
    fuzzed: true,
    mutate: having((engine) => ({
      commit: (all) =>
        engine.commit(all).map((result, i) => {
          const there = result.type === 'conflict' ? result.current?.head : undefined;
          const { id, parts } = all[i]!;
          if (there) engine.commit([{ id, expected: there, head: there, parts, entries: [] }]);
          return result;
        }),
    })),
    found: ['changes nothing by a conflict', 'begins no stream where there is one'],
  },
  {
    does: 'fails a whole call for one conflict',
    mutate: having((engine) => ({
      commit: (all) => {
        const stale = all.some(({ id, expected }) => current(engine, id)?.head.n !== expected?.n);
        return stale
          ? all.map(({ id }) => ({ type: 'conflict', current: current(engine, id) }))
          : engine.commit(all);
      },
    })),
    found: ['gives results that are independent of each other, in order'],
  },
  {
    does: 'removes what was used meanwhile',
    mutate: commits(({ usedAt: _, ...commit }) => commit),
    found: ['removes a stream only if it was not used since'],
  },
  {
    does: 'keeps parts that are to be removed',
    fuzzed: true,
    mutate: commits((commit) => ({
      ...commit,
      parts: Object.fromEntries(Object.entries(commit.parts ?? {}).filter(([, part]) => part !== undefined)),
    })),
    found: [
      'stores, replaces and removes parts, and leaves the others',
      'keeps the parts of 10000 producers of one stream',
    ],
  },
  {
    does: 'gives all parts whatever is asked for',
    mutate: having((engine) => ({
      load: (requests) => engine.load(requests.map((request) => ({ ...request, partsWith: '' }))),
    })),
    found: ['gives those of the parts asked for that are there', CROWD],
  },
  {
    does: 'forgets fields of a head',
    fuzzed: true,
    mutate: commits((commit) =>
      commit.head ? { ...commit, head: { ...commit.head, sequence: undefined } } : commit,
    ),
    found: [
      'gives a head as it was stored, whatever is in it',
      'gives an empty sequence, which is not the same as none',
    ],
  },
  {
    does: 'gives only the chunks after the position',
    fuzzed: true,
    mutate: reads((entries, { position }) =>
      entries.map((entry) =>
        entry.position >= position
          ? entry
          : { ...entry, position, chunks: entry.chunks.slice(position - entry.position) },
      ),
    ),
    found: ['gives an entry whole that the position is in'],
  },
  {
    does: 'reads on beyond where it has to stop',
    fuzzed: true,
    mutate: having((engine) => ({
      read: (requests) => engine.read(requests.map((request) => ({ ...request, until: Infinity }))),
    })),
    found: ['gives no entry that begins where it has to stop', 'stops at once if told so'],
  },
  {
    does: 'goes by no limit of bytes',
    fuzzed: true,
    mutate: having((engine) => ({
      read: (requests) => engine.read(requests.map((request) => ({ ...request, maxBytes: Infinity }))),
    })),
    found: ['stops with so many bytes', 'counts bytes as UTF-8 has them'],
  },
  {
    does: 'gives nothing where the first entry is beyond the limit',
    fuzzed: true,
    mutate: reads((entries) => (entries.length === 1 ? [] : entries)),
    found: ['gives the first entry, however few bytes are wanted'],
  },
  {
    does: 'gives the entries of whatever generation is there',
    fuzzed: true,
    mutate: having((engine) => ({
      read: (requests) =>
        engine.read(
          requests.map((request) => ({
            ...request,
            generation: current(engine, request.id)?.head.generation ?? 0,
          })),
        ),
    })),
    found: ['gives nothing of another generation, but tells which is there'],
  },
  {
    does: 'merges the entries of a page',
    fuzzed: true,
    mutate: reads((entries) =>
      entries.length < 2 ? entries : [{ ...entries[0]!, chunks: entries.flatMap(({ chunks }) => chunks) }],
    ),
    found: ['gives the entries as they were committed', 'gives the entries of one commit, each by itself'],
  },
  {
    does: 'normalises texts',
    mutate: reads((entries) => changedChunks(entries, (chunk) => chunk.normalize())),
    found: ['keeps text with every character that there is'],
  },
  {
    does: 'takes a byte order mark away',
    fuzzed: true,
    mutate: reads((entries) => changedChunks(entries, (chunk) => chunk.replace(/^\ufeff/, ''))),
    found: ['keeps a byte order mark at the start of a text, and in it'],
  },
  {
    does: 'takes bytes for text',
    fuzzed: true,
    mutate: reads((entries) =>
      entries.map((entry) => ({
        ...entry,
        chunks: entry.chunks.map((chunk) =>
          typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk),
        ),
      })),
    ),
    found: ['keeps bytes of all values', 'keeps texts and bytes apart', 'keeps empty bytes'],
  },
  { does: 'trims ids', mutate: byId((id) => id.trim()), found: [ODD_IDS] },
  { does: 'takes ids without regard to case', mutate: byId((id) => id.toLowerCase()), found: [ODD_IDS] },
  { does: 'normalises ids', mutate: byId((id) => id.normalize()), found: [ODD_IDS] },
  { does: 'ends ids at a NUL', mutate: byId((id) => id.replace(/(?<=.)\0.*/s, '')), found: [ODD_IDS] },
  { does: 'cuts ids', mutate: byId((id) => id.slice(0, 1_000)), found: [ODD_IDS] },
  { does: 'tells nothing', mutate: hints(() => []), found: ['tells all watchers, each of its own streams'] },
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
