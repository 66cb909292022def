import {
  DurableStreamManager,
  InMemoryStreamManager,
  memoryEngine,
  type StreamInput,
} from 'rxjs-durable-streams';
import { durableResource } from 'rxjs-durable-streams/angular';
import { describe, expect, it, vi } from 'vitest';

import { served } from '../support/angular.js';
import { linesOf, pageOf, rendered, transferredIn } from '../support/angular-page.js';

const world = () => {
  const server = served(new InMemoryStreamManager({ idleTtl: 1_000_000 }));
  const { streams } = server;
  const open = (id = 'a'): StreamInput<string, unknown> => streams.open<string, unknown>(id);
  return { server, streams, open };
};
const page = (options: object = {}) => pageOf(() => durableResource({ id: () => 'a', ...options }));

describe('a resource on a server', () => {
  it('is rendered with what is there of a live stream, which then has no reader', async () => {
    const { server, streams, open } = world();
    const input = open();
    input.next('a');
    input.next('<b>');
    const html = await rendered(page(), server);
    expect(linesOf(html)).toEqual(['open|["a","&lt;b&gt;"]||']);
    expect(server.asked).toEqual(['GET /a?offset=-1']);
    expect((streams.head('a') as { expiresAt?: number }).expiresAt).not.toBe(undefined);
    expect(Object.values(transferredIn(html))).toEqual([
      { value: ['a', '<b>'], offset: input.tail, open: true },
    ]);
  });

  it('is rendered with how a stream has ended', async () => {
    const { server, open } = world();
    const input = open();
    input.next('a');
    input.complete({ tokens: 1 });
    const html = await rendered(page(), server);
    expect(linesOf(html)).toEqual(['done|["a"]|{"tokens":1}|']);
    expect(Object.values(transferredIn(html))).toEqual([
      { value: ['a'], offset: input.tail, open: false, outcome: { type: 'done', output: { tokens: 1 } } },
    ]);
  });

  it('is rendered with the error of a stream, and gives it on', async () => {
    const { server, open } = world();
    const input = open();
    input.next('a');
    input.error({ code: 'ABORTED', message: 'm', details: [1] });
    const html = await rendered(page(), server);
    expect(linesOf(html)).toEqual(['error|["a"]||ABORTED']);
    const [state] = Object.values(transferredIn(html));
    expect(state).toMatchObject({ outcome: { type: 'error', code: 'ABORTED', message: 'm', details: [1] } });
  });

  it('is rendered with many pages of a stream', async () => {
    const streams = new DurableStreamManager(memoryEngine());
    const server = served(streams, { maxResponseBytes: 100 });
    const input = streams.open<number>('a');
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    for (const n of numbers) input.next(n);
    await input.flush();
    const html = await rendered(page(), server);
    expect(linesOf(html)).toEqual([`open|${JSON.stringify(numbers)}||`]);
    expect(server.asked.length).toBeGreaterThan(2);
  });

  it.each([
    ['is not found', {}, 'error|[]||NOT_FOUND'],
    ['is waited for, which a server does not', { wait: Infinity }, 'loading|[]||'],
  ])('gives nothing on of a stream that %s', async (_what, options, line) => {
    const { server } = world();
    const html = await rendered(page(options), server);
    expect([linesOf(html), transferredIn(html)]).toEqual([[line], {}]);
    expect(server.asked.length).toBe(1);
  });

  it('is rendered without what does not come in time', async () => {
    const hanging = vi.fn(() => new Promise<never>(() => {}));
    const html = await rendered(page(), { fetch: hanging }, { snapshotTimeout: 20 });
    expect(linesOf(html)).toEqual(['loading|[]||']);
    expect(transferredIn(html)).toEqual({});
    const [[, init]] = hanging.mock.calls as unknown as [[string, RequestInit]];
    expect(init.signal?.aborted).toBe(true);
  });

  it('is rendered with what has come in time, and gives that on', async () => {
    const streams = new DurableStreamManager(memoryEngine());
    const { asked, fetch } = served(streams, { maxResponseBytes: 1 });
    const input = streams.open<string>('a');
    input.next('a');
    input.next('b');
    await input.flush();
    const slow = ((url: string, init: RequestInit) =>
      asked.length === 1 ? new Promise(() => {}) : fetch(url, init)) as typeof globalThis.fetch;
    const html = await rendered(page(), { fetch: slow }, { snapshotTimeout: 100 });
    expect(linesOf(html)).toEqual(['open|["a"]||']);
    expect(Object.values(transferredIn(html))).toMatchObject([{ value: ['a'], open: true }]);
  });

  it('holds no memory, no lock and no channel of a browser', async () => {
    const { server, open } = world();
    open().next('a');
    const remember = { load: vi.fn(), save: vi.fn() };
    const html = await rendered(page({ remember, shareTabs: true, pauseWhenHidden: true }), server);
    expect(linesOf(html)).toEqual(['open|["a"]||']);
    expect(remember.load).not.toHaveBeenCalled();
    expect(remember.save).not.toHaveBeenCalled();
  });

  it('gives on what a reducer has made, if that is JSON', async () => {
    const { server, open } = world();
    open().next('a');
    const text = page({ reduce: (text: string, c: string) => text + c, initial: '>' });
    const [state] = Object.values(transferredIn(await rendered(text, server)));
    expect(state).toMatchObject({ value: '>a' });
    const set = page({ reduce: (set: Set<string>, c: string) => new Set([...set, c]), initial: new Set() });
    const html = await rendered(set, server);
    expect(Object.values(transferredIn(html))).toEqual([null]);
  });

  it('gives nothing on of a stream that a reducer has failed on', async () => {
    const { server, open } = world();
    open().next('a');
    const reduce = () => {
      throw new Error('no');
    };
    const html = await rendered(page({ reduce, initial: 0 }), server);
    expect([linesOf(html), transferredIn(html)]).toEqual([['error|0||UNKNOWN'], {}]);
  });

  it('gives nothing on where two reducers could take it for theirs, but of one stream to all without', async () => {
    const { server, open } = world();
    open().next('a');
    const upper = () =>
      durableResource({ id: () => 'a', reduce: (t: string, c: string) => t + c.toUpperCase(), initial: '' });
    const lower = () =>
      durableResource({ id: () => 'a', reduce: (t: string, c: string) => t + c, initial: '' });
    const count = () => durableResource({ id: () => 'a', reduce: (n: number) => n + 1, initial: 0 });
    const all = () => durableResource({ id: () => 'a' });
    const html = await rendered(
      pageOf(() => [upper(), lower(), lower(), count(), all(), all()]),
      server,
    );
    expect(linesOf(html)).toEqual([
      'open|"A"||',
      'open|"a"||',
      'open|"a"||',
      'open|1||',
      'open|["a"]||',
      'open|["a"]||',
    ]);
    const values = Object.values(transferredIn(html)) as ({ readonly value: unknown } | null)[];
    expect(values.map((state) => state?.value)).toEqual(expect.arrayContaining([undefined, 1, ['a']]));
    expect(values.length).toBe(3);
  });
});
