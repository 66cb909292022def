import type { Parts, Payload } from '../engines/engine.js';
import { ended, invalid, notFound, printed, StreamError } from '../errors.js';
import { utf8Length } from './bytes.js';
import type {
  Append,
  Command,
  Create,
  LoseLease,
  Recheck,
  Refer,
  Release,
  Stop,
  TakeOver,
} from './command.js';
import {
  type Facts,
  type Head,
  MAX_TEXT_BYTES,
  PART,
  type Reference,
  type Soft,
  type StoredOutcome,
} from './head.js';
import { standingOf, takenOver } from './producers.js';
import { offsetOf } from './segments.js';
import { firstTag, nextTag } from './tag.js';
import { cancelled, dueEnd, goneAt, leaseLost, type Precision } from './time.js';

/** What a decision is made on: a stream as it is. */
export interface State {
  readonly head: Head;
  readonly soft: Soft;
  /** The parts that the command needs ({@link partsOf}), and perhaps more. */
  readonly parts: ReadonlyMap<string, unknown>;
}

/** What holds for all streams of a manager. */
export interface Rules extends Precision {
  /** Whether commits are tagged. */
  readonly tagged: boolean;
  readonly maxChunks: number;
  readonly maxBytes: number;
}

/** What a command does to a stream. */
export type Decision =
  /** It is to be stored whole. */
  | {
      readonly type: 'change';
      readonly head: Head;
      readonly parts: Parts | undefined;
      readonly chunks: readonly Payload[];
      /** The position and the tag before the chunks. */
      readonly position: number;
      readonly previous: number;
    }
  | { readonly type: 'removal' }
  /** It was carried out before, or there is nothing to do. */
  | {
      readonly type: 'nothing';
      readonly duplicate: boolean;
    }
  | { readonly type: 'refusal'; readonly error: StreamError };

const NO_CHUNKS: readonly Payload[] = [];

/** The names of the parts, and their prefix, that a command is decided by. */
export function partsOf(command: Command): {
  readonly parts: readonly string[];
  readonly partsWith?: string;
} {
  switch (command.type) {
    case 'append': {
      const { writer } = command;
      if (writer.type === 'producer') return { parts: [PART.producer(writer.id)] };
      if (writer.type === 'owner') return NOTHING;
      return writer.slot === undefined
        ? { parts: [], partsWith: PART.writers }
        : { parts: [PART.writer(writer.slot)] };
    }
    case 'refer':
      return { parts: [PART.reference(command.nonce), PART.origin] };
    case 'remove':
    case 'settle':
    case 'recheck':
      // What is removed has to tell its source.
      return { parts: [PART.origin] };
    default:
      return NOTHING;
  }
}

const NOTHING: { readonly parts: readonly string[] } = { parts: [] };

/**
 * All that a stream may and may not do. Pure: the same stream, command and moment give the same decision, on every
 * engine. What the clock has made true by itself has to be stored before ({@link isDue}), so nothing is decided on a
 * stream that is over without knowing.
 */
export function decide(
  id: string,
  state: State | undefined,
  command: Command,
  now: number,
  rules: Rules,
): Decision {
  if (command.type === 'create') return create(id, state, command, now, rules);
  if (state === undefined) return command.type === 'settle' ? SETTLED : missing(id, command);
  const { head } = state;
  if ('generation' in command && command.generation !== undefined && command.generation !== head.generation)
    return missing(id, command);
  if (command.type === 'refer') return refer(state, command);
  if (command.type === 'recheck') return recheck(head, command);
  if (command.type === 'settle') return settled(state, now, rules);
  if (head.facts.deleted) return refuse(notFound(id, { details: { deleted: true } }));
  switch (command.type) {
    case 'append':
      return append(id, state, command, now, rules);
    case 'takeOver':
      return takeOver(id, head, command, now);
    case 'release':
      return release(head, command, now, rules);
    case 'stop':
      return stop(head, command, now);
    case 'loseLease':
      return loseLease(state, command, now);
    case 'remove':
      return remove(head);
  }
}

/** Whether the clock has ended the stream, or taken it away, and that is not stored yet. */
export function isDue({ head, soft }: State, now: number, rules: Precision): boolean {
  const end = dueEnd(head, rules);
  return (end !== undefined && end.at <= now) || goneAt(head, soft, rules) <= now;
}

