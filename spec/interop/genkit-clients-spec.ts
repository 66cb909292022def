import { beforeAll, describe, expect, it } from 'vitest';

import { gate } from './support/gate.js';
import { CLASSES, clientOf, flowOf, type Serve, serveByExpress, serveByHandler } from './support/genkit.js';
import { needServers, PLACES } from './support/places.js';

const SERVERS: Readonly<Record<string, Serve>> = {
  'expressHandler of @genkit-ai/express': serveByExpress,
  genkitHandler: serveByHandler,
};

const CASES = Object.entries(SERVERS).flatMap(([server, serve]) =>
  Object.entries(PLACES).map(([place, create]) => ({ server, serve, place, create })),
);

beforeAll(needServers);

describe.each(CASES)('streamFlow, by $server, on $place', ({ serve, create }) => {
  it('reads a new stream, and the same again after its end', async () => {
    const flow = flowOf((input, { sendChunk }) => {
      for (const token of ['a', 'b', 'c']) sendChunk({ token });
      return { answered: input };
    });
    const url = await serve(flow, create());
    const first = clientOf(url, { input: { question: 1 } });
    const all = {
      chunks: [{ token: 'a' }, { token: 'b' }, { token: 'c' }],
      output: { answered: { question: 1 } },
    };
    expect(await first.received).toEqual(all);
    const streamId = (await first.streamId) as string;
    expect(await clientOf(url, { streamId }).received).toEqual(all);
  });

  it('reads all of it after a connection that was lost in the middle', async () => {
    const goOn = gate();
    const flow = flowOf(async (_input, { sendChunk }) => {
      sendChunk(1);
      sendChunk(2);
      await goOn.opened;
      sendChunk(3);
      return 'done';
    });
    const url = await serve(flow, create());
    const lost = clientOf(url);
    await expect.poll(() => lost.chunks).toEqual([1, 2]);
    lost.leave();
    await lost.received;
    const again = clientOf(url, { streamId: (await lost.streamId) as string });
    await expect.poll(() => again.chunks).toEqual([1, 2]);
    goOn.open();
    expect(await again.received).toEqual({ chunks: [1, 2, 3], output: 'done' });
  });

  it('is one of two that read the same, of which one has come late', async () => {
    const goOn = gate();
    const flow = flowOf(async (_input, { sendChunk }) => {
      sendChunk('before');
      await goOn.opened;
      sendChunk('after');
      return 7;
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    const second = clientOf(url, { streamId: (await first.streamId) as string });
    await expect.poll(() => second.chunks).toEqual(['before']);
    goOn.open();
    const all = { chunks: ['before', 'after'], output: 7 };
    expect(await Promise.all([first.received, second.received])).toEqual([all, all]);
  });

  it('is told of an error for users with its status, live and after it', async () => {
    const flow = flowOf((_input, { sendChunk }) => {
      sendChunk('half');
      throw new CLASSES.UserFacingError('RESOURCE_EXHAUSTED', 'Your quota is used up.', { per: 'day' });
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    const error = 'RESOURCE_EXHAUSTED: Your quota is used up.\n[object Object]';
    expect(await first.received).toEqual({ chunks: ['half'], error });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks: ['half'], error });
  });

  it('is told nothing of any other error, live and after it', async () => {
    const flow = flowOf(() => {
      throw Object.assign(new Error('password: hunter2'), { code: 'UNAVAILABLE', status: 'UNAVAILABLE' });
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    const error = 'INTERNAL: Internal Error\nundefined';
    expect(await first.received).toEqual({ chunks: [], error });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks: [], error });
  });

  it('is told that a stream is unknown', async () => {
    const url = await serve(
      flowOf(() => 1),
      create(),
    );
    const { received } = clientOf(url, { streamId: 'nobody-has-it' });
    expect(await received).toEqual({ chunks: [], error: 'NOT_FOUND: Stream not found.' });
  });

  it('reads five hundred chunks in order, live and again', { timeout: 30_000 }, async () => {
    const chunks = Array.from({ length: 500 }, (_, index) => index);
    const flow = flowOf(async (_input, { sendChunk }) => {
      for (const index of chunks) {
        sendChunk(index);
        if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return chunks.length;
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    expect(await first.received).toEqual({ chunks, output: 500 });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks, output: 500 });
  });

  it('reads a chunk of a megabyte, and an output of one', { timeout: 30_000 }, async () => {
    const text = 'x'.repeat(1_000_000);
    const flow = flowOf((_input, { sendChunk }) => {
      sendChunk(text);
      return text;
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    expect(await first.received).toEqual({ chunks: [text], output: text });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks: [text], output: text });
  });

  it('reads text of every plane, and what could end an event', async () => {
    const texts = ['å中文🇨🇿🙂', 'a\n\nb\r\n\r\ndata: {}\n\n', '\u2028\u0000\ud800', '"\\'];
    const flow = flowOf((input, { sendChunk }) => {
      for (const text of texts) sendChunk(text);
      return input;
    });
    const url = await serve(flow, create());
    const first = clientOf(url, { input: texts });
    expect(await first.received).toEqual({ chunks: texts, output: texts });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks: texts, output: texts });
  });

  it.each([0, '', false, null, [], {}])('reads %j as a chunk and as the output', async (value) => {
    const flow = flowOf((_input, { sendChunk }) => {
      sendChunk(value);
      return value;
    });
    const url = await serve(flow, create());
    const first = clientOf(url);
    expect(await first.received).toEqual({ chunks: [value], output: value });
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect(await again.received).toEqual({ chunks: [value], output: value });
  });

  it('is told of a store that fails half-way', async () => {
    const streams = create();
    const failed = gate();
    const flow = flowOf(async (_input, { sendChunk }) => {
      sendChunk('half');
      await failed.opened;
      sendChunk('lost');
      return 'output';
    });
    const url = await serve(flow, streams);
    const first = clientOf(url);
    const second = clientOf(url, { streamId: (await first.streamId) as string });
    await expect.poll(() => [first.chunks, second.chunks]).toEqual([['half'], ['half']]);
    await streams.close();
    failed.open();
    const error = 'UNAVAILABLE: The streams are not available now.\nundefined';
    expect((await first.received).error).toBe(error);
    expect(await second.received).toEqual({ chunks: ['half'], error });
    const { error: refusal } = await clientOf(url, { streamId: 'x' }).received;
    expect(refusal).toMatch(/^Server returned: 50[03]/);
  });

  it('finds a stream gone after its time, which others have not lost', async () => {
    const streams = create({ ttl: 200 });
    const url = await serve(
      flowOf(() => 'output'),
      streams,
    );
    const first = clientOf(url);
    await first.received;
    const streamId = (await first.streamId) as string;
    const again = async (): Promise<unknown> => (await clientOf(url, { streamId }).received).error;
    await expect.poll(again, { timeout: 5_000 }).toBe('NOT_FOUND: Stream not found.');
    expect((await clientOf(url).received).output).toBe('output');
  });
});
