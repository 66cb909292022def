import { checkString, demand } from '../validation.js';

/** The format that this version reads and writes. */
export const FORMAT = 1;

/** Where streams are if nobody says otherwise. */
export const SCHEMA = 'durable_streams';

/** How many generations there are for each step of the sequence. */
const STEP = 1000;

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
 * What every function has. Names mean the same whatever the caller has made; whatever the tables were when a plan was
 * made, it goes by their indexes, and it is made once per connection; and a row that somebody else has locked is waited
 * for, but not for ever.
 */
const SETTINGS = `
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = '5s'
  SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off
  SET enable_bitmapscan = off
  SET enable_hashjoin = off
  SET enable_mergejoin = off
  SET jit = off`;

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

-- Stores commits: for each id its head, entries and parts if the version expected is there, or nothing of it. Ids have
-- to be distinct. What is stored is in p_data, at places counted from 1. The arrays have
--   p_streams, ten for each id: the generation, n and tag expected, or -1 to begin a stream; the next n and tag; the
--     place and size of the head, or the size -1 to remove the stream; 1 if it is kept only for its forks; the latest use
--     that is not in the way; the deadline, or NaN to leave it;
--   p_entries, six for each entry: the number of its id, start, stop, before, the place and size of the frame;
--   p_parts, three for each of p_names: the number of its id, the place and size of the value, or the size -1 to remove it.
-- Gives a row for each commit: with a head, it was not stored, and that is what is there; with neither head nor
-- generation it was not, and nothing is. (Few arguments, as each costs more than what is in it.)
CREATE OR REPLACE FUNCTION ${s}.commit_streams(
  p_data bytea, p_ids bytea[], p_streams float8[], p_entries bigint[], p_names bytea[], p_parts int[]
) RETURNS TABLE (item int, generation bigint, head text, used_at float8, beat float8, due_at float8)
LANGUAGE plpgsql VOLATILE${SETTINGS} AS $$
#variable_conflict use_column
DECLARE
  v_count int := cardinality(p_ids);
  v_stored bigint[] := array_fill(NULL::bigint, ARRAY[v_count]);
  v_removed bigint[] := '{}';
  v_row record;
  v_generation bigint;
  k int;
