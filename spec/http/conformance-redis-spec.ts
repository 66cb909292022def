import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { redisEngine } from 'rxjs-durable-streams/redis';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';
import { clear, newPrefix, REDIS_URL } from '../support/redis.js';
import { withServer } from '../support/servers.js';

await withServer('redis', REDIS_URL, () => {
  describe('the published suite of Durable Streams, on Redis', () => {
    const options = { baseUrl: '', longPollTimeoutMs: 500 };
    const prefix = newPrefix();
    let server: HttpServer;

    beforeAll(async () => {
      const engine = redisEngine({ connection: REDIS_URL, prefix });
      server = await serve(new DurableStreamManager(engine), { longPollMs: 500 });
      options.baseUrl = server.url;
    });

    afterAll(async () => {
      await server.close();
      await clear(prefix);
    });

    runConformanceTests(options);
  });
});
