import type { Payload } from '../../engines/engine.js';
import { check, same } from './assert.js';
import type { Cases } from './cases.js';
import type { Store } from './store.js';

const MIB = 1_048_576;
/** More than this is not tried of what has no limit. */
const LARGE = 4 * MIB;

/** Stores chunks in one commit, and expects to read the same. */
async function roundTrip(store: Store, chunks: readonly Payload[]): Promise<void> {
  const head = await store.create('s', chunks);
  const { entries } = await store.read('s', head);
  const [entry] = entries;
  same(entries.length, 1, 'How many entries there are');
  same(entry?.chunks, chunks, 'The chunks');
  same(entry?.bytes, head.bytes, 'How many bytes they have');
}

/** All code points of a plane that can be in a text, in texts of 4,096. */
function textsOfPlane(plane: number): string[] {
  const texts: string[] = [];
  for (let start = plane * 0x10000; start < (plane + 1) * 0x10000; start += 0x1000) {
    let text = '';
    for (let code = start; code < start + 0x1000; code++) {
      if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code);
    }
    if (text !== '') texts.push(text);
  }
  return texts;
}

const allBytes = (): Uint8Array => Uint8Array.from({ length: 256 }, (_, i) => i);

/** What can be a chunk. */
export function payloadCases(cases: Cases): void {
  const { features } = cases;
  const round = (title: string, chunks: () => readonly Payload[]): void => {
    cases.it(title, (store) => roundTrip(store, chunks()));
  };

  round('keeps an empty text', () => ['']);
  round('keeps empty bytes', () => [new Uint8Array()]);
  round('keeps a thousand empty texts', () => Array.from({ length: 1_000 }, () => ''));
  round('keeps bytes of all values', () => [allBytes()]);
  round('keeps bytes that are a part of more', () => [
    allBytes().subarray(100, 200),
    allBytes().subarray(255),
  ]);
  round('keeps texts and bytes apart', () => [
    'a',
    Uint8Array.of(97),
    '',
    new Uint8Array(),
    'é',
    allBytes(),
    '\0',
  ]);
  round('keeps a text that looks like JSON, a number or a marker', () => [
    '{"a":1}',
    '"',
    '0',
    'null',
    '\u0001',
  ]);
  round('keeps a byte order mark at the start of a text, and in it', () => [
    '\ufeffa',
    'a\ufeff',
    '\ufeff',
    'a',
  ]);
  round('keeps line ends as they are', () => ['\r\n', '\n', '\r', '\u2028', '\u0085', '']);
  round('keeps characters of four bytes at the ends of texts', () => [
    '\u{1f600}',
    'a\u{1f600}',
    '\u{10ffff}',
    'b',
  ]);
  round('keeps a thousand chunks in one commit', () =>
    Array.from({ length: 1_000 }, (_, i) => `${i}`.repeat(i % 7)),
  );

  cases.it('keeps text with every character that there is', async (store) => {
    let head = await store.create('s');
    for (let plane = 0; plane <= 16; plane++) {
      const from = head.tail;
      const texts = textsOfPlane(plane);
      head = await store.append('s', head, texts);
      const chunks = await store.chunks('s', head, { position: from });
      check(
        chunks.length === texts.length && chunks.every((chunk, i) => chunk === texts[i]),
        `the texts with the characters of plane ${plane} are the same`,
      );
    }
  });

  const largest = Math.min(features.maxChunkBytes, features.maxCommitBytes, LARGE);
  const size = largest === features.maxChunkBytes ? 'the largest that there can be' : `of ${largest} bytes`;

  cases.it(`keeps a text that is ${size}`, async (store) => {
    const text = 'x'.repeat(largest);
    const head = await store.create('s', [text]);
    const [chunk] = await store.chunks('s', head);
    check(chunk === text, 'the text is the same');
  });

  cases.it(`keeps bytes that are ${size}`, async (store) => {
    const bytes = new Uint8Array(largest);
    for (let i = 0; i < largest; i++) bytes[i] = (i * 7) % 256;
    const head = await store.create('s', [bytes]);
    const [chunk] = await store.chunks('s', head);
    same(chunk, bytes, 'The bytes');
  });

  cases.it('keeps an outcome with as large a text, and one with bytes', async (store) => {
    const text = { type: 'done', output: 'x'.repeat(Math.floor(largest / 2)) };
    const bytes = { type: 'done', output: allBytes() };
    const empty = { type: 'done', output: new Uint8Array() };
    const ended = { head: { status: 'done' as const } };
    await store.create('text', [], { ...ended, parts: { o: text } });
    await store.create('bytes', [], { ...ended, parts: { o: bytes } });
    await store.create('empty', [], { ...ended, parts: { o: empty } });

    check(await sameOutput(store, 'text', text.output), 'the text is the same');
    same(await store.parts('bytes', { parts: ['o'] }), { o: bytes }, 'The bytes');
    same(await store.parts('empty', { parts: ['o'] }), { o: empty }, 'The empty bytes');
  });

  cases.when(
    features.maxChunkBytes < LARGE,
    'stores a chunk that is too large or refuses it, and takes what is beside it in any case',
    async (store) => {
      const oversize = store.creation('s', ['x'.repeat(features.maxChunkBytes + 1)]);

      const [large, beside] = await store.engine.commit([oversize, store.creation('t', ['a'])]);

      same(beside?.type, 'stored', 'What became of the commit beside it');
      if (large?.type === 'refused') {
        check(
          large.error.code === 'RESOURCE_EXHAUSTED' || large.error.code === 'INVALID_ARGUMENT',
          `${large.error.code} says that it is too large`,
        );
        same(await store.load('s'), undefined, 'What is there');
      } else {
        same(large?.type, 'stored', 'What became of it');
        same((await store.head('s'))?.tail, 1, 'The tail');
      }
    },
    'takes chunks so large that none larger is tried',
    (engine) => engine.features.maxChunkBytes >= LARGE,
  );

  cases.when(
    features.byReference,
    'keeps values as they are',
    async (store) => {
      const value = { a: [new Date()] } as unknown as Payload;
      const [chunk] = await store.chunks('s', await store.create('s', [value]));
      check(chunk === value, 'the value is the same object');
    },
    'stores text and bytes, not values',
    (engine) => !engine.features.byReference,
  );
}

async function sameOutput(store: Store, id: string, output: unknown): Promise<boolean> {
  const { o: outcome } = (await store.parts(id, { parts: ['o'] })) as {
    readonly o?: { readonly output?: unknown };
  };
  return outcome?.output === output;
}
