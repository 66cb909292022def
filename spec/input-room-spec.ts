import { describe, expect, it } from 'vitest';

import { InputRoom } from '../lib/input-room.js';
import type { Head } from '../lib/log/head.js';
import { codeOf } from './support/views.js';

const NONE = { maxChunks: Infinity, maxBytes: Infinity, maxChunkBytes: Infinity };
const headOf = (tail: number, bytes: number): Head => ({ tail, bytes }) as Head;
const fits = async (check: () => void): Promise<boolean> => (await codeOf(check)) !== 'RESOURCE_EXHAUSTED';

describe('The room of an input', () => {
  it('measures what is stored, unless there is no limit to it', () => {
    const room = new InputRoom({ ...NONE, maxChunkBytes: 3 });
    expect(room.measured('chunk', 'é')).toBe(2);
    expect(room.measured('chunk', new Uint8Array(3))).toBe(3);
    expect(() => room.measured('chunk', 'éé')).toThrow('The chunk has 4 bytes, but maxChunkBytes is 3.');
    expect(new InputRoom(NONE).measured('chunk', 'éé')).toBe(0);
  });

  it('counts what is there and what is on its way', async () => {
    const room = new InputRoom({ ...NONE, maxChunks: 3, maxBytes: 10 });
    expect(await fits(() => room.check(headOf(2, 5), 5))).toBe(true);
    expect(await fits(() => room.check(headOf(2, 5), 6))).toBe(false);
    expect(await fits(() => room.check(headOf(3, 0), 0))).toBe(false);
    room.sent(4);
    expect(await fits(() => room.check(headOf(1, 1), 5))).toBe(true);
    expect(await fits(() => room.check(headOf(1, 1), 6))).toBe(false);
    expect(await fits(() => room.check(headOf(2, 1), 0))).toBe(false);
    room.answered(1, 4);
    expect(await fits(() => room.check(headOf(2, 1), 9))).toBe(true);
  });

  it('takes a stream that is not known yet for a new one', async () => {
    const room = new InputRoom({ ...NONE, maxChunks: 1 });
    expect(await fits(() => room.check(undefined, 0))).toBe(true);
    room.sent(0);
    expect(await fits(() => room.check(undefined, 0))).toBe(false);
  });
});
