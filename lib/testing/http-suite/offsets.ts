import { check, same } from '../engine-suite/assert.js';
import { type HttpCases, tailOf } from './cases.js';

const ZERO = '0000000000000000_0000000000000000';

/** What names a place. */
export function offsetCases(cases: HttpCases): void {
  cases.it('offset-zero', '8', 'all zeros is the start of any stream', async (stream) => {
    await stream.create('text/plain', { body: 'data' });
    same(await (await stream.get(`offset=${ZERO}`)).text(), 'data', 'What follows it');
  });

  cases.it(
    'offset-malformed',
    '5.6',
    'an offset that can be none is 400, however it is read',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'data' });
      const bad = [
        '',
        '-2',
        '0',
        'NOW',
        'null',
        '../x',
        '%00',
        `${tail}0`,
        tail.slice(1),
        tail.replace('_', '-'),
        '9999999999999999_9999999999999999',
        `${tail},${tail}`,
        encodeURIComponent('０'.repeat(16)),
      ];
      for (const offset of bad) {
        for (const live of ['', '&live=long-poll', '&live=sse']) {
          const response = await stream.get(`offset=${offset}${live}`);
          same(response.status, 400, `The status of ${offset}${live}`);
          await response.body?.cancel();
        }
      }
    },
  );

  cases.it('offset-beyond', '5.6', 'an offset that the stream has not come to yet is 400', async (stream) => {
    const other = stream.other();
    await other.create('text/plain', { body: 'a' });
    const tail = await stream.create('text/plain', { body: 'a' });
    const beyond = tail.replace(/\d{10}(\d{6})$/, `0000000099$1`);
    const { status } = await stream.get(`offset=${beyond}`);
    check(status === 400 || status === 410, `the status is 400 or 410, not ${status}`);
  });

  cases.it(
    'offset-generation',
    '5.6',
    'an offset of a former life of the path is 410, in every mode, and never spliced',
    async (stream) => {
      await stream.create('text/plain', { body: 'former' });
      const former = tailOf(await stream.append('text/plain', ' life'));
      await stream.ask('DELETE');
      await stream.create('text/plain', { body: 'another life altogether' });
      for (const live of ['', '&live=long-poll', '&live=sse']) {
        same((await stream.get(`offset=${former}${live}`)).status, 410, `The status of ${live}`);
      }
      const fork = stream.other();
      const headers = { 'stream-forked-from': stream.pathname, 'stream-fork-offset': former };
      same((await fork.ask('PUT', { headers })).status, 400, 'The status as a fork offset');
    },
  );

  cases.it('offset-every-page', '8', 'every offset that is given resumes exactly there', async (stream) => {
    await stream.create('text/plain');
    const offsets = [ZERO];
    for (const part of ['a', 'b', 'c', 'd', 'e']) offsets.push(await stream.appended('text/plain', part));
    same(offsets, [...offsets].sort(), 'The offsets, in order');
    same(new Set(offsets).size, offsets.length, 'How many there are');
    for (const [i, offset] of offsets.entries()) {
      same(await (await stream.get(`offset=${offset}`)).text(), 'abcde'.slice(i), `What follows offset ${i}`);
    }
  });

  cases.it(
    'offset-tail-echo',
    '5.6',
    'at the tail the offset that is given back is the one that was asked for',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'data' });
      const response = await stream.get(`offset=${tail}`);
      same([response.status, tailOf(response), await response.text()], [200, tail, ''], 'The answer');
      same(response.headers.get('stream-up-to-date'), 'true', 'Stream-Up-To-Date');
    },
  );

  cases.it(
    'offset-once',
    '5.6',
    'a parameter that is given twice, or a mode that is none, is 400',
    async (stream) => {
      await stream.create('text/plain');
      for (const query of [
        'offset=-1&offset=now',
        'live=long-poll',
        'live=sse',
        'offset=-1&live=websocket',
        'offset=-1&live=',
      ]) {
        same((await stream.get(query)).status, 400, `The status of ${query}`);
      }
    },
  );
}
