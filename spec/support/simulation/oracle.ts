import type { Commit } from '../../../lib/engines/engine.js';
import { type Head, PART, type StoredOutcome } from '../../../lib/log/head.js';
import { type Author, described, type Life, type Value } from './life.js';
import type { OnCommit, Snapshot } from './store.js';
import type { World } from './world.js';

/** What was asked for, by anybody, at any time: nothing else may happen. */
interface Asked {
  readonly creations: Set<string>;
  readonly removals: Set<string>;
  /** Stops by their reasons, with their grace. */
  readonly stops: Map<string, number>;
  readonly ends: Set<string>;
}

/** For how long a commit may be tried again. */
const RETRIED_FOR = 15_000;

/** Judges every commit, one by one: the final log fixes the order, so nothing has to be searched. */
export class Oracle {
  readonly values = new Map<string, Value>();
  readonly lives = new Map<number, Life>();
  /** The present life of each id, or the last. */
  readonly byId = new Map<string, Life>();
  /** Which life each input writes. */
  readonly claims = new Map<string, Life>();
  readonly asked: Asked = { creations: new Set(), removals: new Set(), stops: new Map(), ends: new Set() };
  /** The wall clock of whoever commits. */
  committerNow: () => number = () => 0;

  constructor(private readonly world: World) {}

  /** An input was told that it may write. Another of its process may have replaced it in the same commit. */
  claimed(nonce: string, life: Life): void {
    this.claims.set(nonce, life);
    if (life.head.owner?.nonce !== nonce) life.fenced.add(nonce);
  }

  /** A chunk to be written. */
  value(author: Author, epoch: number, seq: number, index = 0, size = 1): string {
    const text = `${author.key}:${epoch}.${seq}${size > 1 ? `.${index}` : ''}`;
    if (!this.values.has(text)) {
      this.values.set(text, { text, author, epoch, seq, index, size, refused: false });
    }
    return text;
  }

  /** The present life of an id, if anybody would find it. */
  present(id: string): Life | undefined {
    const life = this.byId.get(id);
    return life === undefined || life.over <= this.world.now ? undefined : life;
  }

  /** Whether an id had no stream at some time since. */
  wasAbsent(id: string, since: number): boolean {
    const life = this.byId.get(id);
    return life === undefined || life.over <= this.world.now || life.since > since;
  }

  readonly onCommit: OnCommit = (commit, before, after) => {
    const { world } = this;
    world.note(() => described(commit, before, after));
    if (after === undefined) {
      this.#removed(commit, before as Snapshot);
      return;
    }
    const { head } = after;
    const life = before === undefined ? this.#begin(commit, head) : this.#lifeOf(head);
    const former = before?.head;
    world.demand(former === undefined || head.n > former.n, () => 'a version that is not greater');
    this.#owners(life, former, head);
    this.#append(life, commit, former, head);
    this.#end(life, commit, former, head);
    if (head.facts.deleted && life.over === Infinity) {
      this.#mayRemove(life, former as Head, before === undefined ? -Infinity : this.#usedAt(life));
      life.over = world.now;
    }
    life.head = head;
    this.#signed(life);
    world.demand(head.tail === life.log.length, () => 'a tail that is not where the log ends');
  };

  /** A producer has shown that it lives. */
  readonly onBeat = (id: string): void => {
    const life = this.byId.get(id);
    if (life !== undefined) this.#signed(life);
  };

  /** Whether an input is there, and nothing has kept it from showing that. */
  mustLive: (nonce: string | undefined) => boolean = () => false;

  /** Soft state as it is, for whoever judges a removal. */
  usedAt: (id: string) => number = () => -Infinity;

  /** The store has lost a tail. */
  lost(id: string, { head }: Snapshot): void {
    const life = this.#lifeOf(head);
    this.world.note(() => `${id} LOSES ${life.log.length - head.tail} chunks: ${life.head.n} to ${head.n}`);
    life.lost.push(life.log);
    life.log = life.log.slice(0, head.tail);
    life.tags = life.tags.slice(0, head.tail);
    for (const other of this.lives.values()) {
      for (let of: Life | undefined = other; of !== undefined; of = of.source)
        if (of === life) other.cut = true;
    }
    if (head.status === 'open') life.outcome = undefined;
    if (!head.facts.deleted) life.over = Infinity;
    life.head = head;
    life.last = new Map();
    for (const value of life.log) life.last.set(value.author, value);
  }

  /** Whether what somebody has been given is how this life was, at some time. */
  isPrefix(given: readonly Value[], life: Life): boolean {
    if ([life.log, ...life.lost].some((log) => given.every((value, i) => log[i] === value))) return true;
    // Of a fork whose source has lost what it begins with, until it comes to what is its own.
    const { source, forkedAt } = life;
    return source?.cut === true && given.length <= forkedAt && this.isPrefix(given, source);
  }

