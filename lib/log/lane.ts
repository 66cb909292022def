import type { Commit, Entry, Loaded, LoadRequest, Parts, Payload } from '../engines/engine.js';
import { StreamError } from '../errors.js';
import { payloadBytes } from './bytes.js';
import type { Command, Remove, Stop, TakeOver } from './command.js';
import { type Decision, decide, isDue, partsOf, type Rules, type State } from './decide.js';
import { type Head, type Origin, PART, type Soft } from './head.js';
import { deadline } from './time.js';

/** What became of a command that was carried out. */
export interface Answer {
  /** The stream after it; `undefined` if it was removed. */
  readonly head: Head | undefined;
  /** The position after the chunks of the command, or the tail, and the tag there. */
  readonly position: number;
  readonly tag: number;
  /** Whether it had been carried out before. */
  readonly duplicate: boolean;
  /** The slot that a process was given with its append, if it was. */
  readonly slot?: number;
}

/** A command, and who wants to know. Exactly one of the two is called, once. */
export interface Request {
  readonly id: string;
  readonly command: Command;
  done(answer: Answer): void;
  failed(error: StreamError): void;
  /** Called when the command is read for the first time; until then it may grow. */
  taken?(): void;
}

/** A commit, and the requests that it carries out. */
export interface Group {
  readonly lane: Lane;
  readonly requests: readonly Request[];
  readonly decisions: readonly Decision[];
  /** What to store; `undefined` if nothing changes. */
  readonly commit: Commit | undefined;
  /** What the decisions began with. */
  readonly base: State | undefined;
  /** Of a removal, where to say so. */
  readonly origin:
    { readonly origin: Origin; readonly nonce: string; readonly generation: number } | undefined;
}

/** An entry that would grow beyond either is cut: it is what a read can't divide. */
const MAX_ENTRY_BYTES = 65_536;
const MAX_ENTRY_CHUNKS = 1_024;
/** How many requests are looked through for the parts that they need. */
const LOOK_AHEAD = 256;
/** How many parts are kept between commits. */
const MAX_KNOWN_PARTS = 1_024;

const NO_ENTRIES: readonly Entry[] = [];

/** Stores what is due, for nobody in particular. */
const settling = (id: string): Request => ({
  id,
  command: { type: 'settle' },
  done: () => undefined,
  failed: () => undefined,
});

/**
 * The commands of one stream, one after another, and what is known of the stream: after a commit of ours its head, so
 * that a single writer never has to ask.
 */
export class Lane {
  readonly queue: Request[] = [];
  /** The stream as it was last seen, or `undefined` if there was none; see {@link known}. */
  state: State | undefined;
  /** Whether {@link state} is worth anything. */
  known = false;
  /**
   * For how many of the next requests {@link state} is sure, because the store was looked at since they came; what we
   * made it before, or saw before, may be old. A refusal has to be sure.
   */
  fresh = 0;
  /** Whether a group of this lane is on its way. */
  busy = false;
  /** How many bytes of chunks wait to be stored, or are on their way. */
  bytes = 0;
  /** How often the group on its way was tried in vain, and since when. */
  tries = 0;
  since = 0;
  /** Whether the next group is to be of one request: a group of several was refused. */
  single = false;

  #parts = new Map<string, unknown>();
  #writersKnown = false;
  /** How many requests there were when what is wanted was asked for. */
  #asking = 0;

  constructor(readonly id: string) {}

