import type { Loaded } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import type { Create } from '../log/command.js';
import type { Lifetime, StoredOutcome } from '../log/head.js';
import type { Answer } from '../log/group.js';
import { contentOf, contentTypeOf, DEFAULT_TYPE, essenceOf, kindOf } from './content.js';
import { type Context, randomName, typeOf } from './context.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { createFork } from './fork.js';
import { closes, forkOf, lifetimeOf } from './headers.js';
import { stateOf } from './metadata.js';
import { sentOutcome } from './outcome.js';
import { refusal } from './refusal.js';

/** What a request to create a stream asks for. */
export interface Wanted {
  readonly contentType: string | undefined;
  readonly lifetime: Partial<Pick<Lifetime, 'idleTtl' | 'expiresAt'>>;
  readonly closed: boolean;
  /** What it is closed with. */
  readonly outcome: StoredOutcome | undefined;
}

/** Creates a stream, or sees that there is one as wanted (section 5.1); or a fork (section 4.2). */
export async function create(
  context: Context,
  request: HttpRequest,
  id: string,
): Promise<HttpReply | Response> {
  const { headers } = request;
  const contentType = contentTypeOf(headers);
  const closed = closes(headers);
  const outcome = sentOutcome(headers, closed);
  const wanted: Wanted = { contentType, lifetime: lifetimeOf(headers), closed, outcome };
  const fork = forkOf(headers);
  if (fork !== undefined) return createFork(context, request, id, wanted, fork);
  const body = await context.body(request);
  const type = contentType ?? DEFAULT_TYPE;
  const content = contentOf(kindOf(type), body, context.settings.maxChunkBytes);
  try {
    const command: Create = {
      type: 'create',
      nonce: randomName(),
      lifetime: lifetimeFor(context, wanted.lifetime),
      contentType: type,
      owned: false,
      ...content,
      outcome,
    };
    const answer = await new Promise<Answer>((done, failed: (error: StreamError) => void) => {
      context.streams.create(id, command, { done, failed });
    });
    return created(request, answer);
  } catch (error) {
    if ((error as StreamError).code !== 'ALREADY_EXISTS') throw error;
  }
  const loaded = await context.find(id);
  // It is gone again: the client may repeat what it asked for.
  if (loaded === undefined) throw different();
  const { lineage, lifetime } = loaded.head.facts;
  const isSame =
    lineage === undefined &&
    lifetime.idleTtl === (wanted.lifetime.idleTtl ?? Infinity) &&
    lifetime.expiresAt === (wanted.lifetime.expiresAt ?? Infinity);
  return existing(loaded, { ...wanted, contentType: type }, isSame);
}

/** How long a stream lives that is created here. */
export const lifetimeFor = ({ settings }: Context, given: Wanted['lifetime']): Lifetime => ({
  ttl: settings.ttl,
  idleTtl: Infinity,
  expiresAt: Infinity,
  lease: Infinity,
  ...given,
});

/** The answer where a stream was made. */
export function created(request: HttpRequest, { head }: Answer): HttpReply {
  if (head === undefined) throw different();
  const { origin, pathname } = new URL(request.url);
  return { status: 201, headers: { ...stateOf({ head }), location: `${origin}${pathname}` }, body: null };
}

/** The answer where there is a stream already: it is as wanted, or it is not. */
export function existing(loaded: Loaded, { contentType, closed }: Wanted, isSame: boolean): HttpReply {
  const { head } = loaded;
  const agrees =
    isSame &&
    !head.facts.deleted &&
    (contentType === undefined || essenceOf(contentType) === essenceOf(typeOf(loaded))) &&
    closed === (head.status !== 'open');
  if (!agrees) throw different();
  return { status: 200, headers: stateOf(loaded), body: null };
}

const different = (): Error =>
  refusal(409, 'ALREADY_EXISTS', 'There is a stream already, and it is not as this request wants it.');
