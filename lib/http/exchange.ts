import type { BodySource } from './body.js';

/** The header fields of a request, by names in lower case: `Headers` is that, and so is less. */
export interface RequestFields {
  get(name: string): string | null;
  forEach(callback: (value: string, name: string) => void): void;
}

/**
 * A request of any server, as the handler takes it. To make a `Request` takes longer than to answer most of them, so it
 * is made only for whoever has to be given one.
 */
export interface HttpRequest {
  readonly method: string;
  /** Whole, with a scheme and a host. */
  readonly url: string;
  readonly headers: RequestFields;
  /** Aborted when the client has gone; made when it is first asked for. */
  readonly signal: AbortSignal;
  /** `undefined` where there is none. */
  readonly body: BodySource | undefined;
  /** The same as a `Request`: one, however often it is asked for. */
  toRequest(): Request;
}

/** Where a {@link LiveBody} puts its bytes: the controller of a `ReadableStream` is one. */
export interface Sink {
  /** How many bytes it has room for; not positive: wait until you are asked for more. */
  readonly desiredSize: number | null;
  enqueue(bytes: Uint8Array): void;
  close(): void;
}

/** A body that is made while it is sent. A `ReadableStream` can be made of it. */
export interface LiveBody {
  start(sink: Sink): void;
  /** There is room. */
  pull(): void;
  /** Nobody wants more. */
  cancel(): void;
}

/** What is answered, for any server to send. */
export interface HttpReply {
  readonly status: number;
  /** By names in lower case. Whoever sends it may add to them. */
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | LiveBody | null;
}

/** How many bytes may wait for a client: then nothing more of a {@link LiveBody} is made for it until it has taken some. */
export const MAX_WAITING_BYTES = 65_536;

/** Answers requests. What is not ours, because a hook has given it, is a `Response`. It never rejects. */
export type Respond = (request: HttpRequest) => Promise<HttpReply | Response>;
