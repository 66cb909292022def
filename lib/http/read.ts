import type { Loaded } from '../engines/engine.js';
import type { Place } from '../log/place.js';
import type { Range } from '../log/range.js';
import { offsetOf } from '../log/segments.js';
import type { Fields } from './answer.js';
import { bodyOf, kindOf } from './content.js';
import { type Context, typeOf } from './context.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { longPoll } from './long-poll.js';
import { placeIn } from './offset-place.js';
import { addOutcome, wholeOutcome } from './outcome.js';
import { malformed } from './refusal.js';
import { serverSentEvents } from './sse.js';

/** What a request asks to read. */
export interface Query {
  readonly offset: string | undefined;
  readonly live: 'long-poll' | 'sse' | undefined;
  readonly cursor: string | null;
  /** Whether the outcome is wanted, once there is one, in the place of what follows. */
  readonly outcome: boolean;
}

/** Gives what follows an offset (section 5.6), and what will (5.7, 5.8). */
export async function read(
  context: Context,
  request: HttpRequest,
  id: string,
  params: URLSearchParams,
): Promise<HttpReply> {
  const query = queryOf(params);
  const loaded = await context.look(id);
  const place = placeFor(id, query.offset, loaded);
  if (query.live === 'sse') return serverSentEvents(context, id, loaded, place, query, request.signal);
  if (query.live === 'long-poll') return longPoll(context, id, loaded, place, query, request.signal);
  return catchUp(context, request, id, loaded, place, query);
}

function queryOf(params: URLSearchParams): Query {
  const one = (name: string): string | undefined => {
    const [value, ...more] = params.getAll(name);
    if (more.length > 0) throw malformed(`The parameter ${name} is given more than once.`);
    return value;
  };
  const offset = one('offset');
  const live = one('live');
  if (offset === '') throw malformed('The offset is empty.');
  if (live !== undefined && live !== 'long-poll' && live !== 'sse') {
    throw malformed('live must be long-poll or sse.');
  }
  if (live !== undefined && offset === undefined) throw malformed(`live=${live} needs an offset.`);
  return { offset, live, cursor: one('cursor') ?? null, outcome: one('outcome') === 'full' };
}

function placeFor(id: string, offset: string | undefined, { head }: Loaded): Place {
  if (offset === 'now') return { position: head.tail, tag: head.tag };
  return placeIn(id, offset ?? '-1', head, 410);
}

async function catchUp(
  context: Context,
  request: HttpRequest,
  id: string,
  loaded: Loaded,
  place: Place,
  { offset, outcome }: Query,
): Promise<HttpReply> {
  const isNow = offset === 'now';
  const range = await context.read(id, loaded, place, context.settings.maxResponseBytes);
  const fields = rangeFields(context, range);
  if (fields['stream-closed'] !== undefined) {
    const known = await context.outcome(id, range);
    if (outcome && range.chunks.length === 0) return wholeOutcome(known, fields);
    addOutcome(fields, known);
  }
  if (isNow) {
    fields['cache-control'] = 'no-store';
  } else {
    fields['etag'] = tagOf(range, place);
    if (matches(request.headers.get('if-none-match'), fields['etag'])) {
      return { status: 304, headers: fields, body: null };
    }
  }
  return given(range, fields);
}

/** The answer with the chunks of a range. */
export function given(range: Range, fields: Fields): HttpReply {
  const type = typeOf(range);
  const body = bodyOf(kindOf(type), range.chunks);
  return { status: 200, headers: { ...fields, 'content-type': type }, body };
}

/** The header fields that tell how far a range goes. */
export function rangeFields(context: Context, range: Range): Fields {
  const { head, place, chunks } = range;
  const isAtTail = place.position >= head.tail;
  const fields: Fields = {
    'stream-next-offset': offsetOf(head, place.position, place.tag),
    // What is empty is true only now.
    'cache-control': chunks.length === 0 ? 'no-cache' : cacheControl(context, range),
  };
  if (isAtTail) fields['stream-up-to-date'] = 'true';
  if (isAtTail && head.status !== 'open') fields['stream-closed'] = 'true';
  return fields;
}

/** How long what was read may be kept: not longer than the stream may have to live. */
function cacheControl({ settings, clock }: Context, { head }: Range): string {
  const { cache } = settings;
  if (cache === 'no-store') return cache;
  const { idleTtl, expiresAt } = head.facts.lifetime;
  const left = Math.floor(Math.min(idleTtl, expiresAt - clock.now()) / 1_000);
  return left <= 0
    ? 'no-cache'
    : `${cache}, max-age=${Math.min(60, left)}, stale-while-revalidate=${Math.min(300, left)}`;
}

/** Names what is given: the life of the id, from where to where, and whether that is the end, or not all. */
function tagOf({ head, place: { position, tag } }: Range, from: Place): string {
  const state = position < head.tail ? ':more' : head.status === 'open' ? '' : ':c';
  return `"${head.generation}:${from.position}:${offsetOf(head, position, tag)}${state}"`;
}

/** Whether an `If-None-Match` names a tag. */
const matches = (given: string | null, tag: string): boolean =>
  given?.split(',').some((one) => {
    const trimmed = one.trim();
    return trimmed === '*' || trimmed.replace(/^W\//, '') === tag;
  }) === true;
