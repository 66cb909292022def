import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import { expressHandler } from '@genkit-ai/express';
import express from 'express';
import type * as genkitBeta from 'genkit/beta';
import { streamFlow } from 'genkit/beta/client';
import type { StreamManager } from 'rxjs-durable-streams';
import { genkitHandler, type GenkitHandlerOptions, genkitStreamManager } from 'rxjs-durable-streams/genkit';
import { toNodeListener } from 'rxjs-durable-streams/http';
import { onTestFinished } from 'vitest';

const load = createRequire(import.meta.url);

/**
 * The copy of Genkit that `@genkit-ai/express` uses. It is CommonJS even to an ES module, by its "exports", which has
 * `default` before `import`; what an ES module imports of Genkit itself is another copy.
 */
export const commonJs = load('genkit/beta') as typeof genkitBeta;

// What flows fail with on purpose is no news.
(load('genkit/logging') as { logger: { defaultLogger: { error(): void } } }).logger.defaultLogger.error =
  () => {};

const { genkit, GenkitError, StreamNotFoundError, UserFacingError, z } = commonJs;
const ai = genkit({});
let flows = 0;

/** What a flow of Genkit's is given beside its input. */
export interface Side {
  readonly sendChunk: (chunk: unknown) => void;
  readonly abortSignal: AbortSignal;
  readonly context?: Record<string, unknown>;
}

export type Flow = genkitBeta.Action<genkitBeta.z.ZodAny, genkitBeta.z.ZodAny, genkitBeta.z.ZodAny>;

/** A flow of Genkit's that does something. */
export const flowOf = (run: (input: unknown, side: Side) => unknown): Flow =>
  ai.defineFlow(
    { name: `flow-${++flows}`, inputSchema: z.any(), outputSchema: z.any(), streamSchema: z.any() },
    // eslint-disable-next-line @typescript-eslint/require-await -- What is thrown at once is a rejection.
    async (input: unknown, side) => run(input, side as unknown as Side),
  );

/** The classes that Genkit's handlers know. */
export const CLASSES = { GenkitError, StreamNotFoundError, UserFacingError };

/** Serves a flow at a URL, until the test is over. */
export type Serve = (flow: Flow, streams: StreamManager, options?: GenkitHandlerOptions) => Promise<string>;

/** Genkit's own handler, over our manager. */
export const serveByExpress: Serve = (flow, streams) => listenTo(flow, genkitStreamManager(streams, CLASSES));

/** Genkit's own handler, over any manager of its kind. */
export function listenTo(flow: Flow, streamManager: genkitBeta.StreamManager): Promise<string> {
  const app = express();
  // What is answered to what the handler throws, without telling the console.
  app.set('env', 'test');
  app.use(express.json({ limit: '10mb' }));
  app.post('/flow', expressHandler(flow, { streamManager }));
  return listen(createServer(app));
}

/** Our handler, by Node's server. */
export const serveByHandler: Serve = (flow, streams, options) =>
  listen(
    createServer(toNodeListener(genkitHandler(streams, flow, { onError: () => undefined, ...options }))),
  );

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/flow`;
}

/** What a client has been given. */
interface Received {
  readonly chunks: unknown[];
  readonly output?: unknown;
  readonly error?: string;
}

/** A client that reads, and what it has been given so far. */
export interface Client {
  readonly chunks: readonly unknown[];
  readonly streamId: Promise<string | null>;
  readonly received: Promise<Received>;
  readonly leave: () => void;
}

/** Genkit's own client. */
export function clientOf(url: string, request: { input?: unknown; streamId?: string } = {}): Client {
  const leaving = new AbortController();
  const { stream, output, streamId } = streamFlow<unknown, unknown>({
    url,
    ...request,
    abortSignal: leaving.signal,
  });
  const chunks: unknown[] = [];
  const read = async (): Promise<Received> => {
    try {
      for await (const chunk of stream) chunks.push(chunk);
      return { chunks, output: await output };
    } catch (error) {
      return { chunks, error: (error as Error).message };
    }
  };
  output.catch(() => undefined);
  return {
    chunks,
    streamId,
    received: read(),
    leave: () => {
      leaving.abort();
    },
  };
}
