import { readBody } from '../http/body.js';
import { essenceOf, JSON_TYPE, textOf } from '../http/content.js';
import type { HttpRequest } from '../http/exchange.js';
import { malformed, refusal } from '../http/refusal.js';
import { targetOf } from '../http/target.js';
import type { Turn } from '../http/turn.js';
import type { GenkitOperation, Settings } from './options.js';

/** The header in which the id of a stream travels, either way. */
export const STREAM_ID = 'x-genkit-stream-id';

/** What a request is about, by what it has beside its body. */
export interface Target {
  readonly operation: GenkitOperation;
  /** The stream that it names; a run names none. */
  readonly streamId: string | undefined;
  /** Whether it wants a stream; else it wants the output. */
  readonly wantsStream: boolean;
}

/** What the body of a request says. */
export interface Call {
  readonly input: unknown;
  readonly init: unknown;
}

/** Tells what a request is about. Throws for what is none of Genkit's. */
export function targetOfCall({ method, url, headers }: HttpRequest): Target {
  const streamId = headers.get(STREAM_ID) ?? undefined;
  if (method === 'DELETE') {
    if (streamId === undefined) throw malformed(`The header ${STREAM_ID} is missing: it says what to stop.`);
    return { operation: 'stop', streamId, wantsStream: false };
  }
  if (method !== 'POST') {
    throw refusal(405, 'INVALID_ARGUMENT', 'A flow is run by POST, and stopped by DELETE.', {
      allow: 'POST, DELETE',
    });
  }
  // It is not what a form sends, so that a browser asks before it lets a page of another origin run anything.
  if (essenceOf(headers.get('content-type') ?? '') !== JSON_TYPE) {
    throw refusal(415, 'INVALID_ARGUMENT', `Content-Type has to be ${JSON_TYPE}.`);
  }
  const accepts = (headers.get('accept') ?? '').toLowerCase().includes('text/event-stream');
  const wantsStream = accepts || targetOf(url).query.get('stream') === 'true';
  return { operation: streamId === undefined ? 'run' : 'subscribe', streamId, wantsStream };
}

/** Reads the body of a request: `{"data": …, "init": …}`. Throws for what is none, too large, or too slow. */
export async function callOf(request: HttpRequest, settings: Settings<unknown>, turn: Turn): Promise<Call> {
  const text = textOf(await readBody(request, settings, settings.clock, turn));
  if (text === undefined) throw malformed('The body is no valid UTF-8.');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformed('The body is no JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw malformed('The body has to be an object with the input as its data.');
  }
  const { data: input, init } = body as { readonly data?: unknown; readonly init?: unknown };
  return { input, init };
}
