import type { Payload } from '../engines/engine.js';

/*
 * A tag is a hash of everything that was written up to a position: of the tag before, and of who wrote what. Two logs
 * that agree in position and tag agree in their chunks, but for one chance in a million. So a tail that a store has
 * lost and that has grown again is told from the one that was lost.
 */

/** The greatest tag: six digits in an offset. */
export const MAX_TAG = 999_999;
const FNV_PRIME = 0x01000193;

/** One step of FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
const mix = (hash: number, value: number): number => Math.imul(hash ^ value, FNV_PRIME);

/** Below this length it takes longer to encode a text than to look at each of its units. */
const SHORT = 16;
const encoder = new TextEncoder();
const scratch = new Uint8Array(4_096);

/** By units of UTF-16. Those of ASCII are its bytes, which in V8 are there in a fifth of the time once text is long. */
function mixText(hash: number, text: string): number {
  const mixed = mix(hash, text.length);
  return text.length < SHORT ? mixUnits(mixed, text) : mixPieces(mixed, text);
}

function mixUnits(hash: number, text: string): number {
  let mixed = hash;
  for (let i = 0; i < text.length; i++) mixed = mix(mixed, text.charCodeAt(i));
  return mixed;
}

function mixPieces(hash: number, text: string): number {
  let mixed = hash;
  for (let rest = text; rest !== '';) {
    const { read, written } = encoder.encodeInto(rest, scratch);
    // Every other unit has more bytes than one.
    mixed = read === written ? mixAll(mixed, scratch, written) : mixUnits(mixed, rest.slice(0, read));
    rest = rest.slice(read);
  }
  return mixed;
}

const mixBytes = (hash: number, bytes: Uint8Array): number =>
  mixAll(mix(hash, ~bytes.length), bytes, bytes.length);

/** So many bytes. */
function mixAll(hash: number, bytes: Uint8Array, count: number): number {
  let mixed = hash;
  for (let i = 0; i < count; i++) mixed = mix(mixed, bytes[i] as number);
  return mixed;
}

/** Spread by the end of MurmurHash3: of FNV-1a alone, what is written last shows in too few tags. */
function asTag(hash: number): number {
  let spread = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  spread = Math.imul(spread ^ (spread >>> 13), 0xc2b2ae35);
  return 1 + (((spread ^ (spread >>> 16)) >>> 0) % MAX_TAG);
}

/** The tag at the start of a stream, from the nonce of its creation. */
export const firstTag = (nonce: string): number => asTag(mixText(0x811c9dc5, nonce));

/** The tag after an append; 0 after 0, which is that of a store that can't lose what it acknowledged. */
export function nextTag(previous: number, writer: string, seq: number, chunks: readonly Payload[]): number {
  if (previous === 0) return 0;
  let hash = mix(mixText(mix(0x811c9dc5, previous), writer), seq);
  for (const chunk of chunks) hash = typeof chunk === 'string' ? mixText(hash, chunk) : mixBytes(hash, chunk);
  return asTag(hash);
}
