import { same } from '../engine-suite/assert.js';
import { type HttpCases, tailOf, type Wire } from './cases.js';

const producer = (epoch: number | string, seq: number | string, id = 'p'): Record<string, string> => ({
  'producer-id': id,
  'producer-epoch': String(epoch),
  'producer-seq': String(seq),
});

const append = (stream: Wire, epoch: number, seq: number, body = 'x'): Promise<Response> =>
  stream.append('text/plain', body, producer(epoch, seq));

const shown = ({ status, headers }: Response): unknown[] => [
  status,
  headers.get('producer-epoch'),
  headers.get('producer-seq'),
];

/** Writers whose appends are numbered. */
export function producerCases(cases: HttpCases): void {
  cases.it(
    'producer-duplicate-offset',
    '5.2.1',
    'a repeated append answers with the next offset, and all headers',
    async (stream) => {
      await stream.create('text/plain');
      const first = await append(stream, 0, 0, 'a');
      same(shown(first), [200, '0', '0'], 'The first answer');
      const tail = tailOf(await append(stream, 0, 1, 'b'));
      const again = await append(stream, 0, 0, 'a');
      same([...shown(again), tailOf(again)], [204, '0', '1', tail], 'The answer to what is repeated');
      same(new TextDecoder().decode(await stream.all()), 'ab', 'What is there');
    },
  );

  cases.it(
    'producer-retry-after-close',
    '5.2.1',
    'a closing append that is repeated succeeds, with the end',
    async (stream) => {
      await stream.create('text/plain');
      const headers = { ...producer(0, 0), 'stream-closed': 'true' };
      const first = await stream.append('text/plain', 'last', headers);
      const again = await stream.append('text/plain', 'last', headers);
      same([first.status, again.status], [200, 204], 'The statuses');
      same(again.headers.get('stream-closed'), 'true', 'Stream-Closed');
      same(tailOf(again), tailOf(first), 'The tail');
      const other = await stream.append('text/plain', 'more', producer(0, 1));
      same([other.status, other.headers.get('stream-closed')], [409, 'true'], 'What comes after it');
    },
  );

  cases.it(
    'producer-fence',
    '5.2.1',
    'a producer of a former epoch is 403, with the epoch that is',
    async (stream) => {
      await stream.create('text/plain');
      await append(stream, 3, 0);
      const old = await append(stream, 2, 1);
      same([old.status, old.headers.get('producer-epoch')], [403, '3'], 'The answer');
      const next = await append(stream, 4, 1);
      same(next.status, 400, 'The status of an epoch that does not begin with 0');
    },
  );

  cases.it(
    'producer-gap',
    '5.2.1',
    'an append after a gap is 409 with what is expected, also of an unknown producer',
    async (stream) => {
      await stream.create('text/plain');
      const gap = async (seq: number): Promise<unknown> => {
        const { status, headers } = await append(stream, 0, seq);
        return [status, headers.get('producer-expected-seq'), headers.get('producer-received-seq')];
      };
      same(await gap(5), [409, '0', '5'], 'Of an unknown one');
      await append(stream, 0, 0);
      same(await gap(2), [409, '1', '2'], 'Of a known one');
    },
  );

  cases.it(
    'producer-grammar',
    '5.2.1',
    'numbers are whole, plain and within 2^53-1, and the headers go together',
    async (stream) => {
      await stream.create('text/plain');
      const bad = [
        ...['-1', '+1', '01', '1.0', '1e3', '', ' ', 'a', '9007199254740992'].map((seq) => producer(0, seq)),
        ...['-1', '00', '9007199254740992'].map((epoch) => producer(epoch, 0)),
        producer(0, 0, ''),
        { 'producer-id': 'p' },
        { 'producer-epoch': '0', 'producer-seq': '0' },
      ];
      for (const headers of bad) {
        same(
          (await stream.append('text/plain', 'x', headers)).status,
          400,
          `The status of ${JSON.stringify(headers)}`,
        );
      }
      same(
        (await stream.append('text/plain', 'x', producer('9007199254740991', 0))).status,
        200,
        'The greatest epoch',
      );
    },
  );

  cases.it('producer-at-once', '5.2.1', 'what is sent many times at once is stored once', async (stream) => {
    await stream.create('text/plain');
    for (let seq = 0; seq < 5; seq++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => append(stream, 0, seq, `${seq}`)));
      same(answers.filter(({ status }) => status === 200).length, 1, 'How many were new');
      same(answers.filter(({ status }) => status === 204).length, 9, 'How many were repeated');
    }
    same(new TextDecoder().decode(await stream.all()), '01234', 'What is there');
  });

  cases.it('producer-names', '5.2.1', 'producers with odd names are apart', async (stream) => {
    await stream.create('text/plain');
    for (const id of ['__proto__', 'constructor', 'a:b', 'w:0', 'o', 'p:p', '{}', '..', 'é']) {
      const headers = { ...producer(0, 0), 'producer-id': id };
      same((await stream.append('text/plain', 'x', headers)).status, 200, `The status of the first of ${id}`);
      same((await stream.append('text/plain', 'x', headers)).status, 204, `The status of the same of ${id}`);
    }
  });
}
