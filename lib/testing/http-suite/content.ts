import { check, same } from '../engine-suite/assert.js';
import type { HttpCases } from './cases.js';

const JSON_TYPE = 'application/json';
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What is given is what was sent. */
export function contentCases(cases: HttpCases): void {
  cases.it('json-verbatim', '9.1', 'JSON messages come back byte for byte', async (stream) => {
    await stream.create(JSON_TYPE);
    const messages = [
      '12345678901234567890',
      '1.0',
      '-0',
      '1E400',
      '{"b":1,"a":2,"a":3}',
      '{"__proto__":{"x":1}}',
      '"\\u0041\\/\\ud83d\\ude00"',
      '{ "spaced" : [ 1 , 2 ] }',
      '"]}\\"[{,"',
      '"é\u2028😀"',
      'null',
    ];
    await stream.appended(JSON_TYPE, `[${messages.join(' ,\n\t')}]`);
    for (const message of messages.slice(0, 3)) await stream.appended(JSON_TYPE, ` ${message}\r\n`);
    const body = text(await stream.all());
    same(body, `[${[...messages, ...messages.slice(0, 3)].join(',')}]`, 'The body');
  });

  cases.it('json-one-level', '9.1.2', 'an array is taken apart by one level', async (stream) => {
    await stream.create(JSON_TYPE, { body: '[]' });
    same(text(await stream.all()), '[]', 'A stream without messages');
    await stream.appended(JSON_TYPE, '[[1,2],[3,[4]]]');
    await stream.appended(JSON_TYPE, '[[]]');
    await stream.appended(JSON_TYPE, '{"a":[]}');
    same(text(await stream.all()), '[[1,2],[3,[4]],[],{"a":[]}]', 'The body');
  });

  cases.it(
    'json-invalid',
    '9.1.4',
    'what is no JSON is refused whole, and leaves nothing',
    async (stream) => {
      await stream.create(JSON_TYPE);
      const bodies = [
        '{',
        '[1,]',
        '[1 2]',
        'nope',
        '[]',
        ' ',
        '[1]x',
        '"\n"',
        '\ufeff1',
        '01',
        '{"a":1}{"b":2}',
      ];
      for (const body of bodies) {
        same((await stream.append(JSON_TYPE, body)).status, 400, `The status of ${JSON.stringify(body)}`);
      }
      const torn = new Uint8Array([0x22, 0xc3, 0x22]);
      same((await stream.append(JSON_TYPE, torn)).status, 400, 'The status of what is no UTF-8');
      same(text(await stream.all()), '[]', 'What is there');
    },
  );

  cases.it('json-parameters', '9.1', 'JSON is JSON with parameters and in any case', async (stream) => {
    await stream.create('Application/JSON; charset=utf-8', { body: '[1]' });
    await stream.appended('application/json', '[2]');
    same(text(await stream.all()), '[1,2]', 'The body');
  });

  cases.it('bytes-verbatim', '4', 'bytes come back as they are, whatever the type says', async (stream) => {
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i);
    for (const type of ['text/plain', 'application/octet-stream', 'text/plain; charset=iso-8859-1']) {
      const other = stream.other();
      await other.create(type, { body: bytes });
      await other.appended(type, new Uint8Array([0xe2, 0x82]));
      await other.appended(type, new Uint8Array([0xac, 0xef, 0xbb, 0xbf]));
      same(
        await other.all(),
        new Uint8Array([...bytes, 0xe2, 0x82, 0xac, 0xef, 0xbb, 0xbf]),
        `The bytes of ${type}`,
      );
    }
  });

  cases.it('large-bodies', '5.2', 'a large body is appended whole, or refused', async (stream) => {
    for (const type of ['text/plain', 'application/octet-stream']) {
      const other = stream.other();
      await other.create(type);
      const body = new TextEncoder().encode('a€😀'.repeat(400_000));
      const { status } = await other.append(type, body);
      check(status === 204 || status === 413, `the status of ${type} is 204 or 413, not ${status}`);
      same((await other.all()).length, status === 204 ? body.length : 0, 'How many bytes are there');
    }
  });

  cases.it('content-type-kept', '5.5', 'a stream has the type that it was created with', async (stream) => {
    const type = 'text/plain; charset=utf-8';
    await stream.create(type, { body: 'x' });
    for (const method of ['HEAD', 'GET']) {
      same((await stream.ask(method)).headers.get('content-type'), type, `Content-Type of ${method}`);
    }
    same((await stream.append('text/html', 'x')).status, 409, 'The status of another type');
    same(
      (await stream.ask('PUT', { headers: { 'content-type': 'no type' } })).status,
      400,
      'What is no type',
    );
  });

  cases.it(
    'seq-bytewise',
    '5.2',
    'Stream-Seq is compared byte by byte, and a refused one is not remembered',
    async (stream) => {
      await stream.create('text/plain');
      const put = async (seq: string, type = 'text/plain'): Promise<number> =>
        (await stream.append(type, 'x', { 'stream-seq': seq })).status;
      const given = [
        await put('10'),
        await put('9'),
        await put('10'),
        await put('B'),
        await put('a'),
        await put('Z'),
      ];
      same(given, [204, 204, 409, 204, 204, 409], 'The statuses');
      same(
        [await put('z', 'text/html'), await put('b')],
        [409, 204],
        'After one that was refused for its type',
      );
    },
  );
}
