import { check, same } from '../engine-suite/assert.js';
import type { HttpCases } from './cases.js';

/** What caches may keep. */
export function cachingCases(cases: HttpCases): void {
  cases.it(
    'etag-generation',
    '10.1',
    'an ETag names the life of a path: after a new creation it is another',
    async (stream) => {
      await stream.create('text/plain', { body: 'same' });
      const etag = (await stream.get('offset=-1')).headers.get('etag') ?? '';
      check(etag !== '', 'there is an ETag');
      same((await stream.ask('DELETE')).status, 204, 'The status of the deletion');
      await stream.create('text/plain', { body: 'same' });

      const again = await stream.get('offset=-1', { 'if-none-match': etag });
      same(again.status, 200, 'The status of the same bytes in another life');
      check(again.headers.get('etag') !== etag, 'the ETag is another');
    },
  );

  cases.it(
    'etag-closure',
    '10.1',
    'an ETag changes when the stream is closed without data',
    async (stream) => {
      await stream.create('text/plain', { body: 'data' });
      const etag = (await stream.get()).headers.get('etag') ?? '';
      await stream.close();
      const again = await stream.get('', { 'if-none-match': etag });
      same([again.status, again.headers.get('stream-closed')], [200, 'true'], 'The status, and the closure');
      const closed = again.headers.get('etag') ?? '';
      same(
        (await stream.get('', { 'if-none-match': closed })).status,
        304,
        'The status for the ETag of the end',
      );
    },
  );

  cases.it('etag-list', '10.1', 'an ETag is found in a list, and where it is weak', async (stream) => {
    await stream.create('text/plain', { body: 'data' });
    const etag = (await stream.get()).headers.get('etag') ?? '';
    for (const value of [`"other", ${etag}`, `W/${etag}`, '*']) {
      same((await stream.get('', { 'if-none-match': value })).status, 304, `The status for ${value}`);
    }
  });

  cases.it(
    'etag-304',
    '10.1',
    'a 304 has the headers by which a reader goes on, and no body',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'data' });
      const etag = (await stream.get()).headers.get('etag') ?? '';
      const { status, headers, body } = await stream.get('', { 'if-none-match': etag });
      same([status, headers.get('etag'), headers.get('stream-next-offset')], [304, etag, tail], 'The answer');
      same(body, null, 'The body');
    },
  );

  cases.it(
    'now-uncached',
    '8',
    'what is read from now has no ETag, and is kept by nobody',
    async (stream) => {
      await stream.create('text/plain', { body: 'data' });
      const { headers } = await stream.get('offset=now');
      same([headers.get('etag'), headers.get('cache-control')], [null, 'no-store'], 'The headers');
    },
  );

  cases.it(
    'cache-lifetime',
    '10.1',
    'what is read is not kept for longer than the stream may live',
    async (stream) => {
      await stream.create('text/plain', { body: 'data', headers: { 'stream-ttl': '30' } });
      const control = (await stream.get()).headers.get('cache-control') ?? '';
      const [, age = '0'] = /max-age=(\d+)/.exec(control) ?? [];
      check(Number(age) <= 30, `it is kept for 30 s at most, not by ${control}`);
    },
  );

  cases.it('head-uncached', '5.5', 'what a stream is is kept by nobody', async (stream) => {
    await stream.create('text/plain');
    same((await stream.ask('HEAD')).headers.get('cache-control'), 'no-store', 'Cache-Control');
  });

  cases.it(
    'browser-headers',
    '12.7',
    'every answer, also a refusal, says what browsers have to know',
    async (stream) => {
      for (const [method, query] of [
        ['GET', ''],
        ['GET', 'offset=bad'],
        ['DELETE', ''],
        ['PATCH', ''],
      ] as const) {
        const { headers } = await stream.ask(method, { query, headers: { origin: 'https://example.com' } });
        same(headers.get('x-content-type-options'), 'nosniff', `${method}: X-Content-Type-Options`);
        check(headers.get('cross-origin-resource-policy') !== null, `${method} has a resource policy`);
        check(headers.get('access-control-allow-origin') !== null, `${method} can be read by another origin`);
        const exposed = (headers.get('access-control-expose-headers') ?? '').toLowerCase();
        check(exposed.includes('stream-next-offset') || exposed === '*', `${method} exposes the offset`);
      }
    },
  );
}
