import { lastValueFrom, toArray } from 'rxjs';
import { InMemoryStreamManager, type StreamEvent } from 'rxjs-durable-streams';
import { createHandler } from 'rxjs-durable-streams/http';
import { describe, expect, it } from 'vitest';

import { JSON_TYPE, TEXT } from '../support/http-in-memory.js';
import { asking, MANAGERS } from '../support/http-managers.js';

const CLOSING = { 'stream-closed': 'true' };
const OUTPUT = { text: 'é"😀\n' };
const WIRE = '{"type":"done","output":{"text":"\\u00e9\\"\\ud83d\\ude00\\n"}}';

describe.each(MANAGERS)('the outcome of a stream on %s', (_name, manager) => {
  const world = (options = {}) => {
    const streams = manager();
    return { streams, ask: asking(streams, options) };
  };
  type World = ReturnType<typeof world>;

  /** What each way to read says of it. */
  async function said({ ask }: World, path = '/s') {
    const { headers } = await ask('GET', path);
    const tail = headers.get('stream-next-offset');
    const answers = [
      headers,
      (await ask('GET', `${path}?offset=now`)).headers,
      (await ask('HEAD', path)).headers,
      (await ask('GET', `${path}?offset=-1&live=long-poll`)).headers,
      (await ask('GET', `${path}?offset=${tail}&live=long-poll`)).headers,
    ].map((fields) => fields.get('stream-outcome'));
    const events = [
      await (await ask('GET', `${path}?offset=-1&live=sse`)).text(),
      await (await ask('GET', `${path}?offset=${tail}&live=sse`)).text(),
    ].map((text) => /"streamOutcome":(.*)\}\n\n$/.exec(text)?.[1] ?? null);
    return [...new Set([...answers, ...events])];
  }

  /** What the process has of it. */
  async function inside({ streams }: World, id = 's') {
    const events = await lastValueFrom(streams.subscribe<unknown, unknown>(id).events().pipe(toArray()));
    const { offset: _, ...end } = events.at(-1) as StreamEvent<unknown, unknown>;
    return end;
  }

  it('is said in ASCII wherever it is said that the stream is closed', async () => {
    const here = world();
    const input = here.streams.open<number, typeof OUTPUT>('s');
    input.next(1);
    input.complete(OUTPUT);
    await input.flush();
    expect(await said(here)).toEqual([WIRE]);
  });

  it('is that of an error, with its details', async () => {
    const here = world();
    const input = here.streams.open<number>('s');
    input.error({ code: 'ABORTED', message: 'ö', details: { n: 1 } });
    await input.flush();
    expect(await said(here)).toEqual([
      '{"type":"error","error":{"code":"ABORTED","message":"\\u00f6","details":{"n":1}}}',
    ]);
  });

  it('is not said before the end, nor where there is none but that', async () => {
    const here = world();
    await here.ask('PUT', '/s', TEXT, 'a');
    expect((await here.ask('GET', '/s')).headers.has('stream-outcome')).toBe(false);
    await here.ask('POST', '/s', CLOSING);
    expect(await said(here)).toEqual([null]);
    expect(await inside(here)).toStrictEqual({ type: 'done' });
  });

  it('is told of somebody who follows, in the last event', async () => {
    const here = world();
    const input = here.streams.open<number, string>('s');
    input.next(1);
    await input.flush();
    const response = await here.ask('GET', '/s?offset=-1&live=sse');
    const text = response.text();
    await new Promise((resolve) => setImmediate(resolve));
    input.next(2);
    input.complete('x');
    expect(await text).toMatch(/"streamClosed":true,"streamOutcome":\{"type":"done","output":"x"\}\}\n\n$/);
  });

  it('is only named where it is long, and given to who asks for it', async () => {
    const here = world();
    const input = here.streams.open<number, string>('s');
    const output = 'ü'.repeat(3_000);
    input.complete(output);
    await input.flush();
    expect(await said(here)).toEqual(['{"type":"done","long":true}']);
    const response = await here.ask('GET', '/s?outcome=full');
    expect([response.headers.get('stream-outcome'), response.headers.get('content-type')]).toEqual([
      'body',
      'application/json',
    ]);
    expect(await response.json()).toEqual({ type: 'done', output });
  });

  it('is given to nobody before its time, who is given what follows in its place', async () => {
    const here = world();
    await here.ask('PUT', '/s', JSON_TYPE, '[1]');
    const response = await here.ask('GET', '/s?outcome=full');
    expect([response.headers.get('stream-outcome'), await response.json()]).toEqual([null, [1]]);
    await here.ask('POST', '/s', CLOSING);
    expect(await (await here.ask('GET', '/s?offset=-1&outcome=full')).json()).toEqual([1]);
  });

  it.each([
    ['an output', WIRE, { type: 'done', output: OUTPUT }],
    ['undefined', '{"type":"done","undefined":true}', { type: 'done', output: undefined }],
    [
      'bytes',
      '{"type":"done","output":"AP8=","encoding":"base64"}',
      { type: 'done', output: new Uint8Array([0, 255]) },
    ],
    ['nothing more', '{"type":"done"}', { type: 'done' }],
  ])('is what a closing request says: %s', async (_what, text, end) => {
    const here = world();
    const closing = { ...JSON_TYPE, ...CLOSING, 'stream-outcome': text };
    await here.ask('PUT', '/s', JSON_TYPE);
    expect((await here.ask('POST', '/s', closing, '[1,2]')).status).toBe(204);
    expect(await inside(here)).toStrictEqual(end);
    await here.ask('PUT', '/created', closing, '[1]');
    expect(await inside(here, 'created')).toStrictEqual(end);
    if (text !== '{"type":"done"}') expect(await said(here)).toEqual([text]);
  });

  it('is an error that a closing request says', async () => {
    const here = world();
    const text = '{"type":"error","error":{"code":"CANCELLED","message":"enough","details":[1]}}';
    await here.ask('PUT', '/s', JSON_TYPE);
    await here.ask('POST', '/s', { ...CLOSING, 'stream-outcome': text });
    expect(await inside(here)).toMatchObject({
      type: 'error',
      error: { name: 'StreamError', code: 'CANCELLED', message: 'enough', details: [1] },
    });
    expect(await said(here)).toEqual([text]);
  });

  it('is stored once by an idempotent producer, and the first one stays', async () => {
    const here = world();
    await here.ask('PUT', '/s', JSON_TYPE);
    const producer = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0' };
    const closing = { ...producer, ...CLOSING, 'stream-outcome': '{"type":"done","output":1}' };
    const statuses = [];
    for (let i = 0; i < 2; i++) statuses.push((await here.ask('POST', '/s', closing)).status);
    await here.ask('POST', '/s', { ...CLOSING, 'stream-outcome': '{"type":"done","output":2}' });
    expect([statuses, await inside(here)]).toEqual([[204, 204], { type: 'done', output: 1 }]);
  });

  it.each([
    ['without a closing', {}, '{"type":"done"}', 400],
    ['that is no JSON', CLOSING, '{"type":', 400],
    ['of no type', CLOSING, '{"type":"open"}', 400],
    ['without an error', CLOSING, '{"type":"error"}', 400],
    ['that says that it is long', CLOSING, '{"type":"done","long":true}', 400],
    ['with bytes that are none', CLOSING, '{"type":"done","output":"*","encoding":"base64"}', 400],
    ['that is too long', CLOSING, JSON.stringify({ type: 'done', output: 'x'.repeat(4_096) }), 413],
  ])('is refused and changes nothing: one %s', async (_what, headers, text, status) => {
    const here = world();
    await here.ask('PUT', '/s', JSON_TYPE);
    const response = await here.ask(
      'POST',
      '/s',
      { ...JSON_TYPE, ...headers, 'stream-outcome': text },
      '[1]',
    );
    expect(response.status).toBe(status);
    const { headers: fields } = await here.ask('HEAD', '/s');
    expect(fields.has('stream-closed')).toBe(false);
    expect(await (await here.ask('GET', '/s')).json()).toEqual([]);
  });

  it('is kept to itself if that is wanted', async () => {
    const here = world({ outcomes: false });
    const input = here.streams.open<number, string>('s');
    input.complete('secret');
    await input.flush();
    expect(await said(here)).toEqual([null]);
    expect(await (await here.ask('GET', '/s?outcome=full')).json()).toEqual({ type: 'done' });
  });
});

describe('the outcome of a stream in memory', () => {
  it('is left out where it has no JSON', async () => {
    const streams = new InMemoryStreamManager();
    const ask = asking(streams);
    streams.open<number, unknown>('output').complete(() => 1);
    streams.open('details').error({ code: 'ABORTED', message: 'm', details: { f: 1n } });
    expect((await ask('GET', '/output')).headers.get('stream-outcome')).toBe(null);
    expect((await ask('GET', '/details')).headers.get('stream-outcome')).toBe(
      '{"type":"error","error":{"code":"ABORTED","message":"m"}}',
    );
  });

  it('is known while it is still being told', async () => {
    const streams = new InMemoryStreamManager();
    const handler = createHandler({ streams });
    const input = streams.open<string, string>('s');
    await handler(new Request('http://host/v1/stream/s', { method: 'HEAD' }));
    let answer: Promise<Response> | undefined;
    streams.subscribe<string>('s').subscribe(() => {
      if (answer !== undefined) return;
      input.complete('end');
      answer = handler(new Request('http://host/v1/stream/s', { method: 'HEAD' }));
    });
    input.next('a');
    expect((await answer)?.headers.get('stream-outcome')).toBe('{"type":"done","output":"end"}');
  });
});