  #signed(life: Life): void {
    const { now } = this.world;
    if (now - life.sign >= life.head.facts.lifetime.lease) life.lateSign = now;
    life.sign = now;
  }

  #usedAt({ id, head }: Life): number {
    return Math.max(head.usedAt, this.usedAt(id));
  }

  #lifeOf({ generation }: Head): Life {
    const life = this.lives.get(generation);
    if (life === undefined) throw this.world.broken(`a generation that was never given: ${generation}`);
    return life;
  }

  #begin({ id, parts }: Commit, head: Head): Life {
    const { world } = this;
    const { nonce } = head.facts;
    world.demand(this.asked.creations.has(nonce), () => 'a stream that nobody asked for');
    for (const other of this.lives.values()) {
      const twice = other.nonce === nonce && other.over === Infinity;
      world.demand(!twice, () => `one creation makes two streams: ${nonce}`);
    }
    const origin = parts?.[PART.origin] as { id: string; generation: number; position: number } | undefined;
    const source = origin && this.lives.get(origin.generation);
    world.demand(origin === undefined || source !== undefined, () => 'a fork of nothing');
    const start = origin?.position ?? 0;
    // It was looked at before it was cut.
    const log = source?.cut
      ? ([source.log, ...source.lost].find(({ length }) => length >= start) ?? [])
      : source?.log;
    const life: Life = {
      id,
      generation: head.generation,
      nonce,
      since: world.now,
      log: log?.slice(0, start) ?? [],
      tags: source?.tags.slice(0, start) ?? [],
      lost: [],
      cut: source?.cut ?? false,
      outcome: undefined,
      over: Infinity,
      removed: false,
      fenced: new Set(),
      replaced: -Infinity,
      last: new Map(),
      head,
      sign: world.now,
      lateSign: -Infinity,
      source,
      forkedAt: start,
    };
    this.lives.set(head.generation, life);
    this.byId.set(id, life);
    return life;
  }

  #owners(life: Life, former: Head | undefined, { owner }: Head): void {
    const before = former?.owner;
    if (former !== undefined && before?.nonce !== owner?.nonce) {
      if (before !== undefined) life.fenced.add(before.nonce);
      life.replaced = this.world.now;
    }
    if (owner === undefined || life.cut) return;
    this.world.demand(!life.fenced.has(owner.nonce), () => `${owner.nonce} is back after it was fenced`);
  }

  #append(life: Life, { entries }: Commit, former: Head | undefined, head: Head): void {
    const { world } = this;
    if (entries.length === 0) {
      world.demand(
        former === undefined || head.tail === former.tail,
        () => 'a tail that moves without chunks',
      );
      return;
    }
    // Where no chunk was lost, but an end was, a version may be there again that somebody knows as another.
    world.demand(former === undefined || former.status === 'open' || life.cut, () => 'chunks after the end');
    world.demand(former?.facts.deleted !== true || life.cut, () => 'chunks after a deletion');
    let tag = former?.tag ?? head.tag;
    for (const { position, chunks, previous, tag: own } of entries) {
      world.demand(
        position === life.log.length,
        () => `an entry at ${position} after ${life.log.length} chunks`,
      );
      world.demand(former === undefined || previous === tag, () => 'an entry whose tag does not join');
      for (const chunk of chunks) {
        const value = this.values.get(chunk as string);
        if (value === undefined) throw world.broken(`nobody has written ${String(chunk)}`);
        this.#take(life, value, former, head);
        life.log.push(value);
        life.tags.push(own);
      }
      tag = own;
    }
    // An input whose claim and whose replacement are in one commit.
    for (let i = former?.tail ?? life.forkedAt; i < life.log.length; i++) {
      const { kind, key } = (life.log[i] as Value).author;
      if (kind === 'owner' && head.owner?.nonce !== key) life.fenced.add(key);
    }
    world.demand(head.tag === tag, () => 'a head with another tag than its last entry');
    const last = life.log.at(-1) as Value;
    world.demand(last.index === last.size - 1, () => `a part of an append: ${last.text}`);
  }

  #take(life: Life, value: Value, former: Head | undefined, head: Head): void {
    const { world } = this;
    const { author, text, epoch, seq, index, size } = value;
    const before = life.log.at(-1);
    world.demand(
      index === 0 || (before?.author === author && before.seq === seq && before.index === index - 1),
      () => `a torn append: ${text}`,
    );
    world.demand(
      index > 0 ||
        before === undefined ||
        life.log.length === life.forkedAt ||
        before.index === before.size - 1,
      () => `an append inside another: ${text}`,
    );
    world.demand(size > 0 && !(value.refused && !life.cut), () => `stored after it was refused: ${text}`);
    const last = life.last.get(author);
    life.last.set(author, value);
    if (last !== undefined) {
      const next = epoch === last.epoch ? seq === last.seq || seq > last.seq : epoch > last.epoch;
      const again = epoch === last.epoch && seq === last.seq && index <= last.index;
      world.demand(next && !again, () => `${text} after ${last.text}`);
    }
    switch (author.kind) {
      case 'owner': {
        const { key } = author;
        const within = !life.fenced.has(key) && head.n - (former?.n ?? 0) > 1;
        const mayWrite = former?.owner?.nonce === key || head.owner?.nonce === key || within;
        world.demand(mayWrite || life.cut, () => `${text} by an input that may not write`);
        const left = former?.owner?.nonce === key && former.owner.closedAt !== undefined;
        world.demand(!left, () => `${text} by an input that has left`);
        // Its chunks are dense, but for those that it was told are not there.
        for (let i = last === undefined ? 0 : last.seq + 1; i < seq; i++) {
          const skipped = this.values.get(`${key}:${epoch}.${i}`);
          world.demand(skipped?.refused === true || life.cut, () => `${text} without what was before it`);
        }
        return;
      }
      case 'producer': {
        const expected = last?.epoch === epoch ? [last.seq, last.seq + 1] : [0];
        world.demand(expected.includes(seq) || life.cut, () => `${text} leaves a gap`);
        return;
      }
      case 'process':
    }
  }

  #end(life: Life, { parts }: Commit, former: Head | undefined, head: Head): void {
    const { world } = this;
    const outcome = parts?.[PART.outcome] as StoredOutcome | undefined;
    const ended = former !== undefined && former.status !== 'open';
    if (life.cut) {
      life.outcome = head.status === 'open' ? undefined : (outcome ?? life.outcome);
      if (!head.facts.deleted) life.over = Infinity;
      return;
    }
    world.demand(!ended || head.status === former.status, () => 'a status that changes after the end');
    world.demand(outcome === undefined || !ended, () => 'a second outcome');
    world.demand(
      (head.status !== 'open') === (outcome !== undefined || ended),
      () => 'an end without outcome',
    );
    if (outcome === undefined) return;
    life.outcome = outcome;
    world.demand(head.status === outcome.type, () => 'a status that is not that of the outcome');
    const { code, message } = outcome.type === 'error' ? outcome.error : { code: 'OK', message: '' };
    switch (code) {
      case 'CANCELLED': {
        const grace = this.asked.stops.get(message);
        world.demand(grace !== undefined, () => 'a stop that nobody asked for');
        const due = former?.facts.stop !== undefined && former.facts.stop.at <= this.committerNow();
        const absent = head.owner === undefined || head.owner.closedAt !== undefined;
        world.demand(grace === 0 || due || absent, () => 'a stop before its time');
        return;
      }
      case 'DEADLINE_EXCEEDED': {
        // Whoever has seen that nothing came may be slow to say so.
        const silent = world.now - life.sign;
        const late = world.now - life.lateSign < RETRIED_FOR;
        world.demand(!this.mustLive(head.owner?.nonce), () => 'a lease lost, and its producer lives');
        world.demand(
          silent >= head.facts.lifetime.lease || late || life.cut,
          () => `a lease lost after ${silent} ms`,
        );
        return;
      }
      default: {
        const key = outcome.type === 'done' ? String(outcome.output) : outcome.error.message;
        world.demand(this.asked.ends.has(key), () => `an outcome that nobody gave: ${key}`);
        const author = key.slice(key.indexOf(' ') + 1);
        const fenced = life.fenced.has(author) && former?.owner?.nonce !== author;
        world.demand(!fenced || life.cut, () => `ended by an input that was fenced: ${author}`);
      }
    }
  }

  #removed({ id }: Commit, { head }: Snapshot): void {
    const life = this.#lifeOf(head);
    if (life.over === Infinity) this.#mayRemove(life, head, this.#usedAt(life));
    life.over = Math.min(life.over, this.world.now);
    life.removed = true;
    this.world.demand(id === life.id, () => 'a life of another id');
    for (const fork of this.lives.values()) {
      const needed = fork.source === life && !fork.removed && fork.forkedAt > 0;
      this.world.demand(!needed || fork.cut, () => `${id} is removed, but ${fork.id} is a fork of it`);
    }
  }

  #mayRemove({ id, source }: Life, { status, facts }: Head, usedAt: number): void {
    // A fork whose source has lost where it begins is given up by whoever makes it.
    if (this.asked.removals.has(id) || source?.cut === true) return;
    const now = this.committerNow();
    const { ttl, idleTtl, expiresAt } = facts.lifetime;
    const ended = status !== 'open' && facts.endedAt !== undefined && facts.endedAt + ttl <= now;
    this.world.demand(
      ended || expiresAt <= now || usedAt + idleTtl <= now,
      () => `${id} is removed before its time`,
    );
  }
}
