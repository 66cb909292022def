import type { Loaded } from './engines/engine.js';
import { notFound, type StreamError } from './errors.js';
import type { Expiring, ExpiryQueue } from './expiry.js';
import { AT_START, type Place, placeOf } from './log/place.js';
import type { Streams } from './log/streams.js';
import { checkOffset } from './offset.js';
import type { Reader } from './reader.js';
import type { SubscribeOptions } from './stream-manager.js';
import { checkId, checkInteger, demand } from './validation.js';

export type AnyReader = Reader<unknown, unknown>;

/** Lets readers into streams on an engine: at the place that they want, at once or when the stream is open. */
export class DurableReaders {
  readonly #streams: Streams;
  readonly #expiry: ExpiryQueue;
  /** What ends those who wait. */
  readonly #waiting = new Set<(error: StreamError) => void>();

  constructor(streams: Streams, expiry: ExpiryQueue) {
    this.#streams = streams;
    this.#expiry = expiry;
  }

  /** Gives a reader what it asks for. Throws for an argument that breaks a rule. */
  attach(reader: AnyReader, id: string, options: SubscribeOptions): void {
    checkId(id);
    const { after, from } = options;
    const wait = checkInteger('wait', options.wait, 0);
    const holds = from === undefined || (after === undefined && ['start', 'now'].includes(from));
    demand(holds, 'from', "'start' or 'now', and left out where after is given", from);
    if (after !== undefined) checkOffset(after);
    this.#streams.begin();
    this.#read(reader, id, options, this.#expiry.now() + wait);
  }

  /** Ends those who wait; who reads is told by the streams. */
  close(error: StreamError): void {
    for (const end of [...this.#waiting]) end(error);
  }

  #read(reader: AnyReader, id: string, { after, from }: SubscribeOptions, until: number): void {
    const choose = ({ head }: Loaded): Place =>
      from === 'now'
        ? { position: head.tail, tag: head.tag }
        : after === undefined
          ? AT_START
          : placeOf(id, after, head);
    this.#streams.followers.read(reader, id, choose, () => {
      if (until <= this.#expiry.now()) reader.end({ type: 'lost', error: notFound(id) });
      else this.#wait(reader, id, { after, from }, until);
    });
  }

  /** Lets a reader wait, up to a moment, for a stream that is not open yet. */
  #wait(reader: AnyReader, id: string, options: SubscribeOptions, until: number): void {
    const expiry = this.#expiry;
    const end = (error: StreamError): void => {
      reader.end({ type: 'lost', error });
    };
    const waiter: Expiring = {
      deadline: Infinity,
      slot: -1,
      expire: () => {
        end(notFound(id));
      },
    };
    const leave = (): void => {
      expiry.set(waiter, Infinity);
      this.#waiting.delete(end);
      stopWaiting();
    };
    const stopWaiting = this.#streams.followers.wait(id, () => {
      if (reader.closed) return;
      const now = expiry.now();
      if (until <= now) {
        waiter.expire(now);
        return;
      }
      reader.remove(leave);
      leave();
      this.#read(reader, id, options, until);
    });
    reader.add(leave);
    this.#waiting.add(end);
    expiry.set(waiter, until);
  }
}
