import type { StreamEngine } from '../engines/engine.js';
import { lmdbEngine } from '../engines/lmdb.js';
import { memoryEngine } from '../engines/memory.js';
import { natsEngine } from '../engines/nats.js';
import { postgresEngine } from '../engines/postgres.js';
import { redisEngine } from '../engines/redis.js';
import { UsageError } from './arguments.js';

/** The options that tell an engine where its streams are. */
type Where = 'path' | 'url';

interface Choice {
  /** Which of them it takes, and its default. */
  readonly where?: readonly [option: Where, byDefault: string];
  open(where: string): StreamEngine;
}

/** The engines that `--engine` knows: a new one is a line here. */
const ENGINES = new Map<string, Choice>(
  Object.entries<Choice>({
    lmdb: { where: ['path', './data'], open: (path) => lmdbEngine({ path }) },
    memory: { open: () => memoryEngine() },
    nats: {
      where: ['url', 'nats://127.0.0.1:4222'],
      open: (url) => natsEngine({ connection: url }),
    },
    postgres: {
      where: ['url', 'postgres://localhost:5432/postgres'],
      open: (url) => postgresEngine({ connection: url }),
    },
    redis: {
      where: ['url', 'redis://localhost:6379'],
      open: (url) => redisEngine({ connection: url }),
    },
  }),
);

/** Their names. */
export const ENGINE_NAMES = [...ENGINES.keys()];

/** The engine that a command line asks for. Throws {@link UsageError} for an option that it can't do anything with. */
export function engineOf(name: string, given: Readonly<Partial<Record<Where, string>>>): StreamEngine {
  const choice = ENGINES.get(name);
  if (choice === undefined) {
    throw new UsageError(`This version has no engine ${name}: it has ${ENGINE_NAMES.join(', ')}`);
  }
  const { where: [option, byDefault] = [undefined, ''] } = choice;
  for (const other of ['path', 'url'] as const) {
    if (other !== option && given[other] !== undefined) {
      throw new UsageError(`The engine ${name} has no use for --${other}`);
    }
  }
  const where = option === undefined ? '' : (given[option] ?? byDefault);
  if (option !== undefined && where === '') throw new UsageError(`--${option} is empty`);
  return choice.open(where);
}
