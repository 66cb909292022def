import type { Loaded } from '../engines/engine.js';
import { offsetOf } from '../log/segments.js';
import type { Fields } from './answer.js';
import { type Context, typeOf } from './context.js';
import type { HttpReply } from './exchange.js';
import { addOutcome } from './outcome.js';

/** What a stream is (section 5.5). */
export async function head(context: Context, id: string): Promise<HttpReply> {
  const loaded = await context.look(id);
  const { idleTtl, expiresAt } = loaded.head.facts.lifetime;
  const headers = { ...stateOf(loaded), 'cache-control': 'no-store' } as Fields;
  if (idleTtl !== Infinity) headers['stream-ttl'] = String(Math.ceil(idleTtl / 1_000));
  if (expiresAt !== Infinity) headers['stream-expires-at'] = new Date(expiresAt).toISOString();
  if (loaded.head.status !== 'open') addOutcome(headers, await context.outcome(id, loaded));
  return { status: 200, headers, body: null };
}

/** The header fields with a stream's type, its tail and whether it is closed. */
export function stateOf(loaded: Pick<Loaded, 'head'>): Fields {
  const { head } = loaded;
  const fields: Fields = {
    'content-type': typeOf(loaded),
    'stream-next-offset': offsetOf(head, head.tail, head.tag),
  };
  if (head.status !== 'open') fields['stream-closed'] = 'true';
  return fields;
}

/** Deletes a stream (section 5.4). */
export async function remove(context: Context, id: string): Promise<HttpReply> {
  await context.submit(id, { type: 'remove' });
  return { status: 204, headers: {}, body: null };
}
