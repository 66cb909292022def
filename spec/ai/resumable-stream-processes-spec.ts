import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type Child, child } from '../support/child.js';
import { clear, newPrefix, REDIS_URL } from '../support/redis.js';
import { withServer } from '../support/servers.js';

await withServer('redis', REDIS_URL, () => {
  describe('createResumableStreamContext, in several processes on Redis', { timeout: 30_000 }, () => {
    const prefix = newPrefix();
    let producer: Child;
    let consumer: Child;
    beforeEach(async () => {
      [producer, consumer] = (await Promise.all(
        [0, 1].map(() => child('resumable-child.ts', { args: [prefix, '1000'] })),
      )) as [Child, Child];
    });
    afterEach(async () => {
      await producer.kill();
      await consumer.kill();
    });
    afterAll(() => clear(prefix));

    it('resumes in one process what another one produces', async () => {
      await producer.ask('create', 'a');
      await producer.ask('write', 'one ');
      expect(await consumer.ask('has', 'a')).toBe(true);
      await consumer.ask('resume', 'a', 2);
      await producer.ask('write', 'two ');
      await producer.ask('write', 'three');
      await producer.ask('end');

      expect(await consumer.ask('text')).toBe('e two three');
      await producer.kill();
      expect(await consumer.ask('has', 'a')).toBe('DONE');
      await consumer.ask('resume', 'a', 4);
      expect(await consumer.ask('text')).toBe('two three');
    });

    it('ends for whoever has resumed when the process that produces is gone', async () => {
      await producer.ask('create', 'b');
      await producer.ask('write', 'half');
      await consumer.ask('resume', 'b', 0);
      await producer.kill();

      expect(await consumer.ask('text')).toBe('DEADLINE_EXCEEDED');
    });
  });
});
