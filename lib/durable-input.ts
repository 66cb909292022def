import type { Observable } from 'rxjs';

import { attachDispose } from './dispose.js';
import type { Payload } from './engines/engine.js';
import { ended, type StreamError, toStreamError } from './errors.js';
import { Batch, type BatchOwner, type InputAppend, InputWriter, type Waiting } from './input-batch.js';
import type { InputContext, Losing } from './input-context.js';
import { InputFailure } from './input-failure.js';
import { InputRequests } from './input-requests.js';
import { InputRoom } from './input-room.js';
import { InputStream, type StreamWriter } from './input-stream.js';
import type { Release } from './log/command.js';
import type { Head, StoredOutcome } from './log/head.js';
import type { Answer } from './log/group.js';
import type { StreamStatus } from './log/outcome.js';
import { offsetOf } from './log/segments.js';
import type { Offset } from './offset.js';
import type { StreamInput } from './stream-manager.js';

/** How an input comes to its stream. */
export interface Claim {
  /** Whether the stream is opened by it, and not taken over. */
  readonly creates: boolean;
  readonly nonce: string;
  readonly ask: (done: (answer: Answer) => void, failed: (error: StreamError) => void) => void;
}

/** A batch does not grow beyond this. Each is a commit: fewer are faster, but nothing else is done while one is made. */
const MAX_BATCH_BYTES = 2_097_152;

/** Writes a stream on an engine: an idempotent producer, whose appends are numbered, so that each can be repeated. */
export class DurableInput<C, O> implements StreamInput<C, O>, StreamWriter, BatchOwner, Losing {
  /** @internal */
  left = false;
  /** @internal */
  released = false;
  readonly #context: InputContext;
  readonly #writer: InputWriter;
  readonly #failure = new InputFailure(() => this.released || (this.#settle(), this.released));
  readonly #requests = new InputRequests(this.#failure);
  readonly #room: InputRoom;
  readonly #stream: InputStream;
  #status: StreamStatus | 'opening' = 'opening';
  #batch: Batch | undefined;
  #leaves = false;

  constructor(
    readonly id: string,
    context: InputContext,
    { nonce, creates, ask }: Claim,
  ) {
    // Not in a static block, which no bundler would leave out.
    attachDispose(DurableInput.prototype);
    this.#context = context;
    this.#writer = new InputWriter(nonce);
    this.#room = new InputRoom(context);
    this.#stream = new InputStream(this, context.streams, context.errorOf);
    this.#requests.made();
    ask(
      (answer) => {
        this.#opened(answer, creates);
      },
      (error) => {
        this.die(error);
        this.#failed(error);
      },
    );
  }

  get status(): StreamStatus | 'opening' {
    this.#settle();
    return this.#status;
  }

  get tail(): Offset {
    return this.#stream.tail;
  }

  get closed(): boolean {
    this.#settle();
    return this.left || this.released;
  }

  get opened(): Promise<void> {
    const { error } = this.#failure;
    const isRefused = this.released && this.#stream.head === undefined && error !== undefined;
    // It is the first request.
    return isRefused ? this.#failure.reject(error) : this.#requests.wait(1);
  }

  /** @internal */
  get nonce(): string {
    return this.#writer.nonce;
  }

  get failed(): Observable<StreamError> {
    return this.#failure.failed;
  }

