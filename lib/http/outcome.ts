import { fromBase64, toBase64 } from '../base64.js';
import type { Payload } from '../engines/engine.js';
import { toStreamError } from '../errors.js';
import type { StoredOutcome } from '../log/head.js';
import {
  IN_BODY,
  inAscii,
  MAX_GIVEN_OUTCOME,
  MAX_SENT_OUTCOME,
  OUTCOME,
  parseOutcome,
} from '../outcome-wire.js';
import type { Fields } from './answer.js';
import { CLOSED } from './context.js';
import type { HttpReply, RequestFields } from './exchange.js';
import { malformed, tooLarge } from './refusal.js';

/** The outcome that a request closes a stream with; `undefined` if it closes none. */
export function sentOutcome(headers: RequestFields, closing: boolean): StoredOutcome | undefined {
  const text = headers.get(OUTCOME);
  if (text === null) return closing ? CLOSED : undefined;
  if (!closing) throw malformed('Stream-Outcome needs Stream-Closed: true.');
  if (text.length > MAX_SENT_OUTCOME) {
    throw tooLarge(`Stream-Outcome may have ${MAX_SENT_OUTCOME} characters.`);
  }
  const outcome = parseOutcome(text);
  if (outcome === undefined || outcome.long === true) throw malformed('Stream-Outcome is malformed.');
  if (outcome.type === 'error') {
    const { code, message, details } = toStreamError(outcome.error);
    return { type: 'error', error: { code, message, ...(details !== undefined && { details }) } };
  }
  if (outcome.undefined === true) return { type: 'done', undefined: true };
  if (!('output' in outcome)) return CLOSED;
  return { type: 'done', output: payloadOf(outcome.output, outcome.encoding === 'base64') };
}

/**
 * Whether a request that closes a stream stops it: by somebody who is no producer of it, without a body (one without a
 * type is refused), and with the outcome of a stop.
 */
export function stops(headers: RequestFields): boolean {
  if (headers.get('content-type') !== null || headers.get('producer-id') !== null) return false;
  const { type, error } = parseOutcome(headers.get(OUTCOME) ?? '') ?? {};
  return type === 'error' && error?.code === 'CANCELLED';
}

function payloadOf(output: unknown, isBytes: boolean): Payload {
  if (!isBytes) return JSON.stringify(output);
  const bytes = fromBase64(output as string);
  if (bytes === undefined) throw malformed('Stream-Outcome has an output that is no base64.');
  return bytes;
}

/** An outcome as it travels; `undefined` for none but that the stream is closed. */
function outcomeText(outcome: StoredOutcome | undefined): string | undefined {
  if (outcome === undefined) return undefined;
  if (outcome.type === 'error') {
    const { code, message, details } = outcome.error;
    return inAscii(JSON.stringify({ type: 'error', error: { code, message, details: storable(details) } }));
  }
  if (outcome.undefined) return '{"type":"done","undefined":true}';
  const { output } = outcome as { readonly output?: Payload };
  if (output === undefined) return undefined;
  return typeof output === 'string'
    ? inAscii(`{"type":"done","output":${isJson(output) ? output : JSON.stringify(output)}}`)
    : `{"type":"done","output":"${toBase64(output)}","encoding":"base64"}`;
}

/** The same where there is not much room: one that is too long only says what it is. */
export function shortOutcome(outcome: StoredOutcome | undefined): string | undefined {
  const text = outcomeText(outcome);
  return text === undefined || text.length <= MAX_GIVEN_OUTCOME
    ? text
    : `{"type":"${outcome?.type ?? 'done'}","long":true}`;
}

/** Adds the header field with an outcome, if there is anything to say. */
export function addOutcome(fields: Fields, outcome: StoredOutcome | undefined): void {
  const text = shortOutcome(outcome);
  if (text !== undefined) fields[OUTCOME] = text;
}

/** The answer to whoever asks for the outcome by itself. */
export function wholeOutcome(
  outcome: StoredOutcome | undefined,
  fields: Readonly<Record<string, string>>,
): HttpReply {
  return {
    status: 200,
    headers: { ...fields, 'content-type': 'application/json', [OUTCOME]: IN_BODY },
    body: outcomeText(outcome) ?? '{"type":"done"}',
  };
}

/** Details that have no JSON are left out: in memory an error has whatever its producer gave it. */
function storable(details: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(details)) as unknown;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
