import fc from 'fast-check';
import { expect, it } from 'vitest';

import { payloadBytes } from '../../lib/log/bytes.js';
import { appended } from '../../lib/log/decide-append.js';
import { append, creation, EXACT, owner, payloads, SHARED, Stream } from './support.js';

const rules = fc.constantFrom(EXACT, SHARED, { ...EXACT, maxChunks: 3 }, { ...SHARED, maxBytes: 30 });
const before = fc.constantFrom<readonly Parameters<Stream['do']>[0][]>(
  [],
  [append()],
  [append(), append({ writer: owner(2) })],
  [append({ chunks: [], bytes: 0, outcome: { type: 'done' } })],
  [{ type: 'release', nonce: 'input' }],
  [{ type: 'takeOver', nonce: 'another', lifetime: {} }],
  [{ type: 'stop', reason: 'reason', grace: 0 }],
);

it('An append of an owner is, where nothing is special about it, what would be decided', () => {
  let plain = 0;
  fc.assert(
    fc.property(
      rules,
      before,
      fc.integer({ min: 0, max: 4 }),
      fc.constantFrom('input', 'another'),
      payloads,
      (given, commands, seq, nonce, chunk) => {
        const stream = new Stream(given);
        stream.do(creation());
        for (const command of commands) stream.do(command);
        const bytes = payloadBytes(chunk);
        const after = appended(stream.head, nonce, seq, [chunk], bytes, given);
        const decision = stream.do(append({ writer: owner(seq, 0, nonce), chunks: [chunk], bytes }));

        expect(after).toEqual(decision.type === 'change' ? decision.head : undefined);
        if (after !== undefined) plain++;
      },
    ),
    { numRuns: 500 },
  );
  expect(plain).toBeGreaterThan(20);
});
