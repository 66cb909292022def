/** A rule that is broken on purpose. */
export interface Mutation {
  readonly what: string;
  /** The module under `lib/log`. */
  readonly file: string;
  /** What stands there once, whatever its white space, and what is to stand there. */
  readonly from: string;
  readonly to: string;
}

/** What a stream may and may not do. */
const DECISIONS: readonly Mutation[] = [
  {
    what: 'takes appends of an input that was replaced',
    file: 'producers',
    from: 'if (owner?.nonce !== nonce) return',
    to: 'if (owner === undefined) return',
  },
  {
    what: 'stores a repeated append of an input again',
    file: 'producers',
    from: 'if (seq <= owner.seq) return DUPLICATE;',
    to: 'if (seq <= owner.seq) return NEW;',
  },
  {
    what: 'does not fence a producer that is behind',
    file: 'producers',
    from: 'if (state !== undefined && epoch < state.epoch)',
    to: 'if (state !== undefined && epoch < 0)',
  },
  {
    what: 'does not know the last append of a producer again',
    file: 'producers',
    from: 'if (state?.epoch === epoch && seq <= state.seq) return DUPLICATE;',
    to: 'if (state?.epoch === epoch && seq < state.seq) return DUPLICATE;',
  },
  {
    what: 'stores a repeated append of a process again',
    file: 'producers',
    from: 'seq <= state.seq ? DUPLICATE',
    to: 'seq < state.seq ? DUPLICATE',
  },
  {
    what: 'gives an id to whoever wants it once its stream has ended',
    file: 'decide',
    from: 'if (state !== undefined) { return state.head.facts.nonce',
    to: "if (state?.head.status === 'open') { return state.head.facts.nonce",
  },
  {
    what: 'takes a repeated creation for that of another',
    file: 'decide',
    from: 'state.head.facts.nonce === nonce ? DUPLICATE',
    to: 'state.head.facts.nonce === undefined ? DUPLICATE',
  },
  {
    what: 'takes appends after the end',
    file: 'decide-append',
    from: "if (head.status !== 'open' || (writer.type === 'owner'",
    to: "if ((writer.type === 'owner'",
  },
  {
    what: 'lets an input take over what has ended',
    file: 'decide',
    from: "if (head.status !== 'open') return refuse(ended(id));",
    to: '',
  },
  {
    what: 'lets a takeover that is repeated replace whoever has replaced it',
    file: 'group',
    from: 'replaces: { nonce: replaced?.nonce }',
    to: 'replaces: undefined',
  },
  {
    what: 'stops what has ended',
    file: 'decide',
    from: "if (status !== 'open') return DUPLICATE;",
    to: '',
  },
  {
    what: 'removes what has forks',
    file: 'decide',
    from: 'if (head.facts.references === 0) return',
    to: 'if (head.facts.references >= 0) return',
  },
  {
    what: 'forgets what a producer has written',
    file: 'producers',
    from: 'parts: { [name]: state }, registers,',
    to: 'parts: undefined, registers,',
  },
];

/** How what was decided is stored. */
const COMMITS: readonly Mutation[] = [
  {
    what: 'takes a conflict for success',
    file: 'stream-log',
    from: 'lane.learn({ id: lane.id }, result.current, requests.length); this.#retry(lane, requests, undefined);',
    to: 'this.#carriedOut(group, commit?.head);',
  },
  {
    what: 'puts what has to be tried again behind what has come since',
    file: 'stream-log',
    from: 'lane.queue.unshift(...requests); lane.busy = true; clock.after(',
    to: 'lane.queue.push(...requests); lane.busy = true; clock.after(',
  },
  {
    what: 'goes on from a commit of which it does not know whether it was stored',
    file: 'stream-log',
    from: 'if (failure !== undefined) lane.forget();',
    to: '',
  },
  {
    what: 'takes a lost answer for success',
    file: 'stream-log',
    from: 'for (const group of groups) this.#retry(group.lane, repeated(group), error);',
    to: 'for (const group of groups) this.#carriedOut(group, group.commit?.head);',
  },
  {
    what: 'refuses on what it knew before',
    file: 'lane',
    from: 'requests.length >= this.fresh',
    to: 'requests.length > this.fresh + 1e9',
  },
  {
    what: 'stores several appends of an input as one',
    file: 'lane',
    from: '|| repeatsInput(requests, command)',
    to: '',
  },
  {
    what: 'decides what changes nothing together with what does',
    file: 'lane',
    from: '|| changes(decision) !== changes(first)',
    to: '',
  },
  {
    what: 'keeps the producers of an older version',
    file: 'lane',
    from: 'state.head.n === loaded.head.n && state.head.tag === loaded.head.tag &&',
    to: '',
  },
  {
    what: 'answers with the end of the commit',
    file: 'group',
    from: 'head, position: tail, tag:',
    to: 'head, position: head.tail, tag:',
  },
];

