import type { BodySink, BodySource } from './body.js';

/** What of Node's `IncomingMessage` is used. */
export interface IncomingMessage {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly socket: object;
  readonly complete: boolean;
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Each event of Node's has its own arguments.
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** Whether a request has a body, or, by HTTP/2, may have one: only HTTP/1 says so beforehand. */
export function mayHaveBody({ headers, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] !== undefined) return true;
  return length === undefined ? httpVersionMajor > 1 : length !== '0';
}

/** The body of a request that may have one. A body that is cut off comes to no end. */
export class NodeBody implements BodySource {
  #over = false;

  constructor(private readonly incoming: IncomingMessage) {}

  start(sink: BodySink): void {
    const { incoming } = this;
    const fail = (): void => {
      if (this.#over) return;
      this.#over = true;
      sink.torn();
    };
    incoming.on('data', (bytes: Uint8Array) => {
      if (!this.#over) sink.part(bytes);
    });
    incoming.on('end', () => {
      if (this.#over) return;
      if (!incoming.complete) {
        fail();
        return;
      }
      this.#over = true;
      sink.end();
    });
    incoming.on('error', fail);
    incoming.on('close', fail);
    // It may have been cut off while a hook was asked.
    if (incoming.destroyed || incoming.readableEnded) queueMicrotask(fail);
    else incoming.resume();
  }

  stop(): void {
    this.#over = true;
    this.incoming.pause();
  }
}

/** The same as a stream, read as it is taken and up to so many bytes ahead. `begun` is told when that begins. */
export function bodyStream(
  incoming: IncomingMessage,
  ahead: number,
  begun?: () => void,
): ReadableStream<Uint8Array> {
  const body = new NodeBody(incoming);
  let started = false;
  const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    started = true;
    begun?.();
    body.start({
      part: (bytes) => {
        controller.enqueue(bytes);
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      },
      end: () => {
        controller.close();
      },
      torn: () => {
        controller.error(new Error('The body has been cut off.'));
      },
    });
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (started) incoming.resume();
        else start(controller);
      },
      cancel: () => {
        body.stop();
      },
    },
    { highWaterMark: ahead, size: (bytes) => bytes.byteLength },
  );
}
