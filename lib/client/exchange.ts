import { invalid, printed, StreamError } from '../errors.js';
import { Failure, refused, tooLarge, withoutHeaders } from './failure.js';
import { joined } from './joined.js';
import type { ConnectionSettings, HeadersOption } from './options.js';
import { Silence } from './timing.js';

/** Parameters of a URL. */
export type Query = Readonly<Record<string, string | undefined>>;

/** What is asked. */
export interface Question {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit | undefined;
  /** Whether what a cache has is not to be trusted. */
  readonly fresh?: boolean;
  /** ms for which nothing may be heard. */
  readonly silence: number;
}

/** How much of the body of a refusal is read. */
const MAX_REFUSAL_BYTES = 65_536;

/** One request and its answer, which can be given up at any moment: with `stop`, by silence, or for another reason. */
export class Exchange {
  readonly #controller = new AbortController();
  /** Rejects what is being awaited. */
  #reject: ((reason: Error) => void) | undefined;
  readonly #silence: Silence;

  constructor(
    private readonly url: URL,
    private readonly settings: ConnectionSettings,
    private readonly question: Question,
  ) {
    const { silence } = question;
    this.#silence = new Silence(settings.scheduler, silence, () => {
      const error = new StreamError('UNAVAILABLE', `The server said nothing for ${silence} ms.`);
      this.abort(new Failure(error, true));
    });
  }

  /** Whether it was given up. */
  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Asks, once more with other headers after a 401. Rejects with a {@link Failure} for what is not 2xx or 304. */
  async ask(): Promise<Response> {
    let response = await this.#fetch(false);
    if (response.status === 401) {
      discard(response);
      response = await this.#fetch(true);
    }
    this.#silence.heard();
    if (response.ok) return response;
    let text = '';
    try {
      text = new TextDecoder().decode(await this.body(response, MAX_REFUSAL_BYTES));
    } catch (error) {
      if (this.isOver) throw error;
      // The status says enough.
    }
    throw refused(response, text, this.settings.scheduler.now());
  }

  /** The whole body of an answer, of up to so many bytes. */
  async body(response: Response, most: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of this.parts(response)) {
      bytes += part.byteLength;
      if (bytes > most) throw tooLarge(most);
      parts.push(part);
    }
    return joined(parts);
  }

  /** The body of an answer, as it comes. */
  async *parts(response: Response): AsyncGenerator<Uint8Array, undefined> {
    // Nobody may have listened for a while.
    this.#silence.heard();
    // Some platforms have no streams.
    if (response.body === null) {
      yield new Uint8Array(await this.#raced(response.arrayBuffer()));
      return;
    }
    const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    try {
      for (;;) {
        const { done, value } = await this.#raced(reader.read());
        if (done) return;
        this.#silence.heard();
        yield value;
      }
    } finally {
      reader.cancel().catch(() => undefined);
    }
  }

  /** Gives it up, for a reason that whoever awaits it is given; the first one counts. */
  abort(reason: Error): void {
    this.#silence.stop();
    this.#controller.abort(reason);
    this.#reject?.(reason);
  }

  /** Nothing of it is wanted any more. */
  stop(): void {
    this.abort(STOPPED);
  }

  async #fetch(refresh: boolean): Promise<Response> {
    const { url, settings, question } = this;
    const { method = 'GET', query = {}, body, fresh = false } = question;
    const target = new URL(url);
    for (const name of Object.keys(query).sort()) {
      const value = query[name];
      if (value !== undefined) target.searchParams.set(name, value);
    }
    let headers: Headers;
    try {
      headers = await this.#raced(headersOf(settings.headers, refresh));
    } catch (error) {
      throw this.isOver ? error : withoutHeaders(error);
    }
    for (const name in question.headers) headers.set(name, question.headers[name] as string);
    const { signal } = this.#controller;
    const init: RequestInit = { method, headers, signal };
    if (body !== undefined) init.body = body;
    if (fresh) init.cache = 'no-store';
    if (settings.credentials !== undefined) init.credentials = settings.credentials;
    return this.#raced(settings.fetch(target.href, init));
  }

  /** What is awaited, unless it is given up: not everything that is given a signal listens to it. */
  #raced<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#controller;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (signal.aborted) reject(signal.reason as Error);
      promise.then(resolve, (error: unknown) => {
        reject((signal.aborted ? signal.reason : error) as Error);
      });
    });
  }
}

/** The reason of a request that was given up because nobody wants it. */
export const STOPPED = new Error('Nobody wants the answer any more.');

async function headersOf(option: HeadersOption, refresh: boolean): Promise<Headers> {
  const headers = new Headers();
  const given = typeof option === 'function' ? await option({ refresh }) : option;
  for (const name in given) {
    const value = given[name];
    const text = typeof value === 'function' ? await value({ refresh }) : value;
    try {
      if (text !== undefined) headers.set(name, text);
    } catch (cause) {
      // Not the value, which may be a secret.
      throw invalid(`headers can't have what there is for ${printed(name)}.`, { cause });
    }
  }
  return headers;
}

/** Lets go of an answer whose body nobody wants. */
export function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}
