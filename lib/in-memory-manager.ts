import { asyncScheduler, type SchedulerLike } from 'rxjs';

import { byCodePoint } from './code-points.js';
import { attachDispose } from './dispose.js';
import { DurableStream } from './durable-stream.js';
import { ended, notFound, printed, StreamError } from './errors.js';
import { type Expiring, ExpiryQueue } from './expiry.js';
import { MemoryInput } from './memory-input.js';
import { type FullLifetime, MemoryStream, type MemoryStreams } from './memory-stream.js';
import { checkOffset } from './offset.js';
import type { Reader } from './reader.js';
import type {
  ListOptions,
  OpenOptions,
  StopOptions,
  StreamHead,
  StreamInput,
  StreamLifetime,
  StreamManager,
  SubscribeOptions,
} from './stream-manager.js';
import { checkId, checkInteger, checkIntegers, checkString, demand } from './validation.js';

/** Options of {@link InMemoryStreamManager}. What is out of range is `INVALID_ARGUMENT`. */
export interface InMemoryStreamManagerOptions extends StreamLifetime {
  /** Every clock and timer of the manager. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /** How many streams there may be at once. Default: 1,000,000. */
  maxStreams?: number | undefined;
  /** How many chunks a stream may have. Default: `Infinity`. */
  maxChunks?: number | undefined;
  /** How many bytes a stream may have as `sizeOf` counts them. Needs `sizeOf`. Default: `Infinity`. */
  maxBytes?: number | undefined;
  /** The bytes of a chunk, for `maxBytes`. Default: bytes are not counted. */
  sizeOf?: ((chunk: unknown) => number) | undefined;
}

/** A reader of a stream that is not open yet. */
interface Waiter extends Expiring {
  readonly reader: AnyReader;
  readonly options: SubscribeOptions;
  readonly leave: () => void;
}

type AnyReader = Reader<unknown, unknown>;
type AnyStream = MemoryStream<unknown, unknown>;

/**
 * Holds streams in this process, synchronously: a write has been delivered to all subscribers when it returns, and a
 * look-up sees what the scheduler's clock says at that moment. Chunks are passed by reference.
 *
 * The constructor throws `INVALID_ARGUMENT` for an option out of range.
 */
export class InMemoryStreamManager implements StreamManager {
  static {
    attachDispose(this.prototype);
  }

  /** @internal */
  readonly inside: MemoryStreams;
  readonly #lifetime: FullLifetime;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #generation: number;
  #closed = false;

