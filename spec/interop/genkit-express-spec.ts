import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { genkitStreamManager } from 'rxjs-durable-streams/genkit';
import { describe, expect, it, onTestFinished } from 'vitest';

import { gate } from './support/gate.js';
import { CLASSES, clientOf, flowOf, listenTo, serveByExpress } from './support/genkit.js';

// What docs/recipes/genkit.md says of Genkit's own handler, so that it is known when that changes.
describe('expressHandler of Genkit 1.42', () => {
  it('sends the id of a stream with its first chunk', async () => {
    const begun = gate();
    const goOn = gate();
    const flow = flowOf(async (_input, { sendChunk }) => {
      begun.open();
      await goOn.opened;
      sendChunk('first');
    });
    const client = clientOf(await serveByExpress(flow, new InMemoryStreamManager()));
    let streamId: string | null = null;
    void client.streamId.then((id) => (streamId = id));
    await begun.opened;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streamId).toBeNull();
    goOn.open();
    await expect.poll(() => streamId).not.toBeNull();
  });

  it('reads for a client that has left until the stream ends', async () => {
    const streams = new InMemoryStreamManager({ idleTtl: 60_000 });
    const goOn = gate();
    const url = await serveByExpress(
      flowOf((_input, { sendChunk }) => {
        sendChunk('first');
        return goOn.opened;
      }),
      streams,
    );
    const first = clientOf(url);
    const streamId = (await first.streamId) as string;
    const second = clientOf(url, { streamId });
    await expect.poll(() => streams.head(streamId).expiresAt).toBeUndefined();
    first.leave();
    second.leave();
    await Promise.all([first.received, second.received]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streams.head(streamId).expiresAt).toBeUndefined();
    goOn.open();
    await expect.poll(() => streams.head(streamId).expiresAt).toBeDefined();
  });

  it('has no answer that its client understands for an output that is undefined', async () => {
    const url = await serveByExpress(
      flowOf(() => undefined),
      new InMemoryStreamManager(),
    );
    const first = clientOf(url);
    expect((await first.received).error).toBe('unknown chunk format: {}');
    const again = clientOf(url, { streamId: (await first.streamId) as string });
    expect((await again.received).error).toBe('unknown chunk format: {}');
  });

  it('writes one chunk at a time', async () => {
    const manager = genkitStreamManager(new InMemoryStreamManager(), CLASSES);
    let writing = 0;
    let most = 0;
    const url = await listenTo(
      flowOf((_input, { sendChunk }) => {
        for (let i = 0; i < 10; i++) sendChunk(i);
      }),
      {
        open: async <S, O>(id: string) => {
          const input = await manager.open<S, O>(id);
          return {
            write: async (chunk: S) => {
              most = Math.max(most, ++writing);
              await input.write(chunk);
              writing--;
            },
            done: (output: O) => input.done(output),
            error: (error: unknown) => input.error(error),
          };
        },
        subscribe: manager.subscribe.bind(manager),
      },
    );
    await clientOf(url).received;
    expect(most).toBe(1);
  });

  it('leaves it unhandled where a stream can not be opened', async () => {
    const streams = new InMemoryStreamManager();
    streams.close();
    const unhandled: unknown[] = [];
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (error) => unhandled.push(error));
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection');
      for (const listener of listeners) process.on('unhandledRejection', listener);
    });
    const url = await serveByExpress(
      flowOf(() => 1),
      streams,
    );
    const client = clientOf(url);
    await expect.poll(() => unhandled).toMatchObject([{ status: 'UNAVAILABLE' }]);
    expect(client.chunks).toEqual([]);
    client.leave();
    await client.received;
  });
});
