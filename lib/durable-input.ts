import type { Observable } from 'rxjs';

import { attachDispose } from './dispose.js';
import type { Hint, Payload } from './engines/engine.js';
import { ended, notFound, StreamError, toStreamError } from './errors.js';
import { Batch, type BatchOwner, type Waiting } from './input-batch.js';
import { InputFailure } from './input-failure.js';
import { payloadBytes } from './log/bytes.js';
import type { Append } from './log/command.js';
import type { Head, StoredOutcome } from './log/head.js';
import type { Answer } from './log/lane.js';
import type { StreamStatus } from './log/outcome.js';
import { takenOver } from './log/producers.js';
import type { LogWriter } from './log/reading.js';
import { offsetOf } from './log/segments.js';
import type { Streams } from './log/streams.js';
import { type Offset, START } from './offset.js';
import type { StreamInput } from './stream-manager.js';

/** What the inputs of one manager share. */
export interface InputContext {
  readonly streams: Streams;
  readonly maxChunks: number;
  readonly maxBytes: number;
  readonly maxChunkBytes: number;
  readonly encode: (chunk: unknown) => Payload;
  /** The outcome of an error as it is stored. */
  readonly outcomeOf: (error: StreamError) => StoredOutcome;
  /** The error of a stored outcome. */
  readonly errorOf: (outcome: StoredOutcome) => StreamError | undefined;
  /** Called once, when the input can write no more. */
  readonly released: (input: LogWriter) => void;
}

/** How an input comes to its stream. */
export interface Claim {
  /** Whether the stream is opened by it, and not taken over. */
  readonly creates: boolean;
  readonly nonce: string;
  readonly ask: (done: (answer: Answer) => void, failed: (error: StreamError) => void) => void;
}

/** A batch does not grow beyond this: the next one is begun. */
const MAX_BATCH_BYTES = 1_048_576;

/** Writes a stream on an engine: an idempotent producer, whose appends are numbered, so that each can be repeated. */
export class DurableInput<C, O> implements StreamInput<C, O>, LogWriter, BatchOwner {
  static {
    attachDispose(this.prototype);
  }

  readonly #context: InputContext;
  readonly #nonce: string;
  readonly #failure = new InputFailure(() => this.#released || (this.#settle(), this.#released));
  #status: StreamStatus | 'opening' = 'opening';
  #head: Head | undefined;
  #position = 0;
  #tag = 0;
  /** The number of the last append, and of the last that was acknowledged. */
  #seq = 0;
  #acknowledged = 0;
  #batch: Batch | undefined;
  /** What the appends on their way will have added. */
  #comingChunks = 0;
  #comingBytes = 0;
  /** Requests that are not answered yet. */
  #pending = 0;
  #flushing: { resolve: () => void; reject: (error: StreamError) => void }[] = [];
  #opening: { resolve: () => void; reject: (error: StreamError) => void }[] = [];
  /** Whether it has ended the stream, or left it, itself, answered or not. */
  #left = false;
  #released = false;
  #stopping: StreamError | undefined;
  #stopBeating: (() => void) | undefined;