/** How replay becomes live. */
const READS: readonly Mutation[] = [
  {
    what: 'loses the hints that come while a stream is looked up',
    file: 'followers',
    from: 'for (const hint of hints()) follower.hinted(hint);',
    to: '',
  },
  {
    what: 'tells live readers what they have',
    file: 'live-edge',
    from: 'reader.live && reader.start <= index',
    to: 'reader.live',
  },
  {
    what: 'tells readers that are not live yet',
    file: 'live-edge',
    from: 'reader.live && reader.start <= index',
    to: 'reader.start <= index',
  },
  {
    what: 'takes entries that leave a hole',
    file: 'live-edge',
    from: 'entry.position > this.#joinedTo ||',
    to: '',
  },
  {
    what: 'joins a tail that has grown again',
    file: 'continuity',
    from: 'return joins ? undefined',
    to: 'return true ? undefined',
  },
  {
    what: 'does not hear of the end',
    file: 'known',
    from: 'this.ended ||= ended;',
    to: '',
  },
  {
    what: 'rests where a hint has told of more',
    file: 'replay-then-live',
    from: 'if (this.#edge.position < tail) {',
    to: 'if (this.#edge.position > tail) {',
  },
  {
    what: 'does not hear that a stream is gone',
    file: 'replay-then-live',
    from: 'if (hint.generation > this.generation || hint.gone) { this.gone(); return; }',
    to: 'if (hint.generation > this.generation || hint.gone) return;',
  },
  {
    what: 'goes on with another life of its id',
    file: 'replay-then-live',
    from: 'if (current?.head.generation !== this.generation || current.head.facts.deleted)',
    to: 'if (current === undefined)',
  },
  {
    what: 'does not tell writers what others do',
    file: 'replay-then-live',
    from: 'for (const writer of this.#writers) writer.hinted(hint);',
    to: '',
  },
  {
    what: 'takes a read that is behind for a loss',
    file: 'replay-then-live',
    from: 'this.#context.engine.features.staleReads || current?.head.tail === asked',
    to: 'false',
  },
  {
    what: 'takes a look that is behind what was hinted since',
    file: 'replay-then-live',
    from: 'const untold = this.#known.n === asked.n;',
    to: 'const untold = true;',
  },
  {
    what: 'does not see that a tail is gone',
    file: 'replay-then-live',
    from: 'if (head.tail < asked.position || (head.tail === asked.position && head.tag !== asked.tag))',
    to: 'if (head.tail > Infinity)',
  },
  {
    what: 'does not look again when hints may have been lost',
    file: 'replay-then-live',
    from: 'if (hint.n === 0 && hint.generation === 0) {',
    to: 'if (hint.n === 0 && hint.generation === 0) return; if (hint.n === 0 && hint.generation === 0) {',
  },
];

/** All that is broken on purpose, one rule at a time. */
export const MUTATIONS: readonly Mutation[] = [...DECISIONS, ...COMMITS, ...READS];

/** The text of a module with a rule broken. Throws where the mutation does not apply. */
export function mutated(source: string, { what, from, to }: Mutation): string {
  const pattern = from
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
  const parts = source.split(new RegExp(pattern));
  if (parts.length !== 2) {
    throw new Error(
      `The mutation applies ${parts.length - 1} times, not once: it ${what}. Fit it to the source.`,
    );
  }
  return parts.join(to);
}
