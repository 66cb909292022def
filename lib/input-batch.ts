import type { Payload } from './engines/engine.js';
import type { StreamError } from './errors.js';
import type { Append, Writer } from './log/command.js';
import type { Answer, Request } from './log/group.js';
import type { Offset } from './offset.js';

/** Somebody who waits for a chunk to be durable. */
export interface Waiting {
  readonly resolve: (offset: Offset) => void;
  readonly reject: (error: StreamError) => void;
}

/** Whose chunks these are. */
export interface BatchOwner {
  readonly id: string;
  stored(batch: Batch, answer: Answer): void;
  notStored(batch: Batch, error: StreamError): void;
}

/** An input as the one who writes: it has written so many appends, of which so many were acknowledged by now. */
export class InputWriter {
  readonly type = 'owner';
  seq = 0;
  acknowledged = 0;

  constructor(readonly nonce: string) {}

  /** The writer of the next append. What was acknowledged is that of the moment when it is asked for. */
  next(): OwnerWriter {
    return this.at(++this.seq);
  }

  /** The writer of the append of a number. */
  at(seq: number): OwnerWriter {
    return new NumberedWriter(this, seq);
  }
}

type OwnerWriter = Extract<Writer, { type: 'owner' }>;

class NumberedWriter implements OwnerWriter {
  readonly type = 'owner';

  constructor(
    private readonly input: InputWriter,
    readonly seq: number,
  ) {}

  get nonce(): string {
    return this.input.nonce;
  }

  get acknowledged(): number {
    return this.input.acknowledged;
  }
}

/** An append of an input. */
export type InputAppend = Append & { readonly writer: OwnerWriter };

/** Chunks that become durable together. It grows until it is on its way. */
export class Batch implements Request {
  readonly id: string;
  readonly command: InputAppend & { readonly chunks: Payload[]; bytes: number };
  readonly #owner: BatchOwner;
  /** Who waits for which chunk, counted from the first. */
  #waiting: { readonly index: number; readonly who: Waiting }[] | undefined;
  #taken = false;

  constructor(owner: BatchOwner, command: Batch['command'], waiting: Waiting | undefined) {
    this.id = owner.id;
    this.#owner = owner;
    this.command = command;
    if (waiting !== undefined) this.#waiting = [{ index: 0, who: waiting }];
  }

  /** Whether it can take more chunks. */
  get grows(): boolean {
    return !this.#taken;
  }

  /** How many wait for chunks of it. */
  get awaited(): number {
    return this.#waiting?.length ?? 0;
  }

  add(payload: Payload, bytes: number, waiting: Waiting | undefined): void {
    const { chunks } = this.command;
    if (waiting !== undefined) (this.#waiting ??= []).push({ index: chunks.length, who: waiting });
    chunks.push(payload);
    this.command.bytes += bytes;
  }

  taken(): void {
    this.#taken = true;
  }

  done(answer: Answer): void {
    this.#taken = true;
    this.#owner.stored(this, answer);
  }

  failed(error: StreamError): void {
    this.#taken = true;
    this.#owner.notStored(this, error);
  }

  /** Tells all who wait the offsets of their chunks. */
  resolve(offsetOf: (index: number) => Offset): void {
    for (const { index, who } of this.#waiting ?? []) who.resolve(offsetOf(index));
  }

  /** Tells all who wait that it is not stored. */
  reject(error: StreamError): void {
    for (const { who } of this.#waiting ?? []) who.reject(error);
  }
}
