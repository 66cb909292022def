import type { StreamError } from '../errors.js';
import { append } from './append.js';
import { commonFields, type Fields, METHODS, preflight, refused } from './answer.js';
import { Context } from './context.js';
import { create } from './create.js';
import type { HttpReply, HttpRequest, RequestFields, Respond } from './exchange.js';
import { closes } from './headers.js';
import { head, remove } from './metadata.js';
import { type HandlerOptions, type Operation, settingsOf } from './options.js';
import { stops } from './outcome.js';
import { idOf } from './path.js';
import { read } from './read.js';
import { Refusal, refusal, refusalOf } from './refusal.js';
import { targetOf } from './target.js';
import { responseOf, WebRequest } from './web.js';

/** Answers requests. It never rejects. */
export interface StreamHandler {
  (request: Request): Promise<Response>;
  /**
   * Ends what is live, now and from now on: long-polls are answered, and event streams are ended, as when their time is
   * over, so that their readers come again, elsewhere. Everything else goes on.
   */
  drain(): void;
  /** @internal The same for servers that can do without a `Request` and a `Response`. */
  readonly respond: Respond;
}

/**
 * Serves streams by the Durable Streams protocol
 * (https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md), without its subscriptions, to whatever
 * can call a function with a `Request`. It needs no framework, and no Node.
 */
export function createHandler(options: HandlerOptions): StreamHandler {
  const context = new Context(settingsOf(options));
  const { cors } = context.settings;
  const { origin = '*' } = cors ?? {};
  const always = origin === '*' ? commonFields(cors, null) : undefined;
  const respond: Respond = async (request) => {
    const { method, headers } = request;
    const fields = always ?? commonFields(cors, headers.get('origin'));
    if (method === 'OPTIONS') return preflight(cors, fields);
    let reply: HttpReply;
    try {
      const answered = await answer(context, request);
      if (answered instanceof Response) return withFields(answered, fields);
      reply = answered;
    } catch (error) {
      reply = refused(asRefusal(context, error), method === 'HEAD');
    }
    const { headers: own } = reply;
    for (const name in fields) own[name] ??= fields[name] as string;
    return reply;
  };
  const handler = async (request: Request): Promise<Response> => {
    const reply = await respond(new WebRequest(request));
    return reply instanceof Response ? reply : responseOf(reply);
  };
  return Object.assign(handler, {
    respond,
    drain: () => {
      context.draining = true;
      for (const end of [...context.live]) end();
    },
  });
}

async function answer(context: Context, request: HttpRequest): Promise<HttpReply | Response> {
  const { settings } = context;
  const { headers, method } = request;
  const { path, query } = targetOf(request.url);
  checkHeaders(headers, settings.maxHeaderBytes);
  const streamId = idOf(path, settings.basePath);
  const operation = operationOf(method, headers);
  if (settings.rateLimit !== undefined) await context.limitRate(request, streamId, operation);
  if (settings.authorize !== undefined) {
    const stopped = await context.authorize(request, streamId, operation);
    if (stopped !== undefined) return stopped;
  }
  switch (operation) {
    case 'create':
      return create(context, request, streamId);
    case 'append':
    case 'close':
    case 'stop':
      return append(context, request, streamId);
    case 'read':
      return read(context, request, streamId, query);
    case 'head':
      return head(context, streamId);
    case 'delete':
      return remove(context, streamId);
  }
}

function operationOf(method: string, headers: RequestFields): Operation {
  switch (method) {
    case 'PUT':
      return 'create';
    case 'POST':
      return !closes(headers) ? 'append' : stops(headers) ? 'stop' : 'close';
    case 'GET':
      return 'read';
    case 'HEAD':
      return 'head';
    case 'DELETE':
      return 'delete';
    default:
      throw refusal(405, 'INVALID_ARGUMENT', 'Streams know no such method.', { allow: METHODS });
  }
}

function checkHeaders(headers: RequestFields, most: number): void {
  let length = 0;
  headers.forEach((value, name) => (length += name.length + value.length));
  if (length > most) {
    throw refusal(431, 'RESOURCE_EXHAUSTED', `The header fields may have ${most} bytes together.`);
  }
}

/** What is answered to an error; of what is the server's own fault, only that it is. */
function asRefusal(context: Context, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  context.failed(error);
  const { name } = Object(error) as Partial<Error>;
  const known = name === 'StreamError' ? refusalOf(error as StreamError) : undefined;
  return known ?? refusal(500, 'INTERNAL', 'The server has failed.');
}

function withFields(response: Response, fields: Fields): Response {
  const { headers } = response;
  try {
    for (const name in fields) if (!headers.has(name)) headers.set(name, fields[name] as string);
    return response;
  } catch {
    // What a hook has given may be immutable.
    const copy = new Headers(headers);
    for (const name in fields) if (!copy.has(name)) copy.set(name, fields[name] as string);
    return new Response(response.body, { status: response.status, headers: copy });
  }
}
