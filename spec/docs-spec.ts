import { afterAll } from 'vitest';

import { NATS_URL, removeStreams } from './support/nats.js';
import { DATABASE_URL, dropSchema } from './support/postgres.js';
import { REDIS_URL } from './support/redis.js';
import { withServer } from './support/servers.js';
import { describeSnippets } from './support/snippets.js';

describeSnippets(
  'README.md',
  'docs/managers.md',
  'docs/marbles.md',
  'docs/http.md',
  'docs/client.md',
  'docs/engines/lmdb.md',
  'docs/writing-an-engine.md',
);

await withServer('redis', REDIS_URL, () => {
  describeSnippets('docs/engines/redis.md');
});

await withServer('nats', NATS_URL, () => {
  describeSnippets('docs/engines/nats.md');
  afterAll(() => removeStreams('answers'));
});

await withServer('PostgreSQL', DATABASE_URL, () => {
  describeSnippets('docs/engines/postgres.md');
  afterAll(() => dropSchema('answers'));
});
