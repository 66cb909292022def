import type { RedisOptions } from 'ioredis';

import { StreamError } from '../errors.js';
import { checkString, demand } from '../validation.js';
import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Hint,
  Loaded,
  LoadRequest,
  Move,
  Page,
  ReadRequest,
  StreamEngine,
  Touch,
  Watch,
} from './engine.js';
import { type Call, isClient, isCluster, type RedisClient, RedisConnection } from './redis-connection.js';
import { RedisKeys, SHARDS } from './redis-keys.js';
import {
  type Argument,
  argumentsOf,
  entriesFrom,
  FIELDS,
  hintFrom,
  loadedFrom,
  numberFrom,
  numberText,
  type Reply,
} from './redis-records.js';
import { COMMIT, FORGET, LOAD, RAISE, READ, SCHEDULE, type Script, TOUCH } from './redis-scripts.js';
import { Watchers } from './watchers.js';

/** Options of {@link redisEngine}. What is out of range is `INVALID_ARGUMENT`. */
export interface RedisEngineOptions {
  /** Where the server is: a URL such as `redis://localhost:6379/0`, or options of ioredis. Default: that URL. */
  connection?: string | RedisOptions | undefined;
  /**
   * A client, or one of a cluster, instead of a connection of the engine's own. It stays open when the engine is closed,
   * and how long a command may take is up to its options.
   */
  client?: RedisClient | undefined;
  /** What the names of all keys and channels begin with, without braces. Default: `streams:`. */
  prefix?: string | undefined;
}

/** The most that one chunk, and the chunks of one commit, may have. */
const MAX_BYTES = 16 * 2 ** 20;
/** How many generations there are for each step of the counter. */
const STEP = 1_024;
/** How many streams one call of a script changes: a script keeps everybody else waiting. */
const MAX_PER_SCRIPT = 64;

/**
 * Keeps streams in Redis (6.2 or later), Valkey, or a cluster of either, for processes on any number of machines. What is
 * acknowledged is as durable as the server is configured to be. Needs the package `ioredis`, which is loaded, and
 * connects, when the engine is first used: what is wrong with either is what that use rejects with. See
 * `docs/engines/redis.md`.
 */
export function redisEngine(options: RedisEngineOptions = {}): StreamEngine {
  const { connection = 'redis://localhost:6379/0', client, prefix = 'streams:' } = options;
  checkString('prefix', prefix);
  demand(!/[{}]/.test(prefix), 'prefix', 'a text without braces', prefix);
  demand(client === undefined || isClient(client), 'client', 'a client of ioredis', client);
  const holds = typeof connection === 'string' || (typeof connection === 'object' && !isClient(connection));
  demand(holds, 'connection', 'a URL, or options of ioredis', connection);
  return new RedisEngine(client ?? connection, prefix);
}

const ABSENT: CommitResult = { type: 'conflict', current: undefined };

class RedisEngine implements StreamEngine {
  readonly name = 'redis';
  readonly features: EngineFeatures;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #watchers = new Watchers();
  #closed: Promise<void> | undefined;

  constructor(given: string | RedisOptions | RedisClient, prefix: string) {
    this.features = {
      durable: true,
      multiProcess: true,
      synchronous: false,
      byReference: false,
      staleReads: false,
      // Messages come, or the connection is lost; but between the nodes of a cluster they may be dropped.
      lossyHints: isCluster(given),
      tagged: true,
      maxChunkBytes: MAX_BYTES,
      maxCommitBytes: MAX_BYTES,
    };
    this.#keys = new RedisKeys(prefix);
    this.#connection = new RedisConnection(
      given,
      (channel, message) => {
        this.#heard(this.#keys.idOf(channel), message);
      },
      () => [...this.#watchers.ids].map((id) => this.#keys.channel(id)),
      () => {
        this.#watchers.tellAll();
      },
    );
  }

