import { createParser } from 'eventsource-parser';

import { malformed, tooLarge } from './failure.js';

/** What a control event tells, and the data that it follows. */
export interface Told {
  readonly data: readonly string[];
  readonly next: string;
  readonly cursor: string | undefined;
  readonly upToDate: boolean;
  readonly closed: boolean;
  readonly outcome: unknown;
}

/**
 * Server-sent events, of any chunking. Data is given with the control event that says up to where it goes, since
 * without it nobody knows where to go on; so what is cut off between them counts as not received.
 */
export class EventStream {
  readonly #decoder = new TextDecoder();
  readonly #parser;
  #told: Told[] = [];
  #data: string[] = [];
  #length = 0;

  /** `maxLength`: how many characters may be kept. */
  constructor(private readonly maxLength: number) {
    this.#parser = createParser({
      maxBufferSize: maxLength,
      onEvent: ({ event, data }) => {
        if (event === 'control') this.#control(data);
        else if (event === 'data') this.#keep(data);
      },
      onError: ({ type }) => {
        // What else is odd in an event stream is left out, as the standard says.
        if (type === 'max-buffer-size-exceeded') throw tooLarge(maxLength);
      },
    });
  }

  /** Takes bytes, and gives what they have told. */
  feed(bytes: Uint8Array): readonly Told[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    const told = this.#told;
    if (told.length > 0) this.#told = [];
    return told;
  }

  #keep(data: string): void {
    this.#length += data.length;
    if (this.#length > this.maxLength) throw tooLarge(this.maxLength);
    this.#data.push(data);
  }

  #control(json: string): void {
    const control = controlOf(json);
    const { streamNextOffset: next, streamCursor: cursor } = control;
    if (typeof next !== 'string' || next === '') throw malformed('a control event without an offset.');
    const closed = control['streamClosed'] === true;
    this.#told.push({
      data: this.#data,
      next,
      cursor: typeof cursor === 'string' ? cursor : undefined,
      upToDate: closed || control['upToDate'] === true,
      closed,
      outcome: control['streamOutcome'],
    });
    this.#data = [];
    this.#length = 0;
  }
}

function controlOf(json: string): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(json)) as Partial<Record<string, unknown>>;
  } catch {
    throw malformed('a control event that is no JSON.');
  }
}
