import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { postgresEngine } from 'rxjs-durable-streams/postgres';
import { afterAll, beforeAll, describe } from 'vitest';

import { type HttpServer, serve } from '../support/http-server.js';
import { DATABASE_URL, dropSchema, schemaName } from '../support/postgres.js';
import { withServer } from '../support/servers.js';

await withServer('PostgreSQL', DATABASE_URL, () => {
  describe('the published suite of Durable Streams, on PostgreSQL', () => {
    const options = { baseUrl: '', longPollTimeoutMs: 500 };
    const schema = schemaName();
    let server: HttpServer;

    beforeAll(async () => {
      const engine = postgresEngine({ connection: DATABASE_URL, schema });
      server = await serve(new DurableStreamManager(engine), { longPollMs: 500 });
      options.baseUrl = server.url;
    });

    afterAll(async () => {
      await server.close();
      await dropSchema(schema);
    });

    runConformanceTests(options);
  });
});
