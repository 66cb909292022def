import type { Commit, Loaded, LoadRequest } from '../engines/engine.js';
import type { Command } from './command.js';
import { decide, isDue, partsOf } from './decide.js';
import type { Decision, Rules, State } from './decision.js';
import { bytesOf, entriesOf, NO_ENTRIES } from './entries.js';
import { type Group, isHeld, type Request } from './group.js';
import { headWith, type Origin, PART, type Soft } from './head.js';
import { deadline } from './time.js';

/** A commit of a lane. */
export interface LaneGroup extends Group {
  readonly lane: Lane;
}

/** How many requests are looked through for the parts that they need. */
const LOOK_AHEAD = 256;
/** How many parts are kept between commits. */
const MAX_KNOWN_PARTS = 1_024;

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
    if (this.known && this.#knowsNext()) return undefined;
    const parts = new Set<string>();
    let writers = false;
    for (const { command } of this.queue.slice(0, LOOK_AHEAD)) {
      const needed = partsOf(command);
      for (const name of needed.parts) if (!this.known || !this.#parts.has(name)) parts.add(name);
      writers ||= needed.partsWith !== undefined && (!this.known || !this.#writersKnown);
    }
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
      state.head.tag === loaded.head.tag &&
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
  fold(now: number, rules: Rules, maxBytes: number): LaneGroup | undefined {
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
    if (length === this.queue.length) this.queue.length = 0;
    else this.queue.splice(0, length);
    this.fresh = Math.max(0, this.fresh - length);
    return group;
  }

  #group(queue: readonly Request[], now: number, rules: Rules, maxBytes: number): LaneGroup | undefined {
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
  ): LaneGroup {
    // Written out, as below: a copy of an object takes longer than all else here.
    const group = (commit: Commit | undefined): LaneGroup => ({
      lane: this,
      requests,
      decisions,
      base,
      commit,
      origin: undefined,
    });
    if (state === base) return group(undefined);
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
        ...group({ id, expected, head: undefined, usedAt, parts: undefined, entries: NO_ENTRIES }),
        origin: origin && { origin, nonce: facts.nonce, generation },
      };
    }
    const entries = entriesOf(requests, decisions, state.head.tag);
    let { head } = state;
    const start = entries[0]?.position;
    const { owner } = head;
    // What is after the start of the group is under its last tag, also where others wrote between.
    if (start !== undefined && owner !== undefined && owner.position > start && owner.tag !== head.tag) {
      head = headWith(head, { owner: { ...owner, tag: head.tag } });
    }
    this.state = { head, soft: state.soft, parts: this.#parts };
    const commit = { id, expected, head, parts, entries };
    // Appending alone never brings a deadline nearer.
    if (rules.exact || head.facts === expected?.facts) return group(commit);
    const dueAt = deadline(head, state.soft, now, rules);
    const kept = head.facts.deleted && !base?.head.facts.deleted;
    return group({ ...commit, dueAt, ...(kept && base && { usedAt: base.soft.usedAt }) });
  }

  #knowsNext(): boolean {
    const next = Math.min(this.queue.length, LOOK_AHEAD);
    for (let i = 0; i < next; i++) if (!this.#knows((this.queue[i] as Request).command)) return false;
    return true;
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

/** Whether a decision has to be stored. */
const changes = ({ type }: Decision): boolean => type === 'change' || type === 'removal';

const NEW: Soft = { usedAt: -Infinity, beat: 0, readers: 0, dueAt: Infinity };
