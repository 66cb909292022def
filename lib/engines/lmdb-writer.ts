import { StreamError } from '../errors.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { type Counters, readCounters, writeCounters, writeJournal } from './lmdb-journal.js';
import { assertRoom, Room } from './lmdb-room.js';
import type { LmdbStore } from './lmdb-store.js';

/** Makes generations hard to guess, so that a store that has lost its last counts gives others than before. */
const RANDOM_DIGITS = 1000;

/** What is written together, as the jobs of a transaction see it. */
export class LmdbTransaction {
  /** Whether a life is over of which something is left. */
  garbage = false;
  readonly #changed = new Set<string>();
  #counters: Counters | undefined;

  constructor(readonly store: LmdbStore) {}

  /** A generation greater than any before. */
  nextGeneration(): number {
    const { sequence, generations } = this.#count();
    this.#counters = { sequence, generations: generations + 1 };
    return (generations + 1) * RANDOM_DIGITS + Math.floor(Math.random() * RANDOM_DIGITS);
  }

  /** Puts an id into the journal. */
  changed(id: string): void {
    this.#changed.add(id);
  }

  /** Writes what the transaction is known by to other processes, and gives its number, if it has changed anything. */
  finish(writer: string): number | undefined {
    if (this.#changed.size === 0) return undefined;
    const { sequence, generations } = this.#count();
    writeCounters(this.store, { sequence: sequence + 1, generations });
    writeJournal(this.store, { sequence: sequence + 1, writer, ids: [...this.#changed] });
    return sequence + 1;
  }

  #count(): Counters {
    this.#counters ??= readCounters(this.store);
    return this.#counters;
  }
}

/** A change that shares its transaction with others. */
export interface Job {
  /** How many bytes it may make LMDB write, generously. */
  readonly bytes: number;
  /**
   * Called within the transaction. A `StreamError` that it throws, before it has written anything, fails this job; what
   * else it throws fails all of the transaction.
   */
  run(transaction: LmdbTransaction): void;
  /** All of the transaction is on disk. Called also where nobody knew for too long, after `failed`. */
  done(): void;
  failed(error: unknown): void;
}

/** What a {@link LmdbWriter} needs. */
export interface WriterContext {
  /** What the journal names the writer. */
  readonly name: string;
  readonly path: string;
  /** For how long, in ms, a job may wait. */
  readonly lockTimeout: number;
  open(): Promise<LmdbStore>;
  /** A transaction with this number is on disk. Called before its jobs are told. */
  written(sequence: number): void;
  /** A transaction has failed, and with it perhaps the environment. */
  broken(store: LmdbStore): void;
}

interface Pending {
  readonly job: Job;
  readonly since: number;
  /** Whether it need not be told any more that it has failed. */
  told: boolean;
}

/**
 * Writes in one transaction after another. What comes while one is on its way goes into the next, all of it, and so
 * shares its fsync.
 *
 * LMDB has one write lock for all processes, and one that is stopped while it has it keeps it. So jobs wait for a
 * limited time: those that have not begun are taken back, and of one that has begun nobody knows.
 */
export class LmdbWriter {
  #queue: Pending[] = [];
  #begun: Pending[] = [];
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #room: Room;

  constructor(private readonly context: WriterContext) {
    this.#room = new Room(context.path);
  }

  /** Adds a job to the next transaction. */
  add(job: Job): void {
    this.#queue.push({ job, since: performance.now(), told: false });
    this.#arm();
    this.#running ??= this.#run();
  }

  /** Waits until nothing is to be written any more. */
  async idle(): Promise<void> {
    await this.#running;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#write();
    this.#running = undefined;
  }

  async #write(): Promise<void> {
    const { context } = this;
    let store: LmdbStore | undefined;
    try {
      const opened = (store = await context.open());
      const sequence = await opened.write(() => this.#transact(new LmdbTransaction(opened)));
      if (sequence !== undefined) context.written(sequence);
    } catch (error) {
      if (store !== undefined) context.broken(store);
      // Those of a transaction that has not begun would only fail again.
      if (this.#begun.length === 0) this.#begun = this.#queue.splice(0);
      for (const pending of this.#begun.splice(0)) fail(pending, error);
      return;
    }
    for (const { job } of this.#begun.splice(0)) {
      try {
        job.done();
      } catch (error) {
        // Of a watcher, on which nothing that is stored depends.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #transact(transaction: LmdbTransaction): number | undefined {
    const { path, name } = this.context;
    const { free } = this.#room;
    let bytes = 0;
    this.#begun = this.#queue;
    const run: Pending[] = [];
    try {
      // Also those that are added by them.
      for (const pending of this.#queue) {
        try {
          bytes += pending.job.bytes;
          assertRoom(path, bytes, free);
          pending.job.run(transaction);
          run.push(pending);
        } catch (error) {
          if (!(error instanceof StreamError)) throw error;
          fail(pending, error);
        }
      }
    } finally {
      this.#queue = [];
    }
    this.#begun = run;
    return transaction.finish(name);
  }

  /** Sets the clock for the job that waits longest. It goes on where that is done: nearly all are, and others follow. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    const oldest = this.#begun.find(waits) ?? this.#queue.find(waits);
    if (oldest === undefined) return;
    const left = oldest.since + this.context.lockTimeout - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#expire();
      },
      Math.min(Math.max(left, 1), LONGEST_DELAY),
    ).unref();
  }

  #expire(): void {
    const { path, lockTimeout } = this.context;
    const limit = performance.now() - lockTimeout;
    const late = (pending: Pending): boolean => waits(pending) && pending.since <= limit;
    const error = new StreamError(
      'UNAVAILABLE',
      `The LMDB store in ${path} was not written for ${lockTimeout} ms: another process has the lock, or the disk is slow.`,
    );
    for (const pending of [...this.#begun, ...this.#queue].filter(late)) fail(pending, error);
    this.#queue = this.#queue.filter(waits);
    this.#arm();
  }
}

const waits = ({ told }: Pending): boolean => !told;

function fail(pending: Pending, error: unknown): void {
  if (pending.told) return;
  pending.told = true;
  pending.job.failed(error);
}
