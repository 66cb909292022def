/* Resumable text streams in a process of its own: its arguments are a prefix of Redis, and a lease in ms. */
import { createResumableStreamContext } from '../../lib/ai/index.js';
import { DurableStreamManager } from '../../lib/durable-manager.js';
import { redisEngine } from '../../lib/engines/redis.js';
import type { StreamError } from '../../lib/errors.js';
import { answering } from './answering.js';
import { REDIS_URL } from './redis.js';
import { textOf, TextSource } from './text-source.js';

const [prefix = '', lease = ''] = process.argv.slice(2);
const streams = new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix }));
const context = createResumableStreamContext({ streams, lease: Number(lease) });
const source = new TextSource();
let reading: Promise<string>;

answering({
  create: async (id: string) => {
    await context.createNewResumableStream(id, () => source.readable);
  },
  write: (text: string) => {
    source.write(text);
  },
  end: () => {
    source.end();
  },
  has: (id: string) => context.hasExistingStream(id),
  /** Begins to read; `text` gives it once it is whole, or the code of what it ended with. */
  resume: async (id: string, skip: number) => {
    const stream = await context.resumeExistingStream(id, skip);
    reading = textOf(stream).catch((error: unknown) => (error as StreamError).code);
  },
  text: () => reading,
});
