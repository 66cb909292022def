import type { Lifetime } from '../log/head.js';
import type { RequestFields } from './exchange.js';
import { malformed } from './refusal.js';

const NUMBER = /^(0|[1-9]\d*)$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A number without a sign, leading zeros, a point or an exponent. */
function numberOf(name: string, text: string): number {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw malformed(`${name} must be an integer from 0 to 2^53-1.`);
  return value;
}

/** Whether `Stream-Closed` says so: `true`, in any case; everything else is as if it were not there. */
export const closes = (headers: RequestFields): boolean =>
  headers.get('stream-closed')?.trim().toLowerCase() === 'true';

/** What a request wants of a stream's life. */
export function lifetimeOf(headers: RequestFields): Partial<Pick<Lifetime, 'idleTtl' | 'expiresAt'>> {
  const ttl = headers.get('stream-ttl');
  const expires = headers.get('stream-expires-at');
  if (ttl !== null && expires !== null) {
    throw malformed('Stream-TTL and Stream-Expires-At can not both be given.');
  }
  if (ttl !== null) {
    const idleTtl = numberOf('Stream-TTL', ttl) * 1_000;
    if (!Number.isSafeInteger(idleTtl)) throw malformed('Stream-TTL is too long.');
    return { idleTtl };
  }
  if (expires === null) return {};
  const text = expires.toUpperCase();
  const expiresAt = RFC_3339.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(expiresAt)) throw malformed('Stream-Expires-At must be an RFC 3339 timestamp.');
  return { expiresAt };
}

/** An idempotent producer, and the number of its append. */
export interface Producer {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
}

/** How long the name of a producer may be: it is the key of a record. */
const MAX_PRODUCER_ID = 256;

/** The producer of a request, if it names one: by all three headers, or none. */
export function producerOf(headers: RequestFields): Producer | undefined {
  const id = headers.get('producer-id');
  const epoch = headers.get('producer-epoch');
  const seq = headers.get('producer-seq');
  if (id === null && epoch === null && seq === null) return undefined;
  if (id === null || epoch === null || seq === null) {
    throw malformed('Producer-Id, Producer-Epoch and Producer-Seq go together.');
  }
  if (id === '' || id.length > MAX_PRODUCER_ID) {
    throw malformed(`Producer-Id must have from 1 to ${MAX_PRODUCER_ID} characters.`);
  }
  return { id, epoch: numberOf('Producer-Epoch', epoch), seq: numberOf('Producer-Seq', seq) };
}

/** Where a fork is to begin. */
export interface ForkRequest {
  /** The path of the source. */
  readonly from: string;
  readonly offset: string | undefined;
  readonly sub: number;
}

/** What a request says of a fork, if it is to make one. */
export function forkOf(headers: RequestFields): ForkRequest | undefined {
  const from = headers.get('stream-forked-from');
  const offset = headers.get('stream-fork-offset') ?? undefined;
  const sub = headers.get('stream-fork-sub-offset');
  if (from === null) {
    if (offset === undefined && sub === null) return undefined;
    throw malformed('Stream-Fork-Offset and Stream-Fork-Sub-Offset need Stream-Forked-From.');
  }
  return { from, offset, sub: sub === null ? 0 : numberOf('Stream-Fork-Sub-Offset', sub) };
}
