import { REDIS_URL } from './support/redis.js';
import { withServer } from './support/servers.js';
import { describeSnippets } from './support/snippets.js';

describeSnippets(
  'README.md',
  'docs/marbles.md',
  'docs/http.md',
  'docs/engines/lmdb.md',
  'docs/writing-an-engine.md',
);

await withServer('redis', REDIS_URL, () => {
  describeSnippets('docs/engines/redis.md');
});
