import { describe, expect, it } from 'vitest';

import { contentOf, eventContent, kindOf } from '../../lib/client/content.js';

const NONE = new Uint8Array();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the content of answers', () => {
  it('is of the kind that the media type says', () => {
    expect(
      ['application/json; charset=utf-8', 'Text/Plain', 'application/x-ndjson', '', null].map((type) =>
        kindOf(type),
      ),
    ).toEqual(['json', 'text', 'binary', 'binary', 'binary']);
  });

  it('is text of whole characters, wherever the answers are cut', () => {
    const text = 'añ€😀\ufeffz';
    const all = bytes(text);
    for (let cut = 0; cut <= all.byteLength; cut++) {
      const first = contentOf('text', all.subarray(0, cut), 0, NONE, false);
      const second = contentOf('text', all.subarray(cut), 0, first.held, false);
      expect([...first.chunks, ...second.chunks].join('')).toBe(text);
      expect(second.held.byteLength).toBe(0);
      // Whoever begins after the first chunk is given the rest, with the half of a character that was held.
      const again = contentOf('text', all.subarray(0, cut), first.length, NONE, false);
      expect([again.chunks, again.held]).toEqual([[], first.held]);
    }
  });

  it('is text as it is where bytes are none', () => {
    const { chunks, held } = contentOf('text', new Uint8Array([0xff, 0x61, 0xc0]), 0, NONE, false);
    expect([chunks, held.byteLength]).toEqual([['\ufffda\ufffd'], 0]);
  });

  it('has nothing where nothing is new', () => {
    expect(contentOf('binary', bytes('abc'), 3, NONE, false).chunks).toEqual([]);
    expect(contentOf('json', bytes('[1,2]'), 2, NONE, false).chunks).toEqual([]);
    expect(contentOf('json', NONE, 0, NONE, true).chunks).toEqual([]);
  });

  it('comes in events as text, as JSON, or in base64 on any number of lines', () => {
    expect(eventContent('binary', 'AQID\nBA==', true)).toEqual([new Uint8Array([1, 2, 3, 4])]);
    expect(eventContent('text', 'YQ==', true)).toEqual(['a']);
    expect(eventContent('binary', '', true)).toEqual([]);
    expect(eventContent('binary', 'a', false)).toEqual([bytes('a')]);
    expect(eventContent('text', '', false)).toEqual([]);
    expect(() => eventContent('binary', '*', true)).toThrow('base64');
    expect(() => eventContent('json', '{}', false)).toThrow('no array');
  });
});
