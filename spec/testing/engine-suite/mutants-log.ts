import type { Mutant } from './mutant.js';
import { having, commits, reads, hints, current, changedChunks, byId } from './mutate.js';

const CROWD = 'takes no more bytes for an append of one of 100 producers than of one of ten';
const ODD_IDS = 'keeps streams with odd ids apart';

/** What can be wrong with commits, and with what is read of them. */
export const LOG_MUTANTS: readonly Mutant[] = [
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
];
