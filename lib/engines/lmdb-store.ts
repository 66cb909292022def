import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { StreamError } from '../errors.js';
import { loadDriver } from './driver.js';
import { checkDataFile } from './lmdb-check.js';
import { storeError } from './lmdb-errors.js';
import { FORMAT, type KeyRange } from './lmdb-keys.js';
import { assertRoom } from './lmdb-room.js';

/** The format that this version reads and writes. */
const FORMAT_NUMBER = 1;
/** Room for a thousand readers. LMDB takes the file as it finds it. */
const LOCK_FILE_BYTES = 65_536;

/** A key and what is stored under it, in memory of its own. */
export interface Stored {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Which part of a range is wanted. */
export interface Slice {
  readonly limit?: number;
  /** Leave out the first key of the range itself. */
  readonly after?: boolean;
}

/** An open store: the LMDB environment of a directory, with errors of the engine instead of its own. */
export class LmdbStore {
  constructor(
    readonly path: string,
    private readonly db: RootDatabase<Buffer, Buffer>,
  ) {}

  /** The value of a key. In {@link read} all looks are at one moment; in {@link write} they see what was written. */
  get(key: Buffer): Buffer | undefined {
    return this.db.getBinary(key);
  }

  /** Keys and values in order. */
  range({ start, end }: KeyRange, { limit = Infinity, after = false }: Slice = {}): Iterable<Stored> {
    return this.db.getRange({ start, end, limit, exclusiveStart: after });
  }

  /** Keys in order. */
  keys({ start, end }: KeyRange, { limit = Infinity }: Slice = {}): Iterable<Buffer> {
    return this.db.getKeys({ start, end, limit });
  }

  put(key: Buffer, value: Uint8Array): void {
    // Any bytes do; they are read as buffers.
    void this.db.put(key, value as Buffer);
  }

  remove(key: Buffer): void {
    void this.db.remove(key);
  }

  /**
   * Looks at the store as it is now. LMDB keeps a snapshot until the event loop turns: without the resets, what has
   * just been committed would be missed, and an old snapshot would keep its pages from being used again.
   */
  read<T>(look: () => T): T {
    this.db.resetReadTxn();
    try {
      return look();
    } catch (error) {
      throw storeError(error, this.path);
    } finally {
      this.db.resetReadTxn();
    }
  }

  /**
   * Changes the store, all or nothing. `change` is called in this thread as soon as the write lock is ours. Resolves
   * when the change is on disk, and until then nobody sees it: the environment is opened without overlapping syncs.
   */
  async write<T>(change: () => T): Promise<T> {
    try {
      return await this.db.childTransaction(change);
    } catch (error) {
      throw storeError(await reasonOf(error), this.path);
    }
  }

  /** Waits for a write that is on its way, and gives back memory and files. */
  close(): Promise<void> {
    return this.db.close();
  }
}

/** A commit that failed says so by one error, and why by another that comes after it. */
function reasonOf(error: unknown): unknown {
  const { commitError } = error as { commitError?: Promise<never> };
  return commitError?.catch((reason: unknown) => reason) ?? error;
}

/**
 * Opens the store in a directory, or creates it. Throws `FAILED_PRECONDITION` if the package `lmdb` is missing or the
 * store is not one of ours, `DATA_LOSS` if it is damaged or gone, and what else can be wrong with a file system.
 *
 * @param wakeFile a file beside the data that is made once there is a store: where it is, no store is ever empty.
 */
export async function openStore(path: string, wakeFile: string): Promise<LmdbStore> {
  const { open } = await loadDriver('LMDB', 'lmdb', () => import('lmdb'));
  try {
    makeDirectory(path);
    const file = join(path, 'data.mdb');
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0) checkDataFile(file);
    else if (existsSync(wakeFile)) throw gone(path);
    else assertRoom(path, 0);
    reserveLockFile(path);
    const db = open<Buffer, Buffer>({
      path,
      // Else a directory with a dot in its name would be taken for a file.
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      // Nothing here depends on that order, but then the thread that writes sleeps until `change` is done, and does not
      // ask again and again meanwhile, which is a race for the lock that `change` has.
      strictAsyncOrder: true,
    });
    try {
      checkFormat(db, path, wakeFile);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new LmdbStore(path, db);
  } catch (error) {
    throw storeError(error, path);
  }
}

/**
 * Makes a directory, and those above it. Node's own `recursive` never comes to an end where a file system says of what
 * it will not have that its parent is missing, as `/proc` does.
 */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    // Of what is there, some file systems say first what else is wrong.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    if (code !== 'ENOENT' || parent === path) throw error;
    if (existsSync(parent)) {
      const message = `The LMDB store can't be in ${path}: no directory can be made there.`;
      throw new StreamError('INVALID_ARGUMENT', message, { cause: error });
    }
    makeDirectory(parent);
    makeDirectory(path);
  }
}

function checkFormat(db: RootDatabase<Buffer, Buffer>, path: string, wakeFile: string): void {
  const found = db.get(FORMAT) ?? db.transactionSync(() => db.get(FORMAT) ?? create(db, path, wakeFile));
  let format: unknown;
  try {
    ({ format } = JSON.parse(found.toString()) as { format?: unknown });
  } catch (cause) {
    throw new StreamError('DATA_LOSS', `The format of the LMDB store in ${path} can't be read.`, { cause });
  }
  if (format !== FORMAT_NUMBER) {
    const message = `The LMDB store in ${path} has the format ${String(format)}, but this version has ${FORMAT_NUMBER}.`;
    throw new StreamError('FAILED_PRECONDITION', message);
  }
  if (!existsSync(wakeFile)) writeFileSync(wakeFile, '\n');
}

/** Makes an environment without a format a store, if it is as empty as a new one. */
function create(db: RootDatabase<Buffer, Buffer>, path: string, wakeFile: string): Buffer {
  if (existsSync(wakeFile)) throw gone(path);
  if ([...db.getKeys({ limit: 1 })].length > 0) {
    const message = `The LMDB data in ${path} is of something else.`;
    throw new StreamError('FAILED_PRECONDITION', message);
  }
  assertRoom(path, 0);
  const format = Buffer.from(JSON.stringify({ format: FORMAT_NUMBER }));
  void db.put(FORMAT, format);
  return format;
}

const gone = (path: string): StreamError =>
  new StreamError(
    'DATA_LOSS',
    `The data of the LMDB store in ${path} is gone. Bring it back, or delete the directory to start with nothing.`,
  );

/**
 * LMDB makes its lock file without room on the disk, maps it, and is killed with SIGBUS where the disk is full. So it
 * gets one that has room, at once: it may be another process that finds it.
 */
function reserveLockFile(path: string): void {
  const file = join(path, 'lock.mdb');
  if (existsSync(file)) return;
  const made = `${file}.${process.pid}.${randomUUID()}`;
  try {
    writeFileSync(made, Buffer.alloc(LOCK_FILE_BYTES));
    try {
      linkSync(made, file);
    } catch {
      // Another process has one by now; or there are no links here, and LMDB makes its own.
    }
  } finally {
    rmSync(made, { force: true });
  }
}
