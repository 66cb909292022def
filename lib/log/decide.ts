import { ended, notFound, printed, StreamError } from '../errors.js';
import type { Command, Create, LoseLease, Release, Stop, TakeOver } from './command.js';
import { append } from './decide-append.js';
import { recheck, refer } from './decide-forks.js';
import {
  change,
  type Decision,
  DUPLICATE,
  endedBy,
  fitsHead,
  limit,
  NO_CHUNKS,
  over,
  refuse,
  type Rules,
  SETTLED,
  type State,
  tooLong,
  withFacts,
} from './decision.js';
import { type Head, headWith, PART } from './head.js';
import { takenOver } from './producers.js';
import { firstTag, nextTag } from './tag.js';
import { cancelled, dueEnd, goneAt, leaseLost, type Precision } from './time.js';

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

/** There is no stream, or not the one that is meant. */
const missing = (id: string, command: Command): Decision =>
  command.type === 'remove' && command.generation !== undefined ? DUPLICATE : refuse(notFound(id));

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

function takeOver(id: string, head: Head, { nonce, lifetime, replaces }: TakeOver, now: number): Decision {
  if (head.owner?.nonce === nonce) return DUPLICATE;
  if (head.status !== 'open') return refuse(ended(id));
  if (replaces !== undefined && replaces.nonce !== head.owner?.nonce) return refuse(takenOver());
  const { tail, tag, facts } = head;
  const owner = { nonce, seq: 0, position: tail, tag };
  return change(
    headWith(head, {
      n: head.n + 1,
      owner,
      usedAt: now,
      facts: { ...facts, lifetime: { ...facts.lifetime, ...lifetime } },
    }),
  );
}

function release(head: Head, { nonce }: Release, now: number, rules: Rules): Decision {
  const { owner, status, facts } = head;
  // It was replaced, or released before, or the stream has ended: nothing is left to release.
  if (owner?.nonce !== nonce || owner.closedAt !== undefined || status !== 'open') return DUPLICATE;
  const left = headWith(head, { n: head.n + 1, owner: { ...owner, closedAt: now } });
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
