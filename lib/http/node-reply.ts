import { type HttpReply, type LiveBody, MAX_WAITING_BYTES, type Sink } from './exchange.js';

/** What of Node's `ServerResponse` is used. */
export interface ServerResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly writableLength: number;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  /** HTTP/2 needs none. */
  flushHeaders?(): void;
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array | string): unknown;
  destroy(): unknown;
  on(event: string, listener: () => void): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** An answer as Node's server has it. */
export interface NodeReply {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Uint8Array | LiveBody | ReadableStream<Uint8Array> | null;
}

const encoder = new TextEncoder();

/** An answer of ours. */
export function replyOf({ status, headers, body }: HttpReply): NodeReply {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  if (bytes instanceof Uint8Array) headers['content-length'] = String(bytes.byteLength);
  return { status, headers, body: bytes };
}

/** An answer of any handler: its `Response` may be of a class of its own. */
export function replyOfResponse(response: Response): NodeReply {
  const headers: Record<string, string | string[]> = {};
  response.headers.forEach((value, name) => (headers[name] = value));
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  return { status: response.status, headers, body: response.body };
}

/** Sends a body as fast as the client takes it, and ends a client that has taken nothing for `stall` ms. */
export async function sendBody(
  body: NodeReply['body'],
  outgoing: ServerResponse,
  stall: number,
): Promise<void> {
  if (body === null || body instanceof Uint8Array) {
    outgoing.end(body ?? undefined);
    // Nearly always it has been taken at once.
    const isWaiting = outgoing.writableLength > 0 && !outgoing.writableFinished;
    if (isWaiting && !(await taken('finish', outgoing, stall))) outgoing.destroy();
  } else if ('getReader' in body) {
    await sendStream(body, outgoing, stall);
  } else {
    outgoing.on('close', () => {
      body.cancel();
    });
    const sink = new NodeSink(body, outgoing, stall);
    body.start(sink);
    body.pull();
    // They would wait for what may come much later.
    if (!sink.begun) outgoing.flushHeaders?.();
  }
}

async function sendStream(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  stall: number,
): Promise<void> {
  const reader = body.getReader();
  const client = { isGone: false, hasAny: false };
  const cancel = (): void => {
    client.isGone = true;
    reader.cancel().catch(() => undefined);
  };
  outgoing.on('close', cancel);
  // What is there comes at once; without it, they would wait for what may come much later.
  setTimeout(() => {
    if (!client.isGone && !client.hasAny) outgoing.flushHeaders?.();
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (client.isGone) return;
    client.hasAny = true;
    if (done) break;
    if (!outgoing.write(value) && !(await taken('drain', outgoing, stall))) {
      cancel();
      outgoing.destroy();
      return;
    }
  }
  outgoing.off('close', cancel);
  outgoing.end();
}

/** Where a {@link LiveBody} is sent. */
class NodeSink implements Sink {
  /** Whether anything was sent. */
  begun = false;
  #waiting = false;

  constructor(
    private readonly body: LiveBody,
    private readonly outgoing: ServerResponse,
    private readonly stall: number,
  ) {}

  get desiredSize(): number {
    return MAX_WAITING_BYTES - this.outgoing.writableLength;
  }

  enqueue(bytes: Uint8Array): void {
    this.begun = true;
    if (this.outgoing.write(bytes) || this.#waiting) return;
    this.#waiting = true;
    void taken('drain', this.outgoing, this.stall).then((isTaken) => {
      this.#waiting = false;
      if (isTaken) this.body.pull();
      // Nobody is told that what was ended is taken, but that it is over.
      else if (!this.outgoing.writableFinished) this.outgoing.destroy();
    });
  }

  close(): void {
    this.begun = true;
    this.outgoing.end();
  }
}

/** Waits until a client has taken what it was sent, which an event tells; gives whether it has. */
function taken(event: 'drain' | 'finish', outgoing: ServerResponse, stall: number): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (isTaken: boolean): void => {
      clearTimeout(timer);
      outgoing.off(event, done);
      outgoing.off('close', fail);
      resolve(isTaken);
    };
    const done = (): void => over(true);
    const fail = (): void => over(false);
    const timer = setTimeout(fail, Math.min(stall, 0x7fffffff));
    outgoing.once(event, done);
    outgoing.once('close', fail);
  });
}