  get signal(): AbortSignal {
    this.#settle();
    return this.#failure.signal(
      () => this.#failure.error ?? (this.released ? undefined : this.#stream.stopping),
    );
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
        this.#room.measured('output', stored);
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
    return error === undefined ? this.#requests.wait() : this.#failure.reject(error);
  }

  close(): void {
    if (this.closed) return;
    this.left = this.#leaves = true;
    this.#request({ type: 'release', nonce: this.#writer.nonce }, () => {
      this.#release();
    });
  }

  /** @internal */
  stopRequested(error: StreamError): void {
    this.#failure.abort(error);
  }

  /** @internal It can write no more, for a reason that is not its own. */
  die(error: StreamError, status: StreamStatus = 'error'): void {
    if (this.released) return;
    // Whoever took it over goes on.
    this.#status = error.code === 'ABORTED' && this.#stream.head !== undefined ? 'open' : status;
    this.#release(error);
  }

  /** @internal Nothing is known any more. */
  lost(error: StreamError): void {
    // A process that ends is missed by its lease, too.
    if (this.#leaves && this.#requests.left === 1) this.#release();
    this.#stream.lost(error);
    this.#requests.giveUp(this.#failure.error ?? error);
  }

  /** @internal */
  stored(batch: Batch, answer: Answer): void {
    const { chunks, bytes, writer } = batch.command;
    const { head, position, tag } = answer;
    if (batch.awaited > 0 && head !== undefined)
      batch.resolve((index) => offsetOf(head, position - chunks.length + index + 1, tag));
    this.#acknowledged(writer.seq, chunks.length, bytes, head, position, tag);
  }

  /** @internal */
  notStored(batch: Batch, error: StreamError): void {
    const { chunks, bytes, writer } = batch.command;
    this.#room.answered(chunks.length, bytes);
    const rejected = (): void => {
      const failure = this.#failure.error ?? error;
      if (batch.awaited > 0) this.#failure.told = true;
      batch.reject(failure);
      this.#failed(failure);
    };
    if (this.released || !REFUSALS.includes(error.code)) {
      this.#lose(error, rejected);
      return;
    }
    const isLast = writer.seq === this.#writer.seq;
    // It is not stored, so its number is free; what was written after it is refused for that.
    this.#writer.seq = writer.seq - 1;
    if (isLast && chunks.length === 1 && batch.awaited === 1) {
      batch.reject(error);
      this.#requests.carriedOut();
    } else {
      this.#endRefused(error);
      rejected();
    }
  }

  /** Writes a chunk, or gives the reason why not. */
  #put(chunk: C, waiting: Waiting | undefined): StreamError | undefined {
    if (this.left || this.released) return this.#refusal();
    let payload: Payload;
    let bytes: number;
    try {
      payload = this.#context.encode(chunk);
      bytes = this.#room.measured('chunk', payload);
      this.#room.check(this.#stream.head, bytes);
    } catch (error) {
      return toStreamError(error);
    }
    const { log } = this.#context.streams;
    const refusal = log.refusal(this.id, bytes);
    if (refusal !== undefined) return refusal;
    const batch = this.#batch;
    const most = Math.min(MAX_BATCH_BYTES, log.engine.features.maxCommitBytes);
    if (batch?.grows === true && batch.command.bytes + bytes <= most) {
      log.grown(this.id, bytes);
      batch.add(payload, bytes, waiting);
      this.#room.sent(bytes);
      return undefined;
    }
    const writer = this.#writer;
    const seq = ++writer.seq;
    this.#room.sent(bytes);
    this.#requests.made();
    const { head } = this.#stream;
    const stored = head && log.appendAtOnce(this.id, head.generation, writer.nonce, seq, payload, bytes);
    if (stored !== undefined) {
      const { tail, tag } = stored;
      waiting?.resolve(offsetOf(stored, tail, tag));
      this.#acknowledged(seq, 1, bytes, stored, tail, tag);
      return undefined;
    }
    this.#batch = new Batch(this, this.#append([payload], bytes, undefined, writer.at(seq)), waiting);
    log.submit(this.#batch);
    return undefined;
  }

  #append(
    chunks: Payload[],
    bytes: number,
    outcome: StoredOutcome | undefined,
    writer = this.#writer.next(),
  ): Batch['command'] {
    const stream = this.#stream;
    return {
      type: 'append',
      writer,
      // As it is when it is decided: a queued append may be decided long after the stream was opened.
      get generation() {
        return stream.head?.generation;
      },
      chunks,
      bytes,
      outcome,
    };
  }

  #end(outcome: StoredOutcome): void {
    this.left = true;
    this.#request(this.#append([], 0, outcome), () => {
      this.#status = outcome.type;
      this.#release();
    });
  }

  /** An append of so many chunks is stored. */
  #acknowledged(
    seq: number,
    chunks: number,
    bytes: number,
    head: Head | undefined,
    position: number,
    tag: number,
  ): void {
    this.#room.answered(chunks, bytes);
    if (seq > this.#writer.acknowledged) this.#writer.acknowledged = seq;
    this.#stream.stored(head, position, tag);
    this.#requests.carriedOut();
  }

  /** Asks for what is not a chunk, and is the last that is asked for. */
  #request(command: InputAppend | Release, done: () => void): void {
    this.#requests.made();
    this.#context.streams.log.submit({
      id: this.id,
      command,
      done: () => {
        done();
        this.#requests.carriedOut();
      },
      failed: (error) => {
        if (this.#leaves && (error.code === 'NOT_FOUND' || (this.released && !this.#failure.error))) {
          // What is gone need not be left.
          this.#release();
          this.#requests.carriedOut();
        } else {
          this.#lose(error, () => {
            this.die(error);
            this.#failed(error);
          });
        }
      },
    });
  }

  #opened(answer: Answer, creates: boolean): void {
    const { head } = answer;
    if (!this.released && head !== undefined) {
      if (this.#status === 'opening') this.#status = 'open';
      this.#stream.claimed(head, answer);
      // What was asked of the former one is asked of this one, and known already where an engine looks late.
      if (!creates) this.#stream.seen(head);
    }
    this.#requests.carriedOut();
  }

  /** A request has failed, and its failure is known. */
  #failed(error: StreamError): void {
    const failure = this.#failure.error ?? error;
    this.#requests.failed(failure);
    this.#failure.report(failure);
  }

  /** A request was refused: goes on once it is known why. */
  #lose(error: StreamError, then: () => void): void {
    if (this.released || this.#failure.error !== undefined) then();
    else this.#stream.refused(error, then);
  }

  #release(error?: StreamError): void {
    if (this.released) return;
    this.released = true;
    this.#stream.released();
    this.#context.released(this);
    if (error !== undefined) this.#failure.set(error);
    this.#failure.over();
  }

  /** A call failed that has no other way to say so. */
  #refused(error: StreamError): void {
    if (this.left || this.released) this.#failure.set(error);
    else this.#endRefused(error);
    this.#failure.report(error);
  }

  /** A chunk is missing, so the stream can't go on, and its readers should not wait. */
  #endRefused(error: StreamError): void {
    this.left = true;
    this.#status = 'error';
    this.#failure.set(error);
    this.#end(this.#context.outcomeOf(error));
  }

  #refusal(): StreamError {
    return this.#failure.error ?? ended(this.id);
  }

  #settle(): void {
    if (!this.released && this.#status === 'open') this.#stream.settle();
  }
}

/** What says of a request that it is not stored, and why, and nothing of the stream. */
const REFUSALS: readonly string[] = ['RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT'];
