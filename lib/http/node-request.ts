import type { BodySource } from './body.js';
import type { HttpRequest, RequestFields } from './exchange.js';
import { bodyStream, type IncomingMessage, mayHaveBody, NodeBody } from './node-body.js';
import { WebBody } from './web.js';

/** How many bytes of a body are read ahead of a handler that is given a `Request`. */
const AHEAD = 65_536;

/** A request that Node's server has received. */
export class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly hasBody: boolean;
  #gone: AbortController | undefined;
  #isGone = false;
  #fields: NodeFields | undefined;
  #request: Request | undefined;
  #stream: ReadableStream<Uint8Array> | undefined;
  #streamBegun = false;

  constructor(
    private readonly incoming: IncomingMessage,
    readonly url: string,
  ) {
    const { method = 'GET' } = incoming;
    this.method = method;
    this.hasBody = method !== 'GET' && method !== 'HEAD' && mayHaveBody(incoming);
  }

  get headers(): RequestFields {
    this.#fields ??= new NodeFields(this.incoming.rawHeaders);
    return this.#fields;
  }

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#isGone) this.#gone.abort();
    }
    return this.#gone.signal;
  }

  /** Whether the client has gone. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The client has gone. */
  leave(): void {
    this.#isGone = true;
    this.#gone?.abort();
  }

  get body(): BodySource | undefined {
    if (!this.hasBody) return undefined;
    const { body } = this.#request ?? {};
    // A hook that has cloned its request, or has read from it, has what comes: then it is that stream which has it.
    const isTouched = this.#streamBegun || this.#stream?.locked === true || body !== this.#stream;
    return isTouched ? new WebBody(this.#request as Request) : new NodeBody(this.incoming);
  }

  /** Nothing of the body is read before it is asked for. Throws for what no `Request` can be. */
  toRequest(): Request {
    this.#request ??= this.#make(0);
    return this.#request;
  }

  /** The same for a handler, which reads the body sooner or later. */
  toWholeRequest(): Request {
    this.#request ??= this.#make(AHEAD);
    return this.#request;
  }

  #make(ahead: number): Request {
    const { incoming, method, signal } = this;
    const { rawHeaders } = incoming;
    const headers = new Headers();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      if (!name.startsWith(':')) headers.append(name, rawHeaders[i + 1] as string);
    }
    const init: RequestInit & { duplex?: 'half' } = { method, headers, signal };
    if (this.hasBody) {
      this.#stream = bodyStream(incoming, ahead, () => (this.#streamBegun = true));
      Object.assign(init, { body: this.#stream, duplex: 'half' });
    }
    return new Request(this.url, init);
  }
}

/** Header fields as they came, but for the pseudo fields of HTTP/2; those of one name are one, as in `Headers`. */
class NodeFields implements RequestFields {
  readonly #fields = new Map<string, string>();

  constructor(raw: readonly string[]) {
    const fields = this.#fields;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = (raw[i] as string).toLowerCase();
      if (name.startsWith(':')) continue;
      const value = raw[i + 1] as string;
      const before = fields.get(name);
      fields.set(name, before === undefined ? value : `${before}, ${value}`);
    }
  }

  get(name: string): string | null {
    return this.#fields.get(name) ?? null;
  }

  forEach(callback: (value: string, name: string) => void): void {
    this.#fields.forEach(callback);
  }
}
