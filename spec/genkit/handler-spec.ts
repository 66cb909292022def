import { InMemoryStreamManager, StreamError } from 'rxjs-durable-streams';
import { genkitHandler, type GenkitAttempt, type GenkitRequestData } from 'rxjs-durable-streams/genkit';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { runUntil } from '../support/schedulers.js';
import { idOf, JSON_TYPE, refusalOf, STREAM_ID, UserFacingLikeError, world } from './support.js';

const echo = (input: unknown): unknown => input;

/** A body that must not be read. */
const untouched = (): ReadableStream =>
  new ReadableStream(
    {
      pull: () => {
        throw new Error('The body is read.');
      },
    },
    { highWaterMark: 0 },
  );

describe('a request', () => {
  it('runs the flow, and is answered with its stream', async () => {
    const { stream, again, streams } = world((input, { sendChunk, init }) => {
      sendChunk('a');
      sendChunk({ b: 1 });
      return { input, init };
    });
    const response = await stream({ question: 1 });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-content-type-options': 'nosniff',
    });
    const text =
      'data: {"message":"a"}\n\ndata: {"message":{"b":1}}\n\ndata: {"result":{"input":{"question":1}}}\n\n';
    expect(await response.text()).toBe(text);
    const streamId = idOf(response);
    expect(streams.head(streamId)).toMatchObject({ status: 'done', chunks: 2 });
    const replayed = await again(streamId);
    expect(idOf(replayed)).toBe(streamId);
    expect(await replayed.text()).toBe(text);
  });

  it('asks for a stream by its query too', async () => {
    const { handler } = world(echo);
    const response = await handler(
      new Request('http://host/flow?stream=true', { method: 'POST', headers: JSON_TYPE, body: '{"data":1}' }),
    );
    expect(await response.text()).toBe('data: {"result":1}\n\n');
  });

  it('is answered with the output if it wants no stream, of a run or of a stream', async () => {
    const { ask } = world((input, { init }) => [input, init]);
    const response = await ask('{"data":1,"init":2}');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.text()).toBe('{"result":[1,2]}');
    const again = await ask('{}', { [STREAM_ID]: idOf(response) });
    expect(await again.json()).toEqual({ result: [1, 2] });
  });

  it('has nothing to read of an unknown stream', async () => {
    const { again, ask } = world(echo);
    for (const response of [await again('unknown'), await ask('{}', { [STREAM_ID]: 'unknown' })]) {
      expect([response.status, await response.text()]).toEqual([204, '']);
    }
  });

  it.each([
    ['', 'The body is no JSON.'],
    ['{', 'The body is no JSON.'],
    ['[]', 'The body has to be an object with the input as its data.'],
    ['null', 'The body has to be an object with the input as its data.'],
    ['"text"', 'The body has to be an object with the input as its data.'],
    [new Uint8Array([0x22, 0xff, 0x22]), 'The body is no valid UTF-8.'],
  ])('is refused for its body: %o', async (body, message) => {
    const run = vi.fn();
    const { ask } = world(run);
    expect(await refusalOf(await ask(body))).toEqual([400, { status: 'INVALID_ARGUMENT', message }]);
    expect(run).not.toHaveBeenCalled();
  });

  it('is refused if its body is too large, or too slow', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { ask, stream } = world(echo, { maxBodyBytes: 20, bodyMs: 1_000, scheduler });
    expect((await stream('x'.repeat(20))).status).toBe(413);
    expect(await refusalOf(await ask(new Blob(['x'.repeat(10), 'y'.repeat(11)])))).toEqual([
      413,
      { status: 'RESOURCE_EXHAUSTED', message: 'A body may have 20 bytes.' },
    ]);
    const slow = ask(new ReadableStream());
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    runUntil(scheduler, 1_000);
    expect(await refusalOf(await slow)).toEqual([
      408,
      { status: 'DEADLINE_EXCEEDED', message: 'The body has come too slowly.' },
    ]);
  });

  it('is refused for another type or another method', async () => {
    const { ask, handler } = world(echo);
    const ofForm = await ask('{}', { 'content-type': 'text/plain' });
    expect((await refusalOf(ofForm)) as [number]).toMatchObject([415, { status: 'INVALID_ARGUMENT' }]);
    const got = await handler(new Request('http://host/flow'));
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST, DELETE']);
    expect((await ask('{}', { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200);
  });

  it('is refused for an id that is none, and for a stop without one', async () => {
    const { again, handler } = world(echo);
    expect((await again('x'.repeat(1_025))).status).toBe(400);
    expect((await handler(new Request('http://host/flow', { method: 'DELETE' }))).status).toBe(400);
  });
});

describe('authorize', () => {
  it('is asked before anything is read or touched, and refuses unless it says true', async () => {
    const attempts: unknown[] = [];
    const verdicts: unknown[] = [false, undefined, 'yes', 1];
    const contextProvider = vi.fn(() => ({}));
    const streams = new InMemoryStreamManager();
    const open = vi.spyOn(streams, 'open');
    const head = vi.spyOn(streams, 'head');
    const stopping = vi.spyOn(streams, 'stop');
    const { ask, stop, handler } = world(echo, {
      streams,
      contextProvider,
      newId: () => 'new',
      authorize: ({ operation, streamId }: GenkitAttempt) => {
        attempts.push([operation, streamId]);
        return verdicts.shift() as boolean;
      },
    });
    const run = await ask(untouched());
    expect(await refusalOf(run)).toEqual([
      403,
      { status: 'PERMISSION_DENIED', message: 'The request may not run this.' },
    ]);
    expect((await ask(untouched(), { [STREAM_ID]: 'a' })).status).toBe(403);
    expect((await stop('b')).status).toBe(403);
    expect((await handler(new Request('http://host', { method: 'POST', headers: JSON_TYPE }))).status).toBe(
      403,
    );
    expect(attempts).toEqual([
      ['run', 'new'],
      ['subscribe', 'a'],
      ['stop', 'b'],
      ['run', 'new'],
    ]);
    for (const call of [contextProvider, open, head, stopping]) expect(call).not.toHaveBeenCalled();
  });

  it('binds a stream to its caller by the id, without keeping anything', async () => {
    const userOf = ({ headers }: Request): string => headers.get('authorization') ?? 'nobody';
    const { ask } = world(echo, {
      newId: (request) => `${userOf(request)}/${crypto.randomUUID()}`,
      authorize: ({ request, streamId }) => streamId.startsWith(`${userOf(request)}/`),
    });
    const streamId = idOf(await ask('{"data":1}', { authorization: 'ann' }));
    expect(streamId).toMatch(/^ann\//);
    expect((await ask('{}', { authorization: 'ann', [STREAM_ID]: streamId })).status).toBe(200);
    expect((await ask('{}', { authorization: 'bob', [STREAM_ID]: streamId })).status).toBe(403);
  });

  it('answers by itself, or by what it throws', async () => {
    const answers: (() => Response | never)[] = [
      () => new Response('wait', { status: 429 }),
      () => {
        throw new StreamError('UNAUTHENTICATED', 'A token is missing.');
      },
      () => {
        throw new UserFacingLikeError('PERMISSION_DENIED', 'Not yours.', { owner: 'ann' });
      },
      () => {
        throw new Error('secret');
      },
    ];
    const { ask, onError } = world(echo, { authorize: () => answers.shift()?.() ?? false });
    const own = await ask();
    expect([own.status, await own.text()]).toEqual([429, 'wait']);
    expect(await refusalOf(await ask())).toEqual([
      401,
      { status: 'UNAUTHENTICATED', message: 'A token is missing.' },
    ]);
    expect(await refusalOf(await ask())).toEqual([
      403,
      { status: 'PERMISSION_DENIED', message: 'Not yours.', details: { owner: 'ann' } },
    ]);
    expect(onError).not.toHaveBeenCalled();
    expect(await refusalOf(await ask())).toEqual([500, { status: 'INTERNAL', message: 'Internal Error' }]);
    expect(onError.mock.calls).toEqual([[new Error('secret')]]);
  });
});

describe('contextProvider', () => {
  it('is given what those of Genkit are, for each request, and makes what the flow is given', async () => {
    const given: GenkitRequestData[] = [];
    const { ask, stop } = world((_input, { context }) => context, {
      contextProvider: (request) => {
        given.push(request);
        return { auth: { user: request.headers['x-user'] } };
      },
    });
    const response = await ask('{"data":1}', { 'X-User': 'ann' });
    expect(await response.json()).toEqual({ result: { auth: { user: 'ann' } } });
    await ask('{"data":2}', { [STREAM_ID]: idOf(response) });
    await stop(idOf(response));
    expect(given).toMatchObject([
      { method: 'POST', input: 1, headers: { 'content-type': 'application/json', 'x-user': 'ann' } },
      { method: 'POST', input: 2 },
      { method: 'DELETE', input: undefined, headers: { [STREAM_ID]: idOf(response) } },
    ]);
  });

  it('refuses by what it throws, before a stream is opened, read or stopped', async () => {
    const streams = new InMemoryStreamManager();
    streams.open('s');
    const { ask, again, stop } = world(echo, {
      streams,
      contextProvider: () => {
        throw new UserFacingLikeError('UNAUTHENTICATED', 'Who are you?');
      },
    });
    for (const response of [await ask(), await again('s'), await stop('s')]) {
      expect(response.status).toBe(401);
    }
    expect(streams.list().map(({ id, status }) => [id, status])).toEqual([['s', 'open']]);
  });
});

describe('an option', () => {
  it('is refused if it is out of range', () => {
    const streams = new InMemoryStreamManager();
    for (const options of [{ maxBodyBytes: 0 }, { bodyMs: -1 }, { grace: 0.5 }]) {
      expect(() => genkitHandler(streams, echo, options)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
      );
    }
  });

  it('makes an id that can travel in a header, or the request fails', async () => {
    const { ask, onError } = world(echo, { newId: () => 'käse' });
    expect(await refusalOf(await ask())).toEqual([500, { status: 'INTERNAL', message: 'Internal Error' }]);
    expect(onError.mock.calls).toMatchObject([[{ code: 'INTERNAL' }]]);
  });
});
