import { fromBase64 } from '../base64.js';
import { incompleteEnd } from '../utf8.js';
import { malformed } from './failure.js';
import { joined } from './joined.js';

/** What chunks are: messages of JSON, text, or bytes. */
export type Kind = 'json' | 'text' | 'binary';

/** How the chunks of a media type are given. */
export function kindOf(type: string | null): Kind {
  const essence = (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return essence === 'application/json' ? 'json' : essence.startsWith('text/') ? 'text' : 'binary';
}

/** What an answer has. */
export interface Content {
  readonly chunks: readonly unknown[];
  /** How much of it is behind after the chunks, in messages or bytes. */
  readonly length: number;
  /** Bytes at the end that begin a character, whose rest the next answer has. */
  readonly held: Uint8Array;
}

export const NO_BYTES = new Uint8Array();

/**
 * The chunks of a body, without so many messages or bytes that are known already. `nothing`: there are none, by the
 * offset; else a body without even brackets is one that was cut off.
 */
export function contentOf(
  kind: Kind,
  body: Uint8Array,
  skip: number,
  held: Uint8Array,
  nothing: boolean,
): Content {
  if (kind === 'json') {
    const values = messagesOf(nothing && body.byteLength === 0 ? '[]' : new TextDecoder().decode(body));
    return {
      chunks: skip === 0 ? values : values.slice(skip),
      length: values.length,
      held: NO_BYTES,
    };
  }
  const bytes = body.subarray(skip);
  if (kind === 'binary') {
    return { chunks: bytes.byteLength === 0 ? [] : [bytes], length: body.byteLength, held: NO_BYTES };
  }
  const all = joined([held, bytes]);
  const end = all.byteLength - incompleteEnd(all);
  const text = decoder.decode(all.subarray(0, end));
  return {
    chunks: text === '' ? [] : [text],
    length: body.byteLength - (all.byteLength - end),
    held: all.subarray(end),
  };
}

/** The chunks of an event. */
export function eventContent(kind: Kind, data: string, isBase64: boolean): readonly unknown[] {
  if (isBase64) {
    const bytes = fromBase64(data.replace(/[\r\n]/g, ''));
    if (bytes === undefined) throw malformed('an event that is no base64.');
    return bytes.byteLength === 0 ? [] : [kind === 'text' ? decoder.decode(bytes) : bytes];
  }
  if (kind === 'json') return messagesOf(data);
  if (data === '') return [];
  return [kind === 'text' ? data : new TextEncoder().encode(data)];
}

function messagesOf(text: string): unknown[] {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    throw malformed('no JSON, or not all of it.');
  }
  if (!Array.isArray(values)) throw malformed('JSON that is no array.');
  return values;
}

// Whatever a text begins with is a part of it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
