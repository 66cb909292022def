import { apiKey } from 'genkit/context';
import { runFlow } from 'genkit/beta/client';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { redisEngine } from 'rxjs-durable-streams/redis';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { clear, newPrefix, REDIS_URL } from '../support/redis.js';
import { gate } from './support/gate.js';
import { CLASSES, clientOf, flowOf, serveByHandler } from './support/genkit.js';
import { needServers, PLACES } from './support/places.js';

beforeAll(needServers);

const stop = (url: string, streamId: string): Promise<Response> =>
  fetch(url, { method: 'DELETE', headers: { 'x-genkit-stream-id': streamId } });

/** A flow that waits until it is told to stop, and the reason that it was given. */
function waiting() {
  let reason: unknown;
  const flow = flowOf(async (_input, { sendChunk, abortSignal }) => {
    sendChunk('half');
    await new Promise((_resolve, reject) => {
      abortSignal.addEventListener('abort', () => {
        reason = abortSignal.reason;
        reject(new Error('aborted'));
      });
    });
  });
  return { flow, reason: (): unknown => reason };
}

describe.each(Object.entries(PLACES))('genkitHandler on %s', (_place, create) => {
  it('goes on with its flow when its clients leave', async () => {
    const goOn = gate();
    const flow = flowOf(async (_input, { sendChunk, abortSignal }) => {
      sendChunk('before');
      await goOn.opened;
      sendChunk('after');
      return { aborted: abortSignal.aborted };
    });
    const url = await serveByHandler(flow, create());
    const client = clientOf(url);
    const streamId = (await client.streamId) as string;
    await expect.poll(() => client.chunks).toEqual(['before']);
    client.leave();
    await client.received;
    goOn.open();
    expect(await clientOf(url, { streamId }).received).toEqual({
      chunks: ['before', 'after'],
      output: { aborted: false },
    });
  });

  it('reads for none of fifty clients that have left', { timeout: 30_000 }, async () => {
    const streams = create({ idleTtl: 1_000 });
    const goOn = gate();
    onTestFinished(goOn.open);
    const flow = flowOf(async (_input, { sendChunk }) => {
      sendChunk('x');
      await goOn.opened;
    });
    const url = await serveByHandler(flow, streams);
    const first = clientOf(url);
    const streamId = (await first.streamId) as string;
    const clients = [first, ...Array.from({ length: 49 }, () => clientOf(url, { streamId }))];
    const read = (): boolean => clients.every(({ chunks }) => chunks.length === 1);
    await expect.poll(read, { timeout: 10_000 }).toBe(true);
    // Its time does not run out while any of them reads.
    const expiresAt = async (): Promise<number> => (await streams.head(streamId)).expiresAt ?? Infinity;
    const before = Date.now();
    await expect.poll(expiresAt, { timeout: 10_000 }).toBeGreaterThan(before + 2_000);
    for (const { leave } of clients) leave();
    const gone = async (): Promise<unknown> => (await clientOf(url, { streamId }).received).error;
    await expect
      .poll(() => expiresAt().catch(gone), { timeout: 10_000 })
      .toBe('NOT_FOUND: Stream not found.');
  });

  it('stops a flow, and tells it and its clients', async () => {
    const { flow, reason } = waiting();
    const url = await serveByHandler(flow, create());
    const client = clientOf(url);
    const streamId = (await client.streamId) as string;
    await expect.poll(() => client.chunks).toEqual(['half']);
    expect((await stop(url, streamId)).status).toBe(204);
    const error = 'CANCELLED: The stream was stopped.\nundefined';
    expect(await client.received).toEqual({ chunks: ['half'], error });
    await expect.poll(reason).toMatchObject({ code: 'CANCELLED' });
    expect(await clientOf(url, { streamId }).received).toEqual({ chunks: ['half'], error });
    // It has ended, and nothing changes.
    expect((await stop(url, streamId)).status).toBe(204);
    expect((await stop(url, 'unknown')).status).toBe(404);
  });

  it('answers runFlow with the output, or with the error', async () => {
    const flow = flowOf((input, { sendChunk }) => {
      sendChunk('unseen');
      if (input === 'fail') throw new CLASSES.UserFacingError('NOT_FOUND', 'No such answer.');
      return input;
    });
    const url = await serveByHandler(flow, create());
    for (const input of [{ a: 'å' }, 0, '', false, null])
      expect(await runFlow({ url, input })).toEqual(input);
    expect(await runFlow({ url })).toBeNull();
    await expect(runFlow({ url, input: 'fail' })).rejects.toThrow(
      'Server returned: 404: {"error":{"status":"NOT_FOUND","message":"No such answer."}}',
    );
  });

  it('gives null for an output that is undefined, which is no JSON', async () => {
    const url = await serveByHandler(
      flowOf(() => undefined),
      create(),
    );
    const first = clientOf(url);
    expect(await first.received).toEqual({ chunks: [], output: null });
    const streamId = (await first.streamId) as string;
    expect(await clientOf(url, { streamId }).received).toEqual({ chunks: [], output: null });
  });
});

describe('genkitHandler', () => {
  it('sends the id of the stream before the flow has anything to say, and again', async () => {
    const goOn = gate();
    const url = await serveByHandler(
      flowOf(() => goOn.opened),
      (PLACES['memory'] as () => never)(),
    );
    const streamId = (await clientOf(url).streamId) as string;
    expect(streamId).toMatch(/^[\da-f-]{36}$/);
    const again = clientOf(url, { streamId });
    expect(await again.streamId).toBe(streamId);
    goOn.open();
    expect(await again.received).toEqual({ chunks: [], output: null });
  });

  it('takes the context providers of Genkit', async () => {
    const flow = flowOf((_input, { context }) => context);
    const url = await serveByHandler(flow, (PLACES['memory'] as () => never)(), {
      contextProvider: apiKey('secret'),
    });
    expect(await runFlow({ url, headers: { authorization: 'secret' } })).toMatchObject({
      auth: { apiKey: 'secret' },
    });
    const refusal = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(refusal.status).toBe(401);
    expect(await refusal.json()).toEqual({
      error: { status: 'UNAUTHENTICATED', message: 'Unauthenticated' },
    });
  });

  it('stops a flow that runs on another machine', async () => {
    const prefix = newPrefix();
    onTestFinished(() => clear(prefix));
    const machines = [1, 2].map(
      () => new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix })),
    );
    onTestFinished(async () => {
      for (const streams of machines) await streams.close();
    });
    const { flow, reason } = waiting();
    const [here, there] = await Promise.all(machines.map((streams) => serveByHandler(flow, streams)));
    const client = clientOf(here as string);
    const streamId = (await client.streamId) as string;
    const other = clientOf(there as string, { streamId });
    await expect.poll(() => other.chunks).toEqual(['half']);
    expect((await stop(there as string, streamId)).status).toBe(204);
    await expect.poll(reason).toMatchObject({ code: 'CANCELLED' });
    const error = 'CANCELLED: The stream was stopped.\nundefined';
    expect((await client.received).error).toBe(error);
    expect((await other.received).error).toBe(error);
  });
});
