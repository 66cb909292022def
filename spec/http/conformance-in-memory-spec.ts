import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';

describe('the published suite of Durable Streams, on the in-memory manager', () => {
  const options = { baseUrl: '', longPollTimeoutMs: 500 };
  let server: HttpServer;

  beforeAll(async () => {
    server = await serve(new InMemoryStreamManager(), { longPollMs: 500 });
    options.baseUrl = server.url;
  });

  afterAll(async () => {
    await server.close();
  });

  runConformanceTests(options);
});
