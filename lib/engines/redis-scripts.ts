import { createHash } from 'node:crypto';

/** A script, and its name for the server. */
export interface Script {
  readonly text: string;
  readonly digest: string;
}

const script = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') });

/*
 * A stream is a hash: `g` generation, `n` number of the commit, `t` its tag, `h` head, `u` last use, `b` beat, `d` deadline, `x` that
 * the keys expire by themselves. Beside it are a hash of its parts, and a Redis stream of its entries, whose ids are
 * `<position after it>-<chunks in it>`. A shard has a sorted set of its ids, one of its deadlines, and its
 * greatest generation; a counter, of which generations are made, is outside of shards.
 */

/**
 * Stores commits to streams of one shard, each wholly or not at all. What can fail comes before what is changed.
 *
 * Keys: ids, deadlines, greatest generation, and for each commit stream, parts, log. Gives for each: the generation if
 * it is stored; generation, number, use, beat, deadline and head of what is there instead, or nothing if nothing is; the
 * greatest generation and a word if the new one is not greater.
 */
export const COMMIT = script(`
local ids, deadlines, greatest = KEYS[1], KEYS[2], KEYS[3]
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local results = {}
for k = 4, #KEYS, 3 do
  local stream, parts, log = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local id, channel = take(), take()
  local generation, number, tag, used = take(), take(), take(), take()
  local fresh, head, n, t, due, expires, listed, hint = take(), take(), take(), take(), take(), take(), take(), take()
  local partsAt = at
  at = at + 1 + 2 * tonumber(ARGV[at + 1])
  local entriesAt = at
  at = at + 1 + 3 * tonumber(ARGV[at + 1])
  local found = redis.call('HMGET', stream, 'g', 'n', 'u', 'b', 'd', 'h')
  local holds
  if generation == '' then
    holds = not found[1] and head ~= ''
  else
    holds = found[1] == generation and found[2] == number and redis.call('HGET', stream, 't') == tag
      and (used == '' or not found[3] or tonumber(found[3]) <= tonumber(used))
  end
  local behind = holds and generation == '' and tonumber(redis.call('GET', greatest) or 0) >= tonumber(fresh)
  if behind then
    results[#results + 1] = { redis.call('GET', greatest), 'behind' }
  elseif not holds then
    results[#results + 1] = found[1] and found or {}
  elseif head == '' then
    redis.call('UNLINK', stream, parts, log)
    redis.call('ZREM', ids, id)
    redis.call('ZREM', deadlines, id)
    redis.call('PUBLISH', channel, generation .. hint)
    results[#results + 1] = { generation }
  else
    if generation == '' then
      generation = fresh
      redis.call('SET', greatest, generation)
      -- What was evicted, or has expired, may have left them.
      redis.call('UNLINK', parts, log)
    end
    for i = entriesAt + 2, at, 3 do
      redis.call('XADD', log, ARGV[i], ARGV[i + 1], ARGV[i + 2])
    end
    redis.call('HSET', stream, 'g', generation, 'n', n, 't', t, 'h', head)
    for i = partsAt + 2, entriesAt, 2 do
      local name, value = string.sub(ARGV[i], 2), ARGV[i + 1]
      if string.sub(ARGV[i], 1, 1) == '+' then redis.call('HSET', parts, name, value)
      else redis.call('HDEL', parts, name) end
    end
    if due == 'inf' then
      redis.call('ZREM', deadlines, id)
      redis.call('HDEL', stream, 'd')
    elseif due ~= '' then
      redis.call('ZADD', deadlines, due, id)
      redis.call('HSET', stream, 'd', due)
    end
    if listed == '1' then redis.call('ZADD', ids, 0, id)
    elseif listed == '0' then redis.call('ZREM', ids, id) end
    if expires == 'inf' then
      if redis.call('HDEL', stream, 'x') == 1 then
        for i = 0, 2 do redis.call('PERSIST', KEYS[k + i]) end
      end
    elseif expires ~= '' then
      redis.call('HSET', stream, 'x', 1)
      for i = 0, 2 do redis.call('PEXPIREAT', KEYS[k + i], expires) end
    end
    redis.call('PUBLISH', channel, generation .. hint)
    results[#results + 1] = { generation }
  end
end
return results
`);

