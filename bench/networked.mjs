/** What is measured of streams on Redis, NATS and PostgreSQL: the engines, and their drivers alone. */
import { Buffer } from 'node:buffer';
import { basename } from 'node:path';

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import pg from 'pg';

import { BYTES, ours } from './durable.mjs';

const REDIS_URL = process.env.REDIS_URL ?? 'redis://localhost:6379';
const NATS_URL = process.env.NATS_URL ?? 'nats://127.0.0.1:4222';
const DATABASE_URL = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

export const ENGINES = ['redis', 'nats', 'postgres'];

/** What tables call them. */
export const TITLES = { redis: 'Redis', nats: 'NATS', postgres: 'PostgreSQL' };

/** Where the server of an engine is. */
export const URLS = { redis: REDIS_URL, nats: NATS_URL, postgres: DATABASE_URL };

const BUFFER = Buffer.alloc(BYTES, 'x');
const ROWS_AT_ONCE = 1_000;

/** A name for the streams of this measurement alone, or of one that several measurements share. */
export const storeName = (shared) =>
  shared === undefined
    ? `bench${process.pid}`
    : `bench_${basename(process.env.BENCH_DATA)}_${shared}`.toLowerCase();

/** A manager on an engine. */
export async function openOn(engine, store, options) {
  const { DurableStreamManager } = await ours();
  const entry = await import(new URL(`${engine}.js`, process.env.BENCH_OURS));
  const made = {
    redis: () => entry.redisEngine({ connection: REDIS_URL, prefix: `${store}:` }),
    nats: () => entry.natsEngine({ connection: NATS_URL, prefix: store }),
    postgres: () => entry.postgresEngine({ connection: DATABASE_URL, schema: store }),
  };
  return new DurableStreamManager(made[engine](), options);
}

/** Removes what there is of a store, ours and that of the driver alone. */
export async function clear(engine, store) {
  if (engine === 'redis') {
    const redis = new Redis(REDIS_URL);
    const keys = await redis.keys(`${store}*`);
    for (let at = 0; at < keys.length; at += 1_000) await redis.unlink(...keys.slice(at, at + 1_000));
    redis.disconnect();
  } else if (engine === 'nats') {
    const connection = await connect({ servers: NATS_URL });
    const { streams } = await jetstreamManager(connection);
    const names = [];
    for await (const name of streams.names()) if (name.startsWith(`${store}-`)) names.push(name);
    for (const name of names) await streams.delete(name);
    await connection.close();
  } else {
    const client = new pg.Client(DATABASE_URL);
    await client.connect();
    await client.query(
      `DROP SCHEMA IF EXISTS "${store}" CASCADE; DROP SCHEMA IF EXISTS "${store}_raw" CASCADE`,
    );
    await client.end();
  }
}

/** Runs something with a store of its own, which is removed afterwards. */
export async function inStore(engine, run) {
  const store = storeName();
  try {
    return await run(store);
  } finally {
    await clear(engine, store);
  }
}

/**
 * The driver of an engine alone, as an application would use it for the same: one record of 128 bytes for each chunk,
 * under stream and position. `put` stores one, `putMany` some at a time where the server has a command for it, and
 * `read` gives how many bytes a stream has.
 */
export const openDriver = (engine, store) => DRIVERS[engine](store);

const DRIVERS = {
  async redis(store) {
    const redis = new Redis(REDIS_URL);
    const keyOf = (stream) => `${store}-raw:${stream}`;
    return {
      put: (stream, i) => redis.xadd(keyOf(stream), `${i + 1}-0`, 'd', BUFFER),
      async read(stream) {
        let bytes = 0;
        for (let from = '-'; ;) {
          const found = await redis.xrangeBuffer(keyOf(stream), from, '+', 'COUNT', 1_000);
          for (const [, fields] of found) bytes += fields[1].length;
          if (found.length < 1_000) return bytes;
          from = `(${found.at(-1)[0]}`;
        }
      },
    };
  },

  async nats(store) {
    const connection = await connect({ servers: NATS_URL });
    const manager = await jetstreamManager(connection);
    const name = `${store}-raw`;
    await manager.streams.add({ name, subjects: [`${name}.*`], storage: 'file' }).catch((error) => {
      // Another round has made it.
      if (!/already in use/.test(error.message)) throw error;
    });
    const js = jetstream(connection);
    return {
      put: (stream) => js.publish(`${name}.${stream}`, BUFFER),
      async read(stream) {
        const consumer = await js.consumers.get(name, { filter_subjects: `${name}.${stream}` });
        const { num_pending: count } = await consumer.info();
        let bytes = 0;
        let left = count;
        const messages = await consumer.consume({ max_messages: 1_000 });
        for await (const { data } of messages) {
          bytes += data.length;
          if (--left === 0) break;
        }
        return bytes;
      },
    };
  },

  async postgres(store) {
    const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 64 });
    const table = `"${store}_raw".chunks`;
    await pool.query(
      `CREATE SCHEMA IF NOT EXISTS "${store}_raw";
       CREATE TABLE IF NOT EXISTS ${table} (stream int, position int, chunk bytea, PRIMARY KEY (stream, position))`,
    );
    const insert = { name: 'put', text: `INSERT INTO ${table} VALUES ($1, $2, $3)` };
    const insertMany = {
      name: 'many',
      text: `INSERT INTO ${table} SELECT $1, * FROM unnest($2::int[], $3::bytea[])`,
    };
    const select = {
      name: 'read',
      text: `SELECT position, chunk FROM ${table} WHERE stream = $1 AND position > $2 ORDER BY position LIMIT 1000`,
    };
    const buffers = Array.from({ length: ROWS_AT_ONCE }, () => BUFFER);
    return {
      put: (stream, i) => pool.query({ ...insert, values: [stream, i, BUFFER] }),
      async putMany(stream, from, count) {
        for (let at = from; at < from + count; at += ROWS_AT_ONCE) {
          const positions = Array.from(
            { length: Math.min(ROWS_AT_ONCE, from + count - at) },
            (_, i) => at + i,
          );
          const values = [stream, positions, buffers.slice(0, positions.length)];
          await pool.query({ ...insertMany, values });
        }
      },
      async read(stream) {
        let bytes = 0;
        for (let after = -1; ;) {
          const { rows } = await pool.query({ ...select, values: [stream, after] });
          for (const { chunk } of rows) bytes += chunk.length;
          if (rows.length < 1_000) return bytes;
          after = rows.at(-1).position;
        }
      },
    };
  },
};
