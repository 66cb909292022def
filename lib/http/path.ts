import { StreamError } from '../errors.js';
import { checkId } from '../validation.js';
import { malformed, type Refusal, refusal } from './refusal.js';

/** Control characters, and the backslash, which some servers take for a slash. */
// eslint-disable-next-line no-control-regex -- They are what is refused.
const UNSAFE = /[\u0000-\u001f\u007f\\]/;

/** What needs no decoding, and hides nothing: no segment begins with a dot, or is reserved. */
const PLAIN = /^[A-Za-z\d][\w.~-]*(\/[A-Za-z\d][\w.~-]*)*$/;

/** The refusal of a path with no stream behind it. */
const nothingThere = (): Refusal => refusal(404, 'NOT_FOUND', 'There is no stream at this path.');

/**
 * The id of the stream at a path: what follows the base path, decoded segment by segment. A path that is not under it
 * is 404; one that hides something (an encoded slash, a dot segment, a control character, what is no UTF-8) is 400.
 */
export function idOf(path: string, basePath: string): string {
  if (!path.startsWith(`${basePath}/`)) throw nothingThere();
  const encoded = path.slice(basePath.length + 1);
  const id = PLAIN.test(encoded) ? encoded : decoded(encoded);
  try {
    checkId(id);
  } catch (error) {
    throw malformed((error as StreamError).message);
  }
  return id;
}

function decoded(encoded: string): string {
  const segments = encoded.split('/').map(segmentOf);
  const id = segments.join('/');
  if (id === '') throw nothingThere();
  // Reserved for control APIs (section 6), of which there are none here.
  if (segments[0] === '__ds') throw nothingThere();
  return id;
}

function segmentOf(encoded: string): string {
  let segment: string;
  try {
    segment = decodeURIComponent(encoded);
  } catch {
    throw malformed('The path is no valid UTF-8.');
  }
  if (segment === '.' || segment === '..') throw malformed('The path has a dot segment.');
  if (segment.includes('/')) throw malformed('The path has an encoded slash.');
  if (UNSAFE.test(segment)) throw malformed('The path has a control character or a backslash.');
  return segment;
}
