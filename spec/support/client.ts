import { type Observable, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

import { durableStream, type DurableStreamOptions } from '../../lib/client/index.js';
import type { StreamError } from '../../lib/index.js';
import { testScheduler } from './marbles.js';
import { runUntil } from './schedulers.js';

/** Lets everything happen that waits for nothing but promises. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A virtual clock that lets promises settle between its actions, as real time does. */
export class PatientClock extends VirtualTimeScheduler {
  /** Goes on to a frame. */
  async until(frame: number): Promise<void> {
    for (;;) {
      await settled();
      const next = Math.min(...this.actions.map(({ delay }) => delay));
      if (!(next <= frame)) break;
      runUntil(this, next);
    }
    runUntil(this, frame);
    await settled();
  }
}

type Messages = ReturnType<(typeof TestScheduler)['parseMarbles']>;

/** A marble as `TestScheduler.run` has it: a character is a frame, and a frame a ms. */
const parsed = (marble: string, values?: Record<string, unknown>, error?: string): Messages =>
  testScheduler().run(() => TestScheduler.parseMarbles(marble, values, error, false, true));

/** What a source gives, frame by frame; errors are their codes. */
export function recorded(clock: VirtualTimeScheduler, source: Observable<unknown>) {
  const messages: unknown[] = [];
  const note = (kind: string, fields: object): void => {
    messages.push({ frame: clock.frame, notification: { kind, ...fields } });
  };
  const subscription = source.subscribe({
    next: (value) => note('N', { value, error: undefined }),
    error: (error: unknown) => note('E', { value: undefined, error: (error as StreamError).code }),
    complete: () => note('C', { value: undefined, error: undefined }),
  });
  return {
    subscription,
    messages,
    /** Goes on until the marble is over, and compares. */
    async toBe(marble: string, values?: Record<string, unknown>, error?: string): Promise<void> {
      const wanted = parsed(marble, values, error);
      if (clock instanceof PatientClock) await clock.until((wanted.at(-1)?.frame ?? 0) + 1);
      expect(messages).toEqual(wanted);
    },
  };
}

/** A request, as it was made. */
export interface Asked {
  readonly frame: number;
  readonly method: string;
  /** The query, without its question mark. */
  readonly query: string;
  readonly headers: Headers;
  readonly body: BodyInit | null | undefined;
  readonly cache: RequestCache | undefined;
  readonly signal: AbortSignal;
}

export type Answering = (asked: Asked) => Response | Promise<Response>;

/** A `fetch` that answers from a list, and then goes on with the last of it. Notes what it was asked. */
export function scripted(clock: { readonly frame: number }, ...answers: readonly Answering[]) {
  const asked: Asked[] = [];
  const ask = ((input: string, init: RequestInit = {}) => {
    const request: Asked = {
      frame: clock.frame,
      method: init.method ?? 'GET',
      query: new URL(input).search.slice(1),
      headers: new Headers(init.headers),
      body: init.body,
      cache: init.cache,
      signal: init.signal as AbortSignal,
    };
    asked.push(request);
    const answer = answers[Math.min(asked.length, answers.length) - 1] as Answering;
    return Promise.resolve().then(() => answer(request));
  }) as typeof fetch;
  return {
    fetch: ask,
    asked,
    /** When it was asked what. */
    get times(): string[] {
      return asked.map(({ frame, query }) => `${frame} ${query}`);
    },
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

export interface PageOptions {
  readonly upToDate?: boolean;
  readonly closed?: boolean;
  readonly headers?: Record<string, string>;
}

/** A page of messages. */
export const page =
  (messages: readonly unknown[], next: string, { upToDate, closed, headers }: PageOptions = {}): Answering =>
  () =>
    new Response(JSON.stringify(messages), {
      headers: {
        ...JSON_TYPE,
        'stream-next-offset': next,
        ...((upToDate === true || closed === true) && { 'stream-up-to-date': 'true' }),
        ...(closed === true && { 'stream-closed': 'true' }),
        ...headers,
      },
    });

/** What a long-poll is answered with in whose time nothing has come. */
export const nothing =
  (next: string, cursor = '1'): Answering =>
  () =>
    new Response(null, {
      status: 204,
      headers: { 'stream-next-offset': next, 'stream-up-to-date': 'true', 'stream-cursor': cursor },
    });

/** A refusal. */
export const refusing =
  (status: number, headers: Record<string, string> = {}, body = ''): Answering =>
  () =>
    new Response(body, { status, headers });

/** A network that does not work. */
export const unreachable: Answering = () => Promise.reject(new TypeError('fetch failed'));

/** A server that never answers. */
export const silent: Answering = () => new Promise(() => {});

/** The text of an event with messages, and of the control event behind it. */
export const event = (messages: readonly unknown[], next: string, more: object = {}): string =>
  (messages.length === 0 ? '' : `event: data\ndata:${JSON.stringify(messages)}\n\n`) +
  `event: control\ndata:${JSON.stringify({ streamNextOffset: next, streamCursor: '1', ...more })}\n\n`;

/** An answer that is written from outside, as text. */
export function live(type = 'text/event-stream', headers: Record<string, string> = {}) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  const encoder = new TextEncoder();
  const queue: (() => void)[] = [];
  const act = (action: () => void): void => {
    if (controller === undefined) queue.push(action);
    else if (!cancelled) action();
  };
  const answer: Answering = ({ signal }) => {
    const body = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
        for (const action of queue.splice(0)) action();
      },
      cancel() {
        cancelled = true;
      },
    });
    signal.addEventListener('abort', () => {
      if (!cancelled) {
        cancelled = true;
        controller?.error(signal.reason);
      }
    });
    return new Response(body, { headers: { 'content-type': type, ...headers } });
  };
  return {
    answer,
    send: (text: string) => act(() => controller?.enqueue(encoder.encode(text))),
    end: () => act(() => controller?.close()),
    cut: () => act(() => controller?.error(new TypeError('terminated'))),
    get gone(): boolean {
      return cancelled;
    },
  };
}

/** A stream over a script, in virtual time and without chance. */
export function clientWorld(options: DurableStreamOptions, ...answers: readonly Answering[]) {
  const clock = new PatientClock();
  const script = scripted(clock, ...answers);
  const stream = durableStream<string, unknown>('http://host/v1/stream/a', {
    scheduler: clock,
    fetch: script.fetch,
    ...options,
    retry: { jitter: 0, ...options.retry },
  });
  return { clock, script, stream };
}
