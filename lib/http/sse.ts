import type { Loaded } from '../engines/engine.js';
import type { Place } from '../log/place.js';
import { kindOf } from './content.js';
import { type Context, typeOf } from './context.js';
import type { HttpReply } from './exchange.js';
import type { Query } from './read.js';
import { pageBytes, Session } from './sse-session.js';

/**
 * Gives what follows a place, event by event, and what comes (section 5.8). Where nothing can be read that is answered,
 * because a client whose events end comes again.
 */
export async function serverSentEvents(
  context: Context,
  id: string,
  loaded: Loaded,
  place: Place,
  query: Query,
  signal: AbortSignal,
): Promise<HttpReply> {
  const kind = kindOf(typeOf(loaded));
  const first = await context.read(id, loaded, place, pageBytes(context));
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...(kind === 'binary' && { 'stream-sse-data-encoding': 'base64' }),
    },
    body: new Session(context, id, kind, { loaded, place, first }, query.cursor, signal),
  };
}