  constructor(
    readonly id: string,
    context: InputContext,
    { nonce, creates, ask }: Claim,
  ) {
    this.#context = context;
    this.#nonce = nonce;
    this.#pending++;
    ask(
      (answer) => {
        this.#opened(answer, creates);
      },
      (error) => {
        this.#answered(() => {
          this.#die(error);
          this.#failure.report(error);
        });
      },
    );
  }

  get status(): StreamStatus | 'opening' {
    this.#settle();
    return this.#status;
  }

  get tail(): Offset {
    return this.#head === undefined ? START : offsetOf(this.#head, this.#position, this.#tag);
  }

  get closed(): boolean {
    this.#settle();
    return this.#left || this.#released;
  }

  get opened(): Promise<void> {
    if (this.#status !== 'opening') {
      const { error } = this.#failure;
      return this.#head === undefined && error !== undefined
        ? this.#failure.reject(error)
        : Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#opening.push({ resolve, reject });
    });
  }

  get failed(): Observable<StreamError> {
    return this.#failure.failed;
  }

  get signal(): AbortSignal {
    this.#settle();
    return this.#failure.signal(() => this.#failure.error ?? (this.#released ? undefined : this.#stopping));
  }

  next(chunk: C): void {
    const refusal = this.#put(chunk, undefined);
    if (refusal !== undefined) this.#refused(refusal);
  }

  write(chunk: C): Promise<Offset> {
    return new Promise((resolve, reject) => {
      const refusal = this.#put(chunk, { resolve, reject });
      if (refusal === undefined) return;
      if (refusal === this.#failure.error) this.#failure.told = true;
      reject(refusal);
    });
  }

  complete(...output: [output?: O]): void {
    if (this.closed) {
      this.#refused(this.#refusal());
      return;
    }
    let outcome: StoredOutcome = { type: 'done' };
    if (output.length > 0 && output[0] === undefined) {
      outcome = { type: 'done', undefined: true };
    } else if (output.length > 0) {
      try {
        const stored = this.#context.encode(output[0]);
        this.#checkSize('output', stored);
        outcome = { type: 'done', output: stored };
      } catch (error) {
        this.#refused(toStreamError(error));
        return;
      }
    }
    this.#end(outcome);
  }

  error(error: unknown): void {
    if (this.closed) this.#refused(this.#refusal());
    else this.#end(this.#context.outcomeOf(toStreamError(error)));
  }

  flush(): Promise<void> {
    this.#settle();
    const { error } = this.#failure;
    if (error !== undefined) return this.#failure.reject(error);
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flushing.push({ resolve, reject });
    });
  }

  close(): void {
    if (this.closed) return;
    this.#left = true;
    this.#submit({ type: 'release', nonce: this.#nonce }, () => {
      this.#release();
    });
  }

  /** @internal A hint: only of what others do is there anything to learn. */
  hinted(hint: Hint): void {
    if (hint.gone || hint.owner !== this.#nonce || (hint.stopping && this.#stopping === undefined))
      this.#look();
    else if (hint.ended && !this.#left) this.#look();
  }

  /** @internal The stream as it is; `undefined` if its life is over. */
  seen(head: Head | undefined): void {
    if (this.#released) return;
    if (head === undefined || head.generation !== this.#head?.generation) {
      this.#die(notFound(this.id));
    } else if (head.owner?.nonce !== this.#nonce) {
      this.#die(takenOver());
    } else if (head.status !== 'open') {
      if (!this.#left) this.#endedByOther(ended(this.id));
    } else if (head.facts.stop !== undefined) {
      this.#stopping = new StreamError('CANCELLED', head.facts.stop.reason);
      this.#failure.abort(this.#stopping);
    }
  }

  /** @internal Nothing is known any more. */
  lost(error: StreamError): void {
    this.#die(error);
  }

  /** Writes a chunk, or gives the reason why not. */
  #put(chunk: C, waiting: Waiting | undefined): StreamError | undefined {
    if (this.#left || this.#released) return this.#refusal();
    let payload: Payload;
    let bytes: number;
    try {
      payload = this.#context.encode(chunk);
      bytes = this.#checkSize('chunk', payload);
      this.#checkRoom(bytes);
    } catch (error) {
      return toStreamError(error);
    }
    const { log } = this.#context.streams;
    const batch = this.#batch;
    if (batch?.grows === true && batch.command.bytes + bytes <= MAX_BATCH_BYTES) {
      if (!log.grow(this.id, bytes)) return tooMuchInFlight(this.id);
      batch.add(payload, bytes, waiting);
      this.#comingChunks++;
      this.#comingBytes += bytes;
      return undefined;
    }
    const next = new Batch(this, this.#append([payload], bytes, undefined), waiting);
    this.#batch = next;
    this.#comingChunks++;
    this.#comingBytes += bytes;
    this.#pending++;
    log.submit(next);
    return undefined;
  }

  #append(chunks: Payload[], bytes: number, outcome: StoredOutcome | undefined): Batch['command'] {
    return {
      type: 'append',
      writer: { type: 'owner', nonce: this.#nonce, seq: ++this.#seq, acknowledged: this.#acknowledged },
      generation: this.#head?.generation,
      chunks,
      bytes,
      outcome,
    };
  }

  #end(outcome: StoredOutcome, failure?: StreamError): void {
    this.#left = true;
    this.#submit(this.#append([], 0, outcome), () => {
      this.#status = outcome.type;
      if (failure !== undefined) this.#failure.set(failure);
      this.#release();
    });
  }

  /** Submits what is not a chunk. */
  #submit(command: Append | { type: 'release'; nonce: string }, done: () => void): void {
    this.#pending++;
    this.#context.streams.log.submit({
      id: this.id,
      command,
      done: () => {
        this.#answered(done);
      },
      failed: (error) => {
        this.#answered(() => {
          this.#lose(error);
          this.#failure.report(this.#failure.error ?? error);
        });
      },
    });
  }

  #opened({ head, position, tag }: Answer, creates: boolean): void {
    this.#head = head;
    this.#position = position;
    this.#tag = tag;
    this.#status = 'open';
    this.#answered(() => {
      const { streams } = this.#context;
      if (head === undefined) return;
      // Nobody else can have changed what only this process can reach, and what it does is told.
      streams.followers.write(this, this.id, head.generation);
      if (!this.#released) this.#stopBeating = streams.leases.beat(this.id, head);
      if (!creates && head.facts.stop !== undefined) this.seen(head);
      for (const { resolve } of this.#opening.splice(0)) resolve();
    });
  }

  /** @internal */
  stored(batch: Batch, { head, position, tag }: Answer): void {
    const { chunks, bytes, writer } = batch.command;
    this.#pending--;
    this.#comingChunks -= chunks.length;
    this.#comingBytes -= bytes;
    this.#acknowledged = writer.seq;
    // A callback may have written, and been answered, before.
    if (head !== undefined && position > this.#position) {
      this.#head = head;
      this.#position = position;
      this.#tag = tag;
    }
    if (batch.awaited > 0 && head !== undefined) {
      batch.resolve((index) => offsetOf(head, position - chunks.length + index + 1, tag));
    }
    if (this.#flushing.length > 0) this.#settleFlushes();
  }

  /** @internal */
  notStored(batch: Batch, error: StreamError): void {
    const { chunks, bytes, writer } = batch.command;
    this.#pending--;
    this.#comingChunks -= chunks.length;
    this.#comingBytes -= bytes;
    const refused = error.code === 'RESOURCE_EXHAUSTED' && writer.seq === this.#seq && !this.#released;
    // Nothing has been written after it, so its number is free.
    if (refused) this.#seq--;
    if (refused && chunks.length === 1 && batch.awaited === 1) {
      batch.reject(error);
    } else {
      if (refused && !this.#left) this.#endRefused(error);
      else this.#lose(error);
      const failure = this.#failure.error ?? error;
      if (batch.awaited > 0) this.#failure.told = true;
      batch.reject(failure);
      this.#failure.report(failure);
    }
    this.#settleFlushes();
  }

  /** A request failed: the stream was ended by another, or can't be written any more. */
  #lose(error: StreamError): void {
    if (error.code === 'FAILED_PRECONDITION') this.#endedByOther(error);
    else this.#die(error);
  }

  /** Finds out how the stream was ended, and fails with that. */
  #endedByOther(error: StreamError): void {
    const { streams, errorOf } = this.#context;
    const { generation = 0 } = this.#head ?? {};
    streams.outcome(this.id, generation, {
      done: (outcome) => {
        this.#die(outcome === undefined ? notFound(this.id) : (errorOf(outcome) ?? error));
      },
      failed: (failure) => {
        this.#die(failure);
      },
    });
  }

  #die(error: StreamError): void {
    if (this.#released) return;
    // Whoever took it over goes on.
    this.#status = error.code === 'ABORTED' && this.#head !== undefined ? 'open' : 'error';
    this.#failure.set(error);
    for (const { reject } of this.#opening.splice(0)) {
      this.#failure.told = true;
      reject(error);
    }
    this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#stopBeating?.();
    const { streams, released } = this.#context;
    streams.followers.release(this, this.id);
    released(this);
    this.#settleFlushes();
    this.#failure.over();
  }

  /** A request was answered. */
  #answered(act: () => void): void {
    this.#pending--;
    act();
    if (this.#pending === 0 || this.#failure.error !== undefined) this.#settleFlushes();
  }

  #settleFlushes(): void {
    const { error } = this.#failure;
    if (error === undefined && this.#pending > 0) return;
    for (const { resolve, reject } of this.#flushing.splice(0)) {
      if (error === undefined) {
        resolve();
      } else {
        this.#failure.told = true;
        reject(error);
      }
    }
  }

  /** A call failed that has no other way to say so. */
  #refused(error: StreamError): void {
    if (this.#left || this.#released) this.#failure.set(error);
    else this.#endRefused(error);
    this.#failure.report(error);
  }

  /** A chunk is missing, so the stream can't go on, and its readers should not wait. */
  #endRefused(error: StreamError): void {
    this.#failure.set(error);
    this.#end(this.#context.outcomeOf(error), error);
  }

  #refusal(): StreamError {
    return this.#failure.error ?? ended(this.id);
  }

  #checkSize(what: string, payload: Payload): number {
    const { maxChunkBytes } = this.#context;
    const bytes = maxChunkBytes === Infinity ? 0 : payloadBytes(payload);
    if (bytes > maxChunkBytes) {
      throw new StreamError(
        'RESOURCE_EXHAUSTED',
        `The ${what} has ${bytes} bytes, but maxChunkBytes is ${maxChunkBytes}.`,
      );
    }
    return bytes;
  }

  /** What will have no room is refused at the call, where others can go on. */
  #checkRoom(bytes: number): void {
    const { maxChunks, maxBytes } = this.#context;
    if (this.#head === undefined || (maxChunks === Infinity && maxBytes === Infinity)) return;
    const chunks = this.#head.tail + this.#comingChunks + 1;
    const all = this.#head.bytes + this.#comingBytes + bytes;
    if (chunks <= maxChunks && all <= maxBytes) return;
    const name = chunks > maxChunks ? 'maxChunks' : 'maxBytes';
    throw new StreamError('RESOURCE_EXHAUSTED', `The stream is full: ${name} is ${this.#context[name]}.`);
  }

  /** Makes true by the clock what is due, where that can be known at once. */
  #settle(): void {
    const { streams } = this.#context;
    if (!streams.engine.features.synchronous || this.#released || this.#status !== 'open') return;
    this.#look();
  }

  #look(): void {
    const { streams } = this.#context;
    const { generation } = this.#head ?? {};
    streams.log.look(
      this.id,
      (loaded) => {
        const isOurs = loaded?.head.generation === generation && !loaded?.head.facts.deleted;
        this.seen(isOurs ? loaded?.head : undefined);
      },
      (error) => {
        this.lost(error);
      },
    );
  }
}

const tooMuchInFlight = (id: string): StreamError =>
  new StreamError(
    'RESOURCE_EXHAUSTED',
    `Too many bytes wait to be stored in the stream ${id}: await flush().`,
  );