BEGIN
  -- In one order, so that nobody waits for somebody who waits for him. Its row is what keeps a stream's order.
  IF v_count > 1 THEN
    PERFORM FROM (SELECT FROM ${s}.streams WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE) AS locked;
  END IF;
  FOR v_row IN
    UPDATE ${s}.streams AS t
    SET n = p_streams[c.k + 4], tag = p_streams[c.k + 5], deleted = p_streams[c.k + 8] = 1,
      head = substring(p_data FROM p_streams[c.k + 6]::int FOR p_streams[c.k + 7]::int),
      due_at = coalesce(nullif(p_streams[c.k + 10], 'NaN'), t.due_at)
    FROM generate_series(0, 10 * v_count - 1, 10) AS c (k)
    WHERE t.id = p_ids[c.k / 10 + 1] AND t.generation = p_streams[c.k + 1]::bigint
      AND t.n = p_streams[c.k + 2]::bigint AND t.tag = p_streams[c.k + 3]::int
      AND t.used_at <= p_streams[c.k + 9] AND p_streams[c.k + 7] >= 0
    RETURNING c.k / 10 + 1 AS item, t.generation
  LOOP
    v_stored[v_row.item] := v_row.generation;
  END LOOP;
  FOR i IN 1 .. v_count LOOP
    k := 10 * i - 10;
    CONTINUE WHEN p_streams[k + 1] >= 0 OR p_streams[k + 7] < 0;
    INSERT INTO ${s}.streams (id, generation, n, tag, head, deleted, due_at)
    VALUES (
      p_ids[i], nextval('${s}.generations') * ${STEP} + floor(random() * ${STEP})::bigint,
      p_streams[k + 4], p_streams[k + 5], substring(p_data FROM p_streams[k + 6]::int FOR p_streams[k + 7]::int),
      p_streams[k + 8] = 1, coalesce(nullif(p_streams[k + 10], 'NaN'), 'Infinity')
    )
    ON CONFLICT (id) DO NOTHING
    RETURNING streams.generation INTO v_generation;
    IF FOUND THEN v_stored[i] := v_generation; END IF;
  END LOOP;
  FOR i IN 1 .. v_count LOOP
    k := 10 * i - 10;
    CONTINUE WHEN p_streams[k + 1] < 0 OR p_streams[k + 7] >= 0;
    DELETE FROM ${s}.streams AS t
    WHERE t.id = p_ids[i] AND t.generation = p_streams[k + 1]::bigint AND t.n = p_streams[k + 2]::bigint
      AND t.tag = p_streams[k + 3]::int AND t.used_at <= p_streams[k + 9]
    RETURNING t.generation INTO v_generation;
    CONTINUE WHEN NOT FOUND;
    v_stored[i] := v_generation;
    v_removed := v_removed || v_generation;
  END LOOP;
  IF cardinality(v_removed) > 0 THEN
    INSERT INTO ${s}.garbage SELECT unnest(v_removed);
  END IF;
  IF cardinality(p_entries) > 0 THEN
    INSERT INTO ${s}.entries (generation, start, stop, before, frame)
    SELECT v_stored[p_entries[e.k + 1]], p_entries[e.k + 2], p_entries[e.k + 3], p_entries[e.k + 4],
      substring(p_data FROM p_entries[e.k + 5]::int FOR p_entries[e.k + 6]::int)
    FROM generate_series(0, cardinality(p_entries) - 1, 6) AS e (k)
    WHERE v_stored[p_entries[e.k + 1]] IS NOT NULL;
  END IF;
  IF cardinality(p_names) > 0 THEN
    INSERT INTO ${s}.parts (generation, name, value)
    SELECT v_stored[p_parts[p.k + 1]], p_names[p.k / 3 + 1], substring(p_data FROM p_parts[p.k + 2] FOR p_parts[p.k + 3])
    FROM generate_series(0, cardinality(p_parts) - 1, 3) AS p (k)
    WHERE v_stored[p_parts[p.k + 1]] IS NOT NULL AND p_parts[p.k + 3] >= 0
    ON CONFLICT (generation, name) DO UPDATE SET value = excluded.value;
    DELETE FROM ${s}.parts AS t
    USING generate_series(0, cardinality(p_parts) - 1, 3) AS p (k)
    WHERE t.generation = v_stored[p_parts[p.k + 1]] AND t.name = p_names[p.k / 3 + 1] AND p_parts[p.k + 3] < 0;
  END IF;
  FOR i IN 1 .. v_count LOOP
    CONTINUE WHEN v_stored[i] IS NULL;
    item := i;
    generation := v_stored[i];
    RETURN NEXT;
  END LOOP;
  IF array_position(v_stored, NULL) IS NOT NULL THEN
    RETURN QUERY
    SELECT c.item::int, t.generation, encode(t.head, 'hex'), t.used_at, t.beat, t.due_at
    FROM unnest(p_ids) WITH ORDINALITY AS c (id, item) LEFT JOIN ${s}.streams AS t ON t.id = c.id
    WHERE v_stored[c.item] IS NULL;
  END IF;
END $$;

-- Streams, a row for each that is there, and then a row for each of the parts asked for, by name or by how names begin.
CREATE OR REPLACE FUNCTION ${s}.load_streams(
  p_ids bytea[], p_name_of int[], p_name bytea[], p_prefix_of int[], p_prefix bytea[]
) RETURNS TABLE (
  item int, generation bigint, head text, used_at float8, beat float8, due_at float8, name text, value text
)
LANGUAGE plpgsql STABLE${SETTINGS} AS $$
#variable_conflict use_column
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'this is a standby, which may be behind' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  RETURN QUERY
  SELECT c.item::int, t.generation, encode(t.head, 'hex'), t.used_at, t.beat, t.due_at, NULL, NULL
  FROM unnest(p_ids) WITH ORDINALITY AS c (id, item) JOIN ${s}.streams AS t ON t.id = c.id;
  IF cardinality(p_name_of) > 0 THEN
    RETURN QUERY
    SELECT c.item, NULL::bigint, NULL, NULL::float8, NULL::float8, NULL::float8,
      encode(p.name, 'hex'), encode(p.value, 'hex')
    FROM unnest(p_name_of, p_name) AS c (item, name)
    JOIN ${s}.streams AS t ON t.id = p_ids[c.item]
    JOIN ${s}.parts AS p ON p.generation = t.generation AND p.name = c.name;
  END IF;
  IF cardinality(p_prefix_of) > 0 THEN
    RETURN QUERY
    SELECT c.item, NULL::bigint, NULL, NULL::float8, NULL::float8, NULL::float8,
      encode(p.name, 'hex'), encode(p.value, 'hex')
    FROM unnest(p_prefix_of, p_prefix) AS c (item, prefix)
    JOIN ${s}.streams AS t ON t.id = p_ids[c.item]
    -- No character of UTF-8 has the byte ff.
    JOIN ${s}.parts AS p ON p.generation = t.generation AND p.name >= c.prefix AND p.name < c.prefix || '\\xff';
  END IF;
