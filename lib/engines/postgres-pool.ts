import { createHash } from 'node:crypto';

import type { Pool } from 'pg';

import { StreamError } from '../errors.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { loadDriver } from './driver.js';
import { isForgotten, isMissing, isUsable, postgresError } from './postgres-errors.js';
import type { Row } from './postgres-rows.js';
import { FORMAT, lookAtSchema, statementsOf } from './postgres-schema.js';

/** What the engine uses of a `Pool` of the package `pg`. */
export interface PostgresPool {
  readonly options: object;
  connect(connected: (error: Error | undefined, client: PostgresClient | undefined) => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What it uses of a client of such a pool. */
export interface PostgresClient {
  query(query: Query): Promise<{ readonly rows: unknown[] }>;
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What `pg` is given of a statement. */
export interface Query {
  /** What a connection knows the statement by, once it has been parsed. */
  name?: string;
  text: string;
  values?: unknown[];
  rowMode: 'array';
  types: { getTypeParser(): (text: unknown) => unknown };
}

/** Which server, and what for. */
export interface PostgresContext {
  /** A URL, or options of `pg`; what is in neither is as in libpq's environment variables. */
  readonly connection: string | object | undefined;
  /** A pool that is somebody else's. */
  readonly pool: PostgresPool | undefined;
  readonly schema: string;
  /** How long, in ms, anything may take. */
  readonly timeout: number;
}

/** How many connections a pool of the engine's own has: with the one for notifications, four. */
const CONNECTIONS = 3;
/** Values stay the text that the server gives: what others have set up for theirs is not for ours. */
const AS_TEXT: Query['types'] = { getTypeParser: () => (text) => text };
const ignore = (): void => undefined;

/** A statement for the driver. */
export const queryOf = (text: string, values?: unknown[]): Query => ({
  text,
  ...(values !== undefined && { values }),
  rowMode: 'array',
  types: AS_TEXT,
});

/** Connections to a database, in which the schema is made, or is known to be as this version needs it. */
export class PostgresConnections {
  #pool: Promise<PostgresPool> | undefined;
  #opening: Promise<void> | undefined;
  readonly #asked = new Set<Promise<unknown>>();
  /** The names of statements, by their texts. */
  readonly #names = new Map<string, string>();
  /** Whether connections keep what they have parsed: behind some poolers they do not. */
  #keeps = true;
  #closed = false;

  constructor(private readonly context: PostgresContext) {}

  /** Runs a statement, by itself in its transaction. Whatever it waits for, it has failed when its time is over. */
  async query(text: string, values: unknown[]): Promise<Row[]> {
    this.#assertOpen();
    return this.#track(this.#query(text, values));
  }

  /** What a connection of its own is made with. */
  async config(): Promise<object> {
    const { options } = await this.#connected();
    // A pool hides its password from whoever lists its options.
    return { ...options, password: (options as { password?: unknown }).password };
  }

  /** Waits for what is on its way, and for what follows from that. */
  async idle(): Promise<void> {
    while (this.#asked.size > 0) await Promise.allSettled(this.#asked);
  }

  /** Gives back what was opened here. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.idle();
    const pool = await this.#pool?.catch(ignore);
    if (this.context.pool === undefined) await (pool as Partial<Pool> | undefined)?.end?.();
    else pool?.removeListener('error', ignore);
  }

  async #query(text: string, values: unknown[]): Promise<Row[]> {
    this.#opening ??= this.#open();
    try {
      await this.#opening;
      return await this.#runNamed(queryOf(text, values));
    } catch (error) {
      // Whoever comes next looks again.
      if (isMissing((error as Error).cause)) this.#opening = undefined;
      throw error;
    }
  }

  /** Runs a statement that is parsed once by each connection, which is a third of what a small one takes. */
  async #runNamed(query: Query): Promise<Row[]> {
    if (this.#keeps) {
      try {
        return await this.#run({ ...query, name: this.#nameOf(query.text) });
      } catch (error) {
        if (!isForgotten((error as Error).cause)) throw error;
        // Nothing of it was carried out.
        this.#keeps = false;
      }
    }
    return this.#run(query);
  }

  /** The same for everybody who means the same: behind a pooler, others have parsed it too. */
  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `streams_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
      this.#names.set(text, name);
    }
    return name;
  }

  async #open(): Promise<void> {
    try {
      await this.#check();
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** Makes the schema, or functions of it, if they are not there. Throws `FAILED_PRECONDITION` if it is of another format. */
  async #check(): Promise<void> {
    const { schema } = this.context;
    const look = queryOf(lookAtSchema(schema));
    let rows: Row[];
    try {
      rows = await this.#run(look);
    } catch (error) {
      if (!isMissing((error as Error).cause)) throw error;
      await this.#make(schema);
      rows = await this.#run(look);
    }
    const [format, complete] = rows[0] ?? [];
    if (format === String(FORMAT)) {
      if (complete !== 't') await this.#make(schema);
      return;
    }
    const message = `The schema ${schema} has the format ${format ?? 'of nothing'}, but this version needs ${FORMAT}.`;
    throw new StreamError('FAILED_PRECONDITION', message);
  }

  async #make(schema: string): Promise<void> {
    try {
      await this.#run(queryOf(statementsOf(schema)));
    } catch (cause) {
      const { code, message } = cause as StreamError;
      if (code !== 'PERMISSION_DENIED') throw cause;
      const hint = `${message}. Let somebody who may make the schema ${schema} run the SQL of postgresSchema().`;
      throw new StreamError(code, hint, { cause });
    }
  }

  async #run(query: Query): Promise<Row[]> {
    const { timeout } = this.context;
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => {
          over = true;
          reject(new StreamError('UNAVAILABLE', `PostgreSQL has not answered for ${timeout} ms.`));
        },
        Math.min(timeout, LONGEST_DELAY),
      );
    });
    try {
      const connecting = this.#connected().then(clientOf);
      // One that comes too late is somebody else's.
      connecting.then((client) => {
        if (over) client.release();
      }, ignore);
      const client = await Promise.race([connecting, late]);
      return await runOn(client, query, late);
    } catch (error) {
      throw postgresError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#asked.add(call);
    try {
      return await call;
    } finally {
      this.#asked.delete(call);
    }
  }

  #connected(): Promise<PostgresPool> {
    this.#pool ??= this.#connect();
    return this.#pool;
  }

  async #connect(): Promise<PostgresPool> {
    const { connection, pool: given, timeout } = this.context;
    try {
      const pool = given ?? new (await driver()).Pool(configOf(connection, timeout));
      // A connection that is lost while nobody uses it has been taken out of the pool.
      pool.on('error', ignore);
      return pool;
    } catch (error) {
      // A driver that is missing may be installed later.
      this.#pool = undefined;
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StreamError('UNAVAILABLE', 'The PostgreSQL engine is closed.');
  }
}

/** A connection of a pool. It is guarded at once, since right behind the server's greeting there may be its end. */
const clientOf = (pool: PostgresPool): Promise<PostgresClient> =>
  new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        reject(error ?? new StreamError('UNAVAILABLE', 'The pool has given no connection.'));
        return;
      }
      guard(client);
      resolve(client);
    });
  });

const guarded = new WeakSet<PostgresClient>();

/**
 * What a connection is lost by is what its statement fails with, or nobody's concern. For good: it may still be told
 * while the connection is being ended, when neither the pool nor a statement listens, and would end the process.
 */
function guard(client: PostgresClient): void {
  if (guarded.has(client)) return;
  guarded.add(client);
  client.on('error', ignore);
}

async function runOn(client: PostgresClient, query: Query, late: Promise<never>): Promise<Row[]> {
  let usable = false;
  try {
    const { rows } = await Promise.race([client.query(query), late]);
    usable = true;
    return rows as Row[];
  } catch (error) {
    usable = isUsable(error);
    throw error;
  } finally {
    client.release(!usable);
  }
}

/** The driver. Rejects with `FAILED_PRECONDITION` where it is not installed. */
export const driver = async (): Promise<Pick<typeof import('pg'), 'Client' | 'Pool'>> => {
  const loaded = await loadDriver('PostgreSQL', 'pg', () => import('pg'));
  // A CommonJS module: older ones have no more names than this.
  return loaded.default;
};

/** Options of `pg` for what a user gave. */
export const configOf = (connection: string | object | undefined, timeout: number): object => ({
  application_name: 'rxjs-durable-streams',
  max: CONNECTIONS,
  // The rest of a program decides how long it runs.
  allowExitOnIdle: true,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  ...(timeout <= LONGEST_DELAY && { connectionTimeoutMillis: timeout }),
  ...(typeof connection === 'string' ? { connectionString: connection } : connection),
});
