import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';

import { LONGEST_DELAY } from '../longest-delay.js';
import { checkInteger, checkString, demand } from '../validation.js';

/** Options of `natsEngine`. What is out of range is `INVALID_ARGUMENT`. */
export interface NatsEngineOptions {
  /** Where the server is: a URL, or options of the driver. Default: `nats://127.0.0.1:4222`. */
  connection?: string | NodeConnectionOptions | undefined;
  /** A connection, instead of one of the engine's own. It stays open when the engine is closed. */
  client?: NatsConnection | undefined;
  /** What the names of all subjects and JetStream streams begin with: letters, digits, `-` and `_`. Default: `streams`. */
  prefix?: string | undefined;
  /**
   * How many servers have each message: 1 to 5. More than 1 needs NATS 2.11 or later. Has to be the same for all
   * processes. Default: 1.
   */
  replicas?: number | undefined;
  /** Where messages are kept. Only what is made first goes by it. Default: `file`. */
  storage?: 'file' | 'memory' | undefined;
  /** How many JetStream streams there are for logs, 1 to 64. Has to be the same for all processes. Default: 8. */
  shards?: number | undefined;
  /**
   * For how long, in ms, an answer is waited for, and a connection; then `UNAVAILABLE`. What takes a server long (a list,
   * deadlines, the first use) may take ten times that. Default: 10,000.
   */
  timeout?: number | undefined;
}

/** Whether something is a connection of the driver. */
export const isClient = (value: unknown): value is NatsConnection =>
  typeof (value as NatsConnection | undefined)?.publish === 'function';

/** {@link NatsEngineOptions}, checked and whole. */
interface CheckedOptions {
  readonly where: NatsConnection | NodeConnectionOptions;
  readonly prefix: string;
  readonly shards: number;
  readonly replicas: number;
  readonly storage: 'file' | 'memory';
  readonly timeout: number;
}

/** Checks options. */
export function checkedOptions(options: NatsEngineOptions): CheckedOptions {
  const { connection = 'nats://127.0.0.1:4222', client, prefix = 'streams', storage = 'file' } = options;
  const replicas = checkInteger('replicas', options.replicas, 1);
  const shards = checkInteger('shards', options.shards, 8);
  const timeout = checkInteger('timeout', options.timeout, 10_000);
  checkString('prefix', prefix);
  demand(/^[\w-]{1,64}$/.test(prefix), 'prefix', 'at most 64 letters, digits, - and _', prefix);
  demand(replicas >= 1 && replicas <= 5, 'replicas', '1 to 5', replicas);
  demand(shards >= 1 && shards <= 64, 'shards', '1 to 64', shards);
  demand(timeout >= 1 && timeout <= LONGEST_DELAY, 'timeout', `1 to ${LONGEST_DELAY}`, timeout);
  demand(['file', 'memory'].includes(storage), 'storage', 'file or memory', storage);
  demand(client === undefined || isClient(client), 'client', 'a connection of the driver', client);
  const where = typeof connection === 'string' ? { servers: connection } : connection;
  demand(
    Object(where) === where && !isClient(where),
    'connection',
    'a URL, or options of the driver',
    connection,
  );
  return { where: client ?? where, prefix, shards, replicas, storage, timeout };
}