/** Raises a counter: what is lost of it must not be given again. Key: counter. Argument: what it must not be below. */
export const RAISE = script(`
local least = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[1]) or 0) < least then
  redis.call('SET', KEYS[1], string.format('%.0f', least))
end
`);

/** A stream with some parts. Keys: stream, parts. Gives what a conflict gives, then names and parts. */
export const LOAD = script(`
local found = redis.call('HMGET', KEYS[1], 'g', 'n', 'u', 'b', 'd', 'h')
if not found[1] then return {} end
local named = {}
for i = 2, #ARGV do named[ARGV[i]] = true end
if ARGV[1] ~= '' then
  local prefix = string.sub(ARGV[1], 2)
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    if string.sub(name, 1, #prefix) == prefix then named[name] = true end
  end
end
for name in pairs(named) do
  local part = redis.call('HGET', KEYS[2], name)
  if part then
    found[#found + 1] = name
    found[#found + 1] = part
  end
end
return found
`);

/**
 * A page. Keys: stream, log. Arguments: generation, position, most bytes, most chunks. Gives what a conflict gives, then
 * the id and the frame of each entry.
 */
export const READ = script(`
local found = redis.call('HMGET', KEYS[1], 'g', 'n', 'u', 'b', 'd', 'h')
if not found[1] then return {} end
if found[1] ~= ARGV[1] or ARGV[2] == 'inf' then return found end
local position, mostBytes, mostChunks = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local bytes, chunks = 0, 0
while true do
  local from = string.format('%.0f', position + 1) .. '-0'
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 64)
  for _, entry in ipairs(entries) do
    local last, count = string.match(entry[1], '(%d+)-(%d+)')
    position = tonumber(last)
    found[#found + 1] = entry[1]
    found[#found + 1] = entry[2][2]
    bytes = bytes + tonumber(entry[2][1])
    chunks = chunks + tonumber(count)
    if bytes >= mostBytes or chunks >= mostChunks then return found end
  end
  if #entries < 64 then return found end
end
`);

/** Raises uses and beats of streams of one shard. Arguments for each: generation, use, beat, the latter two or none. */
export const TOUCH = script(`
for k = 1, #KEYS do
  local at = 3 * k - 2
  if redis.call('HGET', KEYS[k], 'g') == ARGV[at] then
    for i, field in ipairs({ 'u', 'b' }) do
      local value = ARGV[at + i]
      local known = redis.call('HGET', KEYS[k], field)
      if value ~= '' and (not known or tonumber(value) > tonumber(known)) then
        redis.call('HSET', KEYS[k], field, value)
      end
    end
  end
end
`);

/** Moves streams of one shard in the index. Keys: deadlines, streams. Arguments for each: id, generation, from, to. */
export const SCHEDULE = script(`
for k = 2, #KEYS do
  local at = 4 * (k - 1) - 3
  local found = redis.call('HMGET', KEYS[k], 'g', 'd')
  if found[1] == ARGV[at + 1] and tonumber(found[2] or 'inf') == tonumber(ARGV[at + 2]) then
    if ARGV[at + 3] == 'inf' then
      redis.call('ZREM', KEYS[1], ARGV[at])
      redis.call('HDEL', KEYS[k], 'd')
    else
      redis.call('ZADD', KEYS[1], ARGV[at + 3], ARGV[at])
      redis.call('HSET', KEYS[k], 'd', ARGV[at + 3])
    end
  end
end
`);

/** Takes streams out of the indices of their shard if their keys are gone. Keys: ids, deadlines, streams. */
export const FORGET = script(`
for k = 3, #KEYS do
  if redis.call('EXISTS', KEYS[k]) == 0 then
    redis.call('ZREM', KEYS[1], ARGV[k - 2])
    redis.call('ZREM', KEYS[2], ARGV[k - 2])
  end
end
`);
