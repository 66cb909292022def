import { check, same } from '../engine-suite/assert.js';
import { type HttpCases, tailOf, type Wire } from './cases.js';

const text = async (stream: Wire): Promise<string> => new TextDecoder().decode(await stream.all());

const fork = (
  source: Wire,
  target: Wire,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> => target.ask('PUT', { headers: { 'stream-forked-from': source.pathname, ...headers } });

const forked = async (source: Wire, headers?: Readonly<Record<string, string>>): Promise<Wire> => {
  const target = source.other();
  same((await fork(source, target, headers)).status, 201, 'The status of the fork');
  return target;
};

/** Streams that begin with another. */
export function forkCases(cases: HttpCases): void {
  cases.it(
    'fork-repeat-after-growth',
    '4.2',
    'a repeated fork agrees, though its source has grown, or is deleted',
    async (stream) => {
      await stream.create('text/plain', { body: 'a' });
      const target = await forked(stream);
      await stream.appended('text/plain', 'b');
      same((await fork(stream, target)).status, 200, 'After the source has grown');
      await stream.ask('DELETE');
      same((await fork(stream, target)).status, 200, 'After the source is deleted');
      same((await fork(stream, stream.other())).status, 409, 'A new fork of what is deleted');
      same(
        (await target.ask('PUT', { headers: { 'content-type': 'text/plain' } })).status,
        409,
        'What is no fork',
      );
      same(await text(target), 'a', 'What is there');
    },
  );

  cases.it(
    'fork-offsets',
    '8',
    'the offsets of the source are those of the fork, up to where it begins',
    async (stream) => {
      await stream.create('text/plain');
      const offsets: string[] = [];
      for (const part of ['a', 'b', 'c']) offsets.push(await stream.appended('text/plain', part));
      const target = await forked(stream, { 'stream-fork-offset': offsets[1] ?? '' });
      await target.appended('text/plain', 'X');
      same(await text(target), 'abX', 'All');
      const after = async (offset = ''): Promise<unknown> => {
        const response = await target.get(`offset=${offset}`);
        return [response.status, await response.text()];
      };
      same(await after(offsets[0]), [200, 'bX'], 'After the first');
      same(await after(offsets[1]), [200, 'X'], 'After the second');
      same(((await after(offsets[2])) as unknown[])[0], 410, 'The status after what the fork does not have');
    },
  );

  cases.it(
    'fork-sub-bytes',
    '4.2',
    'a byte sub-offset cuts wherever it is, also in a character',
    async (stream) => {
      const bytes = new TextEncoder().encode('a€z');
      await stream.create('text/plain', { body: bytes });
      const zero = '0000000000000000_0000000000000000';
      for (let sub = 0; sub <= bytes.length; sub++) {
        const headers = { 'stream-fork-offset': zero, 'stream-fork-sub-offset': String(sub) };
        const target = await forked(stream, headers);
        same(await target.all(), bytes.slice(0, sub), `The first ${sub} bytes`);
        same((await fork(stream, target, headers)).status, 200, 'What is repeated');
        const others = { ...headers, 'stream-fork-sub-offset': String(sub + 1) };
        same((await fork(stream, target, others)).status, 409, 'What is not the same');
      }
    },
  );

  cases.it(
    'fork-lifetime',
    '4.2',
    'a fork has the lifetime of its source where it is given none',
    async (stream) => {
      await stream.create('text/plain', { headers: { 'stream-ttl': '100' } });
      const target = await forked(stream);
      same((await target.ask('HEAD')).headers.get('stream-ttl'), '100', 'Stream-TTL');
      same((await fork(stream, target)).status, 200, 'What is repeated');
      same((await fork(stream, target, { 'stream-ttl': '100' })).status, 200, 'With the same');
      same((await fork(stream, target, { 'stream-ttl': '99' })).status, 409, 'With another');
      const at = new Date(Date.now() + 60_000).toISOString();
      const other = await forked(stream, { 'stream-expires-at': at });
      const { headers } = await other.ask('HEAD');
      same(
        [headers.get('stream-ttl'), headers.get('stream-expires-at')],
        [null, at],
        'With an end of its own',
      );
    },
  );

  cases.it(
    'fork-under-appends',
    '4.2',
    'a fork that is made while others append has a beginning of its source',
    async (stream) => {
      await stream.create('text/plain');
      let over = false;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; !over; i++) await stream.appended('text/plain', `${writer}:${i};`);
      });
      const forks: Wire[] = [];
      for (let i = 0; i < 10; i++) forks.push(await forked(stream));
      over = true;
      await Promise.all(writers);
      const all = await text(stream);
      for (const one of forks) check(all.startsWith(await text(one)), 'it begins as its source does');
    },
  );

  cases.it(
    'fork-cascade',
    '5.4',
    'what is deleted is kept for its forks, and goes with the last of them',
    async (stream) => {
      await stream.create('text/plain', { body: 'a' });
      const middle = await forked(stream);
      await middle.appended('text/plain', 'b');
      const last = await forked(middle);
      for (const one of [stream, middle])
        same((await one.ask('DELETE')).status, 204, 'The status of a deletion');
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        same((await stream.ask(method)).status, 410, `The status of ${method}`);
      }
      same((await stream.append('text/plain', 'x')).status, 410, 'The status of an append');
      same((await stream.close()).status, 410, 'The status of a close');
      same(
        (await stream.ask('PUT', { headers: { 'content-type': 'text/plain' } })).status,
        409,
        'The status of a creation',
      );
      same(await text(last), 'ab', 'What the last fork has');
      await last.ask('DELETE');
      for (let i = 0; i < 100 && (await stream.ask('HEAD')).status === 410; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      same(
        [(await stream.ask('HEAD')).status, (await middle.ask('HEAD')).status],
        [404, 404],
        'The statuses after it',
      );
    },
  );

  cases.it('fork-etag', '10.1', 'the same bytes have another ETag in a fork', async (stream) => {
    await stream.create('text/plain', { body: 'a' });
    const target = await forked(stream);
    const etag = (await stream.get()).headers.get('etag') ?? '';
    same((await target.get('', { 'if-none-match': etag })).status, 200, 'The status');
  });

  cases.it('fork-poll', '5.7', 'who waits at a fork is not woken by its source', async (stream) => {
    await stream.create('text/plain', { body: 'a' });
    const target = await forked(stream);
    const tail = tailOf(await target.ask('HEAD'));
    const waiting = target.get(`offset=${tail}&live=long-poll`);
    await stream.appended('text/plain', 'b');
    same((await waiting).status, 204, 'The status');
  });
}
