import type { Hint } from '../../engines/engine.js';
import type { Head } from '../../log/head.js';
import { check, eventually, same } from './assert.js';
import type { Cases } from './cases.js';

const wide = (text: string, bytes: number): string =>
  text.repeat(bytes / new TextEncoder().encode(text).length);

/** What an engine may trip over when it makes keys, subjects, paths, patterns or properties of names. */
const ODD = [
  ...['a', 'ab', 'abc', 'a/b', 'a/b/', 'a//b', '/a', '/', '//', '.', '..', 'a.b', 'a..b', '.a', 'a.', '../a'],
  ...[
    ' ',
    '  ',
    ' a',
    'a ',
    'a b',
    '\t',
    'a\tb',
    '\n',
    'a\nb',
    '\r\n',
    '\0',
    'a\0',
    'a\0b',
    '\0\0',
    '\u0001',
    '\u001f',
  ],
  ...[
    '{a}',
    '{',
    '}',
    '{}',
    'a{b}c',
    '[a]',
    '(a)',
    '<a>',
    'a*',
    '*',
    '>',
    'a.>',
    '?',
    'a?',
    '%',
    '%00',
    '%61',
    '_',
  ],
  ...[
    ':',
    'a:b',
    'p:a',
    'r:a',
    'o',
    '::',
    ';',
    ',',
    '=',
    '&',
    '#',
    '+',
    '-',
    '--',
    '$',
    '@',
    '!',
    '~',
    '|',
    '^',
    '`',
  ],
  ...['"', "'", "''", '\\', '\\\\', 'a\\b', '\\0', '\\u0000', "'; drop table streams; --", '${a}', 'A', 'AB'],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'length',
    'valueOf',
    'then',
    'null',
  ],
  ...['0', '1', '01', '-1', '1e3', 'NaN', 'Infinity', 'undefined', 'true', 'CON', 'nul'],
  // The same to the eye, or when normalised, and yet another.
  ...['\u00e9', 'e\u0301', '\u00c9', '\ufb01', 'fi', '\u212b', '\u00c5', '\u00df', 'ss', '\u0130', 'i\u0307'],
  ...[
    '\ufeff',
    'a\ufeff',
    '\u200b',
    '\u2028',
    '\ufffd',
    '\uffff',
    '\ud7ff',
    '\ue000',
    '\u{10000}',
    '\u{1f600}',
  ],
  ...['\u{1f468}\u200d\u{1f469}', '\u{10ffff}', '\u4e2d\u6587', '\u202ea', '\x7f', '\x80', '\xff'],
  ...[wide('x', 1_024), wide('x', 1_023), wide('\0', 1_024), wide('\u00e9', 1_024), wide('\u{1f600}', 1_024)],
  ...[wide('/', 1_024), wide('.', 1_024), wide('"', 1_024)],
];

