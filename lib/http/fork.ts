import type { Loaded, Payload } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import { type Lifetime, type Origin, PART } from '../log/head.js';
import type { Answer } from '../log/group.js';
import { AT_START, type Place } from '../log/place.js';
import type { ForkPlace } from '../log/forks.js';
import { generationAt } from '../log/segments.js';
import { bytesOf, contentOf, essenceOf, kindOf, textOf } from './content.js';
import { type Context, randomName, typeOf } from './context.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { created, existing, lifetimeFor, type Wanted } from './create.js';
import type { ForkRequest } from './headers.js';
import { placeIn, positionOf } from './offset-place.js';
import { idOf } from './path.js';
import { malformed, refusal } from './refusal.js';

/** Creates a stream that begins with the chunks of another, or sees that there is one as wanted (section 4.2). */
export async function createFork(
  context: Context,
  request: HttpRequest,
  id: string,
  wanted: Wanted,
  fork: ForkRequest,
): Promise<HttpReply | Response> {
  const source = idOf(fork.from, context.settings.basePath);
  const refused = await context.authorize(request, source, 'read');
  if (refused !== undefined) return refused;
  const body = await context.body(request);
  const loaded = await context.find(id);
  if (loaded !== undefined)
    return existing(loaded, wanted, await isSameFork(context, id, loaded, source, wanted, fork));
  try {
    return created(request, await make(context, id, wanted, source, fork, body));
  } catch (error) {
    if ((error as StreamError).code !== 'ALREADY_EXISTS') throw error;
  }
  const other = await context.look(id);
  return existing(other, wanted, await isSameFork(context, id, other, source, wanted, fork));
}

async function make(
  context: Context,
  id: string,
  wanted: Wanted,
  source: string,
  fork: ForkRequest,
  body: Uint8Array,
): Promise<Answer> {
  const { streams, settings } = context;
  const loaded = await context.find(source);
  if (loaded === undefined) throw refusal(404, 'NOT_FOUND', 'The source of the fork does not exist.');
  if (loaded.head.facts.deleted) throw sourceDeleted();
  const type = typeOf(loaded);
  if (wanted.contentType !== undefined && essenceOf(wanted.contentType) !== essenceOf(type)) {
    throw refusal(409, 'FAILED_PRECONDITION', 'The source of the fork has another content type.');
  }
  const kind = kindOf(type);
  const { place, prefix } = await beginning(context, source, loaded, fork);
  const content = contentOf(kind, body, settings.maxChunkBytes);
  const { contentType, lifetime } = loaded.head.facts;
  const { generation } = loaded.head;
  const chunks = prefix === undefined ? content.chunks : [prefix, ...content.chunks];
  return await new Promise<Answer>((done, failed: (error: Error) => void) => {
    streams.fork(
      source,
      ({ head }) => {
        // Deleted since, and perhaps made anew.
        if (head.generation !== generation || head.facts.deleted) throw sourceDeleted();
        return place;
      },
      id,
      {
        type: 'create',
        nonce: randomName(),
        lifetime: lifetimeFor(context, inherited(wanted, lifetime)),
        contentType,
        owned: false,
        chunks,
        bytes: content.bytes + (place.sub ?? 0),
        outcome: wanted.outcome,
      },
      { done, failed: (error) => failed(asRefusal(error)) },
    );
  });
}

/** What a fork has where it is not told: its own window of the source's length, or the source's own end. */
function inherited({ lifetime }: Wanted, { idleTtl, expiresAt }: Lifetime): Wanted['lifetime'] {
  return Object.keys(lifetime).length > 0 ? lifetime : { idleTtl, expiresAt };
}

/** Where the fork begins, and what it has of the chunk that follows, if that is cut. */
async function beginning(
  context: Context,
  source: string,
  loaded: Loaded,
  { offset, sub }: ForkRequest,
): Promise<{ place: ForkPlace; prefix: Payload | undefined }> {
  const { head } = loaded;
  let place: Place = { position: head.tail, tag: head.tag };
  if (offset === '-1') place = AT_START;
  else if (offset !== undefined && offset !== 'now') place = placeIn(source, offset, head, 400);
  if (sub === 0) return { place, prefix: undefined };
  const kind = kindOf(typeOf(loaded));
  if (kind === 'json') {
    const position = place.position + sub;
    if (position > head.tail) throw overshoot();
    return { place: { position, tag: -1 }, prefix: undefined };
  }
  const { chunks } = await context.read(source, loaded, place, 1);
  const [next] = chunks;
  const bytes = next === undefined ? undefined : bytesOf(next);
  if (bytes === undefined || sub > bytes.byteLength) throw overshoot();
  const part = bytes.slice(0, sub);
  return { place: { ...place, sub }, prefix: kind === 'text' ? (textOf(part) ?? part) : part };
}

/** Whether a stream is the fork that is asked for. Where it is to begin may be left out: then any place will do. */
async function isSameFork(
  context: Context,
  id: string,
  { head }: Loaded,
  source: string,
  { lifetime }: Wanted,
  { offset, sub }: ForkRequest,
): Promise<boolean> {
  if (head.facts.lineage === undefined) return false;
  const origin = (await context.part(id, PART.origin)) as Origin | undefined;
  if (origin?.id !== source) return false;
  const place = offset === undefined || offset === 'now' ? undefined : positionOf(offset);
  const isJson = kindOf(typeOf({ head })) === 'json';
  const bytes = isJson ? 0 : sub;
  if ((origin.sub ?? 0) !== bytes) return false;
  if (place !== undefined) {
    const { position, generation } = place;
    if (position + (isJson ? sub : 0) !== origin.position) return false;
    if (generation !== undefined && generation !== generationAt(head, position)) return false;
  }
  const own = head.facts.lifetime;
  const given = Object.keys(lifetime).length > 0 ? lifetime : await lifetimeAt(context, origin);
  if (given === undefined) return true;
  return own.idleTtl === (given.idleTtl ?? Infinity) && own.expiresAt === (given.expiresAt ?? Infinity);
}

/** The lifetime of a fork's source, which is kept as long as the fork is. */
async function lifetimeAt(context: Context, { id, generation }: Origin): Promise<Lifetime | undefined> {
  const loaded = await context.find(id);
  return loaded?.head.generation === generation ? loaded.head.facts.lifetime : undefined;
}

const overshoot = (): Error =>
  malformed('Stream-Fork-Sub-Offset goes beyond what follows Stream-Fork-Offset.');

const sourceDeleted = (): Error =>
  refusal(409, 'FAILED_PRECONDITION', 'The source of the fork is deleted, and only kept for its forks.');

/** Offsets of the source are arguments here. */
const asRefusal = (error: StreamError): Error =>
  error.code === 'OUT_OF_RANGE' ? malformed(error.message) : error;
