import type { Payload } from '../engines/engine.js';

/** How many bytes a text has in UTF-8, without making them. */
export function utf8Length(text: string): number {
  return text.length < SHORT ? countedLength(text) : encodedLength(text);
}

/** From this length on it is faster to encode a text than to look at each of its units. */
const SHORT = 32;

const encoder = new TextEncoder();
const scratch = new Uint8Array(4_096);

function encodedLength(text: string): number {
  let bytes = 0;
  for (let rest = text; ;) {
    const { read, written } = encoder.encodeInto(rest, scratch);
    bytes += written;
    if (read === rest.length) return bytes;
    rest = rest.slice(read);
  }
}

function countedLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A unit of a surrogate pair stands for two of the pair's four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** How many bytes a chunk takes as it is stored; 0 for what is kept by reference. */
export function payloadBytes(payload: Payload): number {
  if (typeof payload === 'string') return utf8Length(payload);
  return payload instanceof Uint8Array ? payload.byteLength : 0;
}