END $$;

-- Pages of logs: of each stream that is there a row with its head, and then rows with entries: the position of the
-- first, the position after the last, the sizes of their frames, and the frames. One moment's look.
CREATE OR REPLACE FUNCTION ${s}.read_streams(
  p_ids bytea[], p_generation bigint[], p_position bigint[], p_until bigint[], p_max_bytes bigint[],
  p_max_chunks bigint[]
) RETURNS TABLE (
  item int, generation bigint, head text, used_at float8, beat float8, due_at float8,
  start bigint, stop bigint, sizes int[], frames text
)
LANGUAGE plpgsql STABLE${SETTINGS} AS $$
#variable_conflict use_column
DECLARE
  v_first record;
  v_from bigint;
  v_limit int;
  v_page record;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'this is a standby, which may be behind' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  FOR i IN 1 .. cardinality(p_ids) LOOP
    SELECT i, t.generation, encode(t.head, 'hex'), t.used_at, t.beat, t.due_at, NULL, NULL, NULL, NULL
    INTO item, generation, head, used_at, beat, due_at, start, stop, sizes, frames
    FROM ${s}.streams AS t WHERE t.id = p_ids[i];
    CONTINUE WHEN NOT FOUND;
    RETURN NEXT;
    CONTINUE WHEN generation <> p_generation[i];
    head := NULL;
    -- The first is the one that the position is in, or else the one after it.
    SELECT * INTO v_first FROM (
      SELECT e.start, e.stop, e.before FROM ${s}.entries AS e
      WHERE e.generation = p_generation[i] AND e.start <= p_position[i] ORDER BY e.start DESC LIMIT 1
    ) AS last WHERE last.stop > p_position[i];
    IF NOT FOUND THEN
      SELECT e.start, e.stop, e.before INTO v_first FROM ${s}.entries AS e
      WHERE e.generation = p_generation[i] AND e.start > p_position[i] ORDER BY e.start LIMIT 1;
      CONTINUE WHEN NOT FOUND;
    END IF;
    -- Few are looked at, as most reads are at the end of a log, and then as many at once as are about a page.
    v_from := v_first.start;
    v_limit := 64;
    LOOP
      -- They come to the aggregates in the order of what they are selected from.
      SELECT min(p.start) AS start, max(p.stop) AS stop, array_agg(octet_length(p.frame)) AS sizes,
        encode(string_agg(p.frame, ''), 'hex') AS frames, count(*) AS rows
      INTO v_page
      FROM (
        SELECT e.start, e.stop, e.before, e.frame FROM ${s}.entries AS e
        WHERE e.generation = p_generation[i] AND e.start >= v_from AND e.start < p_until[i]
        ORDER BY e.start LIMIT v_limit
      ) AS p
      WHERE p.start = v_first.start
        OR (p.start - v_first.start < p_max_chunks[i] AND p.before - v_first.before < p_max_bytes[i]);
      EXIT WHEN v_page.rows = 0;
      start := v_page.start;
      stop := v_page.stop;
      sizes := v_page.sizes;
      frames := v_page.frames;
      RETURN NEXT;
      EXIT WHEN v_page.rows < v_limit;
      v_from := stop;
      v_limit := 2048;
    END LOOP;
  END LOOP;
END $$;

