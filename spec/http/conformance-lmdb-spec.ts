import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';

describe('the published suite of Durable Streams, on LMDB', () => {
  const options = { baseUrl: '', longPollTimeoutMs: 500 };
  const path = mkdtempSync(join(tmpdir(), 'lmdb-http-'));
  let server: HttpServer;

  beforeAll(async () => {
    server = await serve(new DurableStreamManager(lmdbEngine({ path })), { longPollMs: 500 });
    options.baseUrl = server.url;
  });

  afterAll(async () => {
    await server.close();
    rmSync(path, { recursive: true });
  });

  runConformanceTests(options);
});
