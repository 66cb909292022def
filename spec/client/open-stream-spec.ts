import { openStream, type OpenStreamOptions } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';

import {
  type Answering,
  type Asked,
  PatientClock,
  refusing,
  scripted,
  settled,
  silent,
  unreachable,
} from '../support/client.js';
import { codeOf, noted } from '../support/views.js';

const created: Answering = () => new Response(null, { status: 201, headers: { 'stream-next-offset': '0' } });
const found: Answering = () => new Response(null, { status: 200, headers: { 'stream-next-offset': '0' } });
const stored =
  (next: string, headers: Record<string, string> = {}): Answering =>
  () =>
    new Response(null, { status: 200, headers: { 'stream-next-offset': next, ...headers } });

function world(options: OpenStreamOptions, ...answers: readonly Answering[]) {
  const clock = new PatientClock();
  const script = scripted(clock, ...answers);
  const input = openStream<unknown, unknown>('http://host/v1/stream/a', {
    scheduler: clock,
    fetch: script.fetch,
    ...options,
    retry: { jitter: 0, ...options.retry },
  });
  return { clock, input, ...script };
}

/** What requests have sent, as `seq body`, and `!` for a closing one. */
const sent = (asked: readonly Asked[]): string[] =>
  asked
    .filter(({ method }) => method === 'POST')
    .map(({ headers, body }) => {
      const closing =
        headers.get('stream-closed') === 'true' ? `!${headers.get('stream-outcome') ?? ''}` : '';
      return `${headers.get('producer-seq')} ${typeof body === 'string' ? body : ''}${closing}`;
    });

