// What has no compiler of Angular's behind it is compiled when it runs.
import '@angular/compiler';

import { DurableStreamManager, InMemoryStreamManager } from 'rxjs-durable-streams';
import { createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';

export const BASE_URL = 'http://host/v1/stream';

/** A manager, and a `fetch` that asks a handler over it, which notes what it is asked. */
export function served(
  streams: DurableStreamManager | InMemoryStreamManager = new InMemoryStreamManager(),
  options: Omit<HandlerOptions, 'streams'> = {},
) {
  const handler = createHandler({ streams, ...options });
  const asked: string[] = [];
  const ask = ((url: string, init: RequestInit) => {
    asked.push(`${init.method} ${url.slice(BASE_URL.length)}`);
    return handler(new Request(url, init));
  }) as typeof fetch;
  return { streams, asked, fetch: ask };
}
