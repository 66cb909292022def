import { randomUUID } from 'node:crypto';

import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { natsEngine } from 'rxjs-durable-streams/nats';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';
import { NATS_URL, removeStreams } from '../support/nats.js';
import { withServer } from '../support/servers.js';

await withServer('nats', NATS_URL, () => {
  describe('the published suite of Durable Streams, on NATS', () => {
    const options = { baseUrl: '', longPollTimeoutMs: 500 };
    const prefix = `http-${randomUUID()}`;
    let server: HttpServer;

    beforeAll(async () => {
      const engine = natsEngine({ connection: NATS_URL, prefix });
      server = await serve(new DurableStreamManager(engine), { longPollMs: 500 });
      options.baseUrl = server.url;
    });

    afterAll(async () => {
      await server.close();
      await removeStreams(prefix);
    });

    runConformanceTests(options);
  });
});
