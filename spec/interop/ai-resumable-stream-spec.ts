import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { createResumableStreamContext as packageContext } from 'resumable-stream/ioredis';
import type { ResumableStreamContext as PackageContext } from 'resumable-stream/ioredis';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { createResumableStreamContext } from 'rxjs-durable-streams/ai';
import { redisEngine } from 'rxjs-durable-streams/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clear, newPrefix, REDIS_URL } from '../support/redis.js';
import {
  type ContextFactory,
  describeFinishedStreams,
  describeResumableStreams,
} from '../support/resumable-cases.js';
import { textOf, TextSource } from '../support/text-source.js';
import { needServers } from './support/places.js';

beforeAll(needServers);

/** The package itself, which says what the cases have to be. */
const clients = [REDIS_URL, REDIS_URL].map((url) => new Redis(url, { lazyConnect: true }));
const packagePrefix = newPrefix();
const theirs: ContextFactory = (waitUntil) =>
  packageContext({
    waitUntil,
    keyPrefix: `${packagePrefix}${randomUUID()}`,
    publisher: clients[0] as Redis,
    subscriber: clients[1] as Redis,
  });

const prefix = newPrefix();
const streams = new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix }));
const ours: ContextFactory = (waitUntil) =>
  createResumableStreamContext({ streams, waitUntil, keyPrefix: randomUUID() });

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await streams.close();
  await clear(prefix);
  await clear(packagePrefix);
});

describeResumableStreams('The package resumable-stream, on Redis', theirs);
describeResumableStreams('createResumableStreamContext, on Redis', ours);

describe('Finished streams', () => {
  describeFinishedStreams('in the package', theirs);
  describeFinishedStreams('in ours if it is told to', (waitUntil) =>
    createResumableStreamContext({ streams, waitUntil, keyPrefix: randomUUID(), replayFinished: false }),
  );
});

describe('A context of ours', () => {
  it("has the type of the package's", async () => {
    const context: PackageContext = createResumableStreamContext({ streams, keyPrefix: randomUUID() });
    const source = new TextSource();
    const stream = await context.resumableStream('a', () => source.readable);
    source.write('text');
    source.end();

    expect(await textOf(stream)).toBe('text');
  });

  it('ends for a second consumer, on Redis, when its source fails', async () => {
    const context = createResumableStreamContext({ streams, keyPrefix: randomUUID() });
    const source = new TextSource();
    await context.createNewResumableStream('a', () => source.readable);
    const second = (await context.resumeExistingStream('a'))?.getReader();
    source.write('half');
    expect(await second?.read()).toEqual({ done: false, value: 'half' });
    source.fail(new Error('the model is away'));

    await expect(second?.read()).rejects.toMatchObject({ code: 'UNKNOWN', message: 'the model is away' });
  });

  it('replays a finished stream on Redis, without its producer', async () => {
    const keyPrefix = randomUUID();
    const producing = new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix }));
    const source = new TextSource();
    const waitedFor: Promise<unknown>[] = [];
    await createResumableStreamContext({
      streams: producing,
      keyPrefix,
      waitUntil: (promise) => waitedFor.push(promise),
    }).createNewResumableStream('a', () => source.readable);
    source.write('one ', 'two');
    source.end();
    await Promise.all(waitedFor);
    await producing.close();
    const context = createResumableStreamContext({ streams, keyPrefix });

    expect(await textOf(await context.resumeExistingStream('a'))).toBe('one two');
    expect(await textOf(await context.resumeExistingStream('a', 2))).toBe('e two');
  });
});
