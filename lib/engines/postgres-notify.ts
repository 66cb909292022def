import type { PostgresConnections } from './postgres-pool.js';
import type { Watchers } from './watchers.js';

/** The server takes less than 8,000 bytes. */
const MAX_PAYLOAD = 7_900;
/** How long, in ms, is waited at least after others were told. */
const TELL_EVERY = 1;
/** And at most: the more streams are changed at once, the more of their time is what telling each commit would take. */
const TELL_MANY_EVERY = 5;
/** From so many ids on. */
const MANY = 60;
/** How long, in ms, what could not be told waits. */
const TELL_AGAIN_AFTER = 1_000;

/** What the notifications of an engine have to know of it. */
export interface NotifyContext {
  /** The channel: the name of the schema. */
  readonly schema: string;
  /** A random name, by which an engine knows its own notifications. */
  readonly name: string;
  /** A connection to listen on, where that is another than the others. */
  readonly listen: string | object | undefined;
  /** How long, in ms, anything may take. */
  readonly timeout: number;
  readonly connections: PostgresConnections;
  readonly watchers: Watchers;
}

/**
 * Tells other processes which streams were changed, when that is stored: one statement at a time, and not at once after
 * another, because it costs as much as a small commit. What changes meanwhile is in the next.
 */
export class PostgresNotifier {
  #changed = new Set<string>();
  #telling = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly context: NotifyContext) {}

  /** These were changed. */
  changed(ids: Iterable<string>): void {
    for (const id of ids) this.#changed.add(id);
    if (this.#timer === undefined && !this.#telling) void this.#tell();
  }

  /** Tells what was not told yet, if that can be done now. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#changed.size > 0) await this.#tell();
  }

  async #tell(): Promise<void> {
    const { schema, name, connections } = this.context;
    const ids = this.#changed;
    this.#changed = new Set();
    this.#telling = true;
    let told = true;
    try {
      await connections.query('SELECT pg_notify($1, p) FROM unnest($2::text[]) AS p', [
        schema,
        payloadsOf(name, ids),
      ]);
    } catch {
      told = false;
      for (const id of ids) this.#changed.add(id);
    }
    this.#telling = false;
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#changed.size > 0) void this.#tell();
      },
      told ? pauseAfter(ids.size) : TELL_AGAIN_AFTER,
    );
    // Nobody lives for what may not be told at all.
    if (!told) this.#timer.unref();
  }
}

const pauseAfter = (ids: number): number =>
  Math.min(TELL_MANY_EVERY, Math.max(TELL_EVERY, (TELL_MANY_EVERY * ids) / MANY));

/** Ids in as few payloads as they fit in, behind the name of who tells. Escaped, they are ASCII without spaces. */
export function payloadsOf(name: string, ids: Iterable<string>): string[] {
  const payloads: string[] = [];
  let payload = name;
  for (const id of ids) {
    const text = ` ${encodeURIComponent(id)}`;
    if (payload.length + text.length > MAX_PAYLOAD) {
      payloads.push(payload);
      payload = name;
    }
    payload += text;
  }
  payloads.push(payload);
  return payloads;
}

/** Who tells, and of which ids, in a payload. Of one that a stranger has sent, what can be read. */
export function idsIn(payload: string): { readonly name: string; readonly ids: readonly string[] } {
  const [name = '', ...texts] = payload.split(' ');
  return { name, ids: texts.flatMap((text) => decoded(text) ?? []) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
