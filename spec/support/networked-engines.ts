import type { StreamEngine } from '../../lib/engines/engine.js';
import { natsEngine } from '../../lib/engines/nats.js';
import { postgresEngine } from '../../lib/engines/postgres.js';
import { redisEngine } from '../../lib/engines/redis.js';
import { NATS_URL, removeStreams } from './nats.js';
import { DATABASE_URL, dropSchema } from './postgres.js';
import { clear, REDIS_URL } from './redis.js';

/** An engine that processes on several machines can share. */
export interface NetworkedEngine {
  readonly name: string;
  readonly url: string;
  /** Another engine, as of a process, on the streams of a name. */
  open(name: string): StreamEngine;
  /** The same, by way of a port of this machine, and quick to notice that its connections are dead. */
  openBy(port: number, name: string): StreamEngine;
  /** Removes all that there is of that. */
  clear(name: string): Promise<void>;
}

export const NETWORKED: readonly NetworkedEngine[] = [
  {
    name: 'redis',
    url: REDIS_URL,
    open: (name) => redisEngine({ connection: REDIS_URL, prefix: `${name}:` }),
    openBy: (port, name) => redisEngine({ connection: { host: '127.0.0.1', port }, prefix: `${name}:` }),
    clear: (name) => clear(`${name}:`),
  },
  {
    name: 'nats',
    url: NATS_URL,
    open: (name) => natsEngine({ connection: NATS_URL, prefix: name }),
    openBy: (port, name) =>
      natsEngine({ connection: { servers: `127.0.0.1:${port}`, pingInterval: 500 }, prefix: name }),
    clear: (name) => removeStreams(name),
  },
  {
    name: 'postgres',
    url: DATABASE_URL,
    open: (name) => postgresEngine({ connection: DATABASE_URL, schema: schemaOf(name) }),
    openBy: (port, name) => {
      const connection = Object.assign(new URL(DATABASE_URL), { hostname: '127.0.0.1', port }).href;
      return postgresEngine({ connection, schema: schemaOf(name), timeout: 2_000 });
    },
    clear: (name) => dropSchema(schemaOf(name)),
  },
];

const schemaOf = (name: string): string => name.replaceAll('-', '_');

/** The engine of a name. */
export const networked = (name: string): NetworkedEngine =>
  NETWORKED.find((engine) => engine.name === name) as NetworkedEngine;
