import type { DurableStream } from '../durable-stream.js';
import { StreamError, toStreamError } from '../errors.js';
import type { LiveBody, Sink } from '../http/exchange.js';
import type { StreamEnd } from '../log/outcome.js';
import { isFailure } from './errors.js';
import { PacedReader, type Taker } from './paced-reader.js';
import { errorEvent, messageEvent, resultEvent } from './wire.js';

const encoder = new TextEncoder();

/** A stream as the body of an answer, made as fast as the client takes it. A client that leaves is read for no longer. */
export class StreamBody implements LiveBody, Taker {
  readonly #reader: PacedReader;
  #sink: Sink | undefined;

  constructor(
    stream: DurableStream<unknown, unknown>,
    signal: AbortSignal,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#reader = new PacedReader(stream, this);
    const leave = (): void => {
      this.#finish();
    };
    signal.addEventListener('abort', leave);
    this.#reader.add(() => {
      signal.removeEventListener('abort', leave);
    });
    if (signal.aborted) leave();
  }

  start(sink: Sink): void {
    this.#sink = sink;
    if (this.#reader.closed) sink.close();
  }

  pull(): void {
    this.#reader.resume();
  }

  cancel(): void {
    this.#reader.unsubscribe();
  }

  take(chunk: unknown): boolean {
    const text = this.#textOf(() => messageEvent(chunk));
    if (text === undefined) return false;
    this.#send(text);
    return (this.#sink?.desiredSize ?? 0) > 0;
  }

  end(end: StreamEnd<unknown>): void {
    if (end.type === 'done') {
      const text = this.#textOf(() => resultEvent(end.output));
      if (text !== undefined) this.#send(text);
    } else {
      // What a flow failed with is told where it is run.
      if (end.type === 'lost' && isFailure(end.error)) this.onError(end.error);
      this.#send(errorEvent(end.error));
    }
    this.#finish();
  }

  /** The text that something makes; if it can't, the body ends with that. */
  #textOf(make: () => string): string | undefined {
    try {
      return make();
    } catch (cause) {
      const message = `A value has no JSON: ${toStreamError(cause).message}`;
      const error = new StreamError('INTERNAL', message, { cause });
      this.onError(error);
      this.#send(errorEvent(error));
      this.#finish();
      return undefined;
    }
  }

  #send(text: string): void {
    this.#sink?.enqueue(encoder.encode(text));
  }

  #finish(): void {
    this.#reader.unsubscribe();
    try {
      this.#sink?.close();
    } catch {
      // It has been closed, or the client has ended it.
    }
  }
}
