import type { BodySink, BodySource } from './body.js';
import { type HttpReply, type HttpRequest, MAX_WAITING_BYTES } from './exchange.js';

/** A `Request`, as the handler takes it. */
export class WebRequest implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: BodySource | undefined;

  constructor(private readonly request: Request) {
    const { method, url, headers, body } = request;
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.body = body === null ? undefined : new WebBody(request);
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  toRequest(): Request {
    return this.request;
  }
}

/** The body of a `Request`. */
export class WebBody implements BodySource {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stopped = false;

  /** It is taken from the request only when it is wanted, because to clone one changes what its body is. */
  constructor(private readonly request: Request) {}

  start(sink: BodySink): void {
    const reader = (this.request.body as ReadableStream<Uint8Array>).getReader();
    this.#reader = reader;
    this.#give(reader, sink).catch(() => {
      if (!this.#stopped) sink.torn();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#reader?.cancel().catch(() => undefined);
  }

  async #give(reader: ReadableStreamDefaultReader<Uint8Array>, sink: BodySink): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#stopped) return;
      if (done) {
        sink.end();
        return;
      }
      sink.part(value);
    }
  }
}

/** An answer as a `Response`. */
export function responseOf({ status, headers, body }: HttpReply): Response {
  const isLive = body !== null && typeof body !== 'string' && !(body instanceof Uint8Array);
  const bytes = isLive
    ? new ReadableStream<Uint8Array>(body, {
        highWaterMark: MAX_WAITING_BYTES,
        size: (chunk) => chunk.byteLength,
      })
    : // Its type is no Uint8Array of any buffer.
      (body as BodyInit | null);
  return new Response(bytes, { status, headers });
}
