import { createHash, timingSafeEqual } from 'node:crypto';

import type { HandlerOptions } from '../http/options.js';
import { UsageError } from './arguments.js';

/** Where tokens may be given so that they are not in the list of processes, which everybody on a machine can read. */
export const TOKEN_VARIABLE = 'RXJS_DURABLE_STREAMS_TOKEN';

/** What a bearer token may be written with (RFC 6750, section 2.1). */
const TOKEN = /^[\w.~+/-]+=*$/;
const BEARER = /^bearer +(\S+) *$/i;
const ALL_REQUESTS = { 'cache-control': 'no-store', 'content-type': 'application/json' };

/**
 * The tokens of `--token`, or else of the environment, where spaces or commas are between several. Throws
 * {@link UsageError} for one that no request could give, and for a variable that is set and has none: it is meant to
 * protect something.
 */
export function tokensOf(given: readonly string[] | undefined): string[] {
  const variable = process.env[TOKEN_VARIABLE];
  const tokens = given ?? variable?.split(/[\s,]+/).filter((token) => token !== '') ?? [];
  if (given === undefined && variable !== undefined && tokens.length === 0) {
    throw new UsageError(`${TOKEN_VARIABLE} is set, but has no token`);
  }
  if (!tokens.every((token) => TOKEN.test(token))) {
    throw new UsageError('A token is written with letters, digits and -._~+/ only, and may end with =');
  }
  return [...tokens];
}

/** Lets only requests pass that have one of the tokens. How long it takes tells nothing of the tokens. */
export function authorizeBy(tokens: readonly string[]): NonNullable<HandlerOptions['authorize']> {
  const known = tokens.map(digest);
  return ({ request }) => {
    const token = BEARER.exec(request.headers.get('authorization') ?? '')?.[1];
    if (token === undefined) return unauthenticated('The request has no token.', 'Bearer');
    const sought = digest(token);
    // All of them, whichever it is.
    const found = known.filter((one) => timingSafeEqual(one, sought));
    return found.length > 0 || unauthenticated('The token is not known.', 'Bearer error="invalid_token"');
  };
}

/** Of one length, as a comparison in constant time needs it. */
const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

function unauthenticated(message: string, challenge: string): Response {
  const body = JSON.stringify({ error: { code: 'UNAUTHENTICATED', message } });
  return new Response(body, { status: 401, headers: { ...ALL_REQUESTS, 'www-authenticate': challenge } });
}
