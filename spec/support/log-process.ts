import type { SchedulerLike, Subscription } from 'rxjs';

import type { Loaded, Payload, StreamEngine } from '../../lib/engines/engine.js';
import { StreamError } from '../../lib/errors.js';
import type { Clock } from '../../lib/log/clock.js';
import type { Command, Create, Writer } from '../../lib/log/command.js';
import type { Head, Lifetime, StoredOutcome } from '../../lib/log/head.js';
import type { Answer } from '../../lib/log/group.js';
import type { StreamEnd } from '../../lib/log/outcome.js';
import { AT_START, placeOf } from '../../lib/log/place.js';
import { offsetOf } from '../../lib/log/segments.js';
import { Streams, type StreamsOptions } from '../../lib/log/streams.js';
import type { Offset } from '../../lib/offset.js';
import { LogReaderStub, type OnNext } from './log-reader.js';

const FOREVER: Lifetime = { ttl: Infinity, idleTtl: Infinity, expiresAt: Infinity, lease: Infinity };

/** The clock of a process, whose chance is always in the middle, and which may be off. */
const clockOf = (scheduler: SchedulerLike, skew = 0): Clock => {
  const after = (ms: number, callback: () => void): (() => void) => {
    const action = scheduler.schedule(callback, ms);
    return () => {
      action.unsubscribe();
    };
  };
  return {
    now: () => scheduler.now() + skew,
    after,
    inBackground: after,
    soon: (callback) => void scheduler.schedule(callback, 0),
    random: () => 0.5,
  };
};

/** What became of a command: `'waits'`, `'OK'`, `'duplicate'`, or the code that it failed with. */
export class Submitted {
  answer: Answer | undefined;
  error: StreamError | undefined;
  /** How often it was answered. */
  times = 0;

  get state(): string {
    if (this.times > 1) return 'answered twice';
    if (this.error !== undefined) return this.error.code;
    if (this.answer === undefined) return 'waits';
    return this.answer.duplicate ? 'duplicate' : 'OK';
  }

  /** The offset that it was answered with. */
  get offset(): Offset {
    const { head, position, tag } = this.answer as Answer & { head: Head };
    return offsetOf(head, position, tag);
  }
}

/** Where a reader begins; default: the start. */
export interface ReadOptions {
  readonly after?: Offset;
  readonly fromNow?: true;
  readonly onNext?: OnNext;
}

export interface ProcessOptions extends Partial<
  Pick<StreamsOptions, 'maxChunks' | 'maxBytes' | 'maxInFlightBytes' | 'decode'>
> {
  /** How far its clock is off, in ms. */
  readonly skew?: number;
}

/** A process that uses streams on an engine, all of whose time is a scheduler's. */
export class LogProcess {
  readonly clock: Clock;
  readonly streams: Streams;
  /** What was thrown by readers. */
  readonly reported: unknown[] = [];
  #names = 0;
  #armed: Subscription | undefined;

