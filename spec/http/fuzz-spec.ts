import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import fc from 'fast-check';
import { createHandler, toNodeListener } from 'rxjs-durable-streams/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { held } from '../support/held.js';
import { MANAGERS } from '../support/http-managers.js';

const DOCUMENTED = new Set([200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 410, 413, 414, 429, 431]);

const method = fc.constantFrom(
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'POST',
  'POST',
  'PUT',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
);
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('/v1/stream/a', '/v1/stream/b', '/v1/stream/c/d', '/v1/stream/json'),
  },
  fc.stringMatching(/^\/v1\/stream\/[!-"$->@-~]{0,20}$/),
  fc.stringMatching(/^\/[!-"$->@-~]{0,20}$/),
  fc.constantFrom(
    '/v1/stream/%00',
    '/v1/stream/%c0%80',
    '/v1/stream/..%2fa',
    '/v1/stream/__ds/x',
    '/v1/stream/__proto__',
  ),
);
const offset = fc.oneof(
  fc.constantFrom(
    '-1',
    'now',
    '0000000000000000_0000000000000000',
    '9999999999999999_9999999999999999',
    '',
    '0',
  ),
  fc.stringMatching(/^\d{16}_\d{16}$/),
  fc.stringMatching(/^[!-"$-%'-~]{0,40}$/),
);
const query = fc.oneof(
  fc.constant(''),
  offset.map((value) => `?offset=${value}`),
  fc
    .tuple(offset, fc.constantFrom('long-poll', 'sse', 'x'))
    .map(([value, live]) => `?offset=${value}&live=${live}`),
  fc
    .tuple(offset, fc.stringMatching(/^\w{0,30}$/))
    .map(([o, c]) => `?offset=${o}&live=long-poll&cursor=${c}`),
);
const value = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    '0',
    '1',
    '2',
    '-1',
    '1e3',
    '',
    'x',
    '9007199254740993',
    '2030-01-01T00:00:00Z',
  ),
  fc.constantFrom(
    '/v1/stream/a',
    '/v1/stream/json',
    'text/plain',
    'application/json',
    'a/b;c=d',
    '*',
    '"1:0:1"',
  ),
  fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,60}$/),
);
const name = fc.constantFrom(
  'content-type',
  'content-type',
  'stream-closed',
  'stream-ttl',
  'stream-expires-at',
  'stream-seq',
  'producer-id',
  'producer-epoch',
  'producer-seq',
  'stream-forked-from',
  'stream-fork-offset',
  'stream-fork-sub-offset',
  'if-none-match',
  'origin',
  'range',
  'expect',
  'accept-encoding',
);
const body = fc.oneof(
  fc.constantFrom('', '[]', '[1,2]', '{"a":1}', '[', 'text', '\u0000\r\n\r\n', '"\\ud800"'),
  fc.string({ unit: 'binary', maxLength: 100 }),
);
const asked = fc.record({
  method,
  path,
  query,
  headers: fc.array(fc.tuple(name, value), { maxLength: 5 }),
  body,
  chunked: fc.boolean(),
  cut: fc.integer({ min: 0, max: 9 }),
});

describe.each(MANAGERS)('whatever is asked, on %s', (_name, manager) => {
  const streams = manager();
  const failures: unknown[] = [];
  const handler = createHandler({
    streams,
    longPollMs: 3,
    sseMs: 3,
    bodyMs: 200,
    onError: (error) => failures.push(error),
  });
  const server = createServer(toNodeListener(handler));
  let port = 0;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await streams.close();
  });

  /** Sends bytes, the last of them perhaps not, and gives the status of the answer, if there is one. */
  function send(bytes: Buffer, cut: boolean): Promise<number | undefined> {
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let received = '';
      socket.on('data', (data) => (received += data.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        const [, status] =
          /^HTTP\/1\.1 (\d{3})/.exec(received.replace(/^HTTP\/1.1 100[^]*?\r\n\r\n/, '')) ?? [];
        resolve(status === undefined ? undefined : Number(status));
      });
      if (cut) socket.end(bytes.subarray(0, Math.floor(bytes.length * 0.9)));
      else socket.write(bytes);
    });
  }

  it('is answered with a status that is documented, and harms no stream', { timeout: 120_000 }, async () => {
    const root = `http://127.0.0.1:${port}/v1/stream`;
    const text = { 'content-type': 'text/plain' };
    await fetch(`${root}/valid`, { method: 'PUT', headers: text, body: 'valid' });
    const statuses = new Map<number | undefined, number>();
    const property = fc.asyncProperty(fc.array(asked, { minLength: 20, maxLength: 20 }), async (all) => {
      const found = await Promise.all(
        all.map(({ method, path, query, headers, body, chunked, cut }) => {
          const payload = Buffer.from(body);
          const fields = headers.map(([key, given]) => `${key}: ${given}\r\n`).join('');
          const length = chunked ? 'transfer-encoding: chunked' : `content-length: ${payload.length}`;
          const head = `${method} ${path}${query} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n${fields}${length}\r\n\r\n`;
          const chunks =
            payload.length === 0
              ? []
              : [Buffer.from(`${payload.length.toString(16)}\r\n`), payload, Buffer.from('\r\n')];
          const rest = chunked ? Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]) : payload;
          return send(Buffer.concat([Buffer.from(head, 'latin1'), rest]), cut === 0);
        }),
      );
      for (const status of found) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        // 417 and none are Node's own: an expectation that is none, and what was cut off.
        expect(status === undefined || status === 417 || DOCUMENTED.has(status) ? 'documented' : status).toBe(
          'documented',
        );
      }
    });
    await fc.assert(property, { numRuns: 250 });
    const before = held();
    await fc.assert(property, { numRuns: 250 });
    // What it holds is a few hundred streams more.
    expect(held() - before).toBeLessThan(8 * 2 ** 20);
    expect(failures).toEqual([]);
    expect(await (await fetch(`${root}/valid`)).text()).toBe('valid');
    expect((await fetch(`${root}/valid`, { method: 'POST', headers: text, body: '!' })).status).toBe(204);
    for (const status of [200, 201, 204, 400, 404, 405, 409])
      expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
  });
});