describe('openStream', () => {
  it('creates the stream, writes what was put meanwhile together, and ends it', async () => {
    const { clock, input, asked } = world({}, created, stored('3'), stored('3'));
    expect([input.status, input.closed, input.id]).toEqual(['opening', false, 'http://host/v1/stream/a']);
    for (const chunk of ['a', { b: 'é' }, null]) input.next(chunk);
    input.complete({ n: 'é' });
    expect(input.closed).toBe(true);
    await clock.until(10);
    expect(asked.map(({ method }) => method)).toEqual(['PUT', 'POST', 'POST']);
    expect(asked[0]?.headers.get('content-type')).toBe('application/json');
    expect(sent(asked)).toEqual(['0 ["a",{"b":"é"},null]', '1 !{"type":"done","output":{"n":"\\u00e9"}}']);
    expect([input.status, input.tail]).toEqual(['done', '3']);
    expect(noted(input.failed)).toEqual(['|']);
    await input.opened;
    await input.flush();
    expect(clock.actions.length).toBe(0);
  });

  it('has several requests on their way once the first has arrived', async () => {
    const waiting: (() => void)[] = [];
    const held: Answering = ({ headers }) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(stored(headers.get('producer-seq') ?? '')({} as Asked)));
      });
    const { input, asked } = world({ maxInFlight: 3, maxBatchBytes: 1 }, created, held);
    for (let i = 0; i < 6; i++) input.next(i);
    await settled();
    expect(sent(asked)).toEqual(['0 [0]']);
    waiting.shift()?.();
    await settled();
    expect(sent(asked)).toEqual(['0 [0]', '1 [1]', '2 [2]', '3 [3]']);
    // Answers that come out of order are not acknowledged before those that they follow.
    waiting[1]?.();
    await settled();
    expect([input.tail, sent(asked).length]).toEqual(['0', 5]);
    waiting[0]?.();
    await settled();
    expect(input.tail).toBe('2');
    input.close();
  });

  it('repeats what has failed, in order, and adds nothing to what may have arrived', async () => {
    const { clock, input, asked } = world({}, created, unreachable, refusing(503), stored('1'), stored('2'));
    input.next('a');
    await clock.until(10);
    input.next('b');
    const offset = input.write('c');
    await clock.until(2_000);
    expect(sent(asked)).toEqual(['0 ["a"]', '0 ["a"]', '0 ["a"]', '1 ["b","c"]']);
    expect(asked.map(({ frame }) => frame)).toEqual([0, 0, 250, 750, 750]);
    expect(await offset).toBe('2');
  });

  it('sends again what a server refuses because what is before it is missing', async () => {
    const gap = refusing(409, { 'producer-expected-seq': '1', 'producer-received-seq': '2' });
    const { clock, input, asked } = world(
      { maxBatchBytes: 1 },
      created,
      stored('1'),
      unreachable,
      gap,
      stored('2'),
      stored('3'),
    );
    for (let i = 0; i < 3; i++) input.next(i);
    await clock.until(1_000);
    expect(sent(asked)).toEqual(['0 [0]', '1 [1]', '2 [2]', '1 [1]', '2 [2]']);
    expect(input.tail).toBe('3');
  });

  it.each([
    [refusing(404), 'NOT_FOUND'],
    [refusing(403), 'PERMISSION_DENIED'],
    [refusing(401), 'UNAUTHENTICATED'],
    [refusing(400), 'INVALID_ARGUMENT'],
    [refusing(409), 'FAILED_PRECONDITION'],
  ])('fails where trying again is of no use (%#)', async (answer, code) => {
    const { clock, input } = world({}, created, stored('1'), answer);
    const failed = noted(input.failed);
    const { signal } = input;
    expect(await input.write('a')).toBe('1');
    const writing = codeOf(() => input.write('b'));
    const flushing = codeOf(() => input.flush());
    await clock.until(1_000);
    expect([await writing, await flushing]).toEqual([code, code]);
    expect(failed.map((one) => (typeof one === 'object' ? one.code : one))).toEqual([code, '|']);
    expect([signal.aborted, input.closed]).toEqual([true, true]);
    expect(await codeOf(() => input.write('c'))).toBe(code);
    expect(clock.actions.length).toBe(0);
  });

  it('is ALREADY_EXISTS where there is one, unless that may have been made by an earlier try and is empty', async () => {
    for (const answer of [found, refusing(409)]) {
      const { clock, input } = world({}, answer);
      const opened = codeOf(() => input.opened);
      await clock.until(10);
      expect(await opened).toBe('ALREADY_EXISTS');
    }
    for (const [body, code] of [
      ['[]', undefined],
      ['[1]', 'ALREADY_EXISTS'],
    ] as const) {
      const read: Answering = () => new Response(body, { headers: { 'stream-next-offset': '0' } });
      const { clock, input } = world({}, unreachable, found, read);
      const opened = codeOf(() => input.opened);
      await clock.until(1_000);
      expect(await opened).toBe(code);
    }
  });

  it('takes over what is there, from whoever has had the same name before', async () => {
    const ahead = refusing(403, { 'producer-epoch': '9007199254000000' });
    const { clock, input, asked } = world({ resume: true, producerId: 'p' }, found, ahead, stored('1'));
    input.next('a');
    await clock.until(10);
    expect(asked.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'POST']);
    expect(asked[2]?.headers.get('producer-epoch')).toBe('9007199254000001');
    expect(asked[2]?.headers.get('producer-id')).toBe('p');
    expect(input.tail).toBe('1');

    const absent = world({ resume: true }, refusing(404));
    expect(await codeOf(() => absent.input.opened)).toBe('NOT_FOUND');
    const closed = world({ resume: true }, stored('1', { 'stream-closed': 'true' }));
    expect(await codeOf(() => closed.input.opened)).toBe('FAILED_PRECONDITION');
  });

  it('is ABORTED when another takes over', async () => {
    const { clock, input } = world(
      {},
      created,
      stored('1'),
      refusing(403, { 'producer-epoch': '9007199254000000' }),
    );
    await input.write('a');
    const writing = codeOf(() => input.write('b'));
    await clock.until(10);
    expect([await writing, input.status]).toEqual(['ABORTED', 'open']);
  });

  it('fails with the error of the stream, if somebody else has ended it', async () => {
    const outcome = '{"type":"error","error":{"code":"CANCELLED","message":"stopped"}}';
    const closed = { 'stream-closed': 'true' };
    const head = stored('1', { ...closed, 'stream-outcome': outcome });
    const { clock, input } = world({}, created, stored('1'), refusing(409, closed), head);
    await input.write('a');
    const writing = codeOf(() => input.write('b'));
    await clock.until(10);
    expect([await writing, input.status]).toEqual(['CANCELLED', 'error']);

    const other = world({}, created, refusing(409, closed), stored('1', closed));
    const failing = codeOf(() => other.input.write('a'));
    await other.clock.until(10);
    expect([await failing, other.input.status]).toEqual(['FAILED_PRECONDITION', 'done']);
  });

  it('looks now and then whether it was stopped, while it writes nothing and somebody wants to know', async () => {
    const outcome = '{"type":"error","error":{"code":"CANCELLED","message":"stopped"}}';
    const stopped = stored('1', { 'stream-closed': 'true', 'stream-outcome': outcome });
    const { clock, input, asked } = world({}, created, stored('0'), stored('0'), stopped);
    await clock.until(100_000);
    expect(asked.length).toBe(1);
    const failed = noted(input.failed);
    await clock.until(200_000);
    expect(asked.map(({ frame }) => frame)).toEqual([0, 115_000, 130_000, 145_000]);
    expect(failed).toMatchObject([{ code: 'CANCELLED' }, '|']);
    expect(clock.actions.length).toBe(0);
  });

  it('refuses a chunk that it can not send: in a write alone, else with the stream', async () => {
    const { clock, input, asked } = world({ maxChunkBytes: 10 }, created, stored('1'));
    expect(await codeOf(() => input.write('x'.repeat(20)))).toBe('RESOURCE_EXHAUSTED');
    expect(await codeOf(() => input.write(1n))).toBe('INVALID_ARGUMENT');
    input.next('a');
    const failed = noted(input.failed);
    input.next('x'.repeat(20));
    expect(failed).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }, '|']);
    await clock.until(10);
    expect(sent(asked)).toEqual([
      '0 ["a"]',
      expect.stringContaining('1 !{"type":"error","error":{"code":"RESOURCE_EXHAUSTED"'),
    ]);
    expect(input.status).toBe('error');
  });

  it('goes on after a chunk that the server refuses in a write, and ends after one in a batch', async () => {
    const { clock, input, asked } = world({}, created, refusing(413), stored('1'));
    const refused = codeOf(() => input.write('a'));
    const offset = input.write('b');
    await clock.until(10);
    expect([await refused, await offset, sent(asked)]).toEqual([
      'RESOURCE_EXHAUSTED',
      '1',
      ['0 ["a"]', '0 ["b"]'],
    ]);

    const other = world({ maxBatchBytes: 10 }, created, refusing(413), stored('1'));
    const failed = noted(other.input.failed);
    for (const chunk of ['a', 'b', 'x'.repeat(9)]) other.input.next(chunk);
    other.input.complete(1);
    await other.clock.until(10);
    expect(failed).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }, '|']);
    // What comes after a chunk that is missing is not written.
    expect(sent(other.asked)).toEqual(['0 ["a","b"]', expect.stringMatching(/^0 !\{"type":"error"/)]);
  });

  it('sends of an error what there is room for', async () => {
    const { clock, input, asked } = world({}, created, stored('0'));
    input.error({ code: 'ABORTED', message: 'é'.repeat(3_000), details: 1n });
    await clock.until(10);
    const text = asked[1]?.headers.get('stream-outcome') ?? '';
    expect(text.length).toBeLessThanOrEqual(4_096);
    expect(JSON.parse(text)).toEqual({ type: 'error', error: { code: 'ABORTED', message: 'é'.repeat(512) } });
    expect([input.status, noted(input.failed)]).toEqual(['error', ['|']]);
    input.complete();
    expect(await codeOf(() => input.flush())).toBe('FAILED_PRECONDITION');
  });

  it('sends bytes, and refuses what has none', async () => {
    const { clock, input, asked } = world({ contentType: 'a/b' }, created, stored('1'));
    expect(await codeOf(() => input.write('text'))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => input.write(new Uint8Array()))).toBe('INVALID_ARGUMENT');
    const bytes = new Uint8Array([1, 2]);
    input.next(bytes);
    bytes[0] = 9;
    input.complete(new Uint8Array([255]));
    await clock.until(10);
    expect([...new Uint8Array(await new Response(asked[1]?.body).arrayBuffer())]).toEqual([1, 2]);
    expect(asked[2]?.headers.get('stream-outcome')).toBe(
      '{"type":"done","output":"/w==","encoding":"base64"}',
    );
  });

  it('keeps no more than it may', () => {
    const { input } = world({ maxQueuedBytes: 10 }, silent);
    const failed = noted(input.failed);
    input.next('x'.repeat(6));
    input.next('x'.repeat(6));
    expect(failed).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }, '|']);
    const output = world({}, created);
    const other = noted(output.input.failed);
    output.input.complete('x'.repeat(5_000));
    expect(other).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }, '|']);
  });

  it('is released by close once everything is stored, and leaves the stream open', async () => {
    const { clock, input, asked } = world({}, created, unreachable, stored('1'));
    input.next('a');
    input.close();
    expect(input.closed).toBe(true);
    expect(await codeOf(() => input.write('b'))).toBe('FAILED_PRECONDITION');
    await clock.until(1_000);
    expect([sent(asked), input.status, clock.actions.length]).toEqual([['0 ["a"]', '0 ["a"]'], 'open', 0]);
  });

  it('ends at its signal', async () => {
    const controller = new AbortController();
    const { clock, input, asked } = world({ signal: controller.signal }, created, silent);
    const writing = codeOf(() => input.write('a'));
    await clock.until(10);
    controller.abort();
    expect([await writing, input.status, asked[1]?.signal.aborted]).toEqual(['CANCELLED', 'open', true]);
    const before = world({ signal: controller.signal }, created);
    expect(await codeOf(() => before.input.opened)).toBe('CANCELLED');
  });

  it('asks for what it was told at the creation', async () => {
    const { clock, asked } = world({ contentType: 'text/plain', idleTtl: 1_500 }, created);
    await clock.until(1);
    expect([...asked[0]!.headers]).toEqual([
      ['content-type', 'text/plain'],
      ['stream-ttl', '2'],
    ]);
    for (const options of [
      { producerId: '' },
      { contentType: 'é' },
      { idleTtl: 1, expiresAt: 1 },
      { maxInFlight: 0 },
    ]) {
      expect(await codeOf(() => world(options, created).input.id)).toBe('INVALID_ARGUMENT');
    }
  });
});
