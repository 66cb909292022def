import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';

describe('the published suite of Durable Streams, on memory', () => {
  const options = { baseUrl: '', longPollTimeoutMs: 500 };
  let server: HttpServer;

  beforeAll(async () => {
    server = await serve(new DurableStreamManager(memoryEngine()), { longPollMs: 500 });
    options.baseUrl = server.url;
  });

  afterAll(async () => {
    await server.close();
  });

  runConformanceTests(options);
});
