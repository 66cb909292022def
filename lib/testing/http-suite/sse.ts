import { check, pause, same } from '../engine-suite/assert.js';
import type { HttpCases, Wire } from './cases.js';
import { controlOf, type SseEvent } from './sse-reader.js';

const isEnd = ({ type, data }: SseEvent): boolean =>
  type === 'control' && data.includes('"streamClosed":true');
const dataOf = (events: readonly SseEvent[]): string[] =>
  events.filter(({ type }) => type === 'data').map(({ data }) => data);

async function closedText(
  stream: Wire,
  parts: readonly (string | Uint8Array)[],
  type = 'text/plain',
): Promise<void> {
  await stream.create(type);
  for (const part of parts) await stream.appended(type, part);
  await stream.close();
}

/** Events. */
export function sseCases(cases: HttpCases): void {
  cases.it(
    'sse-control-after-data',
    '5.8',
    'every data event is followed by a control event, and offsets go up',
    async (stream) => {
      await stream.create('application/json', { body: '[0]' });
      const reading = stream.events('offset=-1', isEnd);
      for (let i = 1; i < 30; i++) await stream.appended('application/json', `[${i}]`);
      await stream.close();
      const events = await reading;
      const all: unknown[] = [];
      let last = '';
      for (const [i, event] of events.entries()) {
        if (event.type === 'data') {
          all.push(...(JSON.parse(event.data) as unknown[]));
          same(events[i + 1]?.type, 'control', 'What follows data');
        } else {
          const { streamNextOffset } = controlOf(event);
          check(streamNextOffset >= last, 'offsets go up');
          last = streamNextOffset;
        }
      }
      same(
        all,
        Array.from({ length: 30 }, (_, i) => i),
        'The messages',
      );
    },
  );

  cases.it(
    'sse-characters',
    '5.8',
    'a character that was appended in pieces is given whole, and its offset only then',
    async (stream) => {
      const bytes = new TextEncoder().encode('a€😀z');
      await closedText(
        stream,
        [...bytes].map((byte) => new Uint8Array([byte])),
      );
      same(dataOf(await stream.events('offset=-1', isEnd)).join(''), 'a€😀z', 'What is read after the end');

      const other = stream.other();
      await other.create('text/plain');
      const reading = other.events('offset=-1', isEnd);
      for (const byte of bytes) {
        await other.appended('text/plain', new Uint8Array([byte]));
        await pause(5);
      }
      await other.close();
      const events = await reading;
      same(dataOf(events).join(''), 'a€😀z', 'What is read while it comes');
      for (const { type, data } of events) {
        if (type !== 'control') continue;
        const rest = await other.all(controlOf({ type, data }).streamNextOffset);
        check(((rest[0] ?? 0) & 0xc0) !== 0x80, 'no offset is in the middle of a character');
      }
    },
  );

  cases.it(
    'sse-characters-overlapping',
    '5.8',
    'characters are given whole though each piece ends in the middle of one',
    async (stream) => {
      const text = '€'.repeat(20);
      const bytes = new TextEncoder().encode(`a${text}z`);
      const pieces = Array.from({ length: Math.ceil(bytes.length / 3) }, (_, i) =>
        bytes.slice(3 * i, 3 * i + 3),
      );
      await stream.create('text/plain');
      const reading = stream.events('offset=-1', isEnd);
      for (const piece of pieces) await stream.appended('text/plain', piece);
      await stream.close();
      same(dataOf(await reading).join(''), `a${text}z`, 'What is read while it comes');
      same(
        dataOf(await stream.events('offset=-1', isEnd)).join(''),
        `a${text}z`,
        'What is read after the end',
      );
    },
  );

  cases.it('sse-invalid-text', '5.8', 'bytes that are no text never stop the events', async (stream) => {
    await closedText(stream, [new Uint8Array([0xff, 0xe2, 0x82]), 'x', new Uint8Array([0xf0])]);
    const text = dataOf(await stream.events('offset=-1', isEnd)).join('');
    check(text.includes('x') && text.includes('\ufffd'), 'what is text is given');
  });

  cases.it('sse-forged', '5.8', 'no line end in data ends an event, or begins one', async (stream) => {
    const parts = [
      'a\n\nevent: control\ndata: {"streamClosed":true}\n\n',
      'b\r\revent: data\rdata: x\r\r',
      'c\r\n\r\nid: 1\r\nretry: 1\r\n: comment\r\n',
      '\n',
      '\r',
      ' leading',
      'data: ',
    ];
    await closedText(stream, parts);
    const events = await stream.events('offset=-1', isEnd);
    const expected = parts.join('').replace(/\r\n|\r/g, '\n');
    same(dataOf(events).join(''), expected, 'The text, but for what kind of line ends it has');
    same(new Set(events.map(({ type }) => type)), new Set(['data', 'control']), 'The types of events');
  });

  cases.it('sse-forged-json', '9.1', 'line ends between JSON tokens change nothing', async (stream) => {
    await stream.create('application/json');
    await stream.appended('application/json', '[{\r\n\r\n"event"\r:\n\n1},\r\r2]');
    await stream.close();
    const [data = ''] = dataOf(await stream.events('offset=-1', isEnd));
    same(JSON.parse(data), [{ event: 1 }, 2], 'The messages');
  });

  cases.it(
    'sse-base64',
    '5.8',
    'bytes are given in base64 that can be decoded event by event',
    async (stream) => {
      const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
      await closedText(stream, [bytes.subarray(0, 1), bytes.subarray(1)], 'application/x-protobuf');
      let text = '';
      for (const data of dataOf(await stream.events('offset=-1', isEnd))) {
        const plain = data.replace(/\n/g, '');
        check(plain.length % 4 === 0, 'its length is a multiple of 4');
        text += atob(plain);
      }
      same(
        Uint8Array.from(text, (unit) => unit.charCodeAt(0)),
        bytes,
        'The bytes',
      );
    },
  );

  cases.it(
    'sse-closed-at-tail',
    '5.8',
    'at the end of a closed stream there is one control event, and then nothing',
    async (stream) => {
      const tail = await stream.create('text/plain', { body: 'x', headers: { 'stream-closed': 'true' } });
      for (const offset of [tail, 'now']) {
        const events = await stream.events(`offset=${offset}`, () => false);
        same(events.length, 1, `How many events there are at ${offset}`);
        const { streamNextOffset, streamClosed, upToDate } = controlOf(events[0] as SseEvent);
        same([streamNextOffset, streamClosed, upToDate], [tail, true, true], 'What it tells');
      }
    },
  );

  cases.it(
    'sse-resume',
    '5.8',
    'who comes again at each control event misses nothing and is told nothing twice',
    async (stream) => {
      await stream.create('application/json');
      const writing = (async () => {
        for (let i = 0; i < 60; i++) await stream.appended('application/json', `[${i}]`);
        await stream.close();
      })();
      const found: unknown[] = [];
      for (let offset = '-1', over = false; !over;) {
        const events = await stream.events(
          `offset=${offset}`,
          ({ type }, all) => type === 'control' && all.length > 2,
        );
        for (const data of dataOf(events)) found.push(...(JSON.parse(data) as unknown[]));
        const last = controlOf(events.filter(({ type }) => type === 'control').at(-1) as SseEvent);
        offset = last.streamNextOffset;
        over = last.streamClosed === true;
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
    'sse-delete',
    '5.4',
    'the events of a stream that is deleted end, without saying that it was closed',
    async (stream) => {
      await stream.create('text/plain', { body: 'x' });
      const reading = stream.events('offset=-1', () => false);
      await pause(30);
      await stream.ask('DELETE');
      const events = await reading;
      check(!events.some(isEnd), 'no event says that it was closed');
    },
  );

  cases.it('sse-pages', '5.8', 'a long history is told in events of bounded size', async (stream) => {
    await stream.create('application/octet-stream');
    const part = new Uint8Array(300_000).fill(1);
    for (let i = 0; i < 10; i++) await stream.appended('application/octet-stream', part);
    await stream.close();
    const data = dataOf(await stream.events('offset=-1', isEnd));
    check(data.length > 1, 'it is told in several');
    same(
      data.reduce((sum, one) => sum + atob(one).length, 0),
      10 * part.length,
      'How many bytes they have',
    );
  });
}
