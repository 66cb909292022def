import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lmdbEngine } from '../../lib/engines/lmdb.js';
import { Store } from '../../lib/testing/engine-suite/store.js';
import { child } from '../support/child.js';
import { dataIn, storeIn, storePath } from '../support/lmdb.js';

const PAGE = 4096;
const CHUNKS = 211;

/** What became of using a store. */
interface Used {
  readonly read: unknown;
  readonly write: unknown;
  readonly close: unknown;
  readonly unhandled: readonly string[];
}

/** Uses a store in a process of its own, which must not be killed by that. */
async function use(path: string): Promise<Used> {
  const user = await child('lmdb-use.ts', { args: [path] });
  onTestFinished(() => user.kill());
  const used = await user.ask<Used>('use');
  user.process.disconnect();
  expect(await user.ended).toBe(0);
  expect(used.unhandled).toEqual([]);
  expect(used.close).toBe('closed');
  return used;
}

const failing = (code: string, message: unknown = expect.any(String)): object => ({ code, message });

/** Writes over a part of a file. */
function overwrite(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

describe('The files of an LMDB store', { timeout: 30_000 }, () => {
  let original: string;

  beforeAll(async () => {
    original = mkdtempSync(join(tmpdir(), 'lmdb-original-'));
    const engine = lmdbEngine({ path: original });
    const store = new Store(engine, engine.features, 4_000);
    let head = await store.create('a', ['first']);
    for (let i = 0; i < 200; i++) head = await store.append('a', head, [`${i} `.repeat(200)]);
    for (let i = 0; i < 10; i++) await store.create(`large${i}`, ['z'.repeat(50_000)]);
    await engine.close();
    return () => {
      rmSync(original, { recursive: true });
    };
  });

  /** A copy of the store, as it is with nobody using it. */
  const copy = (): { path: string; file: string; size: number } => {
    const path = storePath();
    cpSync(original, path, { recursive: true });
    const file = join(path, 'data.mdb');
    return { path, file, size: statSync(file).size };
  };

  it('are three: the data, the lock and what wakes other processes', () => {
    expect(readdirSync(original).sort()).toEqual(['data.mdb', 'lock.mdb', 'wake']);
  });

  it('can be used by others than those that made them', async () => {
    expect(await use(copy().path)).toMatchObject({ read: CHUNKS, write: 'stored' });
  });

  it('may be copied without those beside the data', async () => {
    const { path } = copy();
    rmSync(join(path, 'lock.mdb'));
    rmSync(join(path, 'wake'));
    expect(await use(path)).toMatchObject({ read: CHUNKS, write: 'stored' });
  });

  it('may have rubbish for a lock, if nobody uses them', async () => {
    const { path } = copy();
    writeFileSync(join(path, 'lock.mdb'), Buffer.alloc(9_000, 'rubbish'));
    expect(await use(path)).toMatchObject({ read: CHUNKS, write: 'stored' });
  });

  it('may be longer than the data', async () => {
    const { path, file } = copy();
    appendFileSync(file, Buffer.alloc(3 * PAGE + 5));
    expect(await use(path)).toMatchObject({ read: CHUNKS, write: 'stored' });
  });

  describe('are DATA_LOSS, and left as they are,', () => {
    const lost = failing('DATA_LOSS');

    it.each([
      ['half of the data', (size: number) => size / 2],
      ['the last page of the data', (size: number) => size - PAGE],
      ['a part of the last page', (size: number) => size - 1],
      ['all pages but the first two', () => 2 * PAGE],
      ['all but a hundred bytes', () => 100],
      ['all bytes', () => 0],
    ])('if %s was cut off', async (_title, left) => {
      const { path, file, size } = copy();
      truncateSync(file, left(size));
      expect(await use(path)).toMatchObject({ read: lost, write: lost });
      expect(statSync(file).size).toBe(left(size));
    });

    it('if the data file is gone', async () => {
      const { path, file } = copy();
      rmSync(file);
      expect(await use(path)).toMatchObject({ read: failing('DATA_LOSS', expect.stringContaining(path)) });
      expect(readdirSync(path)).not.toContain('data.mdb');
    });

    it.each([
      ['all of the data', 'rubbish', 0, Infinity],
      ['all of the data', '\0', 0, Infinity],
      ['the first page', 'rubbish', 0, PAGE],
      ['the second page', '\xff', PAGE, PAGE],
      ['what is after the first two pages', '\0', 2 * PAGE, Infinity],
    ])('if %s was overwritten by %j', async (_title, text, at, length) => {
      const { path, file, size } = copy();
      overwrite(file, at, Buffer.alloc(Math.min(length, size - at), text, 'latin1'));
      const before = readFileSync(file);
      expect(await use(path)).toMatchObject({ read: lost, write: lost });
      expect(readFileSync(file).equals(before)).toBe(true);
    });
  });

  it('never kill a process, nor give other chunks, whichever page was overwritten', async () => {
    const { file, size, path } = copy();
    const whole = readFileSync(file);
    for (let page = 2; page < size / PAGE; page += 17) {
      writeFileSync(file, whole);
      overwrite(file, page * PAGE, Buffer.alloc(PAGE, page % 2 ? 0 : 0xa5));
      const { read } = await use(path);
      if (read !== CHUNKS) expect(read).toEqual(failing('DATA_LOSS'));
    }
  });

  it('are DATA_LOSS where a chunk is another than was stored', async () => {
    const { path, file } = copy();
    overwrite(file, readFileSync(file).indexOf('zzzzzzzz') + 60_000, Buffer.from('y'));
    expect((await use(path)).read).toEqual(failing('DATA_LOSS'));
  });

  it('are refused where the data are of something else', async () => {
    const path = storePath();
    await dataIn(path).put(Buffer.from('theirs'), Buffer.from('x'));
    await expect(storeIn(path).load('a')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('of something else') as string,
    });
  });

  it('are refused where their format is a later one, or none', async () => {
    for (const [format, code] of [
      ['{"format":2}', 'FAILED_PRECONDITION'],
      ['2', 'FAILED_PRECONDITION'],
      ['?', 'DATA_LOSS'],
    ] as const) {
      const path = storePath();
      await dataIn(path).put(Buffer.from('f'), Buffer.from(format));
      await expect(storeIn(path).load('a')).rejects.toMatchObject({ code });
    }
  });

  it('can be made good: what could not be opened is opened once it can', async () => {
    const { path, file } = copy();
    rmSync(file);
    const store = storeIn(path);
    await expect(store.load('a')).rejects.toMatchObject({ code: 'DATA_LOSS' });
    cpSync(join(original, 'data.mdb'), file);
    expect((await store.head('a'))?.tail).toBe(201);
  });

  it('can’t be where a file is', async () => {
    const path = join(storePath(), 'file');
    writeFileSync(path, '');
    const invalid = failing('INVALID_ARGUMENT', expect.stringContaining(path));
    expect(await use(path)).toMatchObject({ read: invalid, write: invalid });
    expect(await use(join(path, 'below'))).toMatchObject({ read: failing('INVALID_ARGUMENT') });
    // A file system that says of what it does not take that its parent is missing.
    expect(await use('/proc/nope/below')).toMatchObject({ read: failing('INVALID_ARGUMENT') });
  });

  // Mounting needs the rights of an administrator; a container may not have them.
  const canMount = ((): boolean => {
    const at = mkdtempSync(join(tmpdir(), 'lmdb-mount-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', at]).status === 0;
    if (mounted) spawnSync('umount', [at]);
    rmSync(at, { recursive: true });
    return mounted;
  })();

  describe.runIf(canMount)('on a disk of its own', () => {
    /** A small disk with a copy of the store. */
    const mounted = (mebibytes: number): string => {
      const path = mkdtempSync(join(tmpdir(), 'lmdb-disk-'));
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]).status).toBe(0);
      onTestFinished(() => {
        spawnSync('umount', [path]);
        rmSync(path, { recursive: true });
      });
      return path;
    };

    /** Leaves no room. */
    const fill = (path: string): void => {
      spawnSync('dd', ['if=/dev/zero', `of=${join(path, 'fill')}`, 'bs=4096']);
    };

    it('are PERMISSION_DENIED if that is read-only', async () => {
      const path = mounted(8);
      cpSync(original, path, { recursive: true });
      const empty = join(path, 'empty');
      mkdirSync(empty);
      spawnSync('mount', ['-o', 'remount,ro', path]);
      const denied = failing('PERMISSION_DENIED', expect.stringContaining(path));
      expect(await use(path)).toMatchObject({ read: denied, write: denied });
      expect(await use(empty)).toMatchObject({ read: denied, write: denied });
    });

    it('can be read, but are RESOURCE_EXHAUSTED to write, if that is full, until it is not', async () => {
      const path = mounted(8);
      cpSync(original, path, { recursive: true });
      fill(path);
      const full = failing('RESOURCE_EXHAUSTED', expect.stringContaining(path));
      expect(await use(path)).toMatchObject({ read: CHUNKS, write: full });
      rmSync(join(path, 'fill'));
      expect(await use(path)).toMatchObject({ read: CHUNKS, write: 'stored' });
    });

    it('are RESOURCE_EXHAUSTED if that has no room for the lock, or for anything', async () => {
      const path = mounted(8);
      cpSync(original, path, { recursive: true });
      rmSync(join(path, 'lock.mdb'));
      const empty = join(path, 'empty');
      mkdirSync(empty);
      fill(path);
      const full = failing('RESOURCE_EXHAUSTED', expect.stringContaining(path));
      expect(await use(path)).toMatchObject({ read: full, write: full });
      expect(await use(empty)).toMatchObject({ read: full, write: full });
    });

    it('take what there is room for while it runs full, and lose nothing of it', async () => {
      const path = mounted(8);
      const store = storeIn(path);
      let stored = 0;
      let refused: unknown;
      while (refused === undefined) {
        await store.create(`s${stored}`, ['x'.repeat(200_000)]).then(
          () => stored++,
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      expect(stored).toBeGreaterThan(10);
      const listed = await store.engine.list({ prefix: '', after: '', limit: 1_000 });
      expect(listed).toHaveLength(stored);
    });
  });
});

describe('Without the package lmdb', () => {
  it('the LMDB engine says how to get it, whatever is asked of it, and closes', async () => {
    const path = storePath();
    const user = await child('lmdb-use.ts', { args: [path], packages: false });
    onTestFinished(() => user.kill());
    const missing = failing('FAILED_PRECONDITION', expect.stringContaining('npm install lmdb'));
    expect(await user.ask('use')).toEqual({ read: missing, write: missing, close: 'closed', unhandled: [] });
    expect(readdirSync(path)).toEqual([]);
  });
});
