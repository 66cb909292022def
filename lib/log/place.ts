import { printed, StreamError } from '../errors.js';
import { decodeOffset, type Offset, START } from '../offset.js';
import type { Head } from './head.js';

/** Where in a stream an offset is. */
export interface Place {
  readonly position: number;
  /** The tag there; below 0 if it is not known. */
  readonly tag: number;
}

/** The start of any stream. */
export const AT_START: Place = { position: 0, tag: -1 };

/**
 * The place that a well-formed offset names in a stream. Throws `OUT_OF_RANGE` for one that is of another life of the
 * id, and `DATA_LOSS` for one that the stream has given out and does not reach any more.
 */
export function placeOf(id: string, offset: Offset, head: Head): Place {
  if (offset === START) return AT_START;
  const { generation, position, tag } = decodeOffset(offset) as NonNullable<ReturnType<typeof decodeOffset>>;
  const former = head.facts.lineage?.find(([of]) => of === generation);
  const isOurs = former === undefined ? generation === head.generation : position <= former[1];
  const tagged = head.tag !== 0;
  if (!isOurs || (!tagged && (tag !== 0 || position > head.tail))) throw foreign(id, offset);
  if (position > head.tail || (position === head.tail && tag !== head.tag)) {
    throw new StreamError(
      'DATA_LOSS',
      `The store has lost chunks of the stream ${printed(id)} that it had given out: it does not reach ${offset}.`,
    );
  }
  return { position, tag };
}

const foreign = (id: string, offset: Offset): StreamError =>
  new StreamError(
    'OUT_OF_RANGE',
    `The stream ${printed(id)} has no offset ${offset}: it is of another life of the id.`,
  );