  /** What has to be loaded before anything can be decided; `undefined` if nothing. */
  wanted(): LoadRequest | undefined {
    const parts = new Set<string>();
    let writers = false;
    for (const { command } of this.queue.slice(0, LOOK_AHEAD)) {
      const needed = partsOf(command);
      for (const name of needed.parts) if (!this.known || !this.#parts.has(name)) parts.add(name);
      writers ||= needed.partsWith !== undefined && (!this.known || !this.#writersKnown);
    }
    if (this.known && parts.size === 0 && !writers) return undefined;
    // What removes a stream by the clock has to tell its source.
    parts.add(PART.origin);
    this.#asking = this.queue.length;
    return { id: this.id, parts: [...parts], ...(writers && { partsWith: PART.writers }) };
  }

  /** Takes what was loaded, which is sure for so many of the next requests. */
  learn({ parts = [], partsWith }: LoadRequest, loaded: Loaded | undefined, fresh = this.#asking): void {
    const { state } = this;
    const same =
      loaded !== undefined &&
      state?.head.generation === loaded.head.generation &&
      state.head.n === loaded.head.n &&
      this.#parts.size < MAX_KNOWN_PARTS;
    if (!same) this.forget();
    this.known = true;
    this.fresh = fresh;
    for (const name of parts) this.#parts.set(name, undefined);
    for (const [name, part] of Object.entries(loaded?.parts ?? {})) this.#parts.set(name, part);
    if (partsWith !== undefined) this.#writersKnown = true;
    this.state = loaded && { head: loaded.head, soft: loaded.soft, parts: this.#parts };
  }

  /** Lets go of what is known, because it is not true any more or may not be. */
  forget(): void {
    this.state = undefined;
    this.known = false;
    this.fresh = 0;
    this.#parts = new Map();
    this.#writersKnown = false;
  }

  /** Decides the next requests, as many as one commit can carry; `undefined` if more has to be known before. */
  fold(now: number, rules: Rules, maxBytes: number): Group | undefined {
    const base = this.state;
    // Who is reading is known to such an engine, and to nobody else.
    if (
      rules.exact &&
      base !== undefined &&
      this.fresh === 0 &&
      base.head.facts.lifetime.idleTtl !== Infinity
    ) {
      this.known = false;
      return undefined;
    }
    if (base !== undefined && isDue(base, now, rules)) {
      // A fork that is removed has to tell its source.
      if (this.fresh > 0 && this.#parts.has(PART.origin))
        return this.#group([settling(this.id)], now, rules, maxBytes);
      this.known = false;
      return undefined;
    }
    const [first] = this.queue;
    // What was known of it was of an older version, and was not asked for again.
    if (first !== undefined && !this.#knows(first.command)) {
      this.known = false;
      return undefined;
    }
    const group = this.#group(this.queue, now, rules, maxBytes);
    if (group === undefined) return undefined;
    const { length } = group.requests;
    this.queue.splice(0, length);
    this.fresh = Math.max(0, this.fresh - length);
    return group;
  }

  #group(queue: readonly Request[], now: number, rules: Rules, maxBytes: number): Group | undefined {
    const base = this.state;
    const requests: Request[] = [];
    const decisions: Decision[] = [];
    let state = base;
    let parts: Record<string, unknown> | undefined;
    let removed = false;
    let bytes = 0;
    for (const request of queue) {
      const { command } = request;
      const size = bytesOf(command);
      if (
        requests.length > 0 &&
        (this.single || bytes + size > maxBytes || !this.#knows(command) || repeatsInput(requests, command))
      )
        break;
      const decision = decide(this.id, state, command, now, rules);
      if ((decision.type !== 'change' || isHeld(command)) && requests.length >= this.fresh) {
        // What we know may be old. What was decided before this goes first.
        if (requests.length > 0) break;
        this.known = false;
        return undefined;
      }
      // What changes nothing is sure now, and would not be if it were decided again, after a commit of which it is not
      // known whether it was stored. A removal has a commit to itself.
      const [first] = decisions;
      if (first !== undefined && (decision.type === 'removal' || changes(decision) !== changes(first))) break;
      request.taken?.();
      requests.push(request);
      decisions.push(decision);
      if (decision.type === 'change') {
        bytes += size;
        for (const name in decision.parts) {
          (parts ??= {})[name] = decision.parts[name];
          this.#parts.set(name, decision.parts[name]);
        }
        state = { head: decision.head, soft: state?.soft ?? NEW, parts: this.#parts };
      } else if (decision.type === 'removal') {
        removed = true;
        break;
      }
    }
    return this.#sealed(requests, decisions, base, removed ? undefined : state, parts, now, rules);
  }

  /** The group with its commit: the chunks as entries, all under the last tag. */
  #sealed(
    requests: readonly Request[],
    decisions: readonly Decision[],
    base: State | undefined,
    state: State | undefined,
    parts: Record<string, unknown> | undefined,
    now: number,
    rules: Rules,
  ): Group {
    const group = { lane: this, requests, decisions, base, origin: undefined };
    if (state === base) return { ...group, commit: undefined };
    const { id } = this;
    const expected = base?.head;
    if (state === undefined) {
      const { head, soft } = base as State;
      const { usedAt } = soft;
      const { generation, facts } = head;
      const origin = this.#parts.get(PART.origin) as Origin | undefined;
      this.state = undefined;
      // The next life has none of them.
      this.#parts = new Map();
      this.#writersKnown = false;
      return {
        ...group,
        commit: { id, expected, head: undefined, usedAt, parts: undefined, entries: NO_ENTRIES },
        origin: origin && { origin, nonce: facts.nonce, generation },
      };
    }
    const entries = entriesOf(requests, decisions, state.head.tag);
    let { head } = state;
    const start = entries[0]?.position;
    const { owner } = head;
    // What is after the start of the group is under its last tag, also where others wrote between.
    if (start !== undefined && owner !== undefined && owner.position > start && owner.tag !== head.tag) {
      head = { ...head, owner: { ...owner, tag: head.tag } };
    }
    this.state = { head, soft: state.soft, parts: this.#parts };
    const commit = { id, expected, head, parts, entries };
    // Appending alone never brings a deadline nearer.
    if (rules.exact || head.facts === expected?.facts) return { ...group, commit };
    const dueAt = deadline(head, state.soft, now, rules);
    const kept = head.facts.deleted && !base?.head.facts.deleted;
    return { ...group, commit: { ...commit, dueAt, ...(kept && base && { usedAt: base.soft.usedAt }) } };
  }

  #knows(command: Command): boolean {
    const { parts, partsWith } = partsOf(command);
    return parts.every((name) => this.#parts.has(name)) && (partsWith === undefined || this.#writersKnown);
  }
}

/**
 * Whether an input has an append in a group already. Each has its own commit, so that where a repeated one has ended is
 * known: but for an end that directly follows the chunks, which is there with them.
 */
function repeatsInput(requests: readonly Request[], command: Command): boolean {
  if (command.type !== 'append' || command.writer.type !== 'owner') return false;
  const until = command.chunks.length > 0 ? requests.length : requests.length - 1;
  for (let i = 0; i < until; i++) {
    const { command: earlier } = requests[i] as Request;
    if (earlier.type === 'append' && earlier.writer.type === 'owner') return true;
  }
  return false;
}

/** Whether a command could be carried out twice where it is repeated, on what others have made since of the first time. */
const isHeld = (command: Command): command is TakeOver | Stop | Remove =>
  command.type === 'takeOver' || command.type === 'stop' || command.type === 'remove';

/**
 * The requests of a group of which it is not known whether it was stored, to be tried again. What could be carried out
 * twice is held to the stream that it was decided on.
 */
export function repeated({ requests, decisions, base }: Group): Request[] {
  let owner = base?.head.owner;
  return requests.map((request, i) => {
    const { id, command } = request;
    const decision = decisions[i];
    const replaced = owner;
    if (decision?.type === 'change') ({ owner } = decision.head);
    let again: Command;
    if (command.type === 'takeOver') again = { ...command, replaces: { nonce: replaced?.nonce } };
    else if (isHeld(command)) again = { ...command, generation: command.generation ?? base?.head.generation };
    else return request;
    return {
      id,
      command: again,
      done: (answer) => {
        request.done(answer);
      },
      failed: (error) => {
        request.failed(error);
      },
    };
  });
}

/** Whether a decision has to be stored. */
const changes = ({ type }: Decision): boolean => type === 'change' || type === 'removal';

const NEW: Soft = { usedAt: -Infinity, beat: 0, readers: 0, dueAt: Infinity };

/** What a group answers its requests with, once it is stored. */
export function answerTo(group: Group, index: number, head: Head | undefined): Answer {
  const decision = group.decisions[index] as Decision;
  if (decision.type === 'nothing') return answerAgain(group, index, decision);
  const duplicate = false;
  if (head === undefined || decision.type === 'removal')
    return { head: undefined, position: 0, tag: 0, duplicate };
  if (decision.type !== 'change') throw new StreamError('INTERNAL', 'A refusal has no answer.');
  const { tail } = decision.head;
  return {
    head,
    position: tail,
    tag: tail === decision.position ? tagAt(group, tail, head) : head.tag,
    duplicate,
    ...slotOf(decision.parts),
  };
}

/** The slot of a process whose append has changed these parts. */
function slotOf(parts: Parts | undefined): { readonly slot: number } | undefined {
  for (const name in parts)
    if (name.startsWith(PART.writers)) return { slot: Number(name.slice(PART.writers.length)) };
  return undefined;
}

/** The answer to what was carried out before, with the stream as it was found. */
function answerAgain(
  { requests, base }: Group,
  index: number,
  { duplicate }: Extract<Decision, { type: 'nothing' }>,
): Answer {
  if (base === undefined) return { head: undefined, position: 0, tag: 0, duplicate };
  const { head } = base;
  const { command } = requests[index] as Request;
  // A repeated append of an input is its last one, of which it is known where it ended.
  const isInput = command.type === 'append' && command.writer.type === 'owner';
  const { position, tag } = (isInput ? head.owner : undefined) ?? { position: head.tail, tag: head.tag };
  return { head, position, tag, duplicate };
}

/** The tag at a position where a command appended nothing: that of the commit if others did before it, else as it was. */
function tagAt({ decisions, base }: Group, position: number, head: Head): number {
  const first = decisions.find((decision) => decision.type === 'change');
  const start = first?.type === 'change' ? first.position : position;
  if (position > start) return head.tag;
  return base?.head.tag ?? (first?.type === 'change' ? first.previous : head.tag);
}

function entriesOf(
  requests: readonly Request[],
  decisions: readonly Decision[],
  tag: number,
): readonly Entry[] {
  let first: Extract<Decision, { type: 'change' }> | undefined;
  let all: Payload[] | undefined;
  let bytes = 0;
  for (const [i, decision] of decisions.entries()) {
    if (decision.type !== 'change' || decision.chunks.length === 0) continue;
    bytes += bytesOf((requests[i] as Request).command);
    if (first === undefined) first = decision;
    else for (const chunk of decision.chunks) (all ??= [...first.chunks]).push(chunk);
  }
  if (first === undefined) return NO_ENTRIES;
  const { position, previous } = first;
  const chunks = all ?? first.chunks;
  if (bytes <= MAX_ENTRY_BYTES && chunks.length <= MAX_ENTRY_CHUNKS)
    return [{ position, chunks, bytes, tag, previous }];
  return cut(position, chunks, tag, previous);
}

const bytesOf = (command: Command): number => ('bytes' in command ? (command.bytes ?? 0) : 0);

function cut(position: number, chunks: readonly Payload[], tag: number, previous: number): readonly Entry[] {
  const entries: Entry[] = [];
  let from = 0;
  let bytes = 0;
  const close = (until: number): void => {
    entries.push({
      position: position + from,
      chunks: chunks.slice(from, until),
      bytes,
      tag,
      previous: from === 0 ? previous : tag,
    });
    from = until;
    bytes = 0;
  };
  for (let i = 0; i < chunks.length; i++) {
    const size = payloadBytes(chunks[i] as Payload);
    if (i > from && (bytes + size > MAX_ENTRY_BYTES || i - from >= MAX_ENTRY_CHUNKS)) close(i);
    bytes += size;
  }
  close(chunks.length);
  return entries;
}
