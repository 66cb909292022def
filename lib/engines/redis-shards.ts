import type { Command } from './redis-connection.js';
import { type RedisKeys, SHARDS } from './redis-keys.js';
import { numberFrom, type Reply } from './redis-records.js';

/** How many streams one call of a script changes: a script keeps everybody else waiting. */
const MAX_PER_SCRIPT = 64;
/** How many streams are appended to at once: while the server is at it, others are made ready. */
const APPENDS_PER_SCRIPT = 16;

type IdOf<T> = (item: T) => string;

/** Items by the shard of their stream, no more together than one call of a script may change. */
export function byShard<T>(
  keys: RedisKeys,
  items: readonly T[],
  idOf: IdOf<T>,
): { readonly shard: number; readonly items: readonly T[] }[] {
  const groups: { shard: number; items: T[] }[] = [];
  const open = new Map<number, T[]>();
  for (const item of items) {
    const shard = keys.shardOf(idOf(item));
    let group = open.get(shard);
    if (group === undefined || group.length >= MAX_PER_SCRIPT) {
      open.set(shard, (group = []));
      groups.push({ shard, items: group });
    }
    group.push(item);
  }
  return groups;
}

/** Items that one call of a script can be about that needs no keys but those of streams. */
export function togetherIn<T>(
  keys: RedisKeys,
  items: readonly T[],
  idOf: IdOf<T>,
  cluster: boolean,
): (readonly T[])[] {
  // There all keys of a call have to be in one slot.
  if (cluster) return byShard(keys, items, idOf).map((group) => group.items);
  return Array.from({ length: Math.ceil(items.length / APPENDS_PER_SCRIPT) }, (_, i) =>
    items.slice(i * APPENDS_PER_SCRIPT, (i + 1) * APPENDS_PER_SCRIPT),
  );
}

/** What gives the next ids, of each shard. */
export function idCommands(keys: RedisKeys, prefix: string, after: string, limit: number): Command[] {
  const resumes = after !== '' && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  const from = resumes ? `(${after}` : prefix === '' ? '-' : `[${prefix}`;
  // No character of UTF-8 has this byte.
  const to = prefix === '' ? '+' : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)]);
  return shards.map((shard) => [
    'ZRANGEBYLEX',
    ...[keys.ids(shard), from, to],
    ...['LIMIT', 0, limit === Infinity ? -1 : limit],
  ]);
}

/** The first of them. */
export const idsFrom = (replies: readonly Reply[], limit: number): string[] =>
  (replies.flat() as Buffer[])
    .sort((a, b) => Buffer.compare(a, b))
    .slice(0, limit)
    .map((id) => id.toString());

/** What gives the nearest deadlines, of each shard. */
export const dueCommands = (keys: RedisKeys, limit: number): Command[] =>
  shards.map((shard) => ['ZRANGE', keys.deadlines(shard), 0, limit === Infinity ? -1 : limit, 'WITHSCORES']);

/** The streams that are due, and the next deadline. */
export function dueFrom(
  replies: readonly Reply[],
  now: number,
  limit: number,
): { ids: string[]; next: number } {
  const dated = replies.flatMap(datedFrom);
  dated.sort((a, b) => a.at - b.at);
  const ids = dated
    .filter(({ at }) => at <= now)
    .map(({ id }) => id)
    .slice(0, limit);
  return { ids, next: dated[ids.length]?.at ?? Infinity };
}

const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

/** Ids and scores, in turn, or, by version 3 of the protocol, in pairs. */
function datedFrom(reply: Reply): { id: string; at: number }[] {
  const list = (reply as Reply[]).flat();
  return Array.from({ length: list.length >> 1 }, (_, i) => ({
    id: String(list[2 * i]),
    at: numberFrom(String(list[2 * i + 1])),
  }));
}
