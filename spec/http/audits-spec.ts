import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DurableStreamManager, InMemoryStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { httpSuite } from 'rxjs-durable-streams/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';

const path = mkdtempSync(join(tmpdir(), 'lmdb-audits-'));

describe.each([
  ['memory', () => new DurableStreamManager(memoryEngine())],
  ['the in-memory manager', () => new InMemoryStreamManager()],
  ['LMDB', () => new DurableStreamManager(lmdbEngine({ path }))],
] as const)('our own audits', (name, streams) => {
  let server: HttpServer;

  beforeAll(async () => {
    server = await serve(streams(), { longPollMs: 500 });
  });

  afterAll(async () => {
    await server.close();
    rmSync(path, { recursive: true, force: true });
  });

  httpSuite({ describe, it }, { name, url: () => `${server.url}/v1/stream` });
});
