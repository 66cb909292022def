import type { TestFramework } from '../engine-suite/cases.js';
import { same } from '../engine-suite/assert.js';
import { type SseEvent, SseReader } from './sse-reader.js';

/** A server to be audited. */
export interface HttpUnderTest {
  readonly name: string;
  /** The URL under which streams are, without a slash at its end. Asked for when a case runs. */
  readonly url: () => string;
}

/** What a request has beside its method and its path. */
export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly query?: string;
}

let count = 0;

/** One stream, by its path, over HTTP. */
export class Wire {
  constructor(
    readonly base: string,
    readonly path: string,
  ) {}

  get url(): string {
    return `${this.base}/${this.path}`;
  }

  /** The path of the stream's URL, as forks name it. */
  get pathname(): string {
    return new URL(this.url).pathname;
  }

  /** Another stream. */
  other(): Wire {
    return new Wire(this.base, freshPath());
  }

  ask(method: string, { headers, body, query = '' }: Asked = {}, signal?: AbortSignal): Promise<Response> {
    const init: RequestInit = { method };
    if (headers !== undefined) init.headers = headers;
    if (body !== undefined) init.body = body as BodyInit;
    if (signal !== undefined) init.signal = signal;
    return fetch(`${this.url}${query === '' ? '' : `?${query}`}`, init);
  }

  /** Creates it, and gives its tail. */
  async create(type: string, { headers, ...asked }: Asked = {}): Promise<string> {
    const response = await this.ask('PUT', { headers: { 'content-type': type, ...headers }, ...asked });
    same(response.status, 201, 'The status of the creation');
    return tailOf(response);
  }

  append(
    type: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return this.ask('POST', { headers: { 'content-type': type, ...headers }, body });
  }

  /** Appends, and gives the tail. */
  async appended(
    type: string,
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<string> {
    const response = await this.append(type, body, headers);
    same(response.status, 204, 'The status of the append');
    return tailOf(response);
  }

  close(): Promise<Response> {
    return this.ask('POST', { headers: { 'stream-closed': 'true' } });
  }

  get(query = '', headers?: Readonly<Record<string, string>>): Promise<Response> {
    return this.ask('GET', { query, ...(headers && { headers }) });
  }

  /** All bytes after an offset, page by page. */
  async all(offset = '-1'): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let at = offset; ;) {
      const response = await this.get(`offset=${at}`);
      same(response.status, 200, 'The status of a page');
      parts.push(new Uint8Array(await response.arrayBuffer()));
      if (response.headers.get('stream-up-to-date') === 'true') break;
      at = tailOf(response);
    }
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  }

  /** The events of a live read, until one says that they are enough. */
  async events(
    query: string,
    enough: (event: SseEvent, all: readonly SseEvent[]) => boolean,
  ): Promise<SseEvent[]> {
    const reader = await SseReader.open(`${this.url}?${query}&live=sse`);
    const all: SseEvent[] = [];
    try {
      for (;;) {
        const event = await reader.next();
        if (event === undefined) break;
        all.push(event);
        if (enough(event, all)) break;
      }
    } finally {
      reader.close();
    }
    return all;
  }
}

/** `Stream-Next-Offset` of an answer. */
export const tailOf = (response: Response): string => response.headers.get('stream-next-offset') ?? '';

const freshPath = (): string =>
  `audit-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${++count}`;

/** Registers audits. */
export class HttpCases {
  constructor(
    private readonly framework: TestFramework,
    private readonly subject: HttpUnderTest,
  ) {}

  /** An audit: its id, the section that it is about, what holds, and the proof. */
  it(id: string, section: string, holds: string, prove: (stream: Wire) => Promise<void>): void {
    this.framework.it(`${id} (${section}): ${holds}`, () => prove(new Wire(this.subject.url(), freshPath())));
  }
}
