import { checkInteger } from '../validation.js';
import { bodyOf, type IncomingMessage, mayHaveBody } from './node-body.js';

/** What of Node's `ServerResponse` is used. */
interface ServerResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array | string): unknown;
  destroy(): unknown;
  on(event: string, listener: () => void): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** What `http.createServer` of Node takes. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Options of {@link toNodeListener}. */
export interface NodeListenerOptions {
  /** How long, in ms, a client may take nothing of an answer: then its connection is ended. Default: 60,000. */
  stallMs?: number | undefined;
}

/** How many bytes of a body are dropped for its connection to be kept. */
const MAX_UNREAD = 65_536;
/** What is dropped after an answer that did not wait for its request's body may take so long, in ms, to come. */
const LINGER = 1_000;
/** A path that would climb: it is refused here, because a URL has none any more. */
const CLIMBS = /(^|\/)(\.|%2e){1,2}(\/|$)/i;
const HOST = /^[\w.:[\]-]+$/;

const REFUSED = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };
const bodyWith = (code: string, message: string): string => JSON.stringify({ error: { code, message } });

/**
 * Serves a handler by Node's own server: `http.createServer(toNodeListener(handler))`. A client that reads slowly is
 * waited for and not buffered for, and one that has gone ends what was done for it.
 */
export function toNodeListener(
  handler: (request: Request) => Promise<Response>,
  { stallMs }: NodeListenerOptions = {},
): NodeListener {
  const stall = checkInteger('stallMs', stallMs, 60_000);
  return (incoming, outgoing) => {
    outgoing.on('error', () => undefined);
    serve(handler, incoming, outgoing, stall).catch(() => {
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(outgoing, 500, 'INTERNAL', 'The server has failed.');
    });
  };
}

function refuse(outgoing: ServerResponse, status: number, code: string, message: string): void {
  outgoing.writeHead(status, REFUSED);
  outgoing.end(bodyWith(code, message));
}

async function serve(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  stall: number,
): Promise<void> {
  const url = urlOf(incoming);
  if (url === undefined) {
    refuse(outgoing, 400, 'INVALID_ARGUMENT', 'The request target is malformed.');
    return;
  }
  if (incoming.readableEnded && mayHaveBody(incoming)) {
    // Nobody would be told otherwise but by the time that a body may take.
    refuse(outgoing, 500, 'INTERNAL', 'The body was read by something before the handler.');
    return;
  }
  const gone = new AbortController();
  outgoing.on('close', () => {
    // That of HTTP/2 calls finished also what was cut off.
    if (!outgoing.writableEnded || !outgoing.writableFinished) gone.abort();
  });
  let request: Request;
  try {
    request = requestOf(incoming, url, gone.signal);
  } catch {
    refuse(outgoing, 400, 'INVALID_ARGUMENT', 'The request is malformed.');
    return;
  }
  const response = await handler(request);
  if (gone.signal.aborted) {
    await response.body?.cancel();
    return;
  }
  const headers: Record<string, string | string[]> = {};
  response.headers.forEach((value, name) => (headers[name] = value));
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  // What comes of a body that nobody has waited for is dropped; with its connection, if it may be much.
  const unread = request.body !== null && !incoming.complete;
  const drops = unread && !(Number(incoming.headers['content-length']) <= MAX_UNREAD);
  // HTTP/2 has none.
  if (drops && incoming.httpVersionMajor === 1) headers['connection'] = 'close';
  outgoing.writeHead(response.status, headers);
  await send(response.body, outgoing, stall, gone.signal);
  if (drops) drop(incoming);
  else if (unread) incoming.resume();
}

function drop(incoming: IncomingMessage): void {
  incoming.resume();
  const timer: unknown = setTimeout(() => incoming.destroy(), LINGER);
  (timer as { unref?: () => void }).unref?.();
}

function urlOf({ url = '/', headers, socket }: IncomingMessage): string | undefined {
  const target = url.startsWith('/') ? url : /^https?:\/\/[^/]+(\/.*)$/.exec(url)?.[1];
  if (target === undefined || CLIMBS.test(target.split(/[?#]/, 1)[0] as string)) return undefined;
  // HTTP/2 has no Host.
  const host = headers[':authority'] ?? headers['host'];
  // Only a TLS socket has it.
  const { encrypted } = socket as { readonly encrypted?: unknown };
  const scheme = encrypted === true ? 'https' : 'http';
  return `${scheme}://${typeof host === 'string' && HOST.test(host) ? host : 'localhost'}${target}`;
}

function requestOf(incoming: IncomingMessage, url: string, signal: AbortSignal): Request {
  const { method = 'GET', rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!name.startsWith(':')) headers.append(name, rawHeaders[i + 1] as string);
  }
  const init: RequestInit & { duplex?: 'half' } = { method, headers, signal };
  if (method !== 'GET' && method !== 'HEAD' && mayHaveBody(incoming)) {
    Object.assign(init, { body: bodyOf(incoming), duplex: 'half' });
  }
  return new Request(url, init);
}

/** Sends a body as fast as the client takes it. */
async function send(
  body: ReadableStream<Uint8Array> | null,
  outgoing: ServerResponse,
  stall: number,
  gone: AbortSignal,
): Promise<void> {
  if (body === null) {
    outgoing.end();
    return;
  }
  const reader = body.getReader();
  const cancel = (): void => {
    reader.cancel().catch(() => undefined);
  };
  outgoing.on('close', cancel);
  for (;;) {
    const { done, value } = await reader.read();
    if (gone.aborted) return;
    if (done) break;
    if (!outgoing.write(value) && !(await drained(outgoing, stall))) {
      cancel();
      outgoing.destroy();
      return;
    }
  }
  outgoing.off('close', cancel);
  outgoing.end();
}

/** Waits until a client has taken what it was sent; gives whether it has. */
function drained(outgoing: ServerResponse, stall: number): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (taken: boolean): void => {
      clearTimeout(timer);
      outgoing.off('drain', drain);
      outgoing.off('close', close);
      resolve(taken);
    };
    const drain = (): void => over(true);
    const close = (): void => over(false);
    const timer = setTimeout(close, Math.min(stall, 0x7fffffff));
    outgoing.once('drain', drain);
    outgoing.once('close', close);
  });
}