-- Streams in order of their ids, without those that are kept only for their forks.
CREATE OR REPLACE FUNCTION ${s}.list_streams(p_prefix bytea, p_after bytea, p_limit bigint)
RETURNS TABLE (id text, generation bigint, head text, used_at float8, beat float8, due_at float8)
LANGUAGE plpgsql STABLE${SETTINGS} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT encode(t.id, 'hex'), t.generation, encode(t.head, 'hex'), t.used_at, t.beat, t.due_at
  FROM ${s}.streams AS t
  WHERE t.id >= p_prefix AND t.id < p_prefix || '\\xff' AND t.id > p_after AND NOT t.deleted
  ORDER BY t.id LIMIT p_limit;
END $$;

-- Streams whose deadline is at or before a moment, the earliest first, up to one more than the limit; and the next
-- deadline after that moment.
CREATE OR REPLACE FUNCTION ${s}.due_streams(p_now float8, p_limit bigint)
RETURNS TABLE (id text, due_at float8)
LANGUAGE plpgsql STABLE${SETTINGS} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT encode(t.id, 'hex'), t.due_at FROM ${s}.streams AS t
  WHERE t.due_at < 'Infinity' AND t.due_at <= p_now ORDER BY t.due_at LIMIT p_limit + 1;
  RETURN QUERY
  SELECT encode(t.id, 'hex'), t.due_at FROM ${s}.streams AS t
  WHERE t.due_at < 'Infinity' AND t.due_at > p_now ORDER BY t.due_at LIMIT 1;
END $$;

-- Raises what is known beside heads, where the generation is there.
CREATE OR REPLACE FUNCTION ${s}.touch_streams(
  p_ids bytea[], p_generation bigint[], p_used_at float8[], p_beat float8[]
) RETURNS void
LANGUAGE plpgsql VOLATILE${SETTINGS} AS $$
BEGIN
  PERFORM FROM (SELECT FROM ${s}.streams WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE) AS locked;
  UPDATE ${s}.streams AS t
  SET used_at = greatest(t.used_at, c.used_at), beat = greatest(t.beat, c.beat)
  FROM unnest(p_ids, p_generation, p_used_at, p_beat) AS c (id, generation, used_at, beat)
  WHERE t.id = c.id AND t.generation = c.generation AND (t.used_at < c.used_at OR t.beat < c.beat);
END $$;

-- Moves deadlines, where nobody else has moved them.
CREATE OR REPLACE FUNCTION ${s}.schedule_streams(
  p_ids bytea[], p_generation bigint[], p_from float8[], p_to float8[]
) RETURNS void
LANGUAGE plpgsql VOLATILE${SETTINGS} AS $$
BEGIN
  PERFORM FROM (SELECT FROM ${s}.streams WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE) AS locked;
  UPDATE ${s}.streams AS t
  SET due_at = c.to_at
  FROM unnest(p_ids, p_generation, p_from, p_to) AS c (id, generation, from_at, to_at)
  WHERE t.id = c.id AND t.generation = c.generation AND t.due_at = c.from_at;
END $$;

-- Removes what is left of lives that are over, up to so many rows. Gives whether there was anything to do.
CREATE OR REPLACE FUNCTION ${s}.sweep_streams(p_rows int) RETURNS boolean
LANGUAGE plpgsql VOLATILE${SETTINGS} AS $$
DECLARE
  v_generation bigint;
  v_left int := p_rows;
  v_rows int;
  v_found boolean := false;
BEGIN
  FOR v_generation IN SELECT generation FROM ${s}.garbage ORDER BY generation LIMIT p_rows FOR UPDATE SKIP LOCKED
  LOOP
    v_found := true;
    DELETE FROM ${s}.entries WHERE generation = v_generation AND start IN (
      SELECT start FROM ${s}.entries WHERE generation = v_generation ORDER BY start LIMIT v_left);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_left := v_left - v_rows;
    DELETE FROM ${s}.parts WHERE generation = v_generation AND name IN (
      SELECT name FROM ${s}.parts WHERE generation = v_generation ORDER BY name LIMIT v_left);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_left := v_left - v_rows;
    EXIT WHEN v_left <= 0;
    DELETE FROM ${s}.garbage WHERE generation = v_generation;
    v_left := v_left - 1;
    EXIT WHEN v_left <= 0;
  END LOOP;
  RETURN v_found;
END $$;
`;
}
