import { randomUUID } from 'node:crypto';

import pg from 'pg';
import { onTestFinished } from 'vitest';

import { postgresEngine, type PostgresEngineOptions } from '../../lib/engines/postgres.js';
import { Store } from '../../lib/testing/engine-suite/store.js';

/** Where the PostgreSQL server of the specs is. */
export const DATABASE_URL = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** A schema that nobody else has. */
export const schemaName = (): string => `spec_${randomUUID().replaceAll('-', '')}`;

/** Removes a schema with all that is in it. */
export async function dropSchema(schema: string): Promise<void> {
  await sql(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
}

/** The URL of the server with something else in it. */
export function urlOf(parts: Partial<Pick<URL, 'hostname' | 'port' | 'pathname' | 'username'>>): string {
  return Object.assign(new URL(DATABASE_URL), parts).href;
}

/** A role that may log in and nothing else, removed when the test is over. */
export async function ownRole(): Promise<string> {
  const role = schemaName();
  await sql(`CREATE ROLE ${role} LOGIN`);
  onTestFinished(async () => {
    await sql(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  });
  return role;
}

/** What the server has of connections with a name: which, and what was asked last. */
export async function connectionsOf(name: string): Promise<{ pid: number; query: string }[]> {
  const rows = await sql('SELECT pid, query FROM pg_stat_activity WHERE application_name = $1', [name]);
  return rows as { pid: number; query: string }[];
}

/** Runs a statement beside the engine. */
export async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

/** A schema, removed when the test is over. */
export function ownSchema(): string {
  const schema = schemaName();
  onTestFinished(() => dropSchema(schema));
  return schema;
}

/** An engine on a schema, closed when the test is over. */
export function storeIn(schema: string = ownSchema(), options: PostgresEngineOptions = {}): Store {
  const engine = postgresEngine({
    ...(options.pool === undefined && { connection: DATABASE_URL }),
    ...options,
    schema,
  });
  onTestFinished(async () => {
    await Promise.resolve(engine.close()).catch(() => undefined);
  });
  return new Store(engine, engine.features, 4_000);
}

/** Options with a name by which the server knows whose the connections are. */
export function named(): { readonly name: string; readonly connection: object } {
  const name = `spec-${randomUUID()}`;
  return { name, connection: { connectionString: DATABASE_URL, application_name: name } };
}

/** A connection of the specs' own, in which transactions last. */
export async function session(): Promise<pg.Client> {
  const client = new pg.Client(DATABASE_URL);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}
