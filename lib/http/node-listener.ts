import { checkInteger } from '../validation.js';
import type { HttpReply, Respond } from './exchange.js';
import { type IncomingMessage, mayHaveBody } from './node-body.js';
import { type NodeReply, replyOf, replyOfResponse, sendBody, type ServerResponse } from './node-reply.js';
import { NodeRequest } from './node-request.js';

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
 * waited for and not buffered for, and one that has gone ends what was done for it. A handler of `createHandler` is
 * given what Node has, and no `Request` is made of it; it has to be that handler, and no function around it.
 */
export function toNodeListener(
  handler: (request: Request) => Promise<Response>,
  { stallMs }: NodeListenerOptions = {},
): NodeListener {
  const stall = checkInteger('stallMs', stallMs, 60_000);
  const answer = answerer(handler);
  return (incoming, outgoing) => {
    outgoing.on('error', () => undefined);
    serve(answer, incoming, outgoing, stall).catch(() => {
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(outgoing, 500, 'INTERNAL', 'The server has failed.');
    });
  };
}

/** Answers a request, or gives none where it is malformed. */
type Answerer = (request: NodeRequest) => Promise<NodeReply | undefined>;

function answerer(handler: ((request: Request) => Promise<Response>) & { respond?: Respond }): Answerer {
  const { respond } = handler;
  if (respond !== undefined) {
    return async (request) => {
      const reply: HttpReply | Response = await respond(request);
      return reply instanceof Response ? replyOfResponse(reply) : replyOf(reply);
    };
  }
  return async (incoming) => {
    let request: Request;
    try {
      request = incoming.toWholeRequest();
    } catch {
      return undefined;
    }
    return replyOfResponse(await handler(request));
  };
}

function refuse(outgoing: ServerResponse, status: number, code: string, message: string): void {
  outgoing.writeHead(status, REFUSED);
  outgoing.end(bodyWith(code, message));
}

async function serve(
  answer: Answerer,
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
  const request = new NodeRequest(incoming, url);
  outgoing.on('close', () => {
    // That of HTTP/2 calls finished also what was cut off.
    if (!outgoing.writableEnded || !outgoing.writableFinished) request.leave();
  });
  const reply = await answer(request);
  if (reply === undefined) {
    refuse(outgoing, 400, 'INVALID_ARGUMENT', 'The request is malformed.');
    return;
  }
  const { status, headers, body } = reply;
  if (request.isGone) {
    if (body !== null && 'cancel' in body) await body.cancel();
    return;
  }
  // What comes of a body that nobody has waited for is dropped; with its connection, if it may be much.
  const unread = request.hasBody && !incoming.complete;
  const drops = unread && !(Number(incoming.headers['content-length']) <= MAX_UNREAD);
  // HTTP/2 has none.
  if (drops && incoming.httpVersionMajor === 1) headers['connection'] = 'close';
  outgoing.writeHead(status, headers);
  await sendBody(body, outgoing, stall);
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
