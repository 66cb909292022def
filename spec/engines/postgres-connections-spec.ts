import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { Hint } from '../../lib/engines/engine.js';
import { postgresSchema } from '../../lib/engines/postgres.js';
import { eventually, failsWith } from '../../lib/testing/engine-suite/assert.js';
import {
  connectionsOf,
  DATABASE_URL,
  named,
  ownSchema,
  session,
  sql,
  storeIn,
  urlOf,
} from '../support/postgres.js';
import { Proxy } from '../support/proxy.js';
import { withServer } from '../support/servers.js';

vi.setConfig({ testTimeout: 30_000 });

const PATIENCE = 15_000;

/** A way to the server that can be cut. */
async function proxy(): Promise<{ readonly way: Proxy; readonly connection: string }> {
  const way = await Proxy.to(DATABASE_URL, 5432);
  onTestFinished(() => {
    way.close();
  });
  return { way, connection: urlOf({ hostname: '127.0.0.1', port: String(way.port) }) };
}

await withServer('PostgreSQL', DATABASE_URL, () => {
  describe('A connection', () => {
    it.each([
      ['a database that there is not', { pathname: '/absent' }, 'FAILED_PRECONDITION'],
      ['a role that there is not', { username: 'absent' }, 'UNAUTHENTICATED'],
      ['a port that nobody listens on', { hostname: '127.0.0.1', port: '1' }, 'UNAVAILABLE'],
    ] as const)('to %s fails clearly', async (_name, where, code) => {
      const { engine } = storeIn(undefined, { connection: urlOf(where) });
      await failsWith(code, () => engine.load([{ id: 's' }]), 'load');
      await failsWith(code, () => engine.watch(['s'], () => undefined), 'watch');
      await engine.close();
    });

    it('is of a pool that is given, which stays as it was', async () => {
      const { name, connection } = named();
      const pool = new pg.Pool(connection);
      onTestFinished(() => pool.end());
      const store = storeIn(undefined, { pool });
      const watch = await store.engine.watch(['s'], () => undefined);
      await store.create('s', ['a']);
      watch.close();

      await store.engine.close();

      expect((await pool.query('SELECT 1')).rowCount).toBe(1);
      expect(pool.listenerCount('error')).toBe(0);
      await eventually(PATIENCE, 'the connection for LISTEN is gone', async () =>
        (await connectionsOf(name)).every(({ query }) => !query.startsWith('LISTEN')),
      );
    });

    it.each([
      ['forgets what it has parsed', (client: pg.PoolClient) => client.query('DEALLOCATE ALL')],
      [
        'knows what another one has parsed',
        (client: pg.PoolClient) => {
          const { connection } = client as unknown as { connection: { parsedStatements: object } };
          connection.parsedStatements = {};
        },
      ],
    ] as const)(
      'is used without names of statements where it %s, as behind a pooler',
      async (_what, change) => {
        const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 1 });
        onTestFinished(() => pool.end());
        const store = storeIn(undefined, { pool });
        const head = await store.create('s', ['a']);
        const next = await store.append('s', head, ['b']);
        const client = await pool.connect();
        const count = async (): Promise<unknown> =>
          (await client.query('SELECT count(*)::int AS n FROM pg_prepared_statements')).rows[0];
        expect(await count()).not.toEqual({ n: 0 });
        await change(client);
        const before = await count();
        client.release();

        await store.append('s', next, ['c']);

        expect(await store.chunks('s', head)).toEqual(['a', 'b', 'c']);
        const again = await pool.connect();
        expect(await count()).toEqual(before);
        again.release();
        await store.engine.close();
      },
    );

    it('is not left behind by close, which waits for what is on its way', async () => {
      const { name, connection } = named();
      const store = storeIn(undefined, { connection });
      await store.engine.watch(['s'], () => undefined);
      const results = Array.from({ length: 20 }, async (_, i) =>
        store.engine.commit([store.creation(`s${i}`)]),
      );
      expect((await connectionsOf(name)).length).toBeLessThanOrEqual(4);

      await store.engine.close();

      expect((await Promise.all(results)).flat().map(({ type }) => type)).toEqual(Array(20).fill('stored'));
      await eventually(
        PATIENCE,
        'no connection is left',
        async () => (await connectionsOf(name)).length === 0,
      );
    });

    it('that is lost while it rests is made anew', async () => {
      const { name, connection } = named();
      const store = storeIn(undefined, { connection });
      const head = await store.create('s', ['a']);
      await sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
      await eventually(PATIENCE, 'they are gone', async () => (await connectionsOf(name)).length === 0);

      await store.append('s', head, ['b']);
    });

    it('that stalls fails what waits for it in time, and is not used again', async () => {
      const { way, connection } = await proxy();
      const store = storeIn(undefined, {
        connection: { connectionString: connection, max: 1 },
        timeout: 500,
      });
      const head = await store.create('s', ['a']);
      way.stall();

      const began = performance.now();
      await failsWith('UNAVAILABLE', () => store.load('s'), 'load');
      expect(performance.now() - began).toBeLessThan(2_000);
      await eventually(PATIENCE, 'another connection is used', async () => {
        try {
          return (await store.load('s'))?.head.n === head.n;
        } catch {
          return false;
        }
      });
    });

    it('that is not to be had in time is UNAVAILABLE, and none is lost by that', async () => {
      const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 1 });
      onTestFinished(() => pool.end());
      const store = storeIn(undefined, { pool, timeout: 300 });
      await store.create('s', ['a']);
      const taken = await pool.connect();

      await failsWith('UNAVAILABLE', () => store.load('s'), 'load');
      taken.release();

      expect((await store.load('s'))?.head.tail).toBe(1);
      expect(pool.waitingCount).toBe(0);
    });

    it('with a limit of its own for statements fails by that', async () => {
      const schema = ownSchema();
      await sql(postgresSchema(schema));
      const other = await session();
      const store = storeIn(schema, {
        connection: { connectionString: DATABASE_URL, statement_timeout: 200 },
      });
      await store.create('s', ['a']);
      await other.query(`BEGIN; LOCK TABLE ${schema}.streams`);

      await failsWith('UNAVAILABLE', () => store.load('s'), 'load');
      await other.query('ROLLBACK');
      expect((await store.load('s'))?.head.tail).toBe(1);
    });
  });

  describe('Where others watch', () => {
    /** A watcher, with the connection that it listens on. */
    async function watching(): Promise<{
      readonly schema: string;
      readonly hints: Hint[];
      readonly listeners: () => Promise<number[]>;
    }> {
      const schema = ownSchema();
      const { name, connection } = named();
      const store = storeIn(schema, { connection });
      const hints: Hint[] = [];
      await store.engine.watch(['s', 't'], (hint) => hints.push(hint));
      const listeners = async (): Promise<number[]> =>
        (await connectionsOf(name))
          .filter(({ query }) => /^(LISTEN|SELECT 1$)/.test(query))
          .map(({ pid }) => pid);
      return { schema, hints, listeners };
    }

    it('a lost LISTEN is made again, once, and all are told to look again', async () => {
      const { schema, hints, listeners } = await watching();
      const writer = storeIn(schema);
      const head = await writer.create('s', ['a']);
      await eventually(PATIENCE, 'the watcher is told', () => hints.some(({ id }) => id === 's'));

      for (let round = 0; round < 3; round++) {
        const before = await listeners();
        expect(before).toHaveLength(1);
        hints.length = 0;
        await sql('SELECT pg_terminate_backend($1)', before);

        await eventually(PATIENCE, 'all are told to look again', () =>
          ['s', 't'].every((id) => hints.some((hint) => hint.id === id && hint.n === 0)),
        );
        await eventually(PATIENCE, 'there is one connection', async () => (await listeners()).length === 1);
        expect(await listeners()).not.toEqual(before);
      }
      hints.length = 0;
      await writer.append('s', head, ['b']);
      await eventually(PATIENCE, 'the watcher is told', () => hints.some(({ id }) => id === 's'));
    });

    it('what strangers send in the channel is passed over', async () => {
      const { schema, hints } = await watching();
      await sql('SELECT pg_notify($1, $2)', [schema, '%zz %']);
      await sql('SELECT pg_notify($1, $2)', [schema, 'me other s']);
      await eventually(PATIENCE, 'the watcher is told', () => hints.length > 0);
      expect(hints.map(({ id }) => id)).toEqual(['s']);
    });

    it('a connection for LISTEN that hears nothing is FAILED_PRECONDITION', async () => {
      const listen = urlOf({ pathname: '/template1' });
      const { engine } = storeIn(undefined, { listen, timeout: 1_000 });
      await failsWith('FAILED_PRECONDITION', () => engine.watch(['s'], () => undefined), 'watch');
    });

    it('one that is stalled is noticed, and all are told to look again', async () => {
      const { way, connection } = await proxy();
      const schema = ownSchema();
      const store = storeIn(schema, { listen: connection, timeout: 1_000 });
      const hints: Hint[] = [];
      await store.engine.watch(['s'], (hint) => hints.push(hint));
      way.stall();
      await storeIn(schema).create('s', ['a']);
      await eventually(PATIENCE, 'the watcher is told to look again', () => hints.length > 0);
    });
  });
});
