import { SETTINGS } from './postgres-schema-settings.js';

/** The functions that look at streams. */
export const readingFunctions = (s: string): string => `
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
-- first, the position after the last, the sizes of their frames, and the frames, in Base64. One moment's look.
CREATE OR REPLACE FUNCTION ${s}.read_pages(
  p_ids bytea[], p_generation bigint[], p_position bigint[], p_until bigint[], p_max_bytes bigint[],
  p_max_chunks bigint[]
) RETURNS TABLE (
  item int, generation bigint, head text, used_at float8, beat float8, due_at float8,
  start bigint, stop bigint, sizes int[], frames text
)
LANGUAGE plpgsql STABLE${SETTINGS} AS $$
#variable_conflict use_column
DECLARE
  v_generation bigint;
  v_position bigint;
  v_from bigint;
  v_stop bigint;
  v_before bigint;
  v_limit bigint;
  v_rows bigint;
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
    -- In variables of their own, which are there for each row at a tenth of what elements and fields cost.
    v_generation := generation;
    v_position := p_position[i];
    -- The first is the one that the position is in, or else the one after it.
    SELECT e.start, e.stop, e.before INTO v_from, v_stop, v_before FROM ${s}.entries AS e
    WHERE e.generation = v_generation AND e.start <= v_position ORDER BY e.start DESC LIMIT 1;
    IF NOT FOUND OR v_stop <= v_position THEN
      SELECT e.start, e.before INTO v_from, v_before FROM ${s}.entries AS e
      WHERE e.generation = v_generation AND e.start > v_position ORDER BY e.start LIMIT 1;
      CONTINUE WHEN NOT FOUND;
    END IF;
    -- It is given in any case, and alone where no bytes are wanted, of which it may have none.
    v_stop := least(p_until[i], v_from + CASE WHEN p_max_bytes[i] > 0 THEN greatest(p_max_chunks[i], 1) ELSE 1 END);
    v_before := v_before + greatest(p_max_bytes[i], 1);
    -- Few are looked at, as most reads are at the end of a log, and then as many at once as are some 64 kB.
    v_limit := 64;
    LOOP
      -- They come to the aggregates in the order of what they are selected from.
      SELECT min(p.start), max(p.stop), array_agg(octet_length(p.frame)), encode(string_agg(p.frame, ''), 'base64'), count(*)
      INTO start, stop, sizes, frames, v_rows
      FROM (
        SELECT e.start, e.stop, e.before, e.frame FROM ${s}.entries AS e
        WHERE e.generation = v_generation AND e.start >= v_from AND e.start < v_stop
        ORDER BY e.start LIMIT v_limit
      ) AS p
      WHERE p.before < v_before;
      EXIT WHEN v_rows = 0;
      RETURN NEXT;
      EXIT WHEN v_rows < v_limit;
      v_from := stop;
      v_limit := greatest(64, least(2048, v_rows * 90000 / octet_length(frames)));
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
`;
