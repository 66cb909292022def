import { randomBytes } from 'node:crypto';

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
import { blankHint, hintOfCommit } from './hint.js';
import {
  appendCall,
  appendsOnly,
  commitCall,
  greatestFrom,
  isStored,
  MAX_BYTES,
  type Prepared,
  refusalOf,
  resultFrom,
} from './redis-commit.js';
import { type Call, isClient, isCluster, type RedisClient, RedisConnection } from './redis-connection.js';
import { RedisKeys } from './redis-keys.js';
import {
  type Argument,
  entriesFrom,
  FIELDS,
  hintFrom,
  loadedFrom,
  numberText,
  type Reply,
} from './redis-records.js';
import { FORGET, LOAD, RAISE, READ, SCHEDULE, type Script, TOUCH } from './redis-scripts.js';
import { byShard, dueCommands, dueFrom, idCommands, idsFrom, togetherIn } from './redis-shards.js';
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

/** How many generations there are for each step of the counter. */
const STEP = 1_024;
/** How many characters there are in the name of an engine. */
const NAME_LENGTH = 16;

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

class RedisEngine implements StreamEngine {
  readonly name = 'redis';
  readonly features: EngineFeatures;
  readonly #isCluster: boolean;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #watchers = new Watchers();
  /** What the messages of this engine begin with: it knows of its commits by their answers, and need not read them. */
  #name = newName();
  #closed: Promise<void> | undefined;

  constructor(given: string | RedisOptions | RedisClient, prefix: string) {
    this.#isCluster = isCluster(given);
    this.features = {
      durable: true,
      multiProcess: true,
      synchronous: false,
      byReference: false,
      staleReads: false,
      // Messages come, or the connection is lost; but between the nodes of a cluster they may be dropped.
      lossyHints: this.#isCluster,
      tagged: true,
      maxChunkBytes: MAX_BYTES,
      maxCommitBytes: MAX_BYTES,
    };
    this.#keys = new RedisKeys(prefix);
    this.#connection = new RedisConnection(
      given,
      (channel, message) => {
        this.#heard(channel, message);
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
      requests.map(({ id, parts = [], partsWith }) => {
        const { stream, parts: partsKey } = keys.of(id);
        const args = [partsWith === undefined ? '' : `+${partsWith}`, ...parts];
        return { script: LOAD, keys: [stream, partsKey], args };
      }),
    );
    return replies.map((reply) => loadedFrom(reply as Reply[]));
  }

  async commit(commits: readonly Commit[]): Promise<CommitResult[]> {
    const results = new Array<CommitResult>(commits.length);
    const created = commits.filter(({ expected }) => expected === undefined).length;
    const generations = created === 0 ? [] : await this.#generations(created);
    const appends: Prepared[] = [];
    const others: Prepared[] = [];
    for (const [place, commit] of commits.entries()) {
      const refused = refusalOf(commit);
      if (refused !== undefined) {
        results[place] = { type: 'refused', error: refused };
        continue;
      }
      const generation = commit.expected?.generation ?? generations.pop() ?? 0;
      (appendsOnly(commit) ? appends : others).push({ place, commit, generation });
    }
    const idOf = ({ commit: { id } }: Prepared): string => id;
    const context = { keys: this.#keys, name: this.#name };
    const groups = [
      ...togetherIn(this.#keys, appends, idOf, this.#isCluster).map((items) => ({
        items,
        call: appendCall(items, context),
      })),
      ...byShard(this.#keys, others, idOf).map(({ shard, items }) => ({
        items,
        call: commitCall(items, shard, context),
      })),
    ];
    const replies = await this.#run(groups.map(({ call }) => call)).catch((error: unknown) => {
      this.#unsure(commits);
      throw error;
    });
    let greatest = 0;
    for (const [g, { items }] of groups.entries()) {
      for (const [i, each] of items.entries()) {
        const reply = (replies[g] as Reply[])[i] as Reply;
        const given = greatestFrom(reply);
        if (given === 0) results[each.place] = resultFrom(reply, each.generation);
        greatest = Math.max(greatest, given);
        if (isStored(reply) && this.#watchers.has(each.commit.id))
          this.#watchers.tell(hintOfCommit(each.commit, each.generation));
      }
    }
    if (greatest > 0) await this.#raise(greatest);
    return results;
  }

  async read(requests: readonly ReadRequest[]): Promise<Page[]> {
    const keys = this.#keys;
    const replies = await this.#run(
      requests.map(({ id, generation, position, maxBytes, maxChunks }) => {
        const { stream, log } = keys.of(id);
        const args = [generation, ...[position, maxBytes, maxChunks].map(numberText)];
        return { script: READ, keys: [stream, log], args };
      }),
    );
    return replies.map((reply, i) => ({
      current: loadedFrom((reply as Reply[]).slice(0, FIELDS)),
      entries: entriesFrom(reply as Reply[], requests[i] as ReadRequest),
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
      const ids = idsFrom(await this.#send(idCommands(this.#keys, prefix, last, most)), most);
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
    const found = dueFrom(await this.#send(dueCommands(this.#keys, limit)), now, limit);
    await this.#forgetGone(found.ids);
    return found;
  }

  close(): Promise<void> {
    this.#watchers.clear();
    this.#closed ??= this.#connection.close();
    return this.#closed;
  }

  #heard(channel: string, message: Buffer): void {
    if (message.toString('latin1', 0, NAME_LENGTH) === this.#name) return;
    const id = this.#keys.idOf(channel);
    if (this.#watchers.has(id)) this.#watchers.tell(hintFrom(id, message.subarray(NAME_LENGTH)));
  }

  /** Commits may or may not have been stored, or be stored still: what tells of them is to be read. */
  #unsure(commits: readonly Commit[]): void {
    this.#name = newName();
    for (const { id } of commits) this.#watchers.tell(blankHint(id));
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
      byShard(this.#keys, items, ({ id }) => id).map(({ shard, items: some }) => ({
        script,
        keys: [...first(shard), ...some.map(({ id }) => this.#keys.of(id).stream)],
        args: some.flatMap(args),
      })),
    );
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

/** A name that no other engine has, but for a chance that is none. */
const newName = (): string => randomBytes(NAME_LENGTH / 2).toString('hex');
