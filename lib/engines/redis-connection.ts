import type { Cluster, Redis, RedisOptions } from 'ioredis';

import { reasonOf, StreamError } from '../errors.js';
import { loadDriver } from './driver.js';
import { isUnknownScript, redisError } from './redis-errors.js';
import type { Argument, Reply } from './redis-records.js';
import type { Script } from './redis-scripts.js';

/** A client of ioredis. */
export type RedisClient = Redis | Cluster;

/** A call of a script. */
export interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** A command, by name. */
export type Command = readonly [name: string, ...args: Argument[]];

/** How long, in ms, a command may take, with the wait for a connection that is lost. */
const COMMAND_TIMEOUT = 5_000;

/** Whether a connection that says nothing is still there is asked so often, in ms. */
const PING_EVERY = 5_000;

const OPTIONS = {
  // Also for servers before 6.
  protocol: 2,
  replyMapping: 'legacy',
  commandTimeout: COMMAND_TIMEOUT,
  socketTimeout: COMMAND_TIMEOUT,
  connectTimeout: COMMAND_TIMEOUT,
  // For as long as a command may take.
  maxRetriesPerRequest: null,
  // Whoever has asked tries again, and knows what of it was carried out.
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 6), 2_000) * (0.5 + Math.random() / 2),
  // A server that has become a replica: the connection is to one that is none.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

/** The connections of an engine: one for commands, and one for hints as soon as somebody wants any. */
export class RedisConnection {
  #client: Promise<RedisClient> | undefined;
  #subscriber: Promise<RedisClient> | undefined;
  #ping: NodeJS.Timeout | undefined;
  /** Why there is no connection, as far as the driver has told. */
  #reason: string | undefined;
  readonly #calls = new Set<Promise<unknown>>();

  /**
   * @param given where a server is, or a client that is somebody else's.
   * @param onMessage called with what comes in a channel.
   * @param onGap called when messages may have been lost.
   */
  constructor(
    private readonly given: string | RedisOptions | RedisClient,
    private readonly onMessage: (channel: string, message: Buffer) => void,
    private readonly channels: () => string[],
    private readonly onGap: () => void,
  ) {}

  /** Calls scripts, each by itself; gives what they give, in order. */
  async run(calls: readonly Call[]): Promise<Reply[]> {
    const client = await this.#connected();
    return this.#track(Promise.all(calls.map((call) => runIn(client, call))));
  }

  /** Sends commands, in order. */
  async send(commands: readonly Command[]): Promise<Reply[]> {
    const client = await this.#connected();
    return this.#track(
      Promise.all(commands.map(([name, ...args]) => client.callBuffer(name, args) as Promise<Reply>)),
    );
  }

  /** Hears of channels from now on. */
  async subscribe(channels: readonly string[]): Promise<void> {
    this.#subscriber ??= this.#listen();
    this.#subscriber.catch(() => (this.#subscriber = undefined));
    try {
      await (await this.#subscriber).subscribe(...channels);
    } catch (error) {
      throw redisError(error);
    }
  }

  /** Hears of them no more. */
  unsubscribe(channels: readonly string[]): void {
    void this.#subscriber
      ?.then((subscriber) => subscriber.unsubscribe(...channels))
      // Where there is no connection there is nothing to leave.
      .catch(() => undefined);
  }

  /** Waits for what is on its way, and gives back what was opened here. */
  async close(): Promise<void> {
    clearInterval(this.#ping);
    await Promise.allSettled(this.#calls);
    const [client, subscriber] = await Promise.allSettled([this.#client, this.#subscriber]);
    if (subscriber.status === 'fulfilled') subscriber.value?.disconnect();
    if (client.status === 'fulfilled' && !isClient(this.given)) client.value?.disconnect();
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call);
    try {
      return await call;
    } catch (error) {
      throw redisError(error, this.#reason);
    } finally {
      this.#calls.delete(call);
    }
  }

  #connected(): Promise<RedisClient> {
    this.#client ??= this.#connect();
    // A driver that is missing may be installed later.
    this.#client.catch(() => (this.#client = undefined));
    return this.#client;
  }

  async #connect(): Promise<RedisClient> {
    const { given } = this;
    if (isClient(given)) return given;
    const { Redis } = await loadDriver('Redis', 'ioredis', () => import('ioredis'));
    const client =
      typeof given === 'string' ? new Redis(given, OPTIONS) : new Redis({ ...given, ...OPTIONS });
    // What fails is told to whoever has asked.
    client.on('error', (error) => {
      this.#reason = reasonOf(error);
    });
    client.on('ready', () => {
      this.#reason = undefined;
    });
    try {
      await checkEviction(client);
    } catch (error) {
      client.disconnect();
      throw redisError(error, this.#reason);
    }
    return client;
  }

  async #listen(): Promise<RedisClient> {
    const client = await this.#connected();
    const subscriber: RedisClient = isCluster(client) ? client.duplicate() : client.duplicate(OPTIONS);
    const events: NodeJS.EventEmitter = subscriber;
    let connections = 0;
    events.on('error', () => undefined);
    events.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      this.onMessage(channel.toString(), message);
    });
    events.on('ready', () => {
      if (connections++ > 0) void this.#resume(subscriber);
    });
    if (!isCluster(subscriber)) {
      this.#ping = setInterval(() => {
        // By a command that is not answered, a connection that is dead is noticed, and made anew.
        for (const each of [client, subscriber]) each.ping().catch(() => undefined);
      }, PING_EVERY).unref();
    }
    return subscriber;
  }

  async #resume(subscriber: RedisClient): Promise<void> {
    const channels = this.channels();
    try {
      if (channels.length > 0) await subscriber.subscribe(...channels);
    } catch {
      // It is lost again, and comes back here with the next.
      return;
    }
    this.onGap();
  }
}

/** Whether a client is of a cluster. */
export const isCluster = (client: unknown): client is Cluster =>
  (client as Partial<Cluster> | undefined)?.isCluster === true;

/** Whether something is a client of ioredis. */
export const isClient = (given: unknown): given is RedisClient =>
  typeof (given as Partial<Redis> | undefined)?.callBuffer === 'function';

/** Throws where the server may throw away streams that nobody has removed. */
async function checkEviction(client: Redis): Promise<void> {
  let policy: unknown;
  try {
    [, policy] = (await client.config('GET', 'maxmemory-policy')) as unknown[];
  } catch (error) {
    // A server that is somebody else's need not tell.
    if ((error as Error).name === 'ReplyError') return;
    throw error;
  }
  if (typeof policy !== 'string' || !policy.startsWith('allkeys-')) return;
  throw new StreamError(
    'FAILED_PRECONDITION',
    `Redis evicts streams when its memory is full: set maxmemory-policy to noeviction instead of ${policy}.`,
  );
}

async function runIn(client: RedisClient, { script, keys, args }: Call): Promise<Reply> {
  try {
    return (await client.callBuffer('EVALSHA', [script.digest, keys.length, ...keys, ...args])) as Reply;
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return (await client.callBuffer('EVAL', [script.text, keys.length, ...keys, ...args])) as Reply;
  }
}
