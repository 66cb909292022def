import { createHash } from 'node:crypto';

/** A script, and its name for the server. */
export interface Script {
  readonly text: string;
  readonly digest: string;
}

/** From how many bytes on entries are not sent along with hints: whoever wants them reads them. */
const MAX_HINT_BYTES = 16_384;

/** How many entries a page looks at before it knows how long they are, and how many at once when it does. */
const FIRST_ENTRIES = 32;
const MOST_ENTRIES = 1_024;

const script = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') });

/*
 * A stream is a hash: `g` generation, `v` version (`<generation> <number of the commit> <tag>`), `h` head, `u` last use,
 * `b` beat, `d` deadline, `x` when its keys expire by themselves. Beside it are a hash of its parts, and a Redis stream of
 * its entries, whose ids are `<position after it>-<chunks in it>`. A shard has a sorted set of its ids, one of its
 * deadlines, and its greatest generation; a counter, of which generations are made, is outside of shards.
 */

/** What is there instead: generation, use, beat, deadline and head, or nothing if nothing is. */
const CURRENT = `
local function current(stream)
  local found = redis.call('HMGET', stream, 'g', 'u', 'b', 'd', 'h')
  return found[1] and found or {}
end
`;

/** Appends to a log, and gives the frames as they are told: not if they are long. */
const ADD = `
local function add(log, from, to)
  local frames, size = {}, 0
  for i = from, to, 3 do
    redis.call('XADD', log, ARGV[i], ARGV[i + 1], ARGV[i + 2])
    frames[#frames + 1] = ARGV[i + 2]
    size = size + #ARGV[i + 2]
  end
  return size <= ${MAX_HINT_BYTES} and table.concat(frames) or ''
end
`;

/**
 * Stores commits that only append, which are nearly all, so it does nothing else.
 *
 * Keys: for each commit stream and log. Arguments for each: channel, version expected and made, head, hint, how many
 * entries, and for each of these id, bytes, frame. Gives for each: 1 if it is stored, else what is there.
 */
export const APPEND = script(`${CURRENT}${ADD}
local results, at = {}, 1
for k = 1, #KEYS, 2 do
  local stream, log = KEYS[k], KEYS[k + 1]
  local last = at + 5 + 3 * ARGV[at + 5]
  local found = redis.call('HMGET', stream, 'v', 'x')
  if found[1] ~= ARGV[at + 1] then
    results[#results + 1] = current(stream)
  else
    local frames = add(log, at + 6, last)
    redis.call('HSET', stream, 'v', ARGV[at + 2], 'h', ARGV[at + 3])
    if found[2] then redis.call('PEXPIREAT', log, found[2]) end
    redis.call('PUBLISH', ARGV[at], ARGV[at + 4] .. frames)
    results[#results + 1] = 1
  end
  at = last + 1
end
return results
`);

/**
 * Stores commits to streams of one shard, each wholly or not at all. What can fail comes before what is changed.
 *
 * Keys: ids, deadlines, greatest generation, and for each commit stream, parts, log. Gives for each: 1 if it is stored,
 * what is there instead, or, if its generation is not greater than the greatest, that.
 */
export const COMMIT = script(`${CURRENT}${ADD}
local ids, deadlines, greatest = KEYS[1], KEYS[2], KEYS[3]
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local results = {}
for k = 4, #KEYS, 3 do
  local stream, parts, log = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local channel, expected, version, head, hint, id = take(), take(), take(), take(), take(), take()
  local used, generation, due, expires, listed = take(), take(), take(), take(), take()
  local partsAt = at
  at = at + 1 + 2 * ARGV[at + 1]
  local entriesAt = at
  at = at + 1 + 3 * ARGV[at + 1]
  local found = redis.call('HMGET', stream, 'v', 'u', 'x')
  local holds
  if expected == '' then holds = not found[1] and head ~= ''
  else
    holds = found[1] == expected and (used == '' or not found[2] or tonumber(found[2]) <= tonumber(used))
  end
  local known = holds and expected == '' and redis.call('GET', greatest)
  if known and tonumber(known) >= tonumber(generation) then
    results[#results + 1] = { known }
  elseif not holds then
    results[#results + 1] = current(stream)
  elseif head == '' then
    redis.call('UNLINK', stream, parts, log)
    redis.call('ZREM', ids, id)
    redis.call('ZREM', deadlines, id)
    redis.call('PUBLISH', channel, hint)
    results[#results + 1] = 1
  else
    if expected == '' then
      redis.call('SET', greatest, generation)
      -- What was evicted, or has expired, may have left them.
      redis.call('UNLINK', parts, log)
    end
    local frames = add(log, entriesAt + 2, at)
    redis.call('HSET', stream, 'g', generation, 'v', version, 'h', head)
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
    else
      -- Also what is there only now.
      local over = expires ~= '' and expires or found[3]
      if over then
        redis.call('HSET', stream, 'x', over)
        for i = 0, 2 do redis.call('PEXPIREAT', KEYS[k + i], over) end
      end
    end
    redis.call('PUBLISH', channel, hint .. frames)
    results[#results + 1] = 1
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
export const LOAD = script(`${CURRENT}
local found = current(KEYS[1])
if not found[1] then return found end
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
 * A page, and perhaps some more, which costs less than to look at each entry: whoever asks cuts it. Keys: stream, log.
 * Arguments: generation, position, most bytes, most chunks. Gives what a conflict gives, then the ids of the first and
 * the last entry, and the frame of each.
 */
export const READ = script(`${CURRENT}
local found = current(KEYS[1])
if not found[1] or found[1] ~= ARGV[1] or ARGV[2] == 'inf' then return found end
local position, mostBytes, mostChunks = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local until_, bytes, count, limit = position + mostChunks, 0, 0, ${FIRST_ENTRIES}
local firstAt, lastAt = #found + 1, #found + 2
while true do
  local entries = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', position + 1), '+', 'COUNT', limit)
  local got = #entries
  for i = 1, got do
    local fields = entries[i][2]
    count = count + 1
    found[lastAt + count] = fields[2]
    bytes = bytes + fields[1]
    if bytes >= mostBytes then got = i break end
  end
  if count == 0 then return found end
  found[firstAt] = found[firstAt] or entries[1][1]
  if got > 0 then found[lastAt] = entries[got][1] end
  if got < limit or bytes >= mostBytes then return found end
  position = tonumber(string.match(found[lastAt], '%d+'))
  if position >= until_ then return found end
  -- As many as are about the rest.
  limit = math.min(${MOST_ENTRIES}, 1 + math.floor((mostBytes - bytes) * count / bytes))
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
