import fc from 'fast-check';
import { VirtualTimeScheduler } from 'rxjs';
import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import type { HandlerOptions } from 'rxjs-durable-streams/http';
import { describe, it } from 'vitest';

import { type Ask, JSON_TYPE, TEXT } from '../../support/http-in-memory.js';
import { asking } from '../../support/http-managers.js';
import { runUntil } from '../../support/schedulers.js';

type Headers = Record<string, string>;

const path = fc.constantFrom('/a', '/a', '/b', '/c');
const type = fc.constantFrom(JSON_TYPE, JSON_TYPE, JSON_TYPE, JSON_TYPE, TEXT);
const closed = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Headers>({}) },
  fc.constant<Headers>({ 'stream-closed': 'true' }),
);
const lifetime = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Headers>({}) },
  fc.integer({ min: 0, max: 5 }).map((ttl): Headers => ({ 'stream-ttl': String(ttl) })),
  fc
    .integer({ min: 0, max: 15_000 })
    .map((at): Headers => ({ 'stream-expires-at': new Date(at).toISOString() })),
);
const body = fc.constantFrom('1', '2', '[1,2]', '[{"a": 1e2},"é"]', '"😀"', '', '[]', 'no JSON');
const writer = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Headers>({}) },
  fc
    .string({ minLength: 1, maxLength: 1, unit: fc.constantFrom('a', 'b', 'c') })
    .map((seq): Headers => ({ 'stream-seq': seq })),
  fc.record({ epoch: fc.nat(1), seq: fc.nat(2) }).map(({ epoch, seq }): Headers => ({
    'producer-id': 'p',
    'producer-epoch': String(epoch),
    'producer-seq': String(seq),
  })),
);
/** One of the offsets given so far, by its number; or a word. */
const offset = fc.oneof(fc.nat(30), fc.constantFrom('-1', 'now'));
const put = fc.record({ what: fc.constant('put' as const), path, type, closed, lifetime, body });
const post = fc.record({ what: fc.constant('post' as const), path, type, closed, writer, body });
const fork = fc.record({
  what: fc.constant('fork' as const),
  path,
  source: path,
  offset: fc.option(offset),
  sub: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(2)),
  lifetime,
});
const get = fc.record({ what: fc.constant('get' as const), path, offset });
const head = fc.record({ what: fc.constant('head' as const), path });
const remove = fc.record({ what: fc.constant('delete' as const), path });
const wait = fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2_500 }) });
const step = fc.oneof(
  { weight: 4, arbitrary: put },
  { weight: 10, arbitrary: post },
  { weight: 5, arbitrary: fork },
  { weight: 8, arbitrary: get },
  head,
  remove,
  wait,
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One manager in virtual time, whose answers are noted without what it has chosen by chance. */
class World {
  readonly clock = new VirtualTimeScheduler();
  readonly #ask: Ask;
  readonly #offsets: string[] = [];
  readonly #generations: string[] = [];

  constructor(manager: (scheduler: VirtualTimeScheduler) => HandlerOptions['streams']) {
    this.#ask = asking(manager(this.clock), { maxResponseBytes: 6, ttl: 4_000 });
  }

  async do(one: Step): Promise<unknown> {
    switch (one.what) {
      case 'put':
        return this.#answer('PUT', one.path, { ...one.type, ...one.closed, ...one.lifetime }, one.body);
      case 'post':
        return this.#answer('POST', one.path, { ...one.type, ...one.closed, ...one.writer }, one.body);
      case 'fork': {
        const at = one.offset === null ? undefined : this.#offset(one.offset);
        return this.#answer('PUT', one.path, {
          'stream-forked-from': `/v1/stream${one.source}`,
          ...(at !== undefined && { 'stream-fork-offset': at }),
          ...(one.sub > 0 && { 'stream-fork-sub-offset': String(one.sub) }),
          ...one.lifetime,
        });
      }
      case 'get':
        return this.#answer('GET', `${one.path}?offset=${this.#offset(one.offset) ?? '-1'}`);
      case 'head':
        return this.#answer('HEAD', one.path);
      case 'delete':
        return this.#answer('DELETE', one.path);
      case 'wait':
        runUntil(this.clock, this.clock.now() + one.ms);
        return undefined;
    }
  }

  #offset(which: number | string): string | undefined {
    return typeof which === 'string' ? which : this.#offsets[which % Math.max(1, this.#offsets.length)];
  }

  async #answer(method: string, where: string, headers: Headers = {}, sent?: string): Promise<unknown> {
    const answer = await this.#ask(method, where, headers, sent === '' ? undefined : sent);
    const next = answer.headers.get('stream-next-offset');
    if (next !== null) this.#offsets.push(next);
    return this.#anonymous([answer.status, [...answer.headers], await answer.text()]);
  }

  /** Without generations: each is named by when it was first seen. */
  #anonymous(noted: unknown): string {
    return JSON.stringify(noted).replace(/\d{16}(?=_\d{16})|(?<=\\")\d+(?=:)/g, (found) => {
      const generation = found.padStart(16, '0');
      if (!this.#generations.includes(generation)) this.#generations.push(generation);
      return `<${this.#generations.indexOf(generation)}>`;
    });
  }
}

describe('a handler over an in-memory manager', () => {
  it('answers everything as one over an engine', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
        const worlds = [
          new World((scheduler) => new InMemoryStreamManager({ scheduler })),
          new World((scheduler) => new DurableStreamManager(memoryEngine(), { scheduler })),
        ];
        for (const [i, one] of steps.entries()) {
          const [found, expected] = await Promise.all(worlds.map((world) => world.do(one)));
          if (found !== expected) {
            throw new Error(`Step ${i}, ${JSON.stringify(one)}:\n${String(found)}\nnot\n${String(expected)}`);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
