import { check, same } from '../engine-suite/assert.js';
import { type HttpCases, tailOf } from './cases.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** How streams end. */
export function closingCases(cases: HttpCases): void {
  cases.it(
    'closed-any-case',
    '4.1',
    'Stream-Closed closes in any case, and with nothing but true',
    async (stream) => {
      for (const [i, value] of ['TRUE', 'True', 'tRuE'].entries()) {
        const other = stream.other();
        await other.create('text/plain', { headers: i === 0 ? {} : { 'stream-closed': 'no' } });
        const closed = await other.ask('POST', { headers: { 'stream-closed': value } });
        same([closed.status, closed.headers.get('stream-closed')], [204, 'true'], `What ${value} does`);
      }
      await stream.create('text/plain');
      for (const value of ['false', 'yes', '1', '']) {
        const { status } = await stream.append('text/plain', 'x', { 'stream-closed': value });
        same(status, 204, `The status of an append with Stream-Closed: ${value}`);
      }
      same((await stream.ask('HEAD')).headers.get('stream-closed'), null, 'Whether it is closed');
    },
  );

  cases.it(
    'close-keeps-offset',
    '5.3',
    'closing without data leaves the tail where it is, however often',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'data' });
      for (let i = 0; i < 3; i++) {
        const closed = await stream.close();
        same([closed.status, tailOf(closed)], [204, tail], 'The answer');
      }
      same(tailOf(await stream.ask('HEAD')), tail, 'The tail');
    },
  );

  cases.it(
    'close-content-type',
    '5.2',
    'a close without data does not mind its content type',
    async (stream) => {
      await stream.create('application/json');
      const headers = { 'stream-closed': 'true', 'content-type': 'text/plain' };
      same((await stream.ask('POST', { headers })).status, 204, 'The status');
    },
  );

  cases.it(
    'closed-first',
    '5.2',
    'an append to a closed stream is told so, and where its end is, before all else',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'data' });
      await stream.close();
      for (const type of ['text/plain', 'application/json']) {
        const { status, headers } = await stream.append(type, '1');
        const found = [status, headers.get('stream-closed'), headers.get('stream-next-offset')];
        same(found, [409, 'true', tail], `The answer to ${type}`);
      }
    },
  );

  cases.it(
    'closing-append-once',
    '5.2',
    'a closing append to a closed stream is refused, not taken for a close',
    async (stream) => {
      await stream.create('text/plain');
      same((await stream.append('text/plain', 'a', { 'stream-closed': 'true' })).status, 204, 'The first');
      same((await stream.append('text/plain', 'b', { 'stream-closed': 'true' })).status, 409, 'The second');
      same(text(await stream.all()), 'a', 'What is there');
    },
  );

  cases.it(
    'create-closure-match',
    '5.1',
    'a repeated creation agrees only with a stream that is as closed',
    async (stream) => {
      await stream.create('text/plain');
      const again = async (headers: Record<string, string> = {}): Promise<number> =>
        (await stream.ask('PUT', { headers: { 'content-type': 'text/plain', ...headers } })).status;
      same([await again(), await again({ 'stream-closed': 'true' })], [200, 409], 'While it is open');
      await stream.close();
      same([await again(), await again({ 'stream-closed': 'TRUE' })], [409, 200], 'Once it is closed');
    },
  );

  cases.it(
    'partial-not-closed',
    '5.6',
    'a page that is not the last says neither that it is up to date nor the end',
    async (stream) => {
      await stream.create('application/octet-stream');
      const part = new Uint8Array(700_000).fill(7);
      for (let i = 0; i < 6; i++) await stream.appended('application/octet-stream', part);
      await stream.close();
      let bytes = 0;
      let pages = 0;
      for (let offset = '-1'; ; pages++) {
        const page = await stream.get(`offset=${offset}`);
        bytes += (await page.arrayBuffer()).byteLength;
        const isLast = bytes === 6 * part.length;
        const { headers } = page;
        const found = [headers.get('stream-up-to-date'), headers.get('stream-closed')];
        if (!isLast || found[0] !== null)
          same(found, isLast ? ['true', 'true'] : [null, null], 'What a page says');
        if (found[0] !== null) break;
        offset = tailOf(page);
        check(pages < 20, 'the pages come to an end');
      }
    },
  );

  cases.it(
    'close-under-appends',
    '4.1',
    'a stream that is closed while others append has what was acknowledged, and no more',
    async (stream) => {
      await stream.create('text/plain');
      const acknowledged: string[] = [];
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; ; i++) {
          const line = `${writer}:${i};`;
          const { status } = await stream.append('text/plain', line);
          if (status !== 204) return status;
          acknowledged.push(line);
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      same((await stream.close()).status, 204, 'The status of the close');
      same(
        await Promise.all(writers),
        Array.from({ length: 8 }, () => 409),
        'What each append after it is told',
      );
      const found = text(await stream.all())
        .split(/(?<=;)/)
        .filter((line) => line !== '');
      same(found.sort(), acknowledged.sort(), 'What is there');
    },
  );

  cases.it(
    'delete-under-appends',
    '5.4',
    'deleting while others append ends them all with 404',
    async (stream) => {
      await stream.create('text/plain');
      const writers = Array.from({ length: 8 }, async () => {
        for (;;) {
          const { status } = await stream.append('text/plain', 'x');
          if (status !== 204) return status;
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      same((await stream.ask('DELETE')).status, 204, 'The status of the deletion');
      same(
        await Promise.all(writers),
        Array.from({ length: 8 }, () => 404),
        'What each append after it is told',
      );
    },
  );
}
