import { StreamError } from '../errors.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { blankHint } from './hint.js';
import { postgresError } from './postgres-errors.js';
import { idsIn, type NotifyContext } from './postgres-notify.js';
import { configOf, driver, queryOf } from './postgres-pool.js';

/** What the engine uses of a `Client` of the package `pg`. */
interface ListenClient {
  connect(): Promise<unknown>;
  query(query: object): Promise<unknown>;
  end(): Promise<void>;
  unref(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'notification', listener: (message: { readonly payload?: string }) => void): unknown;
  readonly connection: { readonly stream: { destroy(): void } };
}

/** How often, in ms, a connection that says nothing is asked whether it is there. */
const PING_EVERY = 5_000;
/** The longest that is waited, in ms, between two tries to connect. */
const MAX_BACKOFF = 5_000;
/** How long, in ms, a connection may take to say good-bye. */
const END_WITHIN = 1_000;

const ignore = (): void => undefined;

/**
 * Hears, on one connection of its own, which streams others have changed, for as long as anybody here watches any. What
 * may have been missed while the connection was lost is looked for by all.
 */
export class PostgresListener {
  #client: ListenClient | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Whether what was told through the pool was ever heard here. */
  #proven = false;
  #heard: (() => void) | undefined;
  /** Ends the wait before the next try. */
  #wake: () => void = ignore;
  #closed = false;

  constructor(private readonly context: NotifyContext) {}

  /** Hears what is told from now on. */
  async arm(): Promise<void> {
    while (this.#client === undefined) {
      this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
      await this.#connecting;
    }
  }

  /** Gives the connection back. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wake();
    await this.#connecting?.catch(ignore);
    await this.#drop();
  }

  async #connect(): Promise<void> {
    if (this.#failures > 0) await this.#pause(backoff(this.#failures));
    try {
      this.#assertOpen();
      await this.#listen();
      this.#assertOpen();
    } catch (error) {
      this.#failures++;
      this.#goOn();
      throw error;
    }
    this.#failures = 0;
    this.#goOn();
  }

  /** From time to time, sees whether the connection is there and whether it is wanted; where it is lost, tries again. */
  #goOn(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const lost = this.#client === undefined;
    if (lost && this.context.watchers.size === 0) return;
    this.#timer = setTimeout(
      () => {
        if (lost) void this.arm().catch(ignore);
        else if (this.context.watchers.size === 0) void this.#drop();
        else void this.#ping();
      },
      lost ? 0 : PING_EVERY,
    ).unref();
  }

  async #ping(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    try {
      await this.#ask(client, 'SELECT 1');
      this.#goOn();
    } catch {
      this.#lost(client);
    }
  }

  async #listen(): Promise<void> {
    const { schema, listen, timeout, connections, watchers } = this.context;
    const { Client } = await driver();
    const config = listen === undefined ? await connections.config() : configOf(listen, timeout);
    const client = new Client({ ...config, keepAlive: true }) as unknown as ListenClient;
    client.on('error', () => {
      this.#lost(client);
    });
    const ended = new Promise<never>((_resolve, reject) => {
      client.on('end', () => {
        this.#lost(client);
        reject(new StreamError('UNAVAILABLE', 'The connection for LISTEN was lost.'));
      });
    });
    ended.catch(ignore);
    client.on('notification', ({ payload = '' }) => {
      this.#told(payload);
    });
    try {
      await within(timeout, client.connect());
      await this.#ask(client, `LISTEN "${schema}"`);
      if (!this.#proven) await Promise.race([this.#prove(), ended]);
    } catch (error) {
      destroy(client);
      throw postgresError(error);
    }
    // Who only waits for notifications has something else to live for.
    client.unref();
    this.#client = client;
    watchers.tellAll();
  }

  /** Sees whether what is told is heard: behind some poolers it is not, and nobody says so. */
  async #prove(): Promise<void> {
    const { schema, name, timeout, connections } = this.context;
    const heard = new Promise<void>((resolve) => (this.#heard = resolve));
    await connections.query('SELECT pg_notify($1, $2)', [schema, name]);
    try {
      await within(timeout, heard);
    } catch (cause) {
      const message =
        'The connection for LISTEN hears nothing: behind a pooler it has to be given by `listen`, past the pooler.';
      throw new StreamError('FAILED_PRECONDITION', message, { cause });
    }
    this.#proven = true;
  }

  #told(payload: string): void {
    const { name, watchers } = this.context;
    // The own ones come back, too.
    if (payload.startsWith(name)) this.#heard?.();
    else for (const id of idsIn(payload).ids) if (watchers.has(id)) watchers.tell(blankHint(id));
  }

  async #ask(client: ListenClient, text: string): Promise<void> {
    await within(this.context.timeout, client.query(queryOf(text)));
  }

  #lost(client: ListenClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    // It may be there for the server still.
    destroy(client);
    this.#goOn();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, ms).unref();
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw new StreamError('UNAVAILABLE', 'The PostgreSQL engine is closed.');
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    try {
      await within(END_WITHIN, client.end());
    } catch {
      destroy(client);
    }
  }
}

/** Half of it by chance, so that not all processes come at once when a server is back. */
const backoff = (failures: number): number =>
  Math.min(50 * 2 ** Math.min(failures, 10), MAX_BACKOFF) * (0.5 + Math.random() / 2);

async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(new StreamError('UNAVAILABLE', `PostgreSQL has not answered for ${ms} ms.`));
      },
      Math.min(ms, LONGEST_DELAY),
    );
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

function destroy(client: ListenClient): void {
  // What it still waits for has failed.
  client.end().catch(ignore);
  client.connection.stream.destroy();
}
