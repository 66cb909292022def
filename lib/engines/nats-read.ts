import type { Entry, Page, ReadRequest } from './engine.js';
import type { ChainNode } from './nats-chain.js';
import { lost } from './nats-errors.js';
import { type Look, loadedOf, look } from './nats-look.js';
import { type Body, decodeBody, type Known, type Run } from './nats-record.js';
import type { NatsStore } from './nats-store.js';

const NO_ENTRIES: readonly Entry[] = [];

/** A node, on its level, with where its entries begin. */
export interface Item extends ChainNode {
  readonly level: number;
  readonly start: number;
}

/** The nodes of a chain, the oldest first. */
export function itemsOf(chain: readonly (readonly ChainNode[])[], from: number): Item[] {
  const items: Item[] = [];
  let start = from;
  for (let level = chain.length - 1; level >= 0; level--) {
    for (const node of chain[level] as readonly ChainNode[]) {
      items.push({ ...node, level, start });
      start = node.end;
    }
  }
  return items;
}

/** Gives the messages of a sequence; `undefined` for what is missing. */
export type Fetch = (seq: number) => Promise<Body | undefined>;

/** The entries, oldest first, of items between two positions, many at a time; `undefined` where they are missing. */
export async function runsOf(
  items: readonly Item[],
  position: number,
  until: number,
  fetch: Fetch,
): Promise<(Run | undefined)[]> {
  const wanted = items.filter(({ start, end }) => end > position && start < until);
  const runs = await Promise.all(
    wanted.map(async ({ seq, level, start }) => {
      const body = await fetch(seq);
      if (body === undefined) return [undefined];
      if (level === 0) return [body.own];
      if (level === 1 && body.merged !== undefined) return [body.merged];
      const nodes = body.chain[level - 1] ?? [];
      const below = itemsOf([nodes], start).map((item) => ({ ...item, level: level - 1 }));
      return runsOf(below, position, until, fetch);
    }),
  );
  return runs.flat();
}

/** A stream, and entries of it. What is missing of them is `DATA_LOSS`, unless the life of the stream is over. */
export async function page(store: NatsStore, request: ReadRequest, mayBeStale: boolean): Promise<Page> {
  const { id, generation } = request;
  const seen = await look(store, id, mayBeStale);
  const current = loadedOf(seen);
  const isThere = current?.head.generation === generation;
  const entries = isThere ? await entriesOf(store, seen, request) : NO_ENTRIES;
  if (entries !== undefined) return { current, entries };
  const again = loadedOf(await look(store, id));
  if (again?.head.generation === generation) throw lost(`entries of the stream ${JSON.stringify(id)}`);
  return { current: again, entries: NO_ENTRIES };
}

/** Entries by the limits of a request; `undefined` where messages are missing. */
async function entriesOf(
  store: NatsStore,
  { known, body }: Look,
  { id, position, until, maxBytes, maxChunks }: ReadRequest,
): Promise<readonly Entry[] | undefined> {
  if (known === undefined || body === undefined) return NO_ENTRIES;
  const { head, chain } = known;
  const fetch = fetching(store, id, known, body);
  const items = itemsOf(chain, 0);
  const average = Math.max(head.bytes / Math.max(head.tail, 1), 1);
  const entries: Entry[] = [];
  let bytes = 0;
  let chunks = 0;
  for (let from = position; from < head.tail;) {
    // So much at once as the limits will let through, if what comes is like what there is.
    const some = Math.max(Math.min(maxChunks - chunks, Math.ceil((maxBytes - bytes) / average)), 1);
    const before = entries.length;
    for (const found of await runsOf(items, from, Math.min(until, from + some), fetch)) {
      if (found === undefined) return undefined;
      for (const entry of found.entries(from, until)) {
        entries.push(entry);
        bytes += entry.bytes;
        chunks += entry.chunks.length;
        from = entry.position + entry.chunks.length;
        if (bytes >= maxBytes || chunks >= maxChunks) return entries;
      }
    }
    if (entries.length === before) break;
  }
  return entries;
}

/** Fetches messages of a stream, none of them twice. */
function fetching(store: NatsStore, id: string, { seq, head }: Known, body: Body): Fetch {
  const stream = store.keys.logStream(id);
  const fetched = new Map<number, Promise<Body | undefined>>([[seq, Promise.resolve(body)]]);
  return (wanted) => {
    let found = fetched.get(wanted);
    if (found === undefined) {
      found = store
        .at(stream, wanted)
        // A store that was set back gives its sequences again, to whomever.
        .then((data) => data && decodeBody(data, head.generation));
      fetched.set(wanted, found);
    }
    return found;
  };
}
