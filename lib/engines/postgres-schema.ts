import { checkString, demand } from '../validation.js';
import { readingFunctions } from './postgres-schema-reads.js';
import { writingFunctions } from './postgres-schema-writes.js';

/** The format that this version reads and writes. */
export const FORMAT = 1;

/**
 * Functions that a schema of this format may lack, because an earlier version made it. What one takes or gives never
 * changes: another gets another name, since processes of both versions may be using the schema.
 */
const ADDED = ['store_streams', 'read_pages'];

/** Where streams are if nobody says otherwise. */
export const SCHEMA = 'durable_streams';

/**
 * Checks the name of a schema: it is written into SQL, and is the name of the channel for notifications. Throws
 * `INVALID_ARGUMENT`.
 */
export function checkSchema(schema: string): void {
  checkString('schema', schema);
  const holds = /^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith('pg_');
  demand(holds, 'schema', 'up to 63 of a-z, 0-9 and _, not first a digit or pg_', schema);
}

/**
 * The SQL that makes everything the PostgreSQL engine needs in a schema, in one transaction: to be reviewed, and to be
 * run by somebody who may do what the application may not. The engine runs the same when it is first used, if it is
 * missing. It can be run again, and by many at once. Throws `INVALID_ARGUMENT` for what is no name of a schema.
 *
 * @param schema Default: `durable_streams`.
 */
export function postgresSchema(schema = SCHEMA): string {
  checkSchema(schema);
  return `BEGIN;\n\n${statementsOf(schema)}\nCOMMIT;\n`;
}

/** The same without `BEGIN` and `COMMIT`: what is sent at once is a transaction, and one that fails leaves none open. */
export function statementsOf(schema: string): string {
  const s = `"${schema}"`;
  return `-- Of many that make the schema at once, one does, and the others find it.
SELECT pg_advisory_xact_lock(hashtextextended('rxjs-durable-streams ${schema}', 0));

CREATE SCHEMA IF NOT EXISTS ${s};

CREATE TABLE IF NOT EXISTS ${s}.format (version int NOT NULL);
INSERT INTO ${s}.format SELECT ${FORMAT} WHERE NOT EXISTS (SELECT FROM ${s}.format);

-- Each life of an id has a number of its own: a step of the sequence, and digits by chance, so that a backup that is
-- restored gives others than were given since.
CREATE SEQUENCE IF NOT EXISTS ${s}.generations;

-- A stream: its version (generation, n and tag), its head as JSON, and what changes without a version.
-- An id is its UTF-8: convert_from(id, 'UTF8') shows it. Half of each page is left free, so that a new version of a row
-- has room beside the old one, and no index is written.
CREATE TABLE IF NOT EXISTS ${s}.streams (
  id bytea PRIMARY KEY,
  generation bigint NOT NULL,
  n bigint NOT NULL,
  tag int NOT NULL,
  head bytea NOT NULL,
  deleted boolean NOT NULL,
  used_at float8 NOT NULL DEFAULT '-Infinity',
  beat float8 NOT NULL DEFAULT 0,
  due_at float8 NOT NULL DEFAULT 'Infinity'
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS streams_due_at ON ${s}.streams (due_at) WHERE due_at < 'Infinity';

-- The chunks of a commit, as one frame: from the position start up to stop, after so many bytes of chunks that are the
-- stream's own. What is large is not compressed.
CREATE TABLE IF NOT EXISTS ${s}.entries (
  generation bigint NOT NULL,
  start bigint NOT NULL,
  stop bigint NOT NULL,
  before bigint NOT NULL,
  frame bytea NOT NULL,
  PRIMARY KEY (generation, start)
);
ALTER TABLE ${s}.entries ALTER COLUMN frame SET STORAGE EXTERNAL;

-- Small records beside a head, by name: producers, outcomes, forks.
CREATE TABLE IF NOT EXISTS ${s}.parts (
  generation bigint NOT NULL,
  name bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (generation, name)
);

-- Lives that are over, of which entries and parts are left to be removed, a little at a time.
CREATE TABLE IF NOT EXISTS ${s}.garbage (generation bigint PRIMARY KEY);
${writingFunctions(s)}${readingFunctions(s)}`;
}

/** What tells the format of a schema, and whether all its functions are there. */
export function lookAtSchema(schema: string): string {
  const are = ADDED.map((name) => `to_regproc('"${schema}".${name}') IS NOT NULL`);
  return `SELECT version, ${are.join(' AND ')} FROM "${schema}".format`;
}