function settled({ head, soft }: State, now: number, rules: Rules): Decision {
  const end = dueEnd(head, rules);
  const gone = goneAt(head, soft, rules);
  // An end that was due comes first: whoever is there is told of it, and the TTL runs from it.
  if (end !== undefined && end.at <= now && end.at < gone) return over(head, end.outcome, end.at);
  return gone <= now ? remove(head) : SETTLED;
}

const SETTLED: Decision = { type: 'nothing', duplicate: false };
const DUPLICATE: Decision = { type: 'nothing', duplicate: true };

/** There is no stream, or not the one that is meant. */
const missing = (id: string, command: Command): Decision =>
  command.type === 'remove' && command.generation !== undefined ? DUPLICATE : refuse(notFound(id));

const refuse = (error: StreamError): Decision => ({ type: 'refusal', error });

const change = (head: Head, outcome?: StoredOutcome): Extract<Decision, { type: 'change' }> => ({
  type: 'change',
  head,
  parts: outcome && { [PART.outcome]: outcome },
  chunks: NO_CHUNKS,
  position: head.tail,
  previous: head.tag,
});

/** The next version with other facts. */
const withFacts = (head: Head, facts: Partial<Facts>): Head => ({
  ...head,
  n: head.n + 1,
  facts: { ...head.facts, ...facts },
});

/** The same version, ended. */
function endedBy(head: Head, outcome: StoredOutcome, at: number): Head {
  // A stop that was pending is over.
  const { stop: _, ...facts } = head.facts;
  return { ...head, status: outcome.type, facts: { ...facts, endedAt: at } };
}

const over = (head: Head, outcome: StoredOutcome, at: number): Decision =>
  change({ ...endedBy(head, outcome, at), n: head.n + 1 }, outcome);

function remove(head: Head): Decision {
  if (head.facts.references === 0) return { type: 'removal' };
  // Kept for its forks, and looked at soon: they may be gone without having said so.
  return change(withFacts(head, { deleted: true, recheckAt: 0 }));
}

function create(id: string, state: State | undefined, command: Create, now: number, rules: Rules): Decision {
  const { nonce, lifetime, contentType, owned, fork, chunks = NO_CHUNKS, bytes = 0, outcome } = command;
  if (state !== undefined) {
    return state.head.facts.nonce === nonce
      ? DUPLICATE
      : refuse(new StreamError('ALREADY_EXISTS', `There is a stream ${printed(id)} already.`));
  }
  if (contentType !== undefined && !fitsHead(contentType)) return refuse(tooLong('content type'));
  const start = fork?.origin.position ?? 0;
  const before = fork?.tag ?? (rules.tagged ? firstTag(nonce) : 0);
  const tag = chunks.length === 0 ? before : nextTag(before, nonce, 0, chunks);
  const full = limit(id, rules, start + chunks.length, bytes);
  if (full !== undefined) return refuse(full);
  const tail = start + chunks.length;
  const head: Head = {
    generation: 0,
    n: 1,
    status: outcome?.type ?? 'open',
    tail,
    tag,
    bytes,
    owner: owned ? { nonce, seq: 0, position: tail, tag } : undefined,
    usedAt: now,
    sequence: undefined,
    writers: 0,
    facts: {
      nonce,
      createdAt: now,
      lifetime,
      references: 0,
      ...(contentType !== undefined && { contentType }),
      ...(outcome && { endedAt: now }),
      ...(fork && { lineage: fork.lineage }),
    },
  };
  const parts =
    outcome || fork
      ? { ...(outcome && { [PART.outcome]: outcome }), ...(fork && { [PART.origin]: fork.origin }) }
      : undefined;
  return { type: 'change', head, parts, chunks, position: start, previous: before };
}

