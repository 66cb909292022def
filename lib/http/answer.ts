import type { HttpReply } from './exchange.js';
import type { CorsOptions } from './options.js';
import type { Refusal } from './refusal.js';

/** Header fields of an answer, by names in lower case. */
export type Fields = Record<string, string>;

const METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
const REQUEST_HEADERS = [
  'Content-Type',
  'If-None-Match',
  'Producer-Epoch',
  'Producer-Id',
  'Producer-Seq',
  'Stream-Closed',
  'Stream-Expires-At',
  'Stream-Fork-Offset',
  'Stream-Fork-Sub-Offset',
  'Stream-Forked-From',
  'Stream-Outcome',
  'Stream-Seq',
  'Stream-TTL',
];
const ANSWER_HEADERS = [
  'ETag',
  'Location',
  'Producer-Epoch',
  'Producer-Expected-Seq',
  'Producer-Received-Seq',
  'Producer-Seq',
  'Retry-After',
  'Stream-Closed',
  'Stream-Cursor',
  'Stream-Expires-At',
  'Stream-Next-Offset',
  'Stream-Outcome',
  'Stream-SSE-Data-Encoding',
  'Stream-TTL',
  'Stream-Up-To-Date',
].join(', ');

/** What every answer has: sniffed by nobody, and embedded only by whoever may read it. */
export function commonFields(cors: CorsOptions | undefined, origin: string | null): Fields {
  const fields: Fields = {
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': cors === undefined ? 'same-origin' : 'cross-origin',
  };
  if (cors === undefined) return fields;
  const { origin: allowed = '*' } = cors;
  if (allowed === '*') fields['access-control-allow-origin'] = '*';
  else fields['vary'] = 'origin';
  if (allowed !== '*' && origin !== null && allowed.includes(origin)) {
    fields['access-control-allow-origin'] = origin;
  }
  fields['access-control-expose-headers'] = ANSWER_HEADERS;
  return fields;
}

/** The answer to `OPTIONS`. */
export function preflight(cors: CorsOptions | undefined, fields: Fields): HttpReply {
  const headers: Fields = { ...fields, allow: METHODS };
  if (cors !== undefined) {
    headers['access-control-allow-methods'] = METHODS;
    headers['access-control-allow-headers'] = [...REQUEST_HEADERS, ...(cors.allowHeaders ?? ['*'])].join(
      ', ',
    );
    headers['access-control-max-age'] = '86400';
  }
  return { status: 204, headers, body: null };
}

/** The answer that a refusal is. */
export function refused({ status, headers, body }: Refusal, isHead: boolean): HttpReply {
  return {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: isHead ? null : body,
  };
}

export { METHODS };
