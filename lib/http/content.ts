import type { Payload } from '../engines/engine.js';
import { payloadBytes } from '../log/bytes.js';
import { toBase64 } from '../base64.js';
import type { RequestFields } from './exchange.js';
import { jsonMessages } from './json-messages.js';
import { malformed, tooLarge } from './refusal.js';

/** How the chunks of a stream are taken from bodies, and given in them. */
export type Kind = 'json' | 'text' | 'binary';

/** The media type of what inputs write. */
export const JSON_TYPE = 'application/json';
/** The media type of a stream that is created without one. */
export const DEFAULT_TYPE = 'application/octet-stream';

const TYPE = /^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+$/;

/** A media type without its parameters. */
export const essenceOf = (type: string): string => (type.split(';', 1)[0] as string).trim().toLowerCase();

/** The media type that a request has, if it has one. */
export function contentTypeOf(headers: RequestFields): string | undefined {
  const type = headers.get('content-type')?.trim();
  if (type === undefined || type === JSON_TYPE) return type;
  if (!TYPE.test(essenceOf(type))) throw malformed('Content-Type is no media type.');
  return type;
}

/** How a media type is treated. */
export function kindOf(type: string): Kind {
  if (type === JSON_TYPE) return 'json';
  const essence = essenceOf(type);
  return essence === JSON_TYPE ? 'json' : essence.startsWith('text/') ? 'text' : 'binary';
}

/** What a body has for a stream. */
export interface Content {
  readonly chunks: readonly Payload[];
  readonly bytes: number;
}

const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text that bytes are in UTF-8; `undefined` if they are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The bytes of a payload. */
export const bytesOf = (payload: Payload): Uint8Array =>
  typeof payload === 'string' ? encoder.encode(payload) : payload;

/**
 * The chunks of a body: each message of a JSON body, as it is written; text as text, if it is in UTF-8; all else as
 * bytes. What is longer than a chunk may be becomes several, where that makes no difference.
 */
export function contentOf(kind: Kind, body: Uint8Array, maxChunkBytes: number): Content {
  if (body.byteLength === 0) return { chunks: [], bytes: 0 };
  if (kind === 'json') return messagesOf(body, maxChunkBytes);
  const chunks: Payload[] = [];
  const isText = kind === 'text' && textOf(body) !== undefined;
  for (let from = 0; from < body.byteLength;) {
    const until = isText ? characterEnd(body, from + maxChunkBytes) : from + maxChunkBytes;
    const part = body.subarray(from, until);
    // A copy: it may be a small part of what a server reads into.
    chunks.push(isText ? strict.decode(part) : new Uint8Array(part));
    from += part.byteLength;
  }
  return { chunks, bytes: body.byteLength };
}

function messagesOf(body: Uint8Array, maxChunkBytes: number): Content {
  const text = textOf(body);
  if (text === undefined) throw malformed('The body is no valid UTF-8.');
  const chunks = jsonMessages(text);
  let bytes = 0;
  for (const chunk of chunks) {
    const size = payloadBytes(chunk);
    if (size > maxChunkBytes) throw tooLarge(`A message may have ${maxChunkBytes} bytes.`);
    bytes += size;
  }
  return { chunks, bytes };
}

/** The last place up to which bytes of UTF-8 hold whole characters. */
function characterEnd(bytes: Uint8Array, until: number): number {
  let end = until;
  while (end < bytes.byteLength && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return end;
}

/** A message of a JSON stream, in a JSON text. Bytes, which only an input can have written, are given in base64. */
export const jsonOf = (payload: Payload): string =>
  typeof payload === 'string' ? payload : JSON.stringify(toBase64(payload));

/** The body that gives chunks. */
export function bodyOf(kind: Kind, chunks: readonly Payload[]): string | Uint8Array {
  if (kind === 'json') return `[${chunks.map(jsonOf).join(',')}]`;
  return chunks.every((chunk) => typeof chunk === 'string') ? chunks.join('') : joined(chunks);
}

/** All bytes of chunks. */
export function joined(chunks: readonly Payload[]): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return bytesOf(first);
  const parts = chunks.map(bytesOf);
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
