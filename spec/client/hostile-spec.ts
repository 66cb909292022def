import fc from 'fast-check';
import { lastValueFrom, toArray } from 'rxjs';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { durableStream } from 'rxjs-durable-streams/client';
import { createHandler } from 'rxjs-durable-streams/http';
import { describe, expect, it } from 'vitest';

import { type Fate, hostileNetwork } from '../support/hostile-network.js';

const URL = 'http://host/v1/stream/s';
const WORDS = ['a', 'ñ€😀', '', '"\\\n\u2028', '\r\n data: x', 'x'.repeat(300)];
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

function world(sseMs = 20) {
  const streams = new DurableStreamManager(memoryEngine());
  const handler = createHandler({ streams, sseMs, longPollMs: 20, maxResponseBytes: 200 });
  return { input: streams.open<string, string>('s'), handler };
}

const retry = { delay: 0, maxDelay: 1 };

describe('a network that cuts', () => {
  it.each([
    ['pages', false, 'sse'],
    ['events', false, 'sse'],
    ['events, without saying so', true, 'sse'],
    ['long-polls', false, 'long-poll'],
    ['long-polls, without saying so', true, 'long-poll'],
  ] as const)(
    '%s at any byte loses and doubles nothing',
    { timeout: 60_000 },
    async (what, quietly, live) => {
      const wanted = WORDS.slice(0, 5);
      let longest = 1;
      for (let cut = 0; cut <= longest; cut++) {
        const { input, handler } = world();
        let cuts = 0;
        const network = hostileNetwork(handler, ({ url }) => {
          const isMeant = url.includes('live') !== (what === 'pages');
          return isMeant && cuts++ === 0 ? { pieces: [7], cut, quietly } : { pieces: [1_000] };
        });
        const write = (): void => {
          for (const word of wanted) input.next(word);
          input.complete('end');
        };
        if (what === 'pages') write();
        const reading = lastValueFrom(
          durableStream<string, string>(URL, { fetch: network.fetch, retry, live }).events().pipe(toArray()),
        );
        if (what !== 'pages') setTimeout(write, 1);
        const events = await reading;
        expect([cut, events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))]).toEqual([
          cut,
          [...wanted, 'done'],
        ]);
        // All that one answer has, and a little more.
        longest = what === 'pages' ? 120 : 330;
      }
    },
  );

  it(
    `does so too wherever it cuts, whatever it repeats and refuses (seed ${SEED})`,
    { timeout: 60_000 },
    async () => {
      const fate: fc.Arbitrary<Fate> = fc.record({
        pieces: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
        cut: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
        quietly: fc.boolean(),
        stale: fc.boolean(),
        status: fc.option(fc.constantFrom(500, 503, 429, 408), { nil: undefined, freq: 10 }),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }),
          fc.nat(40),
          fc.array(fate, { maxLength: 30 }),
          fc.constantFrom('sse' as const, 'long-poll' as const),
          async (words, before, fates, live) => {
            const { input, handler } = world(5);
            for (const word of words.slice(0, before)) input.next(word);
            const network = hostileNetwork(handler, (_request, i) => fates[i] ?? { pieces: [1_000] });
            const reading = lastValueFrom(
              durableStream<string, string>(URL, { fetch: network.fetch, retry, live, sseTimeout: 50 })
                .events()
                .pipe(toArray()),
            );
            for (const word of words.slice(before)) {
              await new Promise((resolve) => setImmediate(resolve));
              input.next(word);
            }
            input.complete('end');
            const events = await reading;
            expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
              ...words,
              'done',
            ]);
            const offsets = events.map(({ offset }) => offset);
            expect([...offsets].sort()).toEqual(offsets);
          },
        ),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});