/** The order of the checks: fenced, duplicate, ended, content type, gap, application sequence. */
function append(id: string, { head, parts }: State, command: Append, now: number, rules: Rules): Decision {
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

function limit(
  id: string,
  { maxChunks, maxBytes }: Rules,
  chunks: number,
  bytes: number,
): StreamError | undefined {
  const full = chunks > maxChunks ? 'maxChunks' : bytes > maxBytes ? 'maxBytes' : undefined;
  if (full === undefined) return undefined;
  const most = full === 'maxChunks' ? maxChunks : maxBytes;
  return new StreamError('RESOURCE_EXHAUSTED', `The stream ${printed(id)} is full: ${full} is ${most}.`, {
    details: { limit: full },
  });
}

const fitsHead = (text: string): boolean => utf8Length(JSON.stringify(text)) <= MAX_TEXT_BYTES;

const tooLong = (what: string): StreamError =>
  invalid(`The ${what} is too long: as JSON it may have ${MAX_TEXT_BYTES} bytes.`);

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

function takeOver(id: string, head: Head, { nonce, lifetime, replaces }: TakeOver, now: number): Decision {
  if (head.owner?.nonce === nonce) return DUPLICATE;
  if (head.status !== 'open') return refuse(ended(id));
  if (replaces !== undefined && replaces.nonce !== head.owner?.nonce) return refuse(takenOver());
  const { tail, tag, facts } = head;
  return change({
    ...head,
    n: head.n + 1,
    owner: { nonce, seq: 0, position: tail, tag },
    usedAt: now,
    facts: { ...facts, lifetime: { ...facts.lifetime, ...lifetime } },
  });
}

function release(head: Head, { nonce }: Release, now: number, rules: Rules): Decision {
  const { owner, status, facts } = head;
  // It was replaced, or released before, or the stream has ended: nothing is left to release.
  if (owner?.nonce !== nonce || owner.closedAt !== undefined || status !== 'open') return DUPLICATE;
  const left: Head = { ...head, n: head.n + 1, owner: { ...owner, closedAt: now } };
  // A stop that waited for the producer is due.
  const outcome =
    facts.stop !== undefined
      ? cancelled(facts.stop.reason)
      : rules.exact && facts.lifetime.lease === 0
        ? leaseLost(0)
        : undefined;
  return outcome === undefined ? change(left) : change(endedBy(left, outcome, now), outcome);
}

function stop(head: Head, { reason, grace }: Stop, now: number): Decision {
  const { owner, status, facts } = head;
  if (!fitsHead(reason)) return refuse(tooLong('reason'));
  if (status !== 'open') return DUPLICATE;
  const present = owner !== undefined && owner.closedAt === undefined;
  const at = now + (present ? grace : 0);
  if (facts.stop !== undefined && facts.stop.at <= at) return DUPLICATE;
  if (at > now) return change(withFacts(head, { stop: { at, reason } }));
  return over(head, cancelled(reason), now);
}

function loseLease({ head, soft }: State, { n, beat }: LoseLease, now: number): Decision {
  if (head.status !== 'open' || head.n !== n || soft.beat !== beat) return DUPLICATE;
  return over(head, leaseLost(head.facts.lifetime.lease), now);
}

function refer({ head, parts }: State, { nonce, change: what }: Refer): Decision {
  const name = PART.reference(nonce);
  const known = parts.get(name) as Reference | undefined;
  const { references, announced = 0, deleted, recheckAt = Infinity } = head.facts;
  const store = (facts: Partial<Facts>, reference: Reference | undefined): Decision => ({
    ...change(withFacts(head, facts)),
    parts: { [name]: reference },
  });
  switch (what.type) {
    case 'announce': {
      if (known !== undefined) return DUPLICATE;
      if (deleted)
        return refuse(
          new StreamError('FAILED_PRECONDITION', 'The source is deleted, and only kept for its forks.'),
        );
      if (what.after > head.tail)
        return refuse(new StreamError('OUT_OF_RANGE', `The source has no position ${what.after}.`));
      return store(
        {
          references: references + 1,
          announced: announced + 1,
          recheckAt: Math.min(recheckAt, what.until),
        },
        { id: what.id, until: what.until },
      );
    }
    case 'confirm':
      if (known === undefined)
        return refuse(new StreamError('ABORTED', 'The fork was given up for not being made in time.'));
      return known.until === undefined && !isLater(what.generation, known.generation)
        ? DUPLICATE
        : store({}, { id: known.id, generation: what.generation });
    case 'drop':
      if (known === undefined || isLater(known.generation, what.generation)) return DUPLICATE;
      if (deleted && references === 1) return { type: 'removal' };
      return store({ references: references - 1 }, undefined);
  }
}

/** Whether a life is known, and the other is not as late. */
const isLater = (generation: number | undefined, than = 0): boolean =>
  generation !== undefined && generation > than;

function recheck(head: Head, { seen, at }: Recheck): Decision {
  // It stays due: whoever looks next sees the forks that this one has not.
  if (head.facts.announced !== seen) return SETTLED;
  const { recheckAt: _, ...facts } = head.facts;
  if (facts.deleted && facts.references === 0) return { type: 'removal' };
  return change({ ...head, n: head.n + 1, facts: at === undefined ? facts : { ...facts, recheckAt: at } });
}
