import { asyncScheduler, type SchedulerLike } from 'rxjs';

import { type Codec, jsonCodec } from './codec.js';
import { attachDispose } from './dispose.js';
import { DurableInput } from './durable-input.js';
import { type AnyReader, DurableReaders } from './durable-readers.js';
import { DurableStream } from './durable-stream.js';
import type { Loaded, StreamEngine } from './engines/engine.js';
import { StreamError } from './errors.js';
import { ExpiryQueue } from './expiry.js';
import type { InputContext, Losing } from './input-context.js';
import type { Inside } from './inside.js';
import type { Command } from './log/command.js';
import type { Lifetime } from './log/head.js';
import type { Answer } from './log/group.js';
import { offsetOf } from './log/segments.js';
import { Streams } from './log/streams.js';
import { goneAt } from './log/time.js';
import { reportUnhandled } from './reader.js';
import { schedulerClock, type SchedulerClock } from './scheduler-clock.js';
import { storedValues } from './stored-values.js';
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
import { checkId, checkInteger, checkIntegers, checkMethods, checkString, demand } from './validation.js';

/** Options of {@link DurableStreamManager}. What is out of range is `INVALID_ARGUMENT`. */
export interface DurableStreamManagerOptions extends StreamLifetime {
  /** Every clock and timer of the manager. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /**
   * How chunks and outputs are stored. Default: as JSON, and `Uint8Array` as it is. `'none'` keeps values by reference,
   * on an engine that can: memory. What one of your own throws is `INVALID_ARGUMENT`; bytes that it makes are its own:
   * nobody else may change them.
   */
  codec?: Codec | 'none' | undefined;
  /** How many chunks a stream may have. Default: `Infinity`. */
  maxChunks?: number | undefined;
  /** How many bytes the chunks of a stream may have, as they are stored. Default: 1 GiB. */
  maxBytes?: number | undefined;
  /** How many bytes a chunk or an output may have, as it is stored. Default: 1 MiB, or what the engine takes if less. */
  maxChunkBytes?: number | undefined;
  /** How many bytes may wait to be stored in one stream; more are `RESOURCE_EXHAUSTED`. Default: 8 MiB. */
  maxInFlightBytes?: number | undefined;
}

/**
 * Holds streams on an engine, so that they outlive their connections, and, by the engine, processes and machines. It
 * has the face of `InMemoryStreamManager`; what differs: `open` of a taken id does not throw but fails the input, and
 * `head`, `list`, `delete`, `stop` and `close` give promises. On a synchronous engine their effect is immediate all the
 * same.
 *
 * An engine that fails is tried again: for 10 s by whoever writes or looks up, for 60 s by whoever reads; then
 * `UNAVAILABLE`. Closing the manager closes its engine. An error that ends a stream keeps its code, its message and
 * those details that have a JSON.
 *
 * The constructor throws `INVALID_ARGUMENT` for an option out of range.
 */
export class DurableStreamManager implements StreamManager {
  readonly needsLease: boolean;
  readonly #clock: SchedulerClock;
  readonly #streams: Streams;
  readonly #readers: DurableReaders;
  readonly #lifetime: Lifetime;
  readonly #inputs: InputContext;
  /** @internal */
  readonly inside: Inside;
  /** The inputs that may write, and the promises that were given: they are told when the manager is closed. */
  readonly #open = new Set<Losing>();
  readonly #promised = new Set<(error: StreamError) => void>();
  #closed: Promise<void> | undefined;

