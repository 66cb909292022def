import type { HttpReply } from '../http/exchange.js';
import { Refusal } from '../http/refusal.js';
import type { StreamEnd } from '../log/outcome.js';
import { httpStatusOf, INTERNAL, isFailure, outcomeOf, toldOf } from './errors.js';
import { errorJson, resultJson } from './wire.js';

const COMMON = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
const JSON_FIELDS = { ...COMMON, 'content-type': 'application/json' };

/** Header fields of an answer that is made while it is sent: kept, changed and gathered by nobody in between. */
export const LIVE = {
  ...COMMON,
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The answer that has nothing to tell. */
export const nothing = (): HttpReply => ({ status: 204, headers: { ...COMMON }, body: null });

/** The answer to who wants the output, and no stream. Throws for an output that has no JSON. */
export function ended(end: StreamEnd<unknown>, headers: Record<string, string>): HttpReply {
  if (end.type === 'done') {
    return { status: 200, headers: { ...JSON_FIELDS, ...headers }, body: resultJson(end.output) };
  }
  const told = toldOf(end.error) ?? INTERNAL;
  return {
    status: httpStatusOf(told.status),
    headers: { ...JSON_FIELDS, ...headers },
    body: errorJson(told),
  };
}

/** The answer to a request that is not carried out. */
export function refused(error: unknown, onError: (error: unknown) => void): HttpReply {
  if (error instanceof Refusal) {
    const { status, code, message, headers } = error;
    return { status, headers: { ...JSON_FIELDS, ...headers }, body: errorJson({ status: code, message }) };
  }
  const outcome = outcomeOf(error);
  if (isFailure(outcome)) onError(error);
  const retry = outcome.code === 'UNAVAILABLE' ? { 'retry-after': '1' } : {};
  return ended({ type: 'lost', error: outcome }, retry);
}
