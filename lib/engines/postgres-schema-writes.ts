import { SETTINGS } from './postgres-schema-settings.js';

/** How many generations there are for each step of the sequence. */
const STEP = 1000;

/** The functions that change streams. */
export const writingFunctions = (s: string): string => `
-- Stores commits: for each id its head, entries and parts if the version expected is there, or nothing of it. Ids have
-- to be distinct, and in order. What is stored is in p_data, at places counted from 1. The arrays have
--   p_generations, one for each id: the generation expected, or -1 to begin a stream;
--   p_streams, nine for each id: the n and tag expected; the next n and tag; the place and size of the head, or the size
--     -1 to remove the stream; 1 if it is kept only for its forks; the latest use that is not in the way; the deadline, or
--     NaN to leave it;
--   p_entries, six for each entry: the number of its id, start, stop, before, the place and size of the frame;
--   p_parts, three for each of p_names: the number of its id, the place and size of the value, or the size -1 to remove it.
-- Gives a row for each stream that is begun, with its generation, and for each commit that was not stored, with the
-- stream that is there, or with neither head nor generation. (Few arguments, as each costs more than what is in it.)
CREATE OR REPLACE FUNCTION ${s}.store_streams(
  p_data bytea, p_ids bytea[], p_generations float8[], p_streams float8[], p_entries float8[], p_names bytea[],
  p_parts float8[]
) RETURNS TABLE (item int, generation bigint, head text, used_at float8, beat float8, due_at float8)
LANGUAGE plpgsql VOLATILE${SETTINGS} AS $$
#variable_conflict use_column
DECLARE
  v_count int := cardinality(p_ids);
  -- Of each id the generation of what was stored, or nothing.
  v_stored bigint[] := p_generations::bigint[];
  -- Whether any is begun or removed.
  v_others boolean := -1 = ANY (p_streams);
  v_items int[];
  v_item int;
  k int;
BEGIN
  -- In the order of ids, so that nobody waits for somebody who waits for him. Where all are appended to, it is theirs in
  -- the array, and in the index. Its row is what keeps a stream's order.
  IF v_others AND v_count > 1 THEN
    PERFORM FROM (SELECT FROM ${s}.streams WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE) AS locked;
  END IF;
  WITH stored AS (
    UPDATE ${s}.streams AS t
    SET n = p_streams[c.k + 3], tag = p_streams[c.k + 4], deleted = p_streams[c.k + 7] = 1,
      head = substring(p_data FROM p_streams[c.k + 5]::int FOR p_streams[c.k + 6]::int),
      due_at = coalesce(nullif(p_streams[c.k + 9], 'NaN'), t.due_at)
    FROM unnest(p_ids, p_generations) WITH ORDINALITY AS i (id, generation, item),
      LATERAL (SELECT 9 * i.item::int - 9) AS c (k)
    WHERE t.id = i.id AND t.generation = i.generation::bigint
      AND t.n = p_streams[c.k + 1]::bigint AND t.tag = p_streams[c.k + 2]::int
      AND t.used_at <= p_streams[c.k + 8] AND p_streams[c.k + 6] >= 0
    RETURNING i.item
  )
  SELECT array_agg(item::int) INTO v_items FROM stored;
  IF v_others OR v_items IS NULL OR cardinality(v_items) < v_count THEN
    v_stored := array_fill(NULL::bigint, ARRAY[v_count]);
    FOREACH v_item IN ARRAY coalesce(v_items, '{}') LOOP
      v_stored[v_item] := p_generations[v_item];
    END LOOP;
  END IF;
  IF v_others THEN
    -- First those that are begun. Where the id is taken nobody is waited for, who may wait for one of ours.
    FOR i IN 1 .. v_count LOOP
      k := 9 * i - 9;
      CONTINUE WHEN p_generations[i] >= 0 OR p_streams[k + 6] < 0;
      INSERT INTO ${s}.streams (id, generation, n, tag, head, deleted, due_at)
      SELECT
        p_ids[i], nextval('${s}.generations') * ${STEP} + floor(random() * ${STEP})::bigint,
        p_streams[k + 3], p_streams[k + 4], substring(p_data FROM p_streams[k + 5]::int FOR p_streams[k + 6]::int),
        p_streams[k + 7] = 1, coalesce(nullif(p_streams[k + 9], 'NaN'), 'Infinity')
      WHERE NOT EXISTS (SELECT FROM ${s}.streams WHERE id = p_ids[i])
      ON CONFLICT (id) DO NOTHING
      RETURNING streams.generation INTO generation;
      CONTINUE WHEN NOT FOUND;
      v_stored[i] := generation;
      item := i;
      RETURN NEXT;
    END LOOP;
    FOR i IN 1 .. v_count LOOP
      k := 9 * i - 9;
      CONTINUE WHEN p_generations[i] < 0 OR p_streams[k + 6] >= 0;
      DELETE FROM ${s}.streams AS t
      WHERE t.id = p_ids[i] AND t.generation = p_generations[i]::bigint AND t.n = p_streams[k + 1]::bigint
        AND t.tag = p_streams[k + 2]::int AND t.used_at <= p_streams[k + 8];
      CONTINUE WHEN NOT FOUND;
      v_stored[i] := p_generations[i];
      INSERT INTO ${s}.garbage VALUES (p_generations[i]);
    END LOOP;
  END IF;
  IF cardinality(p_entries) > 0 THEN
    INSERT INTO ${s}.entries (generation, start, stop, before, frame)
    SELECT v_stored[p_entries[e.k + 1]::int], p_entries[e.k + 2], p_entries[e.k + 3], p_entries[e.k + 4],
      substring(p_data FROM p_entries[e.k + 5]::int FOR p_entries[e.k + 6]::int)
    FROM generate_series(0, cardinality(p_entries) - 1, 6) AS e (k)
    WHERE v_stored[p_entries[e.k + 1]::int] IS NOT NULL;
  END IF;
  IF cardinality(p_names) > 0 THEN
    INSERT INTO ${s}.parts (generation, name, value)
    SELECT v_stored[p_parts[p.k + 1]::int], p_names[p.k / 3 + 1], substring(p_data FROM p_parts[p.k + 2]::int FOR p_parts[p.k + 3]::int)
    FROM generate_series(0, cardinality(p_parts) - 1, 3) AS p (k)
    WHERE v_stored[p_parts[p.k + 1]::int] IS NOT NULL AND p_parts[p.k + 3] >= 0
    ON CONFLICT (generation, name) DO UPDATE SET value = excluded.value;
    DELETE FROM ${s}.parts AS t
    USING generate_series(0, cardinality(p_parts) - 1, 3) AS p (k)
    WHERE t.generation = v_stored[p_parts[p.k + 1]::int] AND t.name = p_names[p.k / 3 + 1] AND p_parts[p.k + 3] < 0;
  END IF;
  IF array_position(v_stored, NULL) IS NOT NULL THEN
    RETURN QUERY
    SELECT c.item::int, t.generation, encode(t.head, 'hex'), t.used_at, t.beat, t.due_at
    FROM unnest(p_ids) WITH ORDINALITY AS c (id, item) LEFT JOIN ${s}.streams AS t ON t.id = c.id
    WHERE v_stored[c.item] IS NULL;
  END IF;
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
