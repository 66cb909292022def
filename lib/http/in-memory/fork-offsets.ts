import type { Head } from '../../log/head.js';
import { placeOf } from '../../log/place.js';
import { generationAt } from '../../log/segments.js';
import { checkOffset, encodeOffset } from '../../offset.js';
import type { AnyStream } from './registry.js';

/** Lets a stream that is a fork give and take, in the process too, the offsets of its source. */
export function takeOffsetsOfSource(stream: AnyStream, created: Head): void {
  const head: Head = { ...created, generation: stream.generation };
  stream.offsetAt = (position) => encodeOffset(generationAt(head, position), position);
  stream.positionOf = (offset) => {
    checkOffset(offset);
    return placeOf(stream.id, offset, { ...head, tail: stream.length }).position;
  };
}
