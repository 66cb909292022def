import { rmSync } from 'node:fs';

import {
  DurableStreamManager,
  type DurableStreamManagerOptions,
  InMemoryStreamManager,
  type StreamManager,
} from 'rxjs-durable-streams';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { redisEngine } from 'rxjs-durable-streams/redis';
import { onTestFinished } from 'vitest';

import { clear, newPrefix, REDIS_URL } from '../../support/redis.js';
import { isReachable } from '../../support/servers.js';
import { temporaryDirectory } from '../../support/temporary.js';

/** Makes a manager, which is closed when the test is over. */
export type Place = (options?: Omit<DurableStreamManagerOptions, 'codec'>) => StreamManager;

/** Where adapters have to hold, by name. */
export const PLACES: Readonly<Record<string, Place>> = {
  memory: ({ ttl, idleTtl, lease } = {}) => closed(new InMemoryStreamManager({ ttl, idleTtl, lease })),
  LMDB: (options) => {
    const path = temporaryDirectory('interop');
    onTestFinished(() => {
      rmSync(path, { recursive: true, force: true });
    });
    return closed(new DurableStreamManager(lmdbEngine({ path }), options));
  },
  Redis: (options) => {
    const prefix = newPrefix();
    onTestFinished(() => clear(prefix));
    return closed(new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix }), options));
  },
};

/** Throws if the server is not there that one of them needs. */
export async function needServers(): Promise<void> {
  const { hostname, port } = new URL(REDIS_URL);
  if (!(await isReachable(hostname, Number(port) || 6379))) {
    throw new Error(`There is no Redis at ${REDIS_URL}.`);
  }
}

function closed<M extends StreamManager>(streams: M): M {
  // In the order opposite to that in which they are registered: what it has is removed after that.
  onTestFinished(async () => {
    await streams.close();
  });
  return streams;
}
