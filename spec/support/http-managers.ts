import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';

import type { Ask } from './http-in-memory.js';

const ROOT = 'http://host/v1/stream';

/** What a handler serves without a disk: by name, for `describe.each`. */
export const MANAGERS = [
  ['the memory engine', () => new DurableStreamManager(memoryEngine())],
  ['the in-memory manager', () => new InMemoryStreamManager()],
] as const;

/** Asks a handler without a server. */
export function asking(
  streams: HandlerOptions['streams'],
  options: Omit<HandlerOptions, 'streams'> = {},
): Ask {
  const handler = createHandler({ streams, ...options });
  return (method, path, headers = {}, body) =>
    handler(new Request(ROOT + path, { method, headers, ...(body !== undefined && { body }) }));
}
