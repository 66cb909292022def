import type { StreamError } from '../errors.js';
import { append } from './append.js';
import { commonFields, type Fields, METHODS, preflight, refused } from './answer.js';
import { Context } from './context.js';
import { create } from './create.js';
import { closes } from './headers.js';
import { head, remove } from './metadata.js';
import { type HandlerOptions, type Operation, settingsOf } from './options.js';
import { idOf } from './path.js';
import { read } from './read.js';
import { Refusal, refusal, refusalOf } from './refusal.js';

/** Answers requests. It never rejects. */
export interface StreamHandler {
  (request: Request): Promise<Response>;
  /**
   * Ends what is live, now and from now on: long-polls are answered, and event streams are ended, as when their time is
   * over, so that their readers come again, elsewhere. Everything else goes on.
   */
  drain(): void;
}

/** How long a URL may be. */
const MAX_URL = 8_192;

/**
 * Serves streams by the Durable Streams protocol
 * (https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md), without its subscriptions, to whatever
 * can call a function with a `Request`. It needs no framework, and no Node.
 */
export function createHandler(options: HandlerOptions): StreamHandler {
  const context = new Context(settingsOf(options));
  const { cors } = context.settings;
  const handler = async (request: Request): Promise<Response> => {
    const { method, headers } = request;
    const fields = commonFields(cors, cors === undefined ? null : headers.get('origin'));
    if (method === 'OPTIONS') return preflight(cors, fields);
    let response: Response;
    try {
      response = await answer(context, request);
    } catch (error) {
      response = refused(asRefusal(context, error), method === 'HEAD');
    }
    return withFields(response, fields);
  };
  return Object.assign(handler, {
    drain: () => {
      context.draining = true;
      for (const end of [...context.live]) end();
    },
  });
}

async function answer(context: Context, request: Request): Promise<Response> {
  const { settings } = context;
  const { headers, method } = request;
  if (request.url.length > MAX_URL)
    throw refusal(414, 'INVALID_ARGUMENT', `A URL may have ${MAX_URL} characters.`);
  checkHeaders(headers, settings.maxHeaderBytes);
  const url = new URL(request.url);
  const streamId = idOf(url.pathname, settings.basePath);
  const operation = operationOf(method, headers);
  const attempt = { request, streamId, operation };
  const seconds = await settings.rateLimit?.(attempt);
  if (seconds !== undefined) {
    throw refusal(429, 'RESOURCE_EXHAUSTED', 'There are too many requests.', {
      'retry-after': String(Math.max(0, Math.ceil(seconds))),
    });
  }
  const stopped = await context.authorize(attempt);
  if (stopped !== undefined) return stopped;
  switch (operation) {
    case 'create':
      return create(context, request, streamId);
    case 'append':
    case 'close':
      return append(context, request, streamId);
    case 'read':
      return read(context, request, streamId, url);
    case 'head':
      return head(context, streamId);
    case 'delete':
      return remove(context, streamId);
  }
}

function operationOf(method: string, headers: Headers): Operation {
  switch (method) {
    case 'PUT':
      return 'create';
    case 'POST':
      return closes(headers) ? 'close' : 'append';
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

function checkHeaders(headers: Headers, most: number): void {
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
