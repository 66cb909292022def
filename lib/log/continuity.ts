import type { Entry } from '../engines/engine.js';
import { printed, StreamError } from '../errors.js';

/** The tag of a place of which it is not known. */
export const ANY_TAG = -1;

/** Why an entry does not continue what comes before a position, if it does not: positions are dense, and tags agree. */
export function misfit(id: string, entry: Entry, position: number, tag: number): StreamError | undefined {
  if (entry.position > position) return hole(id, position);
  if (tag === ANY_TAG) return undefined;
  const joins = entry.position === position ? entry.previous === tag : entry.tag === tag;
  return joins ? undefined : regrown(id);
}

/** The error where chunks are missing. */
export const hole = (id: string, position: number): StreamError =>
  new StreamError(
    'DATA_LOSS',
    `The store has lost what follows chunk ${position} of the stream ${printed(id)}.`,
  );

/** The error where a tail was lost, and may have grown again. */
export const regrown = (id: string): StreamError =>
  new StreamError(
    'DATA_LOSS',
    `The store has lost chunks of the stream ${printed(id)} that it had given out.`,
  );

/** The error of a reader whose stream expired under it. */
export const expiredUnread = (id: string): StreamError =>
  new StreamError('OUT_OF_RANGE', `The stream ${printed(id)} has expired before it was read to its end.`);

/** The error of a chunk that the codec does not take back. */
export const undecodable = (id: string, index: number, cause: unknown): StreamError =>
  new StreamError('DATA_LOSS', `Chunk ${index} of the stream ${printed(id)} can't be decoded.`, { cause });
