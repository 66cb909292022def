import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Ask, JSON_TYPE } from '../support/http-in-memory.js';
import { asking, MANAGERS } from '../support/http-managers.js';

type Message = readonly [writer: number, n: number];

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** What a path has now, page by page; `undefined` if there is nothing. */
async function contentOf(ask: Ask, path: string): Promise<Message[] | undefined> {
  const all: Message[] = [];
  for (let offset = '-1'; ;) {
    const page = await ask('GET', `${path}?offset=${offset}`);
    if (page.status !== 200) return undefined;
    all.push(...((await page.json()) as Message[]));
    if (page.headers.get('stream-up-to-date') === 'true') return all;
    offset = page.headers.get('stream-next-offset') ?? '';
  }
}

/** Polls on from each offset until the end; gives what was told, and the status of the last answer. */
async function polled(ask: Ask): Promise<{ messages: Message[]; status: number }> {
  const messages: Message[] = [];
  for (let offset = '-1'; ;) {
    const answer = await ask('GET', `/s?offset=${offset}&live=long-poll`);
    if (answer.status === 200) messages.push(...((await answer.json()) as Message[]));
    else if (answer.status !== 204) return { messages, status: answer.status };
    if (answer.headers.get('stream-closed') === 'true') return { messages, status: answer.status };
    offset = answer.headers.get('stream-next-offset') ?? '';
  }
}

const program = fc.record({
  // When each writer appends: so many turns after the one before.
  writers: fc.array(fc.array(fc.nat(4), { maxLength: 12 }), { minLength: 1, maxLength: 5 }),
  named: fc.boolean(),
  forks: fc.array(fc.nat(20), { maxLength: 3 }),
  end: fc.record({ after: fc.nat(25), how: fc.constantFrom('close', 'closing append', 'delete') }),
});

describe.each(MANAGERS)('on %s', (_name, manager) => {
  it('closing, deleting and forking while others append loses nothing, doubles nothing and never hangs', async () => {
    await fc.assert(
      fc.asyncProperty(program, async ({ writers, named, forks, end }) => {
        const ask = asking(manager(), { maxResponseBytes: 60, longPollMs: 50 });
        await ask('PUT', '/s', JSON_TYPE);
        const acknowledged: Message[] = [];
        const refusals = new Set<number>();
        const append = async (message: Message, headers: Record<string, string>): Promise<boolean> => {
          const body = JSON.stringify([message]);
          const { status } = await ask('POST', '/s', { ...JSON_TYPE, ...headers }, body);
          if (status < 300) acknowledged.push(message);
          else refusals.add(status);
          return status < 300;
        };
        const reading = polled(ask);
        await Promise.all([
          ...writers.map(async (pauses, writer) => {
            for (const [n, pause] of pauses.entries()) {
              await turns(pause);
              const names = { 'producer-id': `${writer}`, 'producer-epoch': '0', 'producer-seq': `${n}` };
              if (!(await append([writer, n], named ? names : {}))) return;
            }
          }),
          ...forks.map(async (after, i) => {
            await turns(after);
            await ask('PUT', `/fork-${i}`, { 'stream-forked-from': '/v1/stream/s' });
          }),
          (async () => {
            await turns(end.after);
            const closing = { 'stream-closed': 'true' };
            if (end.how === 'close') expect((await ask('POST', '/s', closing)).status).toBe(204);
            else if (end.how === 'delete') expect((await ask('DELETE', '/s')).status).toBe(204);
            else expect(await append([-1, 0], closing)).toBe(true);
          })(),
        ]);

        const content = await contentOf(ask, '/s');
        const { messages, status } = await reading;
        if (end.how === 'delete') {
          expect(content).toBeUndefined();
          expect([404, 410]).toContain(status);
          for (const refused of refusals) expect([404, 410]).toContain(refused);
        } else {
          // All that was acknowledged is there once, and nothing else; who has polled was told just that.
          expect([...(content ?? [])].sort()).toEqual([...acknowledged].sort());
          expect(messages).toEqual(content);
          for (const refused of refusals) expect(refused).toBe(409);
          if (end.how === 'closing append') expect(content?.at(-1)).toEqual([-1, 0]);
        }
        const longest = content ?? messages;
        for (const [writer] of writers.entries()) {
          const own = longest.filter(([of]) => of === writer).map(([, n]) => n);
          expect(own).toEqual(own.map((_, n) => n));
        }
        for (const i of forks.keys()) {
          const fork = await contentOf(ask, `/fork-${i}`);
          if (fork === undefined) expect(end.how).toBe('delete');
          else if (content !== undefined) expect(content.slice(0, fork.length)).toEqual(fork);
          else expect(fork.slice(0, messages.length)).toEqual(messages.slice(0, fork.length));
        }
      }),
      { numRuns: 200 },
    );
  });
});
