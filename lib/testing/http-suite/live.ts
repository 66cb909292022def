import { check, pause, same } from '../engine-suite/assert.js';
import { type HttpCases, tailOf } from './cases.js';

const live = (offset: string): string => `offset=${offset}&live=long-poll`;

/** Waiting for what comes. */
export function liveCases(cases: HttpCases): void {
  cases.it(
    'poll-closing-append',
    '5.7',
    'a closing append wakes a long-poll with its last message, and the end',
    async (stream) => {
      for (let i = 0; i < 10; i++) {
        const one = stream.other();
        const tail = await one.create('text/plain', { body: 'before' });
        const waiting = one.get(live(tail));
        await pause(20);
        await one.append('text/plain', 'last', { 'stream-closed': 'true' });
        const answer = await waiting;
        same([answer.status, await answer.text()], [200, 'last'], 'The answer');
        const { headers } = answer;
        same(
          [headers.get('stream-closed'), headers.get('stream-up-to-date')],
          ['true', 'true'],
          'What it says',
        );
      }
    },
  );

  cases.it('poll-close', '5.7', 'a close without data wakes a long-poll at once', async (stream) => {
    const tail = await stream.create('text/plain', { body: 'data' });
    const waiting = stream.get(live(tail));
    await pause(20);
    const before = Date.now();
    await stream.close();
    const answer = await waiting;
    check(Date.now() - before < 400, 'it is told before its time is over');
    same(
      [answer.status, answer.headers.get('stream-closed'), tailOf(answer)],
      [204, 'true', tail],
      'The answer',
    );
  });

  cases.it('poll-delete', '5.4', 'a long-poll on a stream that is deleted ends at once', async (stream) => {
    const tail = await stream.create('text/plain', { body: 'data' });
    const waiting = stream.get(live(tail));
    await pause(20);
    await stream.ask('DELETE');
    same((await waiting).status, 404, 'The status');
  });

  cases.it(
    'poll-many',
    '5.7',
    'everybody who waits is told, and of all that came at once',
    async (stream) => {
      const tail = await stream.create('application/json');
      const waiting = Array.from({ length: 50 }, () => stream.get(live(tail)));
      await pause(50);
      await stream.appended('application/json', '[1,2,3]');
      for (const answer of await Promise.all(waiting))
        same(await answer.text(), '[1,2,3]', 'What each is told');
    },
  );

  cases.it(
    'poll-chain',
    '5.7',
    'who polls on from each offset misses nothing and is told nothing twice',
    async (stream) => {
      let offset = await stream.create('application/json');
      const writing = (async () => {
        for (let i = 0; i < 60; i++) await stream.appended('application/json', `[${i}]`);
        await stream.close();
      })();
      const found: unknown[] = [];
      for (let cursor = ''; ;) {
        const answer = await stream.get(`${live(offset)}${cursor}`);
        if (answer.status === 200) found.push(...((await answer.json()) as unknown[]));
        if (answer.headers.get('stream-closed') === 'true') break;
        offset = tailOf(answer);
        cursor = `&cursor=${answer.headers.get('stream-cursor')}`;
      }
      await writing;
      same(
        found,
        Array.from({ length: 60 }, (_, i) => i),
        'What was told',
      );
    },
  );

  cases.it(
    'cursor-monotonic',
    '10.1',
    'a cursor goes on from the one that is given, wherever that is',
    async (stream) => {
      const tail = await stream.create('text/plain');
      await stream.append('text/plain', 'x');
      let cursor = '';
      for (let i = 0; i < 5; i++) {
        const { headers } = await stream.get(`${live(tail)}${cursor === '' ? '' : `&cursor=${cursor}`}`);
        const next = headers.get('stream-cursor') ?? '';
        check(/^\d+$/.test(next), `the cursor is a number, not ${next}`);
        if (cursor !== '') check(BigInt(next) > BigInt(cursor), `${next} is after ${cursor}`);
        cursor = next;
      }
      const far = '99999999999999999999';
      const { headers } = await stream.get(`${live(tail)}&cursor=${far}`);
      check(
        BigInt(headers.get('stream-cursor') ?? '0') > BigInt(far),
        'it goes on from beyond what a number holds',
      );
      same(
        (await stream.get(`${live(tail)}&cursor=odd`)).status,
        200,
        'The status for a cursor of another server',
      );
    },
  );

  cases.it('poll-renews', '5.1', 'who waits keeps the stream, and what was closed stays', async (stream) => {
    await stream.create('text/plain', { headers: { 'stream-ttl': '1' } });
    for (let i = 0; i < 4; i++) {
      const answer = await stream.get(live('now'));
      same(answer.status, 204, 'The status while it is waited for');
      await pause(100);
    }
    same((await stream.close()).status, 204, 'The status of the close');
  });
}
