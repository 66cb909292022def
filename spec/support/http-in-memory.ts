import { VirtualTimeScheduler } from 'rxjs';
import { InMemoryStreamManager, type InMemoryStreamManagerOptions } from 'rxjs-durable-streams';
import { createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';

const ROOT = 'http://host/v1/stream';

export const TEXT = { 'content-type': 'text/plain' };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Asks a handler, of the stream at a path. */
export type Ask = (
  method: string,
  path: string,
  headers?: Record<string, string>,
  body?: BodyInit,
) => Promise<Response>;

/** An in-memory manager in virtual time, and a handler over it. */
export function inMemoryWorld(
  options: InMemoryStreamManagerOptions = {},
  handlerOptions: Omit<HandlerOptions, 'streams'> = {},
) {
  const clock = new VirtualTimeScheduler();
  const streams = new InMemoryStreamManager({ scheduler: clock, ...options });
  const handler = createHandler({ streams, ...handlerOptions });
  const ask: Ask = (method, path, headers = {}, body) =>
    handler(new Request(ROOT + path, { method, headers, ...(body !== undefined && { body }) }));
  return { clock, streams, handler, ask };
}

/** Reads the events of an answer as they come. */
export function eventsOf(response: Response): { next(): Promise<string>; cancel(): Promise<void> } {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  return {
    next: async () => decoder.decode((await reader.read()).value),
    cancel: () => reader.cancel(),
  };
}
