import { jsonCodec } from '../../codec.js';
import type { Payload } from '../../engines/engine.js';
import type { Head } from '../../log/head.js';
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
