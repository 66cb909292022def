import { check, same } from '../engine-suite/assert.js';
import { type HttpCases, Wire } from './cases.js';

/** What no request can do. */
export function safetyCases(cases: HttpCases): void {
  cases.it(
    'paths',
    '12.2',
    'a path that hides something is refused, whatever is asked of it',
    async (stream) => {
      const paths = [
        'a%2Fb',
        'a%2fb',
        '%2e%2e%2fetc',
        'a%00b',
        'a%0ab',
        '%ff',
        '%c0%af',
        '%ed%a0%80',
        'a%5cb',
        '%',
        'a%2',
      ];
      for (const path of paths) {
        for (const method of ['PUT', 'GET', 'POST', 'DELETE']) {
          const response = await new Wire(stream.base, path).ask(method, {
            headers: { 'content-type': 'text/plain' },
          });
          same(response.status, 400, `The status of ${method} ${path}`);
        }
      }
      const long = new Wire(stream.base, 'x'.repeat(1_025));
      same((await long.ask('PUT')).status, 400, 'The status of a path that is too long');
    },
  );

  cases.it('paths-nested', '3', 'paths of several segments, in any script, are apart', async (stream) => {
    const names = [
      'a',
      'a/b',
      'a/b/c',
      'a%20b',
      'ä',
      '日本',
      '😀',
      'a+b',
      'a.b',
      'a%25b',
      'toString',
      '~',
      "it's",
    ];
    const streams = names.map((name) => new Wire(stream.base, `${stream.path}/${name}`));
    for (const [i, one] of streams.entries()) await one.create('text/plain', { body: String(i) });
    for (const [i, one] of streams.entries()) same(await (await one.get()).text(), String(i), names[i] ?? '');
  });

  cases.it('reserved-paths', '6', 'paths that are reserved are no streams', async (stream) => {
    const reserved = new Wire(stream.base, '__ds/subscriptions/x');
    const { status } = await reserved.ask('PUT', { headers: { 'content-type': 'text/plain' } });
    check(status >= 400 && status < 500, `a stream can not be made there: ${status}`);
  });

  cases.it('refusals', '5', 'a refusal says in JSON why, and shows nothing of the inside', async (stream) => {
    const asked = [
      ['GET', ''],
      ['GET', 'offset=bad'],
      ['PATCH', ''],
      ['POST', ''],
    ] as const;
    for (const [method, query] of asked) {
      const response = await stream.ask(method, { query });
      check(response.status >= 400 && response.status < 500, `${method} is refused`);
      same(response.headers.get('content-type'), 'application/json', 'Content-Type');
      const body = await response.text();
      const { error } = JSON.parse(body) as { error: { code: unknown; message: unknown } };
      same([typeof error.code, typeof error.message], ['string', 'string'], 'The error');
      check(!/\bat .*:\d+/.test(body), 'it has no stack trace');
    }
    const { status, headers } = await stream.ask('PATCH');
    check(
      status === 405 && (headers.get('allow') ?? '').includes('GET'),
      'another method is 405, with those that are',
    );
  });

  cases.it('ttl-grammar', '5.1', 'a TTL or an end that is not as it should be is refused', async (stream) => {
    const put = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await stream.ask('PUT', { headers: { 'content-type': 'text/plain', ...headers } })).status;
    for (const ttl of ['-1', '+1', '01', '1.0', '1e3', '0x1', '', ' ', 'a', '99999999999999999999']) {
      same(await put({ 'stream-ttl': ttl }), 400, `The status of ${ttl}`);
    }
    for (const at of [
      'tomorrow',
      '2030-01-01',
      '2030-13-01T00:00:00Z',
      '2030-01-01T00:00:00',
      '1893456000',
      '',
    ]) {
      same(await put({ 'stream-expires-at': at }), 400, `The status of ${at}`);
    }
    same((await stream.ask('HEAD')).status, 404, 'What is there');
  });

  cases.it(
    'preflight',
    '12.7',
    'a browser of another origin is allowed what the protocol needs',
    async (stream) => {
      const { status, headers } = await stream.ask('OPTIONS', {
        headers: { origin: 'https://example.com', 'access-control-request-method': 'PUT' },
      });
      check(status === 200 || status === 204, 'it is answered');
      const methods = headers.get('access-control-allow-methods') ?? '';
      for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])
        check(methods.includes(method), `${method} is allowed`);
      const allowed = (headers.get('access-control-allow-headers') ?? '').toLowerCase();
      for (const name of ['content-type', 'stream-seq', 'producer-id', 'stream-closed', 'stream-ttl']) {
        check(allowed.includes(name), `${name} is allowed`);
      }
    },
  );
}
