import { StreamError } from './errors.js';
import { demand } from './validation.js';

/**
 * Names the position just after a chunk; reading resumes after it. Opaque: keep it, send it back, compare two of
 * one stream as strings (their order is stream order), and nothing else. It outlives restarts and names the
 * stream's generation, so an offset of a deleted stream never resumes inside another one that took its id.
 */
export type Offset = string;

/** The start of any stream. */
export const START: Offset = '0000000000000000_0000000000000000';

const FORM = /^\d{16}_\d{16}$/;
const isOffset = (offset: unknown): boolean => typeof offset === 'string' && FORM.test(offset);

/** The offset after `position` chunks of a generation. Streams in memory have tag 0. */
export const encodeOffset = (generation: number, position: number, tag = 0): Offset =>
  `${String(generation).padStart(16, '0')}_${String(position).padStart(10, '0')}${tag === 0 ? '000000' : String(tag).padStart(6, '0')}`;

/** The parts of an offset, or `undefined` for one that is not of this library's form. */
export function decodeOffset(
  offset: Offset,
): { generation: number; position: number; tag: number } | undefined {
  return isOffset(offset)
    ? {
        generation: Number(offset.slice(0, 16)),
        position: Number(offset.slice(17, 27)),
        tag: Number(offset.slice(27)),
      }
    : undefined;
}

/**
 * How many chunks of the stream of `generation` with `length` chunks precede `offset`. Throws `INVALID_ARGUMENT`
 * for a malformed offset, `OUT_OF_RANGE` for one that names no position of this stream.
 */
export function positionIn(offset: Offset, generation: number, length: number): number {
  checkOffset(offset);
  if (offset === START) return 0;
  const position = Number(offset.slice(17, 27));
  // Compared encoded: this also refuses a tag, and digits beyond what a number holds.
  if (position > length || offset !== encodeOffset(generation, position)) {
    throw new StreamError(
      'OUT_OF_RANGE',
      `The stream has no offset ${offset}: it is of another life of the id.`,
    );
  }
  return position;
}

/** Throws `INVALID_ARGUMENT` for a malformed offset. */
export function checkOffset(offset: Offset): void {
  demand(isOffset(offset), 'after', 'an offset that a stream gave', offset);
}
