import { randomUUID } from 'node:crypto';

import { StreamError } from '../errors.js';
import { checkInteger, demand } from '../validation.js';
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
import { hintOfCommit } from './hint.js';
import { Batch } from './postgres-batch.js';
import {
  argumentsOf,
  argumentsOfMoves,
  argumentsOfTouches,
  MAX_BYTES,
  prepare,
  type Prepared,
  resultsFrom,
} from './postgres-commit.js';
import { PostgresListener } from './postgres-listen.js';
import { PostgresNotifier } from './postgres-notify.js';
import { PostgresConnections, type PostgresContext, type PostgresPool } from './postgres-pool.js';
import {
  argumentsOfList,
  argumentsOfLoads,
  argumentsOfReads,
  dueFrom,
  listFrom,
  pagesFrom,
  streamsFrom,
} from './postgres-read.js';
import type { Row } from './postgres-rows.js';
import { checkSchema, SCHEMA } from './postgres-schema.js';
import { Watchers } from './watchers.js';

export type { PostgresClient, PostgresPool, Query as PostgresQuery } from './postgres-pool.js';
export { postgresSchema } from './postgres-schema.js';

/** Options of {@link postgresEngine}. What is out of range is `INVALID_ARGUMENT`. */
export interface PostgresEngineOptions {
  /**
   * Where the server is: a URL such as `postgres://user@localhost:5432/database`, or options of the `Pool` of `pg`, `max`
   * among them, which is 3 by default. What is in neither is as in libpq's environment variables (`PGHOST`, …).
   */
  connection?: string | object | undefined;
  /** A pool of `pg` instead of connections of the engine's own. It stays open when the engine is closed. */
  pool?: PostgresPool | undefined;
  /**
   * Where to listen for notifications, if not there: a URL, or options of the `Client` of `pg`. Behind a pooler it has to
   * lead past that.
   */
  listen?: string | object | undefined;
  /** The schema that streams are in, and the channel of their notifications: a-z, 0-9 and _. Default: `durable_streams`. */
  schema?: string | undefined;
  /**
   * For how long, in ms, a call may wait for a connection and for the server, then it is `UNAVAILABLE`. Default: 10,000.
   */
  timeout?: number | undefined;
}

const FEATURES: EngineFeatures = {
  durable: true,
  multiProcess: true,
  synchronous: false,
  byReference: false,
  staleReads: false,
  // Whoever dies between a commit and its notification has told nobody.
  lossyHints: true,
  tagged: true,
  maxChunkBytes: MAX_BYTES,
  maxCommitBytes: MAX_BYTES,
};

/** How many statements of a kind are on their way at once: one more than one, so that the server need not wait. */
const PARALLEL = 2;
/** How many streams a statement is about. */
const MAX_ITEMS = 1_000;
/** How many bytes a statement gives. */
const MAX_READ_BYTES = 16 * 2 ** 20;
/** How many rows are removed at once of what lives that are over have left. */
const SWEEP_ROWS = 500;

const idOf = ({ id }: { readonly id: string }): string => id;

/**
 * Keeps streams in a schema of a PostgreSQL database (12 or later), for processes on any number of machines. What is
 * acknowledged is as durable as `synchronous_commit` and replication make it. Needs the package `pg`, which is loaded,
 * and connects, when the engine is first used: what is wrong with either is what that use rejects with. See
 * `docs/engines/postgres.md`.
 */
