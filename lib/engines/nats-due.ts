import { randomBytes } from 'node:crypto';

import { encodeEntry } from '../log/frame.js';
import { ByteWriter } from './nats-bytes.js';
import { type Chain, grown, NO_CHAIN } from './nats-chain.js';
import { BUCKET_MS } from './nats-keys.js';
import { itemsOf, runsOf } from './nats-read.js';
import { Body, readerOf, writeBody } from './nats-record.js';
import type { NatsStore, Stored } from './nats-store.js';

/*
 * The index of deadlines: per bucket of time some logs of `<deadline> <id>`, of which each process writes one, so that
 * those that write at once seldom meet. An id is put there before a commit, or a move, has it there, and nothing is ever
 * taken out: what an entry says is a hint, of which the stream itself is asked. A bucket goes as a whole, when its time
 * is over and no entry of it holds.
 *
 *   DUE | nonce (8 bytes) | chain | start | entries
 */
const DUE = 3;

/** How many logs a bucket has. */
const SLOTS = 8;
/** How many ids go into one message, long as they may be. */
const MOST_AT_ONCE = 500;
/** How many buckets a process remembers that it has written to. */
const MAX_WRITERS = 256;
/** How many entries are asked for at least, where one is wanted. */
const MIN_BATCH = 8;

/** An id in a bucket. */
interface DueEntry {
  readonly id: string;
  readonly dueAt: number;
  /** When, on this process's clock, the stream said that it is not due then; `Infinity` once that is sure. */
  denied: number | undefined;
}

/** A log of a bucket, as far as it was read. */
interface Slot {
  readonly nonce: string;
  seq: number;
  count: number;
}

/** A bucket, as far as it was read. */
class Bucket {
  readonly slots = new Map<number, Slot>();
  readonly #entries = new Map<string, DueEntry>();
  #sorted: DueEntry[] | undefined;

  add(text: string): void {
    const space = text.indexOf(' ');
    const [dueAt, id] = [Number(text.slice(0, space)), text.slice(space + 1)];
    // One that was denied may hold now.
    this.#entries.set(text, { id, dueAt, denied: undefined });
    this.#sorted = undefined;
  }

  /** The earliest first. */
  get entries(): readonly DueEntry[] {
    this.#sorted ??= [...this.#entries.values()].sort((a, b) => a.dueAt - b.dueAt);
    return this.#sorted;
  }
}

/** Writes ids to a log of a bucket: what comes while one message is on its way goes into the next. */
class SlotWriter {
  readonly #pending: { text: string; done: () => void; failed: (error: unknown) => void }[] = [];
  #running = false;
  #known: Omit<KnownSlot, 'body'> | undefined;

  constructor(
    private readonly store: NatsStore,
    private readonly subject: string,
  ) {}

  get idle(): boolean {
    return !this.#running;
  }

  add(text: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#pending.push({ text, done, failed });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MOST_AT_ONCE);
      try {
        await this.#write(batch.map(({ text }) => text));
        for (const { done } of batch) done();
      } catch (error) {
        this.#known = undefined;
        for (const { failed } of batch) failed(error);
      }
    }
    this.#running = false;
  }

  async #write(chunks: readonly string[]): Promise<void> {
    const { store, subject } = this;
    const frame = encodeEntry({ position: 0, chunks, bytes: 0, tag: 0, previous: 0 });
    const until = store.deadline();
    for (;;) {
      this.#known ??= knownOf(await store.last(store.keys.due, subject));
      const { seq, chain, count, nonce } = this.#known;
      const writer = new ByteWriter(frame.length + 256).byte(DUE).bytes(nonce);
      const result = await store.publish(
        subject,
        writeBody(writer, { chain, start: count, frames: [frame] }).done(),
        seq,
      );
      if (result.type === 'refused') throw result.error;
      if (result.type === 'stored') {
        const end = count + chunks.length;
        this.#known = { seq: result.seq, chain: grown(chain, result.seq, end), count: end, nonce };
        return;
      }
      // Twice is as good as once.
      if (result.type === 'unanswered' && performance.now() > until) throw result.error;
      this.#known = undefined;
    }
  }
}

/** The index of deadlines. */
export class NatsDue {
  readonly #writers = new Map<number, SlotWriter>();
  readonly #buckets = new Map<number, Bucket>();
  readonly #slot = Math.floor(Math.random() * SLOTS);

  /**
   * @param dueAts asks streams themselves where the index has them.
   * @param doubt for how long, in ms, an entry that the stream denies may be of a commit that is still to come.
   */
  constructor(
    private readonly store: NatsStore,
    private readonly dueAts: (ids: readonly string[]) => Promise<readonly number[]>,
    private readonly doubt: number,
  ) {}

  /** Forgets what was read and written: the server that comes back may have been set back. */
  forget(): void {
    this.#writers.clear();
    this.#buckets.clear();
  }

