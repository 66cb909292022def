import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { DurableStreamManager } from '../../lib/durable-manager.js';
import { postgresEngine, type PostgresEngineOptions, postgresSchema } from '../../lib/engines/postgres.js';
import { postgresError } from '../../lib/engines/postgres-errors.js';
import { idsIn, payloadsOf } from '../../lib/engines/postgres-notify.js';
import { eventually, failsWith } from '../../lib/testing/engine-suite/assert.js';
import type { SubscribeOptions } from '../../lib/stream-manager.js';
import { Reading } from '../../lib/testing/engine-suite/reading.js';
import {
  DATABASE_URL,
  named,
  ownRole,
  ownSchema,
  session,
  sql,
  storeIn,
  urlOf,
} from '../support/postgres.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

const PATIENCE = 15_000;

/** A manager on a schema, closed when the test is over. */
function managerOn(schema: string, options: PostgresEngineOptions = {}): DurableStreamManager {
  const manager = new DurableStreamManager(postgresEngine({ connection: DATABASE_URL, ...options, schema }), {
    lease: 30_000,
  });
  onTestFinished(() => manager.close());
  return manager;
}

/** A reader of the stream `s`. */
const read = (streams: DurableStreamManager, options: SubscribeOptions = {}): Reading =>
  new Reading(streams, 's', (what, holds) => eventually(PATIENCE, what, holds), options);

const text = (bytes: string): string => `convert_to('${bytes}', 'UTF8')`;

