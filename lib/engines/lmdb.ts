import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { StreamError } from '../errors.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { checkInteger, checkString, demand } from '../validation.js';
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
import {
  BYTES_PER_STREAM,
  bytesOf,
  hasGarbage,
  type Prepared,
  prepare,
  type SoftChange,
  storeCommits,
  storeSoft,
  sweep,
} from './lmdb-commit.js';
import { due, list, load, page } from './lmdb-read.js';
import { type LmdbStore, openStore } from './lmdb-store.js';
import { WakeFile } from './lmdb-wake.js';
import { LmdbWatchers } from './lmdb-watchers.js';
import { type LmdbTransaction, LmdbWriter } from './lmdb-writer.js';

/** Options of {@link lmdbEngine}. What is out of range is `INVALID_ARGUMENT`. */
export interface LmdbEngineOptions {
  /** A directory, for this store alone; made if it is not there. Processes that name the same one share it. */
  path: string;
  /**
   * For how long, in ms, a write waits for other processes and for the disk, then it is `UNAVAILABLE`. Default: 10,000.
   */
  lockTimeout?: number | undefined;
}

const FEATURES: EngineFeatures = {
  durable: true,
  multiProcess: true,
  synchronous: false,
  byReference: false,
  staleReads: false,
  // What a wake-up misses is in the journal, which is looked at once a second.
  lossyHints: false,
  tagged: true,
  maxChunkBytes: 16 * 2 ** 20,
  maxCommitBytes: 16 * 2 ** 20,
};

/**
 * Keeps streams on this machine's disk, in a directory that any number of processes share: what is acknowledged has
 * been flushed. Needs the package `lmdb`, which is loaded, and opens the directory, when it is first used: what is wrong
 * with either is what that use rejects with. See `docs/engines/lmdb.md`.
 */
export function lmdbEngine(options: LmdbEngineOptions): StreamEngine {
  demand(Object(options) === options, 'options', 'an object with a path', options);
  const { path, lockTimeout } = options;
  checkString('path', path);
  demand(path !== '', 'path', 'the name of a directory', path);
  return new LmdbEngine(resolve(path), checkInteger('lockTimeout', lockTimeout, 10_000));
}

class LmdbEngine implements StreamEngine {
  readonly name = 'lmdb';
  readonly features = FEATURES;
  readonly #path: string;
  readonly #wakePath: string;
  readonly #lockTimeout: number;
  readonly #wake: WakeFile;
  readonly #writer: LmdbWriter;
  readonly #watchers: LmdbWatchers;
  /** The store, once it is open; and on the way there. */
  #store: LmdbStore | undefined;
  #opening: Promise<LmdbStore> | undefined;
  /** What has to be closed before it can be opened again. */
  #released: Promise<unknown> = Promise.resolve();
  #sweeping = false;
  /** Why what is committed now can't be stored. */
  #refusal: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;

