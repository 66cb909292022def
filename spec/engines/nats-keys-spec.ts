import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeId, encodeId, NatsKeys } from '../../lib/engines/nats-keys.js';

const MAX_ID_BYTES = 1_024;
const ids = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1_024 }),
  )
  .filter((id) => Buffer.byteLength(id) <= MAX_ID_BYTES);

describe('an id in a subject of NATS', () => {
  it('stays as it is, of letters, digits, - and _', () => {
    for (const id of ['answer-42', 'A_b', '0', '-', 'x'.repeat(512)]) expect(encodeId(id)).toBe(id);
  });

  it.each([
    ['a.b', 'a=2eb'],
    ['a/é b', 'a=2f=c3=a9=20b'],
    ['*', '=2a'],
    ['>', '=3e'],
    ['=', '=3d'],
    ['~', '=7e'],
    ['\0', '=00'],
  ])('has %j as %s', (id, token) => {
    expect(encodeId(id)).toBe(token);
  });

  it('is one token, found again, whatever it is, and short enough for a line of the protocol', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const token = encodeId(id);
        expect(token).toMatch(/^[\w=~-]+$/);
        expect(token.length).toBeLessThanOrEqual(1 + Math.ceil((MAX_ID_BYTES * 4) / 3));
        expect(decodeId(token)).toBe(id);
      }),
    );
    expect(encodeId('\0'.repeat(MAX_ID_BYTES))).toMatch(/^~/);
  });

  it('has the same shard everywhere, and shards have about as many', () => {
    const keys = new NatsKeys('p', 8);
    const counts = new Map<string, number>();
    for (let i = 0; i < 8_000; i++) {
      const stream = keys.logStream(`user/${i}`);
      expect(keys.logSubject(`user/${i}`)).toBe(`p.log.${stream.slice(-1)}.user=2f${i}`);
      expect(keys.idOfLogSubject(keys.logSubject(`user/${i}`))).toBe(`user/${i}`);
      counts.set(stream, (counts.get(stream) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(250);
  });
});
