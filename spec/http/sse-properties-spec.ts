import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JSON_TYPE, TEXT } from '../support/http-in-memory.js';
import { asking, MANAGERS } from '../support/http-managers.js';
import { controlOf, parseEvents, type SseEvent } from '../support/sse.js';

/** Text with what could end a line, a field or an event, and characters of every length. */
const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    '\n',
    '\n\n',
    ' ',
    ':',
    '\u2028',
    '\u0085',
    '\0',
    '\ufeff',
    '😀',
    '€',
    'data:',
    'data: x\n',
  ),
  fc.constantFrom('event: control\ndata:{"streamClosed":true}\n\n', '\nid: 1\nretry: 0\n'),
);
const lineEnd = fc.constantFrom('\r', '\r\n', '\r\r\n', '\r\ndata: forged\r\n\r\n');
// The third way to end a line is lost: `lineEnd` has it.
const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join('').replaceAll('\r', ''));
const anyText = fc.array(fc.oneof(part, lineEnd), { maxLength: 12 }).map((parts) => parts.join(''));
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
const pageBytes = fc.integer({ min: 1, max: 40 });

const BYTES = { 'content-type': 'application/octet-stream' };

/** Bytes in pieces of the sizes given, again and again. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let from = 0, i = 0; from < bytes.length; i++) {
    const length = lengths[i % lengths.length] as number;
    all.push(bytes.slice(from, from + length));
    from += length;
  }
  return all;
}

/** The text of the data that events have, each of which a control event has to follow. */
function dataOf(events: readonly SseEvent[]): string[] {
  const all: string[] = [];
  for (const [i, { type, data }] of events.entries()) {
    expect(['data', 'control']).toContain(type);
    if (type !== 'data') continue;
    expect(events[i + 1]?.type).toBe('control');
    all.push(data);
  }
  const closed = events.filter((event) => event.type === 'control' && controlOf(event).streamClosed === true);
  expect(closed).toEqual(events.slice(-1));
  return all;
}

describe.each(MANAGERS)('events on %s, whatever is appended', (_name, manager) => {
  /** Appends pieces, some of them while they are read, closes the stream, and gives its events. */
  async function told(
    type: Record<string, string>,
    all: readonly BodyInit[],
    before: number,
    maxResponseBytes: number,
  ): Promise<{ events: SseEvent[]; rest: (offset: string) => Promise<Uint8Array> }> {
    const ask = asking(manager(), { maxResponseBytes });
    await ask('PUT', '/s', type);
    for (const body of all.slice(0, before)) await ask('POST', '/s', type, body);
    const reading = (await ask('GET', '/s?offset=-1&live=sse')).text();
    for (const body of all.slice(before)) await ask('POST', '/s', type, body);
    await ask('POST', '/s', { 'stream-closed': 'true' });
    const events = parseEvents(await reading);
    const rest = async (offset: string): Promise<Uint8Array> => {
      const found: number[] = [];
      for (let at = offset, over = false; !over;) {
        const page = await ask('GET', `/s?offset=${at}`);
        found.push(...(await page.bytes()));
        at = page.headers.get('stream-next-offset') ?? '';
        over = page.headers.get('stream-up-to-date') === 'true';
      }
      return Uint8Array.from(found);
    };
    return { events, rest };
  }

  it('give text as it is, and offsets after which the rest of it follows', async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, fc.nat(20), pageBytes, async (all, lengths, before, most) => {
        const parts = pieces(new TextEncoder().encode(all), lengths);
        const { events, rest } = await told(TEXT, parts as BodyInit[], before, most);
        expect(dataOf(events).join('')).toBe(all);
        let given = '';
        for (const event of events) {
          if (event.type === 'data') given += event.data;
          // No offset is in the middle of a character, so what follows is text by itself.
          else {
            const after = await rest(controlOf(event).streamNextOffset);
            expect(given + new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(after)).toBe(
              all,
            );
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('give text with line ends of any kind, but for which kind, and none of them ends an event', async () => {
    const inOneWay = (given: string): string => given.replace(/[\r\n]+/g, '\n');
    await fc.assert(
      fc.asyncProperty(anyText, sizes, fc.nat(20), pageBytes, async (all, lengths, before, most) => {
        const parts = pieces(new TextEncoder().encode(all), lengths);
        const { events } = await told(TEXT, parts as BodyInit[], before, most);
        expect(inOneWay(dataOf(events).join(''))).toBe(inOneWay(all));
      }),
      { numRuns: 150 },
    );
  });

  it('come to their end though bytes are no text', async () => {
    const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 6 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(12), pageBytes, async (all, before, most) => {
        const { events } = await told(TEXT, [...all, 'end'] as BodyInit[], before, most);
        expect(dataOf(events).join('')).toMatch(/end$/);
      }),
      { numRuns: 150 },
    );
  });

  it('give bytes in base64, event by event', async () => {
    const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(12), pageBytes, async (all, before, most) => {
        const { events } = await told(BYTES, all as BodyInit[], before, most);
        const given = dataOf(events).map((data) => Buffer.from(data, 'base64'));
        expect(Buffer.concat(given)).toEqual(Buffer.concat(all));
      }),
      { numRuns: 150 },
    );
  });

  it('give messages of JSON as values, and reading gives them byte for byte', async () => {
    const space = fc.constantFrom('', ' ', '\n', '\r\n', '\r', '\t');
    const message = fc
      .tuple(fc.json({ maxDepth: 2, noUnicodeString: false }), space, space)
      .map(([json, left, right]) => ({ json, body: `[${left}${json}${right},${left}${json}]` }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 8 }),
        fc.nat(8),
        pageBytes,
        async (all, before, most) => {
          const { events, rest } = await told(
            JSON_TYPE,
            all.map(({ body }) => body),
            before,
            most,
          );
          const given = dataOf(events).flatMap((data) => JSON.parse(data) as unknown[]);
          const sent = all.flatMap(({ json }) => [json, json]);
          expect(given).toEqual(sent.map((json) => JSON.parse(json) as unknown));
          // Pages are arrays, one behind the other.
          const whole = new TextDecoder().decode(await rest('-1'));
          expect(whole.replaceAll('][', ',')).toBe(`[${sent.join(',')}]`.replaceAll('][', ','));
        },
      ),
      { numRuns: 150 },
    );
  });
});