  constructor(path: string, lockTimeout: number) {
    const name = randomUUID();
    this.#path = path;
    this.#wakePath = join(path, 'wake');
    this.#lockTimeout = lockTimeout;
    this.#watchers = new LmdbWatchers(name);
    this.#wake = new WakeFile(this.#wakePath, () => {
      this.#watchers.look(this.#store);
    });
    this.#writer = new LmdbWriter({
      name,
      path,
      lockTimeout,
      open: () => this.#open(),
      written: (sequence) => {
        this.#watchers.own(sequence);
        this.#wake.signal();
      },
      broken: (store) => {
        this.#release(store);
      },
    });
  }

  async load(requests: readonly LoadRequest[]): Promise<(Loaded | undefined)[]> {
    const store = await this.#use();
    return store.read(() => requests.map((request) => load(store, request)));
  }

  async commit(commits: readonly Commit[]): Promise<CommitResult[]> {
    this.#assertOpen();
    if (this.#refusal !== undefined) throw this.#refusal.error;
    const prepared = commits.map((commit) => prepare(commit, FEATURES));
    let results: CommitResult[] = [];
    let garbage = false;
    return this.#write(
      bytesOf(prepared),
      (transaction) => {
        results = storeCommits(transaction, prepared);
        ({ garbage } = transaction);
      },
      () => {
        this.#tell(prepared, results);
        if (garbage) this.#sweep();
        return results;
      },
    );
  }

  /** Calls back within the transaction, to which what is committed then still belongs. */
  ready(callback: () => void): void {
    if (this.#closed !== undefined) {
      queueMicrotask(callback);
      return;
    }
    let called = false;
    this.#writer.add({
      bytes: 0,
      run: () => {
        called = true;
        callback();
      },
      done: () => undefined,
      failed: (error) => {
        if (called) return;
        called = true;
        this.#refusal = { error };
        try {
          callback();
        } finally {
          this.#refusal = undefined;
        }
      },
    });
  }

  async read(requests: readonly ReadRequest[]): Promise<Page[]> {
    const store = await this.#use();
    return store.read(() => requests.map((request) => page(store, request)));
  }

  async watch(ids: readonly string[], onHint: (hint: Hint) => void): Promise<Watch> {
    const store = await this.#use();
    if (this.#watchers.size === 0) {
      this.#wake.start();
      this.#watchers.begin(store);
    }
    return this.#watchers.add(ids, onHint, () => {
      this.#wake.stop();
    });
  }

  touch(touches: readonly Touch[]): Promise<void> {
    const written = this.#writeSoft(
      touches.map(({ id, generation, usedAt = -Infinity, beat = -Infinity }) => ({
        id,
        generation,
        change: (soft) => ({
          ...soft,
          usedAt: Math.max(soft.usedAt, usedAt),
          beat: Math.max(soft.beat, beat),
        }),
      })),
    );
    // Nobody waits for it, so nobody has to know.
    written.catch(() => undefined);
    return written;
  }

  async list(options: {
    prefix: string;
    after: string;
    limit: number;
  }): Promise<{ id: string; loaded: Loaded }[]> {
    const store = await this.#use();
    return store.read(() => list(store, options));
  }

  async due(now: number, limit: number): Promise<{ ids: string[]; next: number }> {
    const store = await this.#use();
    return store.read(() => due(store, now, limit));
  }

  schedule(moves: readonly Move[]): Promise<void> {
    return this.#writeSoft(
      moves.map(({ id, generation, from, to }) => ({
        id,
        generation,
        change: (soft) => (soft.dueAt === from ? { ...soft, dueAt: to } : soft),
      })),
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #writeSoft(changes: readonly SoftChange[]): Promise<void> {
    this.#assertOpen();
    return this.#write(
      changes.length * BYTES_PER_STREAM,
      (transaction) => {
        storeSoft(transaction.store, changes);
      },
      () => undefined,
    );
  }

  #write<T>(bytes: number, run: (transaction: LmdbTransaction) => void, done: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#writer.add({
        bytes,
        run,
        done: () => {
          resolve(done());
        },
        failed: reject,
      });
    });
  }

  #tell(prepared: readonly Prepared[], results: readonly CommitResult[]): void {
    for (const [i, { commit }] of prepared.entries()) {
      const result = results[i];
      if (result?.type !== 'stored' || !this.#watchers.has(commit.id)) continue;
      this.#watchers.tell(hintOfCommit(commit, result.generation));
    }
  }

  /** Removes, a little at a time, what lives that are over have left. If it fails, the next to try goes on. */
  #sweep(): void {
    if (this.#sweeping || this.#closed !== undefined) return;
    this.#sweeping = true;
    let more = false;
    this.#writer.add({
      bytes: BYTES_PER_STREAM,
      run: (transaction) => {
        more = !sweep(transaction);
      },
      done: () => {
        this.#sweeping = false;
        if (more) this.#sweep();
      },
      failed: () => {
        this.#sweeping = false;
      },
    });
  }

  async #use(): Promise<LmdbStore> {
    this.#assertOpen();
    if (this.#store !== undefined) return this.#store;
    const store = await this.#open();
    this.#assertOpen();
    return store;
  }

  /** The store, opened if it is not. What can't be opened may be later. */
  #open(): Promise<LmdbStore> {
    this.#opening ??= this.#openAgain();
    return this.#opening;
  }

  async #openAgain(): Promise<LmdbStore> {
    try {
      await this.#released;
      const store = await openStore(this.#path, this.#wakePath);
      this.#store = store;
      if (store.read(() => hasGarbage(store))) this.#sweep();
      return store;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** Lets go of a store that has failed, so that whoever comes next opens it, and sees what is wrong, if it still is. */
  #release(store: LmdbStore): void {
    if (this.#store !== store) return;
    this.#store = undefined;
    this.#opening = undefined;
    // What is wrong with the store is known already.
    this.#released = store.close().catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#watchers.clear();
    this.#wake.stop();
    const ended = this.#end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => {
          reject(
            this.#unavailable(
              `could not be closed for ${this.#lockTimeout} ms: a write of it waits for another process`,
            ),
          );
        },
        Math.min(this.#lockTimeout, LONGEST_DELAY),
      ).unref();
    });
    try {
      await Promise.race([ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for what is on its way, and gives everything back. */
  async #end(): Promise<void> {
    await this.#writer.idle();
    // Who opens it is told what is wrong.
    await this.#opening?.catch(() => undefined);
    await this.#released;
    this.#wake.close();
    await this.#store?.close();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw this.#unavailable('is closed');
  }

  #unavailable(what: string): StreamError {
    return new StreamError('UNAVAILABLE', `The LMDB store in ${this.#path} ${what}.`);
  }
}
