/**
 * What every function has. Names mean the same whatever the caller has made; whatever the tables were when a plan was
 * made, it goes by their indexes, and it is made once per connection; and a row that somebody else has locked is waited
 * for, but not for ever.
 */
export const SETTINGS = `
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = '5s'
  SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off
  SET enable_bitmapscan = off
  SET enable_hashjoin = off
  SET enable_mergejoin = off
  SET jit = off`;
