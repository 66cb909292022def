import { check } from '../engine-suite/assert.js';

/** An event as a browser's `EventSource` would give it. */
export interface SseEvent {
  readonly type: string;
  readonly data: string;
}

/** What a control event tells. */
export interface ControlData {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: boolean;
  readonly streamClosed?: boolean;
}

/** The content of a control event. */
export const controlOf = ({ data }: SseEvent): ControlData => JSON.parse(data) as ControlData;

/** For how long, in ms, an event is waited for. */
const PATIENCE = 5_000;

/** Reads server-sent events, by the rules of the HTML standard. */
export class SseReader {
  readonly #events: SseEvent[] = [];
  #buffer = '';
  #type = '';
  #data: string[] = [];

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    // Fatal: a character that is split by anything but the network would be two halves.
    private readonly decoder = new TextDecoder('utf-8', { fatal: true }),
  ) {}

  static async open(url: string): Promise<SseReader> {
    const abort = new AbortController();
    const response = await fetch(url, { signal: abort.signal });
    check(
      response.status === 200 && response.body !== null,
      `the events begin with 200, not ${response.status}`,
    );
    return new SseReader(response, abort, response.body.getReader());
  }

  /** The next event; `undefined` where there are no more. */
  async next(): Promise<SseEvent | undefined> {
    while (this.#events.length === 0) {
      const timer = setTimeout(() => this.abort.abort(new Error('No event has come.')), PATIENCE);
      const { done, value } = await this.reader.read();
      clearTimeout(timer);
      if (done) return undefined;
      this.#feed(this.decoder.decode(value, { stream: true }));
    }
    return this.#events.shift();
  }

  close(): void {
    this.abort.abort();
  }

  #feed(text: string): void {
    this.#buffer += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#buffer);
      if (end === null) return;
      const line = this.#buffer.slice(0, end.index);
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      this.#line(line);
    }
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0)
        this.#events.push({ type: this.#type || 'message', data: this.#data.join('\n') });
      this.#type = '';
      this.#data = [];
      return;
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') this.#type = value;
    if (name === 'data') this.#data.push(value);
  }
}
