import { byCodePoint } from '../code-points.js';
import type { Loaded } from './engine.js';
import { type Look, loadedOf, look } from './nats-look.js';
import type { NatsStore } from './nats-store.js';
import type { NatsSweep } from './nats-sweep.js';

/** Streams in order of their ids. Asks for the names of all, because a server can't give some of them in order. */
export async function list(
  store: NatsStore,
  sweep: NatsSweep,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string; readonly limit: number },
): Promise<{ id: string; loaded: Loaded }[]> {
  const { keys } = store;
  const found: { id: string; loaded: Loaded }[] = [];
  if (limit === 0) return found;
  const subjects = await Promise.all(
    keys.logs.map((stream, shard) => store.subjects(stream, `${keys.prefix}.log.${shard}.>`)),
  );
  const first = byCodePoint(after);
  const ids = subjects
    .flatMap((shard) => [...shard.keys()].map((subject) => keys.idOfLogSubject(subject)))
    .filter((id) => id.startsWith(prefix))
    .map((id) => ({ id, key: byCodePoint(id) }))
    .filter(({ key }) => key > first)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (let i = 0; i < ids.length; i += limit) {
    const some = ids.slice(i, i + limit);
    const looks = await Promise.all(some.map(({ id }) => look(store, id)));
    for (const [j, { id }] of some.entries()) {
      const seen = looks[j] as Look;
      // Who ended it has not come to that.
      if (seen.over !== undefined) sweep.add(id, seen.seq, seen.over);
      const loaded = loadedOf(seen);
      if (loaded === undefined || loaded.head.facts.deleted) continue;
      if (found.push({ id, loaded }) === limit) return found;
    }
  }
  return found;
}
