import type { Offset } from '../offset.js';
import { demand } from '../validation.js';

/** A place in a stream: after so many messages, or bytes, that follow an offset of the server. */
export interface Place {
  readonly offset: string;
  readonly skip: number;
}

/** The start, and the tail, as the protocol names them. */
export const START_PLACE: Place = { offset: '-1', skip: 0 };
export const NOW: Place = { offset: 'now', skip: 0 };

/**
 * A server names only where its answers end. Every place within an answer is named by the offset where that begins,
 * and how much of it is behind: after a comma, which no offset of a server has, and which sorts before whatever one does.
 */
export const encodePlace = ({ offset, skip }: Place): Offset =>
  skip === 0 ? offset : `${offset},${String(skip).padStart(10, '0')}`;

const FORM = /^([^\s,&=?/#]{1,512})(?:,(\d{10,15}))?$/;

/** The place that an offset names. Throws `INVALID_ARGUMENT` for what names none. */
export function placeOf(offset: Offset): Place {
  const [, base, skip = '0'] = (typeof offset === 'string' ? FORM.exec(offset) : null) ?? [];
  demand(base !== undefined && base !== 'now', 'after', 'an offset that a stream gave', offset);
  return { offset: base as string, skip: Number(skip) };
}
