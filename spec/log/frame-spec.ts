import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Entry, Payload } from '../../lib/engines/engine.js';
import { payloadBytes } from '../../lib/log/bytes.js';
import { decodeEntry, decodeEntryIn, decodePart, encodeEntry, encodePart } from '../../lib/log/frame.js';
import { MAX_TAG } from '../../lib/log/tag.js';
import { bytes, counts, payloads, texts } from './support.js';

const dataLoss = expect.objectContaining({ name: 'StreamError', code: 'DATA_LOSS' }) as Error;

const entryOf = (chunks: readonly Payload[], tag = 0, previous = 0, position = 0): Entry => ({
  position,
  chunks,
  bytes: chunks.reduce((sum, chunk) => sum + payloadBytes(chunk), 0),
  tag,
  previous,
});

const tags = fc.integer({ min: 0, max: MAX_TAG });
const some = <T>(chunk: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(chunk, { minLength: 1, maxLength: 6 });
const entries = fc
  .tuple(
    fc.oneof(some<Payload>(texts()), some<Payload>(bytes), some(payloads)),
    tags,
    tags,
    fc.nat(9_999_999_999),
  )
  .map(([chunks, tag, previous, position]) => entryOf(chunks, tag, previous, position));

/** What is decoded, or `DATA_LOSS`; whatever else is thrown is thrown. */
function decoded(frame: Uint8Array): Entry | 'DATA_LOSS' {
  try {
    return decodeEntry(0, frame);
  } catch (error) {
    expect(error).toEqual(dataLoss);
    return 'DATA_LOSS';
  }
}

describe('The frame of an entry', () => {
  it('gives back texts, bytes, or both', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(decodeEntry(entry.position, encodeEntry(entry))).toEqual(entry);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[what: string, chunks: Payload[]]>([
    ['an empty text', ['']],
    ['empty texts', ['', '', '']],
    ['no bytes', [new Uint8Array()]],
    ['no bytes between bytes', [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2)]],
    ['an empty text and no bytes', ['', new Uint8Array()]],
    ['pairs of surrogates', ['😀', 'a😀b', '😀😀']],
    ['byte order marks', ['\ufeff', 'a\ufeff', '\ufeff\ufeffb']],
    ['byte order marks beside bytes', ['\ufeff', Uint8Array.of(0xef, 0xbb, 0xbf)]],
    ['zeros', ['\0', '\0\0']],
    ['bytes that are no text', [Uint8Array.of(0xff, 0xc0, 0x80)]],
    ['the replacement character', ['\ufffd']],
    ['a combining mark after another chunk', ['e', '\u0301']],
    ['lengths of 127, 128, 16,383 and 16,384', [127, 128, 16_383, 16_384].map((n) => 'x'.repeat(n))],
    ['the same in bytes', [127, 128, 16_383, 16_384].map((n) => new Uint8Array(n).fill(n))],
    ['the same in both', ['é'.repeat(8_192), new Uint8Array(16_384), 'x'.repeat(63), 'x'.repeat(64)]],
    ['very many texts', Array.from({ length: 5_000 }, (_, i) => String(i))],
  ])('keeps %s', (_, chunks) => {
    const entry = entryOf(chunks, 1, MAX_TAG, 5);

    expect(decodeEntry(5, encodeEntry(entry))).toEqual(entry);
  });

  it("takes bytes in Node's buffers, and is read from one", () => {
    const frame = Buffer.from(encodeEntry(entryOf(['a', Buffer.from([1, 2])])));

    expect(decodeEntry(0, frame).chunks.map((chunk) => Buffer.from(chunk))).toEqual([
      Buffer.from('a'),
      Buffer.from([1, 2]),
    ]);
  });

  it('is read where it is a part of more bytes', () => {
    const frame = encodeEntry(entryOf(['aé', Uint8Array.of(1, 2)]));
    const around = new Uint8Array(frame.length + 20).fill(255);
    around.set(frame, 10);

    expect(decodeEntry(0, around.subarray(10, 10 + frame.length))).toEqual(decodeEntry(0, frame));
  });

  it('gives the same from among others, with the texts of ASCII from Latin-1', () => {
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1, maxLength: 4 }), (all) => {
        const frames = all.map(encodeEntry);
        const block = Buffer.concat(frames);
        let end = 0;
        for (const [i, frame] of frames.entries()) {
          const from = end;
          end += frame.length;
          const { position } = all[i] as Entry;
          const given = decodeEntryIn(
            position,
            { bytes: new Uint8Array(block), latin1: (first, last) => block.toString('latin1', first, last) },
            from,
            end,
          );
          expect(given).toEqual(decodeEntry(position, frame));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives bytes as views, without copying them', () => {
    const frame = encodeEntry(entryOf([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]));

    for (const chunk of decodeEntry(0, frame).chunks) expect((chunk as Uint8Array).buffer).toBe(frame.buffer);
  });

  it.each<[length: number, what: string, chunks: Payload[]]>([
    [9, 'a text of 4 bytes', ['abcd']],
    [12, 'three texts', ['ab', 'c', 'd']],
    [9, '4 bytes', [Uint8Array.of(1, 2, 3, 4)]],
  ])('takes %d bytes for %s', (length, _, chunks) => {
    // One for each: the kind, the tag, the tag before, the count, the length of each chunk.
    expect(encodeEntry(entryOf(chunks, 1, 1)).length).toBe(length - (chunks.length === 3 ? 1 : 0));
  });

  it('is known to be torn wherever it is cut off, or goes on', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const frame = encodeEntry(entry);
        const loss = Array.from({ length: frame.length }, (_, end) => decoded(frame.subarray(0, end)));

        expect(loss.filter((what) => what !== 'DATA_LOSS')).toEqual([]);
        expect(decoded(Uint8Array.from([...frame, 0x61]))).toBe('DATA_LOSS');
      }),
      { numRuns: 500 },
    );
  });

  it.each(['é', '€', '😀'])(
    'is known to be torn inside of %s, which has as many units when it is half there',
    (text) => {
      for (const chunks of [[text], ['a', text], [Uint8Array.of(1), text]]) {
        expect(decoded(encodeEntry(entryOf(chunks)).slice(0, -1))).toBe('DATA_LOSS');
      }
    },
  );

  it('is an entry that agrees with itself, or known to be none, whatever the bytes', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      // What begins as a frame does.
      fc.tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ max: 6, maxLength: 40 })).map(([kind, rest]) => {
        return Uint8Array.of(kind, ...rest);
      }),
      // A frame with a byte that has changed.
      fc.tuple(entries, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([entry, place, mask]) => {
        const frame = encodeEntry(entry);
        frame[place % frame.length]! ^= mask;
        return frame;
      }),
    );
    fc.assert(
      fc.property(garbage, (frame) => {
        const entry = decoded(frame);
        if (entry === 'DATA_LOSS') return;

        expect(entry.chunks.length).toBeGreaterThan(0);
        expect(entry.bytes).toBe(entryOf(entry.chunks).bytes);
        expect(Math.max(entry.tag, entry.previous)).toBeLessThanOrEqual(MAX_TAG);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each<[what: string, frame: number[]]>([
    ['nothing', []],
    ['a kind alone', [1]],
    ['an unknown kind', [4, 0, 0, 1, 1, 0x61]],
    ['the kind 0', [0, 0, 0, 1, 1, 0x61]],
    ['no chunks', [1, 0, 0, 0]],
    ['more chunks than bytes', [1, 0, 0, 3, 0, 0]],
    ['a billion chunks', [1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0]],
    ['a number that never ends', [1, ...Array.from({ length: 1_000 }, () => 0x80)]],
    ['a number beyond all numbers', [1, ...Array.from({ length: 1_000 }, () => 0xff), 0x7f, 0, 1, 0]],
    ['a tag of seven digits', [2, 0xc0, 0x84, 0x3d, 0, 1, 1, 5]],
    ['a tag of seven digits before', [2, 0, 0xc0, 0x84, 0x3d, 1, 1, 5]],
    ['a chunk longer than the frame', [2, 0, 0, 1, 100, 5]],
    ['a text longer than the frame', [1, 0, 0, 1, 100, 0x61]],
    ['bytes that no chunk has', [2, 0, 0, 1, 1, 5, 6]],
    ['text that no chunk has', [1, 0, 0, 1, 1, 0x61, 0x61]],
    ['what is no UTF-8', [1, 0, 0, 1, 1, 0xff]],
    ['what is no UTF-8 beside bytes', [3, 0, 0, 2, 3, 2, 0xff, 0]],
  ])('is known to be torn if it has %s', (_, frame) => {
    expect(() => decodeEntry(0, Uint8Array.from(frame))).toThrow(dataLoss);
  });

  it('is known to be torn at once, however long', () => {
    const long = new Uint8Array(1_000_000);
    for (const fill of [0, 1, 2, 0x7f, 0x80, 0xff]) {
      long.fill(fill);
      for (const kind of [1, 2, 3]) {
        long[0] = kind;
        const begun = performance.now();

        expect(decoded(long)).toBe('DATA_LOSS');
        expect(performance.now() - begun).toBeLessThan(1_000);
      }
    }
  });
});

describe('A part as bytes', () => {
  it.each<[what: string, part: unknown]>([
    ['of a producer', { epoch: Number.MAX_SAFE_INTEGER, seq: 0 }],
    ['of a process', { id: '__proto__', seq: 5 }],
    ['of an origin', { id: 'ä/😀', generation: 2 ** 53 - 1, position: 9_999_999_999 }],
    ['of a fork', { id: 's' }],
    ['of a fork that is pending', { id: 's', until: 1e13 }],
    ['of an end without an output', { type: 'done' }],
    ['of an end with null as text', { type: 'done', output: 'null' }],
    ['of an end with an empty text', { type: 'done', output: '' }],
    ['of an end with bytes', { type: 'done', output: Uint8Array.of(0, 255, 0) }],
    ['of an end with no bytes', { type: 'done', output: new Uint8Array() }],
    [
      'of an error',
      { type: 'error', error: { code: 'UNKNOWN', message: '\ufeff\0', details: { output: [1] } } },
    ],
  ])('%s is given back', (_, part) => {
    expect(decodePart(encodePart(part))).toEqual(part);
  });

  it('is given back whatever the output and the details', () => {
    fc.assert(
      fc.property(fc.oneof(texts(), bytes), texts(), counts, (output, message, details) => {
        const done = { type: 'done', output };
        const failed = { type: 'error', error: { code: 'UNKNOWN', message, details } };

        expect(decodePart(encodePart(done))).toEqual(done);
        expect(decodePart(encodePart(failed))).toEqual(failed);
      }),
    );
  });

  it('gives bytes that are its own', () => {
    const stored = Buffer.from(encodePart({ type: 'done', output: Uint8Array.of(1, 2) }));
    const part = decodePart(stored);
    stored.fill(9);

    expect(part).toEqual({ type: 'done', output: Uint8Array.of(1, 2) });
  });

  it('is known to be torn wherever it is cut off', () => {
    const whole = encodePart({ type: 'error', error: { code: 'UNKNOWN', message: 'é"}' } });
    for (let end = 0; end < whole.length; end++) {
      expect(() => decodePart(whole.subarray(0, end))).toThrow(dataLoss);
    }
  });

  it.each([[[0xff]], [[0xef, 0xbb, 0xbf, 0x35]], [[0x7b]], [[0x22, 0xc3, 0x22]]])(
    'is known to be torn if it is %j',
    (stored) => {
      expect(() => decodePart(Uint8Array.from(stored))).toThrow(dataLoss);
    },
  );
});