  constructor(options: InMemoryStreamManagerOptions = {}) {
    const { sizeOf, scheduler = asyncScheduler } = options;
    const limits = checkIntegers(options, { maxStreams: 1_000_000, maxChunks: Infinity, maxBytes: Infinity });
    demand(sizeOf !== undefined || limits.maxBytes === Infinity, 'sizeOf', 'given with maxBytes', sizeOf);
    this.inside = {
      byId: new Map(),
      expiry: new ExpiryQueue(scheduler),
      limits,
      sizeOf,
      limited: limits.maxChunks !== Infinity || sizeOf !== undefined,
    };
    this.#lifetime = checkIntegers(options, {
      ttl: 300_000,
      idleTtl: Infinity,
      expiresAt: Infinity,
      lease: Infinity,
    });
    this.#generation = this.firstGeneration();
  }

  open<C, O = void>(id: string, options?: OpenOptions): StreamInput<C, O> {
    const found = this.#find(id);
    const inherited = found?.lifetime ?? this.#lifetime;
    const lifetime = options === undefined ? inherited : checkIntegers(options, inherited);
    const { expiresAt } = lifetime;
    const holds = expiresAt === Infinity || expiresAt > this.inside.expiry.now();
    demand(holds, 'expiresAt', 'later than now', expiresAt);
    const resume = options?.resume === true;
    const stream = resume ? this.#resumable(id) : this.#create(id, found, lifetime);
    const input = new MemoryInput(stream);
    stream.handOver(input, lifetime);
    if (!resume) this.#admitWaiters(stream);
    return input;
  }

  subscribe<C, O = void>(id: string, options: SubscribeOptions = {}): DurableStream<C, O> {
    return new DurableStream<C, O>({
      attach: (reader) => {
        this.#attach(reader as AnyReader, id, options);
      },
    });
  }

  head(id: string): StreamHead {
    return this.#get(id).head();
  }

  list({ prefix = '', after = '', limit }: ListOptions = {}): StreamHead[] {
    this.#assertOpen();
    checkString('prefix', prefix);
    checkString('after', after);
    const most = checkInteger('limit', limit, 1_000);
    const first = byCodePoint(after);
    const ids = [...this.inside.byId.keys()]
      .filter((id) => id.startsWith(prefix))
      .map((id) => ({ id, key: byCodePoint(id) }))
      .filter(({ key }) => key > first)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const heads: StreamHead[] = [];
    for (const { id } of ids) {
      if (heads.length >= most) break;
      const stream = this.#find(id);
      if (stream !== undefined) heads.push(stream.head());
    }
    return heads;
  }

  delete(id: string): void {
    this.#get(id).remove(notFound(id));
  }

  stop(id: string, { reason = 'The stream was stopped.', grace }: StopOptions = {}): void {
    const stream = this.#get(id);
    checkString('reason', reason);
    stream.stop(new StreamError('CANCELLED', reason), checkInteger('grace', grace, 0));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const error = managerClosed();
    this.inside.closing?.(error);
    for (const stream of this.inside.byId.values()) stream.remove(error);
    for (const waiters of this.#waiters.values()) {
      for (const { reader } of waiters) reader.end({ type: 'lost', error });
    }
  }

  /**
   * The first stream's generation; each stream opened has the next one. Random, so that an offset kept from before a
   * restart is `OUT_OF_RANGE`. Override it, with a positive integer, where offsets have to be foreseen.
   */
  protected firstGeneration(): number {
    return Math.ceil((1 - Math.random()) * 2 ** 52);
  }

  #assertOpen(): void {
    if (this.#closed) throw managerClosed();
  }

  #find(id: string): AnyStream | undefined {
    checkId(id);
    const { byId } = this.inside;
    const stream = byId.get(id);
    stream?.settle();
    // Now: whoever was told of what has expired may have closed the manager.
    this.#assertOpen();
    return stream?.gone === true ? byId.get(id) : stream;
  }

  #get(id: string): AnyStream {
    const stream = this.#find(id);
    if (stream === undefined) throw notFound(id);
    return stream;
  }

  #create(id: string, found: AnyStream | undefined, lifetime: FullLifetime): AnyStream {
    const { byId, expiry, limits } = this.inside;
    const { maxStreams } = limits;
    let taken = found !== undefined;
    if (byId.size >= maxStreams) {
      expiry.sweep();
      this.#assertOpen();
      taken = byId.has(id);
    }
    if (taken) throw new StreamError('ALREADY_EXISTS', `There is a stream ${printed(id)} already.`);
    if (byId.size >= maxStreams) {
      throw new StreamError('RESOURCE_EXHAUSTED', `No room for another stream: maxStreams is ${maxStreams}.`);
    }
    const stream: AnyStream = new MemoryStream(this.inside, id, this.#generation++, lifetime);
    byId.set(id, stream);
    return stream;
  }

  #resumable(id: string): AnyStream {
    const stream = this.#get(id);
    if (stream.status !== 'open') throw ended(id);
    return stream;
  }

  #attach(reader: AnyReader, id: string, options: SubscribeOptions): void {
    const { after, from } = options;
    const stream = this.#find(id);
    const wait = checkInteger('wait', options.wait, 0);
    const holds = from === undefined || (after === undefined && ['start', 'now'].includes(from));
    demand(holds, 'from', FROM, from);
    if (after !== undefined) checkOffset(after);
    if (stream !== undefined) this.#start(reader, stream, options);
    else if (wait > 0) this.#wait(reader, id, options, wait);
    else throw notFound(id);
  }

  #start(reader: AnyReader, stream: AnyStream, { after, from }: SubscribeOptions): void {
    reader.start = from === 'now' ? stream.length : after === undefined ? 0 : stream.positionOf(after);
    stream.attach(reader);
  }

  #wait(reader: AnyReader, id: string, options: SubscribeOptions, wait: number): void {
    const { expiry } = this.inside;
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters);
    const waiter: Waiter = {
      deadline: Infinity,
      slot: -1,
      expire: () => {
        reader.end({ type: 'lost', error: notFound(id) });
      },
      leave: () => {
        expiry.set(waiter, Infinity);
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
      },
      reader,
      options,
    };
    waiters.add(waiter);
    reader.add(waiter.leave);
    expiry.set(waiter, expiry.now() + wait);
  }

  #admitWaiters(stream: AnyStream): void {
    const waiters = this.#waiters.get(stream.id);
    if (waiters === undefined) return;
    const now = this.inside.expiry.now();
    // A copy: whoever is told may delete the stream and wait again, for the next one.
    for (const waiter of [...waiters]) {
      const { reader, options, leave, deadline } = waiter;
      if (reader.closed) continue;
      if (deadline <= now) {
        waiter.expire(now);
        continue;
      }
      reader.remove(leave);
      leave();
      reader.read({
        attach: () => {
          this.#start(reader, stream, options);
        },
      });
    }
  }
}

const FROM = "'start' or 'now', and left out where after is given";

const managerClosed = (): StreamError => new StreamError('UNAVAILABLE', 'The stream manager is closed.');
