import { expressHandler } from '@genkit-ai/express';
import * as esm from 'genkit/beta';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { genkitStreamManager } from 'rxjs-durable-streams/genkit';
import { describe, expect, it } from 'vitest';

import { clientOf, commonJs, flowOf, listenTo, serveByExpress, serveByHandler } from './support/genkit.js';

const failing = (error: unknown) =>
  flowOf(() => {
    throw error;
  });

describe('two copies of Genkit in one process', () => {
  it('are loaded by an ES module that imports Genkit and its handler for Express', () => {
    expect(commonJs.GenkitError).not.toBe(esm.GenkitError);
    expect(new commonJs.StreamNotFoundError('x')).not.toBeInstanceOf(esm.GenkitError);
    expect(expressHandler).toBeTypeOf('function');
  });

  it('make the handler fail to see that a stream is unknown, given the classes of the wrong one', async () => {
    const streams = new InMemoryStreamManager();
    for (const streamManager of [
      genkitStreamManager(streams, {
        GenkitError: esm.GenkitError,
        StreamNotFoundError: esm.StreamNotFoundError,
      }),
      // Genkit's own is no better.
      new esm.InMemoryStreamManager(),
    ]) {
      const url = await listenTo(
        flowOf(() => 1),
        streamManager,
      );
      expect((await clientOf(url, { streamId: 'x' }).received).error).toMatch('Server returned: 500');
    }
  });

  it('are one to a stream that is read again: an error of either has its status', async () => {
    for (const { UserFacingError } of [esm, commonJs]) {
      const url = await serveByExpress(
        failing(new UserFacingError('UNAUTHENTICATED', 'Who are you?')),
        new InMemoryStreamManager(),
      );
      const first = clientOf(url);
      const { error } = await first.received;
      // Live it is Genkit's handler that tells of it, by the class.
      const live =
        UserFacingError === esm.UserFacingError
          ? 'INTERNAL: Internal Error'
          : 'UNAUTHENTICATED: Who are you?';
      expect(error).toBe(`${live}\nundefined`);
      const streamId = (await first.streamId) as string;
      expect((await clientOf(url, { streamId }).received).error).toBe(
        'UNAUTHENTICATED: Who are you?\nundefined',
      );
    }
  });

  it('are one to genkitHandler', async () => {
    for (const { UserFacingError } of [esm, commonJs]) {
      const url = await serveByHandler(
        failing(new UserFacingError('UNAUTHENTICATED', 'Who are you?')),
        new InMemoryStreamManager(),
      );
      const first = clientOf(url);
      const error = 'UNAUTHENTICATED: Who are you?\nundefined';
      expect((await first.received).error).toBe(error);
      const streamId = (await first.streamId) as string;
      expect((await clientOf(url, { streamId }).received).error).toBe(error);
    }
  });
});