  constructor(
    scheduler: SchedulerLike,
    readonly engine: StreamEngine,
    { skew = 0, ...options }: ProcessOptions = {},
  ) {
    this.clock = clockOf(scheduler, skew);
    this.streams = new Streams({
      engine,
      clock: this.clock,
      maxChunks: Infinity,
      maxBytes: Infinity,
      maxInFlightBytes: Infinity,
      arm: (at) => {
        this.#armed?.unsubscribe();
        if (at === Infinity) return;
        this.#armed = scheduler.schedule(
          () => {
            this.streams.sweeper.sweep();
          },
          Math.max(0, at - this.clock.now()),
        );
      },
      decode: (payload) => payload,
      endOf,
      report: (error) => {
        this.reported.push(error);
      },
      ...options,
    });
  }

  submit(id: string, command: Command): Submitted {
    const submitted = new Submitted();
    this.streams.log.submit({ id, command, ...outcomeIn(submitted) });
    return submitted;
  }

  /** Creates a stream, and gives who writes it. */
  create(id: string, lifetime: Partial<Lifetime> = {}): Author {
    const nonce = this.newName();
    const command = creation(nonce, lifetime);
    const created = new Submitted();
    this.streams.create(id, command, outcomeIn(created));
    return new Author(this, id, nonce, created);
  }

  /** Makes a fork. */
  fork(source: string, id: string, after?: Offset, lifetime?: Partial<Lifetime>): Author {
    const nonce = this.newName();
    const created = new Submitted();
    const create = creation(nonce, lifetime);
    const place = ({ head }: Loaded) =>
      after === undefined ? { position: head.tail, tag: head.tag } : placeOf(source, after, head);
    this.streams.fork(source, place, id, create, outcomeIn(created));
    return new Author(this, id, nonce, created);
  }

  read(id: string, { after, fromNow, onNext }: ReadOptions = {}): LogReaderStub {
    const reader = new LogReaderStub(onNext);
    this.#read(reader, id, after, fromNow);
    return reader;
  }

  /** Reads how a stream ends, and none of its chunks. */
  readEnd(id: string): LogReaderStub {
    const reader = new LogReaderStub(undefined, false);
    this.#read(reader, id, undefined, undefined);
    return reader;
  }

  /** As `head` of a manager: the stream, or the code of what it fails with. */
  find(id: string): { readonly found?: Loaded; readonly code?: string } {
    const result: { found?: Loaded; code?: string } = {};
    this.streams.find(id, {
      done: (loaded) => {
        result.found = loaded;
      },
      failed: ({ code }) => {
        result.code = code;
      },
    });
    return result;
  }

  close(): void {
    this.streams.close(new StreamError('UNAVAILABLE', 'It is closed.'));
  }

  newName(): string {
    return `name ${++this.#names} of ${this.engine.name}`;
  }

  #read(reader: LogReaderStub, id: string, after: Offset | undefined, fromNow: true | undefined): void {
    this.streams.followers.read(
      reader,
      id,
      ({ head }) => {
        if (fromNow) return { position: head.tail, tag: head.tag };
        return after === undefined ? AT_START : placeOf(id, after, head);
      },
      () => {
        reader.end({ type: 'lost', error: new StreamError('NOT_FOUND', 'There is none.') });
      },
    );
  }
}

export const outcomeIn = (
  submitted: Submitted,
): { done(answer: Answer): void; failed(error: StreamError): void } => ({
  done: (answer) => {
    submitted.times++;
    submitted.answer = answer;
  },
  failed: (error) => {
    submitted.times++;
    submitted.error = error;
  },
});

export const creation = (nonce: string, lifetime: Partial<Lifetime> = {}): Create => ({
  type: 'create',
  nonce,
  lifetime: { ...FOREVER, ...lifetime },
  owned: true,
});

/** An append without an owner's number. */
export const appendOf = (
  writer: Writer,
  chunks: readonly Payload[],
  outcome?: StoredOutcome,
): Extract<Command, { type: 'append' }> => ({
  type: 'append',
  writer,
  chunks,
  bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  outcome,
});

/** An input, without batches of its own. */
export class Author {
  #seq = 0;

  constructor(
    readonly process: LogProcess,
    readonly id: string,
    readonly nonce: string,
    readonly created: Submitted,
  ) {}

  /** The number of its last append. */
  get seq(): number {
    return this.#seq;
  }

  write(...chunks: string[]): Submitted {
    return this.#append(chunks);
  }

  complete(output?: string): Submitted {
    return this.#append([], { type: 'done', ...(output !== undefined && { output }) });
  }

  fail(code: string): Submitted {
    return this.#append([], { type: 'error', error: { code, message: code } });
  }

  #append(chunks: readonly string[], outcome?: StoredOutcome): Submitted {
    const writer: Writer = {
      type: 'owner',
      nonce: this.nonce,
      seq: ++this.#seq,
      acknowledged: this.#seq - 1,
    };
    return this.process.submit(this.id, appendOf(writer, chunks, outcome));
  }
}

function endOf(outcome: StoredOutcome): StreamEnd<never> {
  if (outcome.type === 'done') return outcome as StreamEnd<never>;
  const { code, message } = outcome.error;
  return { type: 'error', error: new StreamError(code as StreamError['code'], message) };
}