  /** Puts an id there; nothing if it is to be nowhere. */
  async insert(id: string, dueAt: number): Promise<void> {
    if (dueAt === Infinity) return;
    const bucket = Math.floor(dueAt / BUCKET_MS);
    let writer = this.#writers.get(bucket);
    if (writer === undefined) {
      if (this.#writers.size >= MAX_WRITERS) this.#forgetIdle();
      writer = new SlotWriter(this.store, this.store.keys.dueSubject(bucket, this.#slot));
      this.#writers.set(bucket, writer);
    }
    await writer.add(`${dueAt} ${id}`);
  }

  /** Up to `limit` ids that are due, the earliest first, and the earliest deadline beyond. */
  async due(now: number, limit: number): Promise<{ ids: string[]; next: number }> {
    const { keys } = this.store;
    const slots = new Map<number, number[]>();
    for (const subject of (await this.store.subjects(keys.due, `${keys.prefix}.due.*.*`)).keys()) {
      const [slot, bucket] = subject.split('.').reverse().map(Number) as [number, number];
      slots.set(bucket, [...(slots.get(bucket) ?? []), slot]);
    }
    for (const known of [...this.#buckets.keys()]) if (!slots.has(known)) this.#buckets.delete(known);
    const ids: string[] = [];
    for (const number of [...slots.keys()].sort((a, b) => a - b)) {
      const bucket = await this.#read(number, slots.get(number) ?? []);
      for await (const { id, dueAt } of this.#holding(bucket, limit + 1)) {
        if (dueAt > now || ids.length === limit) return { ids, next: dueAt };
        ids.push(id);
      }
      if ((number + 1) * BUCKET_MS < now) this.#sweep(number, bucket);
    }
    return { ids, next: Infinity };
  }

  /** The entries of a bucket that the streams confirm, the earliest first. */
  async *#holding(bucket: Bucket, some: number): AsyncGenerator<DueEntry> {
    const asked = bucket.entries.filter(
      ({ denied }) => denied === undefined || performance.now() - denied > this.doubt,
    );
    for (let i = 0; i < asked.length; i += Math.max(some, MIN_BATCH)) {
      const batch = asked.slice(i, i + Math.max(some, MIN_BATCH));
      const dueAts = await this.dueAts(batch.map(({ id }) => id));
      for (const [j, entry] of batch.entries()) {
        if (dueAts[j] === entry.dueAt) {
          entry.denied = undefined;
          yield entry;
        } else {
          entry.denied = entry.denied === undefined ? performance.now() : Infinity;
        }
      }
    }
  }

  /** A bucket, with what was put there since it was read last. */
  async #read(number: number, slots: readonly number[]): Promise<Bucket> {
    let bucket = this.#buckets.get(number);
    if (bucket === undefined) this.#buckets.set(number, (bucket = new Bucket()));
    const known = bucket;
    await Promise.all(slots.map((slot) => this.#readSlot(known, number, slot)));
    return bucket;
  }

  async #readSlot(bucket: Bucket, number: number, slot: number): Promise<void> {
    const { store } = this;
    const last = await store.last(store.keys.due, store.keys.dueSubject(number, slot));
    if (last === undefined) return;
    const { chain, count, nonce, body } = knownOf(last);
    const text = nonce.toString('base64');
    const before = bucket.slots.get(slot);
    const from = before?.nonce === text ? before.count : 0;
    if (from >= count) return;
    const fetch = async (seq: number): Promise<Body | undefined> => {
      if (seq === last.seq) return body;
      const data = await store.at(store.keys.due, seq);
      return data && knownOf({ seq, data }).body;
    };
    for (const found of await runsOf(itemsOf(chain, 0), from, count, fetch)) {
      // Those that are missing were swept.
      for (const { position, chunks } of found?.entries(from) ?? [])
        for (const chunk of chunks.slice(Math.max(from - position, 0))) bucket.add(chunk as string);
    }
    bucket.slots.set(slot, { nonce: text, seq: last.seq, count });
  }

  /** Removes a bucket of which nothing holds. What was put there since stays, and whoever fails leaves it to others. */
  #sweep(number: number, bucket: Bucket): void {
    if (bucket.entries.some(({ denied }) => denied !== Infinity)) return;
    this.#buckets.delete(number);
    const { store } = this;
    for (const [slot, { seq }] of bucket.slots)
      store.purge(store.keys.due, store.keys.dueSubject(number, slot), seq).catch(() => undefined);
  }

  #forgetIdle(): void {
    for (const [bucket, { idle }] of [...this.#writers]) if (idle) this.#writers.delete(bucket);
  }
}

interface KnownSlot {
  readonly seq: number;
  readonly chain: Chain;
  readonly count: number;
  readonly nonce: Buffer;
  readonly body: Body | undefined;
}

/** What is known of a log of a bucket by its last message. */
function knownOf(last: Stored | undefined): KnownSlot {
  if (last === undefined)
    return { seq: 0, chain: NO_CHAIN, count: 0, nonce: randomBytes(8), body: undefined };
  const reader = readerOf(last.data);
  reader.byte();
  const nonce = Buffer.from(reader.bytes());
  const body = new Body(reader);
  const count = body.own
    .entries()
    .reduce((_end, { position, chunks }) => position + chunks.length, body.own.start);
  return { seq: last.seq, chain: grown(body.chain, last.seq, count), count, nonce, body };
}
