import { connect, type AddressInfo, type Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { held } from '../support/held.js';
import { type Ask, JSON_TYPE, TEXT } from '../support/http-in-memory.js';
import { asking, MANAGERS } from '../support/http-managers.js';
import { type HttpServer, serve } from '../support/http-server.js';
import { controlOf, parseEvents } from '../support/sse.js';

const MIB = 2 ** 20;
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The messages that events have told, and whether the last has told the end. */
function toldBy(text: string): { messages: number[]; closed: boolean } {
  const events = parseEvents(text);
  const last = events.at(-1);
  return {
    messages: events.flatMap(({ type, data }) => (type === 'data' ? (JSON.parse(data) as number[]) : [])),
    closed: last?.type === 'control' && controlOf(last).streamClosed === true,
  };
}

const following = async (ask: Ask, path: string): Promise<string> =>
  (await ask('GET', `${path}?offset=-1&live=sse`)).text();

/** A reader on a connection of its own. */
class Reader {
  readonly socket: Socket;
  text = '';
  readonly ended: Promise<unknown>;

  constructor(port: number, path: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8');
    this.socket.on('data', (data) => (this.text += String(data)));
    this.ended = new Promise((resolve) => this.socket.on('close', resolve));
    this.socket.write(`GET ${path}?offset=-1&live=sse HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
  }

  /** What was sent, without what HTTP/1.1 puts between. */
  get body(): string {
    let rest = this.text.slice(this.text.indexOf('\r\n\r\n') + 4);
    let body = '';
    while (rest !== '') {
      const end = rest.indexOf('\r\n');
      const length = parseInt(rest.slice(0, end), 16);
      // All of it is ASCII here, so characters are bytes.
      body += rest.slice(end + 2, end + 2 + length);
      rest = rest.slice(end + 2 + length + 2);
    }
    return body;
  }
}

describe.each(MANAGERS)('a server on %s', (_name, manager) => {
  async function listening(): Promise<HttpServer & { readonly port: number }> {
    const server = await serve(manager());
    closing.push(() => server.close());
    return { ...server, port: (server.server.address() as AddressInfo).port };
  }

  const send = (url: string, method: string, body?: BodyInit, headers = JSON_TYPE): Promise<Response> =>
    fetch(url, { method, headers, ...(body !== undefined && { body }) });

  it('tells 1,000 readers of one stream all, without a gap', { timeout: 60_000 }, async () => {
    const { url, port } = await listening();
    const path = '/v1/stream/s';
    await send(url + path, 'PUT', '[0]');
    const readers = numbers(1_000).map(() => new Reader(port, path));
    for (let i = 1; i < 200; i++) await send(url + path, 'POST', String(i));
    await fetch(url + path, { method: 'POST', headers: { 'stream-closed': 'true' } });
    await Promise.all(readers.map(({ ended }) => ended));
    for (const { body } of readers) expect(toldBy(body)).toEqual({ messages: numbers(200), closed: true });
  });

  it('tells 10,000 readers of 1,000 streams all, without a gap', { timeout: 60_000 }, async () => {
    const ask = asking(manager());
    const paths = numbers(1_000).map((i) => `/s-${i}`);
    for (const [i, path] of paths.entries()) await ask('PUT', path, JSON_TYPE, `[${i}]`);
    const reading = paths.flatMap((path) => numbers(10).map(() => following(ask, path)));
    for (let n = 1; n < 10; n++) {
      await Promise.all(paths.map((path, i) => ask('POST', path, JSON_TYPE, String(i + n))));
    }
    for (const path of paths) await ask('POST', path, { 'stream-closed': 'true' });
    const texts = await Promise.all(reading);
    for (const [i, text] of texts.entries()) {
      expect(toldBy(text)).toEqual({ messages: numbers(10, Math.floor(i / 10)), closed: true });
    }
  });

  it('has 10,000 streams active at once as it has ten', { timeout: 120_000 }, async () => {
    const ask = asking(manager());
    // More than what is remembered of streams at once: who comes again is found out about again.
    const paths = numbers(10_000).map((i) => `/s-${i}`);
    for (const path of paths) expect((await ask('PUT', path, TEXT)).status).toBe(201);
    const waiting = paths.slice(0, 5_000).map((path) => ask('GET', `${path}?offset=-1&live=long-poll`));
    for (const round of ['a', 'b', 'c']) {
      for (const path of paths) expect((await ask('POST', path, TEXT, round)).status).toBe(204);
    }
    for (const answer of await Promise.all(waiting)) expect((await answer.text()).startsWith('a')).toBe(true);
    for (const path of paths) {
      const answer = await ask('GET', path);
      expect([answer.headers.get('stream-up-to-date'), await answer.text()]).toEqual(['true', 'abc']);
    }
    for (const path of paths) expect((await ask('DELETE', path)).status).toBe(204);
    for (const path of ['/s-0', '/s-19999']) expect((await ask('HEAD', path)).status).toBe(404);
  });

  it(
    'costs a bounded number of bytes for who stops reading, and tells others all',
    { timeout: 60_000 },
    async () => {
      const { url, port } = await listening();
      const path = '/v1/stream/s';
      const part = 'x'.repeat(99_998);
      await send(url + path, 'PUT');
      const stalled = numbers(20).map(() => new Reader(port, path));
      for (const { socket } of stalled) socket.pause();
      const others = numbers(3).map(() => new Reader(port, path));
      await send(url + path, 'POST', '["begun"]');
      await expect.poll(() => others.every(({ text }) => text.includes('begun'))).toBe(true);

      const before = held();
      // 15 MB: the stream has them, and nobody else may for the twenty, which would be 300.
      for (let i = 0; i < 150; i++) await send(url + path, 'POST', JSON.stringify(part));
      await expect
        .poll(() => others.every(({ text }) => text.length > 14_900_000), { timeout: 20_000 })
        .toBe(true);
      for (const other of others) other.text = '';
      const kept = held() - before;
      expect(kept).toBeLessThan(60 * MIB);

      for (const { socket } of stalled) socket.resume();
      await fetch(url + path, { method: 'POST', headers: { 'stream-closed': 'true' } });
      await Promise.all([...stalled, ...others].map(({ ended }) => ended));
      for (const { body } of stalled) {
        const { messages, closed } = toldBy(body);
        expect([messages.length, closed]).toEqual([151, true]);
      }
    },
  );

  it('keeps nothing of requests that are over', { timeout: 60_000 }, async () => {
    const ask = asking(manager(), { longPollMs: 1, sseMs: 1 });
    await ask('PUT', '/s', TEXT, 'x');
    const round = async (): Promise<void> => {
      for (let i = 0; i < 300; i++) {
        const all = [
          ask('GET', '/s'),
          ask('GET', '/s?offset=now&live=long-poll'),
          ask('GET', '/s?offset=-1&live=sse'),
          ask('PUT', '/t', TEXT, 'y'),
          ask('GET', '/missing'),
        ];
        for (const answer of await Promise.all(all)) await answer.text();
        await ask('DELETE', '/t');
      }
    };
    await round();
    const before = held();
    for (let i = 0; i < 4; i++) await round();
    expect(held() - before).toBeLessThan(2 * MIB);
  });
});
