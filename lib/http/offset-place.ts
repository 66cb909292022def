import { StreamError } from '../errors.js';
import type { Head } from '../log/head.js';
import { AT_START, type Place, placeOf } from '../log/place.js';
import { decodeOffset, encodeOffset, type Offset, START } from '../offset.js';
import { malformed, type Refusal, refusal } from './refusal.js';

/** The parts of an offset that can be one. */
function partsOf(offset: Offset): NonNullable<ReturnType<typeof decodeOffset>> {
  const parts = decodeOffset(offset);
  // There are digits beyond what a number holds, and no life is numbered 0.
  const holds =
    parts !== undefined &&
    parts.generation > 0 &&
    encodeOffset(parts.generation, parts.position, parts.tag) === offset;
  if (!holds) throw malformed('The offset is malformed: it must be -1, now, or one that a stream gave.');
  return parts;
}

/** The position that an offset names, and the life in which it does; any for the start. */
export function positionOf(offset: string): { readonly position: number; readonly generation?: number } {
  return offset === '-1' || offset === START ? { position: 0 } : partsOf(offset);
}

/**
 * The place that an offset names in a stream. One that can be none is 400; one of another life of the id, or of what a
 * store has lost, has the status given.
 */
export function placeIn(id: string, offset: string, head: Head, foreign: 400 | 410): Place {
  if (offset === '-1' || offset === START) return AT_START;
  const { generation } = partsOf(offset);
  try {
    return placeOf(id, offset, head);
  } catch (error) {
    const { code, message } = error as StreamError;
    // It is this life's, and has nowhere to be.
    if (code === 'OUT_OF_RANGE' && generation === head.generation) throw malformed(message);
    throw goneOrBad(foreign, code, message);
  }
}

const goneOrBad = (status: 400 | 410, code: StreamError['code'], message: string): Refusal =>
  status === 400 ? malformed(message) : refusal(status, code, message);
