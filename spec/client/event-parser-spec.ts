import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EventParser } from '../../lib/client/event-parser.js';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 500);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const part = fc.oneof(
  fc.constantFrom(
    'data',
    'event',
    'id',
    'retry',
    ':',
    ': ',
    ' ',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    'data:a',
    'event: control\n',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

function eventsOf(pieces: readonly string[]) {
  const found: unknown[] = [];
  const parser = new EventParser(({ type, data }) => found.push([type, data]));
  for (const piece of pieces) parser.feed(piece);
  return found;
}

describe('the parser of events', () => {
  it(`finds what eventsource-parser finds, in any pieces (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }),
        fc.array(fc.nat(6), { minLength: 1 }),
        (parts, lengths) => {
          // An end of all events, so that what one of them holds back is seen too.
          const text = `${parts.join('')}\n\n`;
          const wanted: unknown[] = [];
          createParser({ onEvent: ({ event = '', data }) => wanted.push([event, data]) }).feed(text);
          const pieces: string[] = [];
          for (let at = 0, i = 0; at < text.length; i++) {
            const length = (lengths[i % lengths.length] as number) + (i % lengths.length === 0 ? 1 : 0);
            pieces.push(text.slice(at, at + length));
            at += length;
          }
          expect(eventsOf(pieces)).toEqual(wanted);
          expect(eventsOf([text])).toEqual(wanted);
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('takes a long line in many pieces in no more time than in one', () => {
    const pieces = Array.from({ length: 200_000 }, () => 'x'.repeat(10));
    const begun = performance.now();
    expect(eventsOf(['data:', ...pieces, '\n\n'])).toEqual([['', 'x'.repeat(2_000_000)]]);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
