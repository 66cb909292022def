import type { Payload } from '../engines/engine.js';
import { ended, printed, StreamError } from '../errors.js';
import type { Append } from './command.js';
import {
  type Decision,
  DUPLICATE,
  endedBy,
  fitsHead,
  limit,
  refuse,
  type Rules,
  type State,
  tooLong,
} from './decision.js';
import { type Facts, type Head, PART } from './head.js';
import { standingOf } from './producers.js';
import { offsetOf } from './segments.js';
import { nextTag } from './tag.js';

/** The order of the checks: fenced, duplicate, ended, content type, gap, application sequence. */
export function append(
  id: string,
  { head, parts }: State,
  command: Append,
  now: number,
  rules: Rules,
): Decision {
  const { writer, chunks, outcome, contentType, sequence } = command;
  const { facts } = head;
  const standing = standingOf(writer, head, parts);
  if (standing.type === 'fenced') return refuse(standing.error);
  if (standing.type === 'duplicate') return DUPLICATE;
  // An input that has left writes no more than one of a stream that has ended.
  if (head.status !== 'open' || (writer.type === 'owner' && head.owner?.closedAt !== undefined)) {
    // Closing what is closed asks for nothing.
    const closesOnly = outcome !== undefined && chunks.length === 0 && writer.type !== 'owner';
    return closesOnly
      ? DUPLICATE
      : refuse(ended(id, { details: { tail: offsetOf(head, head.tail, head.tag) } }));
  }
  // What has no chunks has no type either.
  if (contentType !== undefined && !isOfType(facts, contentType) && chunks.length > 0)
    return refuse(otherType(facts, contentType));
  if (standing.type === 'gap') return refuse(standing.error);
  if (sequence !== undefined && head.sequence !== undefined && !(sequence > head.sequence))
    return refuse(notLater(sequence, head.sequence));
  if (sequence !== undefined && !fitsHead(sequence)) return refuse(tooLong('sequence'));
  const tail = head.tail + chunks.length;
  const bytes = head.bytes + command.bytes;
  const full = chunks.length === 0 ? undefined : limit(id, rules, tail, bytes);
  if (full !== undefined) return refuse(full);

  const tag =
    chunks.length === 0
      ? head.tag
      : nextTag(head.tag, 'nonce' in writer ? writer.nonce : writer.id, writer.seq, chunks);
  let { owner } = head;
  if (writer.type === 'owner') owner = { nonce: writer.nonce, seq: writer.seq, position: tail, tag };
  // Written out: the hot path copies it for every write.
  const next: Head = {
    generation: head.generation,
    n: head.n + 1,
    status: head.status,
    tail,
    tag,
    bytes,
    owner,
    usedAt: now,
    sequence: sequence ?? head.sequence,
    writers: standing.registers ? head.writers + 1 : head.writers,
    facts,
  };
  if (outcome === undefined) {
    return {
      type: 'change',
      head: next,
      parts: standing.parts,
      chunks,
      position: head.tail,
      previous: head.tag,
    };
  }
  return {
    type: 'change',
    head: endedBy(next, outcome, now),
    parts: { ...standing.parts, [PART.outcome]: outcome },
    chunks,
    position: head.tail,
    previous: head.tag,
  };
}

/**
 * The stream after an append of its owner by which nothing but the log changes, and which no time can be in the way of;
 * `undefined` where there is more to decide. The same that {@link decide} gives, without what that needs.
 */
export function appended(
  head: Head,
  nonce: string,
  seq: number,
  chunks: readonly Payload[],
  size: number,
  { maxChunks, maxBytes }: Rules,
): Head | undefined {
  const { owner, facts } = head;
  if (owner?.nonce !== nonce || owner.closedAt !== undefined || owner.seq + 1 !== seq) return undefined;
  const tail = head.tail + chunks.length;
  const bytes = head.bytes + size;
  if (head.status !== 'open' || facts.deleted || tail > maxChunks || bytes > maxBytes) return undefined;
  const tag = nextTag(head.tag, nonce, seq, chunks);
  return {
    generation: head.generation,
    n: head.n + 1,
    status: head.status,
    tail,
    tag,
    bytes,
    owner: { nonce, seq, position: tail, tag },
    // Of what can't become idle nobody asks when it was used, and the clock costs as much as all of this.
    usedAt: head.usedAt,
    sequence: head.sequence,
    writers: head.writers,
    facts,
  };
}

/** Whether a media type is the stream's, without its parameters. What inputs write is JSON unless it was said otherwise. */
const isOfType = ({ contentType = 'application/json' }: Facts, given: string): boolean =>
  contentType === given || essence(contentType) === essence(given);

const essence = (type: string): string => (type.split(';', 1)[0] as string).trim().toLowerCase();

const otherType = ({ contentType }: Facts, given: string): StreamError =>
  new StreamError(
    'FAILED_PRECONDITION',
    `The stream has the content type ${printed(contentType)}, not ${printed(given)}.`,
    { details: { contentType } },
  );

const notLater = (sequence: string, last: string): StreamError =>
  new StreamError(
    'FAILED_PRECONDITION',
    `The sequence must be greater than ${printed(last)}, but it is ${printed(sequence)}.`,
    { details: { sequence: last } },
  );