export function postgresEngine(options: PostgresEngineOptions = {}): StreamEngine {
  const { connection, pool, listen, schema = SCHEMA, timeout: given } = options;
  const rule = 'a URL, or options of pg';
  for (const [name, value] of Object.entries({ connection, listen })) {
    demand(value === undefined || typeof value === 'string' || isObject(value), name, rule, value);
  }
  demand(pool === undefined || isPool(pool), 'pool', 'a Pool of pg', pool);
  demand(pool === undefined || connection === undefined, 'connection', 'left out beside a pool', connection);
  checkSchema(schema);
  const timeout = checkInteger('timeout', given, 10_000);
  demand(timeout > 0, 'timeout', 'more than 0', timeout);
  return new PostgresEngine({ connection, pool, listen, schema, timeout });
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isPool = (value: unknown): boolean =>
  isObject(value) && 'options' in value && typeof (value as Partial<PostgresPool>).connect === 'function';

interface Settings extends PostgresContext {
  readonly listen: string | object | undefined;
}

class PostgresEngine implements StreamEngine {
  readonly name = 'postgres';
  readonly features = FEATURES;
  readonly #connections: PostgresConnections;
  readonly #listener: PostgresListener;
  readonly #notifier: PostgresNotifier;
  readonly #watchers = new Watchers();
  readonly #loads: Batch<LoadRequest, Loaded | undefined>;
  readonly #reads: Batch<ReadRequest, Page>;
  readonly #commits: Batch<Prepared, CommitResult>;
  readonly #touches: Batch<Touch, undefined>;
  readonly #moves: Batch<Move, undefined>;
  readonly #schema: string;
  #begun = false;
  /** Whether there may be something to sweep. */
  #garbage = false;
  #sweeping = false;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings) {
    const { schema, listen, timeout } = settings;
    this.#schema = schema;
    this.#connections = new PostgresConnections(settings);
    const context = {
      ...{ schema, listen, timeout, name: randomUUID() },
      ...{ connections: this.#connections, watchers: this.#watchers },
    };
    this.#listener = new PostgresListener(context);
    this.#notifier = new PostgresNotifier(context);
    const limits = { parallel: PARALLEL, maxItems: MAX_ITEMS };
    this.#loads = new Batch(limits, async (requests) =>
      streamsFrom(await this.#call('load_streams', argumentsOfLoads(requests)), requests.length),
    );
    this.#reads = new Batch(
      { ...limits, maxWeight: MAX_READ_BYTES, weight: ({ maxBytes }) => maxBytes },
      async (requests) =>
        pagesFrom(await this.#call('read_pages', argumentsOfReads(requests)), requests.length),
    );
    this.#commits = new Batch(
      { ...limits, maxWeight: MAX_BYTES, weight: ({ bytes }) => bytes, key: ({ commit }) => commit.id },
      (prepared) => this.#store(prepared),
    );
    this.#touches = new Batch<Touch, undefined>({ ...limits, key: idOf }, (touches) =>
      this.#change('touch_streams', argumentsOfTouches(touches), touches),
    );
    this.#moves = new Batch<Move, undefined>({ ...limits, key: idOf }, (moves) =>
      this.#change('schedule_streams', argumentsOfMoves(moves), moves),
    );
  }

  async load(requests: readonly LoadRequest[]): Promise<(Loaded | undefined)[]> {
    this.#assertOpen();
    return this.#loads.add(requests);
  }

  async commit(commits: readonly Commit[]): Promise<CommitResult[]> {
    this.#assertOpen();
    const results = new Array<CommitResult>(commits.length);
    const prepared: Prepared[] = [];
    const places: number[] = [];
    for (const [i, commit] of commits.entries()) {
      try {
        prepared.push(prepare(commit));
        places.push(i);
      } catch (error) {
        if (!(error instanceof StreamError)) throw error;
        results[i] = { type: 'refused', error };
      }
    }
    const stored = await this.#commits.add(prepared);
    for (const [i, place] of places.entries()) results[place] = stored[i] as CommitResult;
    return results;
  }

  async read(requests: readonly ReadRequest[]): Promise<Page[]> {
    this.#assertOpen();
    return this.#reads.add(requests);
  }

  async watch(ids: readonly string[], onHint: (hint: Hint) => void): Promise<Watch> {
    this.#assertOpen();
    await this.#listener.arm();
    this.#assertOpen();
    return this.#watchers.add(ids, onHint, () => undefined);
  }

  touch(touches: readonly Touch[]): Promise<void> {
    const written = this.#soften(this.#touches, touches);
    // Nobody waits for it, so nobody has to know.
    written.catch(() => undefined);
    return written;
  }

  schedule(moves: readonly Move[]): Promise<void> {
    return this.#soften(this.#moves, moves);
  }

  async list(options: {
    prefix: string;
    after: string;
    limit: number;
  }): Promise<{ id: string; loaded: Loaded }[]> {
    this.#assertOpen();
    return listFrom(await this.#call('list_streams', argumentsOfList(options)));
  }

  async due(now: number, limit: number): Promise<{ ids: string[]; next: number }> {
    this.#assertOpen();
    return dueFrom(await this.#call('due_streams', [now, limit === Infinity ? null : limit]), now, limit);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #store(prepared: readonly Prepared[]): Promise<CommitResult[]> {
    const inOrder = prepared
      .map((each, place) => ({ each, place }))
      // That of the rows, in which they are locked.
      .sort((a, b) => (a.each.key < b.each.key ? -1 : 1));
    const sorted = inOrder.map(({ each }) => each);
    const found = resultsFrom(await this.#call('store_streams', argumentsOf(sorted)), sorted);
    const results = new Array<CommitResult>(prepared.length);
    for (const [i, { place }] of inOrder.entries()) results[place] = found[i] as CommitResult;
    this.#tell(prepared, results);
    return results;
  }

  /** Tells who watches here, and then everybody else. */
  #tell(prepared: readonly Prepared[], results: readonly CommitResult[]): void {
    const changed: string[] = [];
    let removed = false;
    for (const [i, { commit }] of prepared.entries()) {
      const result = results[i];
      if (result?.type !== 'stored') continue;
      changed.push(commit.id);
      removed ||= commit.head === undefined;
      if (this.#watchers.has(commit.id)) this.#watchers.tell(hintOfCommit(commit, result.generation));
    }
    if (changed.length > 0) this.#notifier.changed(changed);
    if (removed) void this.#sweep();
  }

  /** Removes, a little at a time, what lives that are over have left. If it fails, the next to try goes on. */
  async #sweep(): Promise<void> {
    this.#garbage = true;
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      while (this.#garbage && this.#closed === undefined) {
        this.#garbage = false;
        const [row] = await this.#call('sweep_streams', [SWEEP_ROWS]);
        if (row?.[0] === 't') this.#garbage = true;
      }
    } catch {
      // What is left is no harm but to the disk.
    }
    this.#sweeping = false;
  }

  async #soften<Q>(batch: Batch<Q, undefined>, changes: readonly Q[]): Promise<void> {
    this.#assertOpen();
    await batch.add(changes);
  }

  async #change(name: string, values: unknown[], items: readonly unknown[]): Promise<undefined[]> {
    await this.#call(name, values);
    return items.map(() => undefined);
  }

  async #call(name: string, values: unknown[]): Promise<Row[]> {
    const places = values.map((_, i) => `$${i + 1}`).join(', ');
    const rows = await this.#connections.query(`SELECT * FROM "${this.#schema}".${name}(${places})`, values);
    if (!this.#begun) {
      this.#begun = true;
      // Somebody may have ended in the midst of it.
      void this.#sweep();
    }
    return rows;
  }

  async #close(): Promise<void> {
    this.#watchers.clear();
    await this.#connections.idle();
    await this.#notifier.close();
    await this.#listener.close();
    await this.#connections.close();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new StreamError('UNAVAILABLE', 'The PostgreSQL engine is closed.');
  }
}
