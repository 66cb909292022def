import { jsonCodec } from '../../codec.js';
import type { Payload } from '../../engines/engine.js';
import { toStreamError } from '../../errors.js';
import type { Head, StoredOutcome } from '../../log/head.js';
import type { StreamEnd, StreamOutcome } from '../../log/outcome.js';
import { JSON_TYPE, type Kind, kindOf } from '../content.js';

/** How the chunks of a stream are given over HTTP. */
export const kindOfHead = ({ facts }: Head): Kind => kindOf(facts.contentType ?? JSON_TYPE);

/** The values that subscribers in the process are given of chunks that have come over HTTP. */
export function valuesOf(head: Head, payloads: readonly Payload[]): unknown[] {
  const isJson = kindOfHead(head) === 'json';
  return payloads.map((payload) =>
    isJson && typeof payload === 'string' ? (JSON.parse(payload) as unknown) : payload,
  );
}

/**
 * How a value is given over HTTP: bytes as they are, and so is text, but for JSON; all else as JSON. Throws
 * `INVALID_ARGUMENT` for what has no JSON.
 */
export function payloadOf(kind: Kind, value: unknown): Payload {
  if (value instanceof Uint8Array || (kind !== 'json' && typeof value === 'string')) return value;
  return jsonCodec.encode(value);
}

/** The outcome that subscribers in the process are given of one that has come over HTTP. */
export function outcomeOf(stored: StoredOutcome): StreamOutcome<unknown> {
  if (stored.type === 'error') return { type: 'error', error: toStreamError(stored.error) };
  if (stored.undefined) return { type: 'done', output: undefined };
  if (!('output' in stored)) return { type: 'done' };
  const { output } = stored;
  return { type: 'done', output: typeof output === 'string' ? (JSON.parse(output) as unknown) : output };
}

/** How the end of a stream is given over HTTP. An output that has no JSON is left out. */
export function storedOutcomeOf(outcome: StreamEnd<unknown> | undefined): StoredOutcome {
  if (outcome?.type === 'error') return outcome;
  if (outcome?.type !== 'done' || !('output' in outcome)) return { type: 'done' };
  if (outcome.output === undefined) return { type: 'done', undefined: true };
  try {
    return { type: 'done', output: payloadOf('json', outcome.output) };
  } catch {
    return { type: 'done' };
  }
}