describe('Options of the PostgreSQL engine', () => {
  it.each<[PostgresEngineOptions, string]>([
    [{ schema: 'Upper' }, 'schema must be up to 63 of a-z, 0-9 and _, not first a digit or pg_'],
    [{ schema: 'a"; DROP TABLE x; --' }, 'schema must be up to 63'],
    [{ schema: '1a' }, 'schema must be up to 63'],
    [{ schema: 'pg_mine' }, 'schema must be up to 63'],
    [{ schema: 'x'.repeat(64) }, 'schema must be up to 63'],
    [{ schema: 5 as never }, 'schema must be a string'],
    [{ connection: 5 as never }, 'connection must be a URL, or options of pg'],
    [{ listen: true as never }, 'listen must be a URL, or options of pg'],
    [{ pool: {} as never }, 'pool must be a Pool of pg'],
    [{ pool: new pg.Pool(), connection: 'postgres://x' }, 'connection must be left out beside a pool'],
    [{ timeout: 0 }, 'timeout must be more than 0'],
    [{ timeout: -1 }, 'timeout must be a non-negative integer or Infinity'],
  ])('%o are refused', (options, message) => {
    expect(() => postgresEngine(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => postgresEngine(options)).toThrow(message);
  });

  it('are checked for the SQL, too', () => {
    expect(() => postgresSchema('a;b')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('What PostgreSQL fails with', () => {
  it.each([
    ['08006', 'UNAVAILABLE'],
    ['25006', 'UNAVAILABLE'],
    ['28P01', 'UNAUTHENTICATED'],
    ['3D000', 'FAILED_PRECONDITION'],
    ['40001', 'UNAVAILABLE'],
    ['40P01', 'UNAVAILABLE'],
    ['42501', 'PERMISSION_DENIED'],
    ['42P01', 'FAILED_PRECONDITION'],
    ['53100', 'RESOURCE_EXHAUSTED'],
    ['53200', 'RESOURCE_EXHAUSTED'],
    ['53300', 'UNAVAILABLE'],
    ['54000', 'RESOURCE_EXHAUSTED'],
    ['55P03', 'UNAVAILABLE'],
    ['57014', 'UNAVAILABLE'],
    ['57P01', 'UNAVAILABLE'],
    ['57P04', 'FAILED_PRECONDITION'],
    ['58P01', 'DATA_LOSS'],
    ['XX001', 'DATA_LOSS'],
    ['XX002', 'DATA_LOSS'],
    ['22003', 'INTERNAL'],
  ])('with the SQLSTATE %s is %s', (code, meaning) => {
    const cause = Object.assign(new Error('why'), { severity: 'ERROR', code });
    expect(postgresError(cause)).toMatchObject({ code: meaning, message: 'PostgreSQL failed: why', cause });
  });

  it('on the way to it is UNAVAILABLE, whatever its code looks like', () => {
    expect(postgresError(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })).code).toBe(
      'UNAVAILABLE',
    );
    const several = Object.assign(new AggregateError([new Error('x')]), { code: 'ECONNREFUSED' });
    expect(postgresError(several)).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'PostgreSQL failed: ECONNREFUSED',
    });
  });
});

describe('The payloads of notifications', () => {
  it('have all ids, each in less than the server takes', () => {
    const ids = [
      ...['a', 'a b', 'a,b', '%', '\0', '\n', 'é', '\u{1f600}', '\ufeff'],
      ...['\0', '\u{10ffff}'].flatMap((text) =>
        Array.from({ length: 20 }, (_, i) => `${text.repeat(250)}${i}`),
      ),
    ];
    const payloads = payloadsOf('me', ids);

    expect(payloads.length).toBeGreaterThan(1);
    for (const payload of payloads) {
      expect(payload.length).toBeLessThan(8_000);
      expect(payload).toMatch(/^[\x21-\x7e]+( [\x21-\x7e]+)+$/);
    }
    expect(payloads.flatMap((payload) => idsIn(payload).ids)).toEqual(ids);
    expect(new Set(payloads.map((payload) => idsIn(payload).name))).toEqual(new Set(['me']));
  });

  it('of strangers do no harm', () => {
    expect(idsIn('')).toEqual({ name: '', ids: [] });
    expect(idsIn('x %zz a %')).toEqual({ name: 'x', ids: ['a'] });
  });
});

await withServer('PostgreSQL', DATABASE_URL, () => {
  describe('The schema', () => {
    it('is made once by many that come at once', async () => {
      const schema = ownSchema();
      const stores = Array.from({ length: 8 }, () => storeIn(schema));

      const heads = await Promise.all(stores.map((store, i) => store.create(`s${i}`, [`${i}`])));

      expect(new Set(heads.map(({ generation }) => generation)).size).toBe(8);
      expect(await stores[0]!.engine.list({ prefix: '', after: '', limit: 10 })).toHaveLength(8);
      expect(await sql(`SELECT version FROM ${schema}.format`)).toEqual([{ version: 1 }]);
    });

    it('can be made by the SQL, again and again, and keeps what is in it', async () => {
      const schema = ownSchema();
      await sql(postgresSchema(schema));
      const store = storeIn(schema);
      const head = await store.create('s', ['a']);

      await sql(postgresSchema(schema));

      await store.append('s', head, ['b']);
      expect(await sql(`SELECT version FROM ${schema}.format`)).toEqual([{ version: 1 }]);
    });

    it('of another version is FAILED_PRECONDITION, and is left as it is', async () => {
      const schema = ownSchema();
      await sql(postgresSchema(schema));
      await sql(`UPDATE ${schema}.format SET version = 2`);
      const store = storeIn(schema);

      await failsWith('FAILED_PRECONDITION', () => store.load('s'), 'a use');
      expect(await sql(`SELECT version FROM ${schema}.format`)).toEqual([{ version: 2 }]);

      await sql(`UPDATE ${schema}.format SET version = 1`);
      await store.create('s', ['a']);
    });

    it('that an earlier version has made is given the functions it lacks, by who may', async () => {
      const schema = ownSchema();
      const head = await storeIn(schema).create('s', ['a']);
      const role = await ownRole();
      await sql(`DROP FUNCTION ${schema}.store_streams; GRANT USAGE ON SCHEMA ${schema} TO ${role};
        GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role};`);
      const stranger = storeIn(schema, { connection: urlOf({ username: role }) });
      await expect(stranger.load('s')).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringContaining('postgresSchema()') as string,
      });

      const store = storeIn(schema);
      await store.append('s', head, ['b']);
      expect(await stranger.load('s')).toMatchObject({ head: { tail: 2 } });
    });

    it('that is dropped while it is used fails clearly, and is made again with the next use', async () => {
      const schema = ownSchema();
      const store = storeIn(schema);
      await store.create('s', ['a']);
      await sql(`DROP SCHEMA ${schema} CASCADE`);

      await failsWith('FAILED_PRECONDITION', () => store.load('s'), 'a use');
      expect(await store.load('s')).toBeUndefined();
    });

    it('has ids in the order of their bytes, to be read by an operator', async () => {
      const schema = ownSchema();
      const store = storeIn(schema);
      await store.allStored(['ab', 'é', 'a/b'].map((id) => store.creation(id)));
      const rows = await sql(
        `SELECT convert_from(id, 'UTF8') AS id FROM ${schema}.streams ORDER BY streams.id`,
      );
      expect(rows.map(({ id }) => id)).toEqual(['a/b', 'ab', 'é']);
    });
  });

  describe('A role', () => {
    it('that may not make the schema is told who has to', async () => {
      const schema = ownSchema();
      const store = storeIn(schema, { connection: urlOf({ username: await ownRole() }) });
      await expect(store.load('s')).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringContaining('postgresSchema()') as string,
      });
    });

    it('needs no more than what the page says', async () => {
      const schema = ownSchema();
      const role = await ownRole();
      await sql(postgresSchema(schema));
      await sql(`GRANT USAGE ON SCHEMA ${schema} TO ${role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role};`);
      const manager = managerOn(schema, { connection: urlOf({ username: role }) });

      const input = manager.open<string, string>('s');
      input.next('a');
      input.complete('z');
      await input.flush();
      expect((await read(manager).ends('complete')).chunks).toEqual(['a']);
      await manager.delete('s');
    });

    it('that may only read is told so when it writes', async () => {
      const schema = ownSchema();
      const role = await ownRole();
      const store = storeIn(schema);
      await store.create('s', ['a']);
      await sql(`GRANT USAGE ON SCHEMA ${schema} TO ${role};
        GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role};`);
      const reader = storeIn(schema, { connection: urlOf({ username: role }) });

      expect((await reader.load('s'))?.head.tail).toBe(1);
      await failsWith('PERMISSION_DENIED', () => reader.create('t'), 'writing');
    });
  });

  describe('A commit', () => {
    it('of a row that somebody else has locked fails after five seconds, and leaves nothing', async () => {
      const schema = ownSchema();
      const store = storeIn(schema);
      const head = await store.create('s', ['a']);
      const other = await session();
      await other.query(`BEGIN; SELECT FROM ${schema}.streams FOR UPDATE`);

      const began = performance.now();
      await failsWith('UNAVAILABLE', () => store.engine.commit([store.next('s', head, ['b'])]), 'a commit');
      expect(performance.now() - began).toBeGreaterThan(4_500);
      await other.query('ROLLBACK');

      await store.append('s', head, ['c']);
      expect(await store.chunks('s', head)).toEqual(['a', 'c']);
    });

    it('is refused alone where it is too large, or the name of a part too long', async () => {
      const store = storeIn();
      const results = await store.engine.commit([
        store.creation('a', [new Uint8Array(16 * 2 ** 20 + 1)]),
        store.creation('b', [], { parts: { [`p:${'x'.repeat(2_000)}`]: 1 } }),
        store.creation('c', ['x'], { parts: { [`p:${'x'.repeat(1_998)}`]: 1 } }),
      ]);
      expect(results).toMatchObject([
        { type: 'refused', error: { code: 'RESOURCE_EXHAUSTED' } },
        { type: 'refused', error: { code: 'INVALID_ARGUMENT' } },
        { type: 'stored' },
      ]);
    });

    it('is one statement for the many streams that are written in a turn', async () => {
      const pool = new pg.Pool({ connectionString: DATABASE_URL });
      onTestFinished(() => pool.end());
      const store = storeIn(undefined, { pool });
      await store.create('s');
      let statements = 0;
      pool.on('acquire', () => statements++);

      const results = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => store.engine.commit([store.creation(`s${i}`)])),
      );

      expect(results.flat().map(({ type }) => type)).toEqual(Array(200).fill('stored'));
      // The commit, and what tells others of this one and of that before.
      expect(statements).toBeLessThanOrEqual(4);
    });
  });

  describe('A store', () => {
    it('in which entries are missing is DATA_LOSS', async () => {
      const schema = ownSchema();
      const store = storeIn(schema);
      let head = await store.create('s', ['a']);
      for (const chunk of ['b', 'c']) head = await store.append('s', head, [chunk]);
      await sql(`DELETE FROM ${schema}.entries WHERE start = 1`);
      await failsWith('DATA_LOSS', () => store.read('s', head), 'reading');
    });

    it('of which a head or an entry is torn is DATA_LOSS', async () => {
      const schema = ownSchema();
      const store = storeIn(schema);
      const head = await store.create('s', ['a']);
      await sql(`UPDATE ${schema}.entries SET frame = substring(frame FROM 1 FOR 3)`);
      await failsWith('DATA_LOSS', () => store.read('s', head), 'reading');
      await sql(`UPDATE ${schema}.streams SET head = ${text('[')}`);
      await failsWith('DATA_LOSS', () => store.load('s'), 'loading');
    });

    it('that is restored from a backup is DATA_LOSS to those who know more', async () => {
      const schema = ownSchema();
      const [writer, reader] = [managerOn(schema), managerOn(schema)];
      const input = writer.open<string>('s');
      await input.write('a');
      const reading = read(reader);
      await sql(`CREATE TABLE ${schema}.saved AS SELECT * FROM ${schema}.streams`);
      const offset = await input.write('lost');
      await reading.has(2);

      await sql(`DELETE FROM ${schema}.entries WHERE start > 0;
        UPDATE ${schema}.streams AS t SET n = s.n, tag = s.tag, head = s.head FROM ${schema}.saved AS s WHERE t.id = s.id;
        SELECT pg_notify('${schema}', 'restored s');`);

      await reading.ends('DATA_LOSS');
      await failsWith('DATA_LOSS', () => input.write('b'), 'writing on');
      await read(reader, { after: offset }).ends('DATA_LOSS');
      expect((await reader.head('s')).chunks).toBe(1);
    });

    it('loses nothing and doubles nothing while all its connections are cut, again and again', async () => {
      const schema = ownSchema();
      const { name, connection } = named();
      const [writer, reader] = [managerOn(schema, { connection }), managerOn(schema, { connection })];
      const input = writer.open<number>('s');
      await input.opened;
      const reading = read(reader);
      for (let i = 0; i < 100; i++) {
        if (i % 10 === 5) {
          const cut = sql(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          );
          onTestFinished(async () => {
            await cut;
          });
        }
        if (i % 3 === 0) await input.write(i);
        else input.next(i);
      }
      input.complete();
      await input.flush();
      expect((await reading.ends('complete')).chunks).toEqual(Array.from({ length: 100 }, (_, i) => i));
    });

    it('is swept of what large streams have left, also by who comes after', async () => {
      const schema = ownSchema();
      const left = async (): Promise<number> => {
        const [row] = await sql(`SELECT (SELECT count(*) FROM ${schema}.entries)
          + (SELECT count(*) FROM ${schema}.parts) + (SELECT count(*) FROM ${schema}.garbage) AS rows`);
        return Number(row?.['rows']);
      };
      const store = storeIn(schema);
      const head = await store.create('s', ['a'], { parts: { o: 1 } });
      await sql(`INSERT INTO ${schema}.entries SELECT generation, i, i + 1, i, '\\x00'
        FROM ${schema}.streams, generate_series(1, 3000) AS i`);
      await store.create('t', ['stays']);
      await store.remove('s', head);
      await eventually(PATIENCE, 'what it has left is gone', async () => (await left()) === 1);

      await sql(
        `INSERT INTO ${schema}.garbage VALUES (1); INSERT INTO ${schema}.entries VALUES (1, 0, 1, 0, '\\x00')`,
      );
      await storeIn(schema).load('t');
      await eventually(PATIENCE, 'what was left before is gone', async () => (await left()) === 1);
    });
  });
});
