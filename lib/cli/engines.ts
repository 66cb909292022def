import type { StreamEngine } from '../engines/engine.js';
import { lmdbEngine } from '../engines/lmdb.js';
import { memoryEngine } from '../engines/memory.js';
import { UsageError } from './arguments.js';

/** The options that tell an engine where its streams are. */
type Where = 'path' | 'url';

interface Choice {
  /** Which of them it takes, and its default. */
  readonly where?: readonly [option: Where, byDefault: string];
  open(where: string): StreamEngine | Promise<StreamEngine>;
}

/**
 * The engines that `--engine` knows: a new one is a line here. Those of servers are loaded when they are asked for:
 * they are a third of all that the command would have to load.
 */
const ENGINES = new Map<string, Choice>(
  Object.entries<Choice>({
    lmdb: { where: ['path', './data'], open: (path) => lmdbEngine({ path }) },
    memory: { open: () => memoryEngine() },
    nats: {
      where: ['url', 'nats://127.0.0.1:4222'],
      open: async (url) => (await import('../engines/nats.js')).natsEngine({ connection: url }),
    },
    postgres: {
      where: ['url', 'postgres://localhost:5432/postgres'],
      open: async (url) => (await import('../engines/postgres.js')).postgresEngine({ connection: url }),
    },
    redis: {
      where: ['url', 'redis://localhost:6379'],
      open: async (url) => (await import('../engines/redis.js')).redisEngine({ connection: url }),
    },
  }),
);

/** Their names. */
export const ENGINE_NAMES = [...ENGINES.keys()];

/** The engine that a command line asks for. Rejects with {@link UsageError} for an option that it has no use for. */
export async function engineOf(
  name: string,
  given: Readonly<Partial<Record<Where, string>>>,
): Promise<StreamEngine> {
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
