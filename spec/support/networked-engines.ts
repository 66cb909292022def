import type { StreamEngine } from '../../lib/engines/engine.js';
import { redisEngine } from '../../lib/engines/redis.js';
import { clear, REDIS_URL } from './redis.js';

/** An engine that processes on several machines can share. */
export interface NetworkedEngine {
  readonly name: string;
  readonly url: string;
  /** Another engine, as of a process, on the streams of a name. */
  open(name: string): StreamEngine;
  /** Removes all that there is of that. */
  clear(name: string): Promise<void>;
}

export const NETWORKED: readonly NetworkedEngine[] = [
  {
    name: 'redis',
    url: REDIS_URL,
    open: (name) => redisEngine({ connection: REDIS_URL, prefix: `${name}:` }),
    clear: (name) => clear(`${name}:`),
  },
];

/** The engine of a name. */
export const networked = (name: string): NetworkedEngine =>
  NETWORKED.find((engine) => engine.name === name) as NetworkedEngine;