/** Names. */
export function nameCases(cases: Cases): void {
  const { maxParts = 10_000 } = cases.subject;

  cases.it('keeps streams with odd ids apart', async (store) => {
    const heads = await store.allStored(
      ODD.map((id, i) => store.creation(id, [`of ${i}`], { parts: { 'p:1': i } })),
    );

    const loaded = await store.engine.load(ODD.map((id) => ({ id, parts: ['p:1'] })));
    for (const [i, id] of ODD.entries()) {
      const name = JSON.stringify(id.slice(0, 30));
      same(loaded[i]?.head, heads[i], `The head of ${name}`);
      same(loaded[i]?.parts, { 'p:1': i }, `The parts of ${name}`);
      same(await store.chunks(id, heads[i] as Head), [`of ${i}`], `The chunks of ${name}`);
    }
    same(
      (await store.engine.list({ prefix: '', after: '', limit: 1_000 })).length,
      ODD.length,
      'How many are listed',
    );
  });

  cases.it('lists each odd id as it was given', async (store) => {
    await store.allStored(ODD.map((id) => store.creation(id)));
    const listed = await store.engine.list({ prefix: '', after: '', limit: 1_000 });
    same(listed.map(({ id }) => id).sort(), [...ODD].sort(), 'The ids');
    for (const id of ODD) {
      const [first] = await store.engine.list({ prefix: id, after: '', limit: 1 });
      same(first?.id, id, 'The first with an id as its prefix');
    }
  });

  cases.it('has odd ids in the index of deadlines', async (store) => {
    await store.allStored(
      ODD.map((id, i) =>
        store.creation(id, [], {
          facts: { lifetime: { ttl: Infinity, idleTtl: Infinity, expiresAt: 10 + i, lease: Infinity } },
          dueAt: 10 + i,
        }),
      ),
    );
    same(await store.due(Infinity), { ids: ODD, next: Infinity }, 'What is due');
  });

  cases.it('tells of streams with odd ids, of each by its own', async (store) => {
    const told = new Map<string, Hint[]>();
    const watches = [];
    for (const id of ODD) {
      const hints: Hint[] = [];
      told.set(id, hints);
      watches.push(await store.engine.watch([id], (hint) => hints.push(hint)));
    }

    for (const id of ODD) await store.create(id);

    await eventually(store.patience, 'all watchers are told', () =>
      [...told.values()].every(({ length }) => length > 0),
    );
    for (const [id, hints] of told) {
      const others = hints.filter((hint) => hint.id !== id).map((hint) => hint.id.slice(0, 30));
      same(others, [], `What the watcher of ${JSON.stringify(id.slice(0, 30))} was told of beside it`);
    }
    for (const watch of watches) watch.close();
  });

  cases.it('removes streams with odd ids, and none beside them', async (store) => {
    const heads = await store.allStored(
      ODD.map((id, i) => store.creation(id, [`of ${i}`], { parts: { 'p:1': i } })),
    );
    const [even, odd] = [0, 1].map((rest) => ODD.map((_, i) => i).filter((i) => i % 2 === rest));

    const results = await store.engine.commit(
      (even ?? []).map((i) => store.removal(ODD[i] ?? '', heads[i] as Head)),
    );

    check(
      results.every(({ type }) => type === 'stored'),
      'every other stream is removed',
    );
    for (const i of odd ?? []) {
      const id = ODD[i] ?? '';
      same(await store.parts(id, { partsWith: '' }), { 'p:1': i }, 'The parts of one that stays');
      same(await store.chunks(id, heads[i] as Head), [`of ${i}`], 'The chunks of one that stays');
    }
    for (const i of even ?? [])
      same(await store.load(ODD[i] ?? '', { partsWith: '' }), undefined, 'What is gone');
  });

  cases.it('keeps parts with odd names apart', async (store) => {
    const parts = Object.fromEntries(ODD.map((name, i) => [`p:${name}`, i]));
    await store.create('s', [], { parts });

    same(await store.parts('s', { partsWith: 'p:' }), parts, 'The parts by prefix');
    for (const name of ODD) {
      same(
        await store.parts('s', { parts: [`p:${name}`] }),
        { [`p:${name}`]: parts[`p:${name}`] },
        'A part by its name',
      );
    }
  });

  cases.it('has no part that it was not given, whatever objects have by themselves', async (store) => {
    await store.create('s');
    same(await store.parts('s', { parts: ['constructor', 'toString', 'valueOf'] }), {}, 'The parts');
    same(await store.parts('s', { partsWith: 'con' }), {}, 'The parts by prefix');
    same(
      await store.engine.load([{ id: '__proto__' }, { id: 'constructor' }]),
      [undefined, undefined],
      'The streams',
    );
  });

  const most = Math.min(maxParts, 10_000);
  cases.it(`keeps the parts of ${most} producers of one stream`, async (store) => {
    const names = Array.from({ length: most }, (_, i) => `p:producer-${i}`);
    let head = await store.create('s');
    for (let i = 0; i < most; i += 1_000) {
      const some = names.slice(i, i + 1_000);
      const parts = Object.fromEntries(some.map((name, j) => [name, { epoch: 0, seq: i + j }]));
      head = await store.append('s', head, ['x'], { parts });
    }
    const one = names[Math.floor(most / 2)] ?? '';
    await store.append('s', head, ['x'], {
      parts: { [one]: { epoch: 1, seq: 0 }, 'p:producer-0': undefined },
    });

    same(
      await store.parts('s', { parts: ['p:producer-0', one] }),
      { [one]: { epoch: 1, seq: 0 } },
      'Two of them',
    );
    const all = await store.parts('s', { partsWith: 'p:' });
    same(Object.keys(all).length, most - 1, 'How many there are');
    same(all[`p:producer-${most - 1}`], { epoch: 0, seq: most - 1 }, 'The last of them');
  });

  cases.when(
    maxParts < 10_000,
    `refuses part ${maxParts + 1} of a stream, and forgets none`,
    async (store) => {
      const parts = Object.fromEntries(Array.from({ length: maxParts }, (_, i) => [`p:${i}`, i]));
      const head = await store.create('s', [], { parts });

      const [result] = await store.engine.commit([store.next('s', head, ['x'], { parts: { 'p:more': 1 } })]);

      check(result?.type === 'refused' && result.error.code === 'RESOURCE_EXHAUSTED', 'one more is refused');
      same(await store.parts('s', { partsWith: 'p:' }), parts, 'The parts');
      same(await store.head('s'), head, 'The head');
    },
    'has no limit of parts that would be tried',
    () => maxParts >= 10_000,
  );
}
