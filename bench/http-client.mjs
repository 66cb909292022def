/**
 * A client that costs so little beside a server that it is the server that is measured: HTTP/1.1 on one connection, one
 * request after another, from bytes made beforehand.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

/** The bytes of a request. */
export function requestOf(method, path, headers = {}, body = '') {
  const fields = {
    host: 'localhost',
    ...headers,
    ...(body !== '' && { 'content-length': Buffer.byteLength(body) }),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** The path of a stream, under which both servers have it. */
export const pathOf = (id) => `/v1/stream/${id}`;

export class Client {
  #socket;
  #received = NOTHING;
  #wake = () => undefined;
  #over = false;

  static async connect(port) {
    const client = new Client(connect({ port, host: '127.0.0.1', noDelay: true }));
    await once(client.#socket, 'connect');
    return client;
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const end = () => {
      this.#over = true;
      this.#wake();
    };
    socket.on('error', end);
    socket.on('close', end);
  }

  /** Sends a request, and gives the status, the header fields as text, and the body. */
  async ask(request) {
    this.#socket.write(request);
    const head = await this.#until(HEAD_END);
    const text = head.toString('latin1');
    const status = Number(text.slice(9, 12));
    if (status >= 400) throw new Error(`It was answered with ${text}`);
    if (/\r\ntransfer-encoding: chunked/i.test(text))
      return { status, head: text, body: await this.#chunks() };
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
    return { status, head: text, body: length === 0 ? NOTHING : await this.#take(length) };
  }

  close() {
    this.#socket.destroy();
  }

  async #chunks() {
    const parts = [];
    for (;;) {
      const length = parseInt((await this.#until(LINE_END)).toString('latin1'), 16);
      const part = await this.#take(length + 2);
      if (length === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, length));
    }
  }

  async #until(end) {
    let at = this.#received.indexOf(end);
    for (; at < 0; at = this.#received.indexOf(end)) await this.#more();
    return this.#take(at + end.length);
  }

  async #take(length) {
    while (this.#received.length < length) await this.#more();
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  #more() {
    if (this.#over) throw new Error('The connection has ended.');
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Creates a stream of JSON messages, with some in it. */
export async function create(client, id, messages = []) {
  await client.ask(requestOf('PUT', pathOf(id), JSON_TYPE));
  for (let at = 0; at < messages.length; at += 1_000) {
    await client.ask(appendOf(id, `[${messages.slice(at, at + 1_000).join(',')}]`));
  }
}

/** Appends messages to a stream, each by itself, by some clients at a time. */
export async function appendEach(port, id, messages) {
  const clients = await Promise.all(Array.from({ length: 32 }, () => Client.connect(port)));
  let next = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (next < messages.length) await client.ask(appendOf(id, messages[next++]));
      client.close();
    }),
  );
}

/** The request that appends a body. */
export const appendOf = (id, body) => requestOf('POST', pathOf(id), JSON_TYPE, body);

/** What each message has once, whatever is around it. */
const MARK = Buffer.from('"at":');

/** Reads events, and counts the messages in them. */
export class Reader {
  #socket;
  #count = 0;
  #tail = NOTHING;
  #wake = () => undefined;
  #failed;

  static async open(port, path) {
    const socket = connect({ port, host: '127.0.0.1' });
    const reader = new Reader(socket);
    await once(socket, 'connect');
    socket.write(requestOf('GET', path));
    // The header fields: it is live.
    await once(socket, 'data');
    return reader;
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes]);
      let from = 0;
      for (let at = all.indexOf(MARK); at >= 0; at = all.indexOf(MARK, from)) {
        this.#count++;
        from = at + MARK.length;
      }
      this.#tail = all.subarray(Math.max(from, all.length - MARK.length + 1));
      this.#wake();
    });
    socket.on('close', () => {
      this.#failed = new Error('The events have ended.');
      this.#wake();
    });
  }

  close() {
    this.#socket.destroy();
  }

  /** Waits until there have been so many messages, since it was opened. */
  async until(count) {
    while (this.#count < count) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise((resolve) => (this.#wake = resolve));
    }
    if (this.#count > count) throw new Error(`${this.#count} messages have come, not ${count}.`);
  }
}

/** Reads a stream from an offset to its end; gives how many bytes, and the offset there. */
export async function catchUp(client, id, from = '-1') {
  let bytes = 0;
  for (let offset = from; ;) {
    const { head, body } = await client.ask(requestOf('GET', `${pathOf(id)}?offset=${offset}`));
    bytes += body.length;
    offset = /\r\nstream-next-offset: (\S+)/i.exec(head)[1];
    if (/\r\nstream-up-to-date: true/i.test(head)) return { bytes, offset };
  }
}