  constructor(engine: StreamEngine, options: DurableStreamManagerOptions = {}) {
    // Not in a static block, which no bundler would leave out.
    attachDispose(DurableStreamManager.prototype);
    checkMethods('engine', engine, 'what lmdbEngine() and the like give', 'load', 'commit');
    const { features } = engine;
    const { scheduler = asyncScheduler, codec = jsonCodec } = options;
    if (codec !== 'none') {
      checkMethods('codec', codec, "'none' or an object with encode and decode", 'encode', 'decode');
    }
    demand(
      codec !== 'none' || features.byReference,
      'codec',
      'one that makes text or bytes on this engine',
      codec,
    );
    const limits = checkIntegers(options, {
      maxChunks: Infinity,
      maxBytes: 2 ** 30,
      maxChunkBytes: Math.min(2 ** 20, features.maxChunkBytes),
      maxInFlightBytes: 2 ** 23,
    });
    demand(
      limits.maxChunkBytes <= features.maxChunkBytes,
      'maxChunkBytes',
      `at most ${features.maxChunkBytes} on this engine`,
      limits.maxChunkBytes,
    );
    this.#lifetime = checkIntegers(options, {
      ttl: 300_000,
      idleTtl: Infinity,
      expiresAt: Infinity,
      lease: Infinity,
    });
    this.needsLease = features.multiProcess && this.#lifetime.lease === Infinity;
    const { encode, decode, outcomeOf, endOf, errorOf } = storedValues(
      codec,
      features.byReference,
      limits.maxChunkBytes,
    );
    const expiry = new ExpiryQueue(scheduler);
    this.#clock = schedulerClock(scheduler, expiry);
    const sweep = {
      deadline: Infinity,
      slot: -1,
      expire: () => {
        this.#streams.sweeper.sweep();
      },
    };
    this.#streams = new Streams({
      engine,
      clock: this.#clock,
      ...limits,
      arm: (at) => {
        expiry.set(sweep, at);
      },
      decode,
      endOf,
      report: reportUnhandled,
    });
    const { maxChunkBytes } = limits;
    this.inside = { streams: this.#streams, maxChunkBytes, byReference: codec === 'none' };
    this.#readers = new DurableReaders(this.#streams, expiry);
    this.#inputs = {
      streams: this.#streams,
      ...limits,
      // By reference nothing is measured.
      ...(codec === 'none' && { maxChunkBytes: Infinity, maxBytes: Infinity }),
      encode,
      outcomeOf,
      errorOf,
      released: (input) => {
        this.#open.delete(input);
      },
    };
  }

  open<C, O = void>(id: string, options: OpenOptions = {}): StreamInput<C, O> {
    this.#assertOpen();
    checkId(id);
    const lifetime = checkIntegers(options, this.#lifetime);
    const given = onlyGiven(options);
    const creates = options.resume !== true;
    // A stream that is taken over keeps what is not given.
    const { expiresAt = Infinity } = creates ? lifetime : given;
    const holds = expiresAt === Infinity || expiresAt > this.#streams.clock.now();
    demand(holds, 'expiresAt', 'later than now', expiresAt);
    const nonce = randomName();
    const input = new DurableInput<C, O>(id, this.#inputs, {
      nonce,
      creates,
      ask: (done, failed) => {
        if (creates) {
          this.#streams.create(id, { type: 'create', nonce, lifetime, owned: true }, { done, failed });
        } else {
          this.#submit(id, { type: 'takeOver', nonce, lifetime: given }, done, failed);
        }
      },
    });
    if (!input.released) this.#open.add(input);
    return input;
  }

  subscribe<C, O = void>(id: string, options: SubscribeOptions = {}): DurableStream<C, O> {
    return new DurableStream<C, O>({
      attach: (reader) => {
        this.#assertOpen();
        this.#readers.attach(reader as AnyReader, id, options);
      },
    });
  }

  head(id: string): Promise<StreamHead> {
    return this.#promise((resolve, reject) => {
      checkId(id);
      this.#streams.find(id, { done: (loaded) => resolve(this.#headOf(id, loaded)), failed: reject });
    });
  }

  list({ prefix = '', after = '', limit }: ListOptions = {}): Promise<StreamHead[]> {
    return this.#promise((resolve, reject) => {
      checkString('prefix', prefix);
      checkString('after', after);
      const most = checkInteger('limit', limit, 1_000);
      if (most === 0) {
        resolve([]);
        return;
      }
      this.#streams.list(prefix, after, most, {
        done: (found) => resolve(found.map(({ id, loaded }) => this.#headOf(id, loaded))),
        failed: reject,
      });
    });
  }

  delete(id: string): Promise<void> {
    return this.#promise((resolve, reject) => {
      checkId(id);
      this.#submit(id, { type: 'remove' }, () => resolve(), reject);
    });
  }

  stop(id: string, { reason = 'The stream was stopped.', grace }: StopOptions = {}): Promise<void> {
    return this.#promise((resolve, reject) => {
      checkId(id);
      checkString('reason', reason);
      const command = { type: 'stop', reason, grace: checkInteger('grace', grace, 0) } as const;
      this.#submit(id, command, () => resolve(), reject);
    });
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    let closed!: (engine: Promise<void>) => void;
    // Before anybody is told, who may close it too, or open another stream.
    this.#closed = new Promise((resolve) => (closed = resolve));
    const error = managerClosed();
    for (const input of [...this.#open]) input.lost(error);
    for (const reject of [...this.#promised]) reject(error);
    this.#readers.close(error);
    this.#streams.close(error);
    this.#clock.stop();
    closed((async () => this.#streams.engine.close())());
    return this.#closed;
  }

  #submit(
    id: string,
    command: Command,
    done: (answer: Answer) => void,
    failed: (error: StreamError) => void,
  ): void {
    this.#streams.begin();
    this.#streams.log.submit({ id, command, done, failed });
  }

  /** A promise of what is begun before it is given. */
  #promise<T>(
    begin: (resolve: (value: T) => void, reject: (error: StreamError) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#assertOpen();
      this.#promised.add(failed);
      const over = (): void => void this.#promised.delete(failed);
      function failed(error: StreamError): void {
        over();
        reject(error);
      }
      try {
        begin((value) => {
          over();
          resolve(value);
        }, failed);
      } catch (error) {
        failed(error as StreamError);
      }
    });
  }

  #headOf(id: string, { head, soft }: Loaded): StreamHead {
    const { createdAt, endedAt } = head.facts;
    const expiresAt = goneAt(head, soft, this.#streams.rules);
    return {
      id,
      status: head.status,
      tail: offsetOf(head, head.tail, head.tag),
      chunks: head.tail,
      createdAt,
      ...(endedAt !== undefined && { endedAt }),
      ...(expiresAt !== Infinity && { expiresAt }),
    };
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw managerClosed();
  }
}

const managerClosed = (): StreamError => new StreamError('UNAVAILABLE', 'The stream manager is closed.');

/** 96 random bits, short: what names an input, or a creation, so that a retried one is known. */
function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return btoa(String.fromCharCode(...bytes));
}

const LIFETIME: readonly (keyof Lifetime)[] = ['ttl', 'idleTtl', 'expiresAt', 'lease'];

function onlyGiven(options: StreamLifetime): Partial<Lifetime> {
  const given: Partial<Record<keyof Lifetime, number>> = {};
  for (const name of LIFETIME) {
    const value = options[name];
    if (value !== undefined) given[name] = value;
  }
  return given;
}
