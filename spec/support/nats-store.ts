import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, onTestFinished } from 'vitest';

import { natsEngine, type NatsEngineOptions } from '../../lib/engines/nats.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { NATS_URL, newPrefix, removeStreams } from './nats.js';

/** How long, in ms, a condition is waited for. */
export const PATIENCE = 15_000;

export type NatsStore = Store & { readonly prefix: string };

/** An engine with streams of its own, closed when the test is over; what is on the shared server is removed. */
export function storeOf(options: NatsEngineOptions = {}): NatsStore {
  const { prefix = newPrefix(), connection = NATS_URL } = options;
  const engine = natsEngine({ shards: 2, ...options, prefix, connection });
  onTestFinished(async () => {
    await engine.close();
    if (connection === NATS_URL) await removeStreams(prefix);
  });
  return Object.assign(new Store(engine, engine.features, PATIENCE), { prefix });
}

/** A connection of the specs' own. */
export async function clientOf(url = NATS_URL): Promise<NatsConnection> {
  const client = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  onTestFinished(() => client.close());
  return client;
}

/** The code that a call fails with; nothing if it does not. */
export const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => (error as { code: unknown }).code,
  );

/** An error of ours with a code. */
export const withCode = (code: string): Error =>
  expect.objectContaining({ name: 'StreamError', code }) as Error;
export const unavailable = withCode('UNAVAILABLE');