  async load(requests: readonly LoadRequest[]): Promise<(Loaded | undefined)[]> {
    const keys = this.#keys;
    const replies = await this.#run(
      requests.map(({ id, parts = [], partsWith }) => ({
        script: LOAD,
        keys: [keys.stream(id), keys.parts(id)],
        args: [partsWith === undefined ? '' : `+${partsWith}`, ...parts],
      })),
    );
    return replies.map((reply) => loadedFrom(reply as Reply[]));
  }

  async commit(commits: readonly Commit[]): Promise<CommitResult[]> {
    const keys = this.#keys;
    const results = new Array<CommitResult>(commits.length);
    const stored: number[] = [];
    for (const [i, commit] of commits.entries()) {
      const refused = refusalOf(commit);
      if (refused === undefined) stored.push(i);
      else results[i] = { type: 'refused', error: refused };
    }
    const generations = await this.#generations(
      stored.filter((i) => commits[i]?.expected === undefined).length,
    );
    const groups = this.#byShard(stored, (i) => (commits[i] as Commit).id);
    const argumentsAt = (i: number): Argument[] => {
      const commit = commits[i] as Commit;
      const generation = commit.expected === undefined ? (generations.pop() ?? 0) : 0;
      return argumentsOf(commit, generation, keys.channel(commit.id));
    };
    const replies = await this.#run(
      groups.map(({ shard, items }) => ({
        script: COMMIT,
        keys: [
          ...[keys.ids(shard), keys.deadlines(shard), keys.greatest(shard)],
          ...items.flatMap((i) => this.#keysOf((commits[i] as Commit).id)),
        ],
        args: items.flatMap(argumentsAt),
      })),
    );
    let greatest = 0;
    for (const [g, { items }] of groups.entries()) {
      for (const [k, i] of items.entries()) {
        const reply = (replies[g] as Reply[])[k] as Reply[];
        if (reply.length === 2) greatest = Math.max(greatest, Number(String(reply[0])));
        else results[i] = resultFrom(reply);
      }
    }
    if (greatest > 0) await this.#raise(greatest);
    return results;
  }

  async read(requests: readonly ReadRequest[]): Promise<Page[]> {
    const keys = this.#keys;
    const replies = await this.#run(
      requests.map(({ id, generation, position, maxBytes, maxChunks }) => ({
        script: READ,
        keys: [keys.stream(id), keys.log(id)],
        args: [generation, ...[position, maxBytes, maxChunks].map(numberText)],
      })),
    );
    return replies.map((reply, i) => ({
      current: loadedFrom((reply as Reply[]).slice(0, FIELDS)),
      entries: entriesFrom(reply as Reply[], (requests[i] as ReadRequest).until),
    }));
  }

  async watch(ids: readonly string[], onHint: (hint: Hint) => void): Promise<Watch> {
    this.#assertOpen();
    const watch = this.#watchers.add(ids, onHint, (unwatched) => {
      if (this.#closed === undefined)
        this.#connection.unsubscribe(unwatched.map((id) => this.#keys.channel(id)));
    });
    try {
      if (ids.length > 0) await this.#connection.subscribe(ids.map((id) => this.#keys.channel(id)));
    } catch (error) {
      watch.close();
      throw error;
    }
    return watch;
  }

  async touch(touches: readonly Touch[]): Promise<void> {
    await this.#change(TOUCH, touches, ({ generation, usedAt, beat }) => [
      generation,
      usedAt === undefined ? '' : numberText(usedAt),
      beat ?? '',
    ]);
  }

  async schedule(moves: readonly Move[]): Promise<void> {
    await this.#change(
      SCHEDULE,
      moves,
      ({ id, generation, from, to }) => [id, generation, numberText(from), numberText(to)],
      (shard) => [this.#keys.deadlines(shard)],
    );
  }

  async list({
    prefix,
    after,
    limit,
  }: {
    prefix: string;
    after: string;
    limit: number;
  }): Promise<{ id: string; loaded: Loaded }[]> {
    this.#assertOpen();
    const found: { id: string; loaded: Loaded }[] = [];
    for (let last = after; found.length < limit;) {
      const most = limit - found.length;
      const ids = await this.#idsAfter(prefix, last, most);
      const all = await this.load(ids.map((id) => ({ id })));
      for (const [i, loaded] of all.entries()) {
        if (loaded !== undefined && loaded.head.facts.deleted !== true)
          found.push({ id: ids[i] as string, loaded });
      }
      if (ids.length < most) break;
      last = ids.at(-1) as string;
    }
    return found;
  }

  async due(now: number, limit: number): Promise<{ ids: string[]; next: number }> {
    const keys = this.#keys;
    const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
    const replies = await this.#send(
      shards.map((shard) => [
        'ZRANGE',
        keys.deadlines(shard),
        0,
        limit === Infinity ? -1 : limit,
        'WITHSCORES',
      ]),
    );
    const dated = replies.flatMap((reply) =>
      pairsOf(reply as Buffer[]).map(([id, score]) => ({
        id: id.toString(),
        at: numberFrom(score.toString()),
      })),
    );
    dated.sort((a, b) => a.at - b.at);
    const ids = dated
      .filter(({ at }) => at <= now)
      .map(({ id }) => id)
      .slice(0, limit);
    await this.#forgetGone(ids);
    return { ids, next: dated[ids.length]?.at ?? Infinity };
  }

  close(): Promise<void> {
    this.#watchers.clear();
    this.#closed ??= this.#connection.close();
    return this.#closed;
  }

  #heard(id: string, message: Buffer): void {
    if (this.#watchers.has(id)) this.#watchers.tell(hintFrom(id, message));
  }

  /** The next ids of all shards. */
  async #idsAfter(prefix: string, after: string, limit: number): Promise<string[]> {
    const resumes = after !== '' && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
    const from = resumes ? `(${after}` : prefix === '' ? '-' : `[${prefix}`;
    // No character of UTF-8 has this byte.
    const to = prefix === '' ? '+' : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)]);
    const most = limit === Infinity ? -1 : limit;
    const replies = await this.#send(
      Array.from({ length: SHARDS }, (_, shard) => [
        'ZRANGEBYLEX',
        ...[this.#keys.ids(shard), from, to],
        ...['LIMIT', 0, most],
      ]),
    );
    const ids = replies.flat() as Buffer[];
    return ids
      .sort((a, b) => Buffer.compare(a, b))
      .slice(0, limit)
      .map((id) => id.toString());
  }

  /** Takes out of the indices what has expired by itself. */
  async #forgetGone(ids: readonly string[]): Promise<void> {
    await this.#change(
      FORGET,
      ids.map((id) => ({ id })),
      ({ id }) => [id],
      (shard) => [this.#keys.ids(shard), this.#keys.deadlines(shard)],
    );
  }

  /** Calls a script for streams, those of a shard together. */
  async #change<T extends { readonly id: string }>(
    script: Script,
    items: readonly T[],
    args: (item: T) => Argument[],
    first: (shard: number) => string[] = () => [],
  ): Promise<void> {
    await this.#run(
      this.#byShard(items, ({ id }) => id).map(({ shard, items: some }) => ({
        script,
        keys: [...first(shard), ...some.map(({ id }) => this.#keys.stream(id))],
        args: some.flatMap(args),
      })),
    );
  }

  #byShard<T>(items: readonly T[], idOf: (item: T) => string): { shard: number; items: T[] }[] {
    const groups: { shard: number; items: T[] }[] = [];
    const open = new Map<number, T[]>();
    for (const item of items) {
      const shard = this.#keys.shardOf(idOf(item));
      let group = open.get(shard);
      if (group === undefined || group.length >= MAX_PER_SCRIPT) {
        open.set(shard, (group = []));
        groups.push({ shard, items: group });
      }
      group.push(item);
    }
    return groups;
  }

  /** So many generations, the greatest first, each greater than any that was given before. */
  async #generations(count: number): Promise<number[]> {
    if (count === 0) return [];
    const [last] = await this.#send([['INCRBY', this.#keys.counter, count]]);
    return Array.from(
      { length: count },
      // By chance, so that a counter that is restored from a backup gives others than were given since.
      (_, i) => (Number(last) - i) * STEP + Math.floor(Math.random() * STEP),
    );
  }

  /** The counter has given what was given before: it was lost, or is old. */
  async #raise(greatest: number): Promise<never> {
    const least = Math.floor(greatest / STEP) + 1;
    await this.#run([{ script: RAISE, keys: [this.#keys.counter], args: [least] }]);
    throw new StreamError('UNAVAILABLE', 'The counter of generations in Redis was behind, and is right now.');
  }

  #keysOf(id: string): string[] {
    return [this.#keys.stream(id), this.#keys.parts(id), this.#keys.log(id)];
  }

  async #run(calls: readonly Call[]): Promise<Reply[]> {
    this.#assertOpen();
    return calls.length === 0 ? [] : this.#connection.run(calls);
  }

  async #send(commands: Parameters<RedisConnection['send']>[0]): Promise<Reply[]> {
    this.#assertOpen();
    return this.#connection.send(commands);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new StreamError('UNAVAILABLE', 'The Redis engine is closed.');
  }
}

function refusalOf({ entries }: Commit): StreamError | undefined {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes <= MAX_BYTES) return undefined;
  const message = `A commit has ${bytes} bytes, but the Redis engine takes at most ${MAX_BYTES}.`;
  return new StreamError('RESOURCE_EXHAUSTED', message);
}

function resultFrom(reply: readonly Reply[]): CommitResult {
  if (reply.length === 0) return ABSENT;
  if (reply.length === 1) return { type: 'stored', generation: Number(String(reply[0])) };
  return { type: 'conflict', current: loadedFrom(reply) };
}

const pairsOf = (list: readonly Buffer[]): [Buffer, Buffer][] =>
  Array.from({ length: list.length >> 1 }, (_, i) => [list[2 * i] as Buffer, list[2 * i + 1] as Buffer]);
