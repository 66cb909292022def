import { catchError, lastValueFrom, map, type Observable, throwError } from 'rxjs';

import type { DurableStream, StreamError, StreamErrorCode, StreamEvent } from '../../lib/index.js';

const codeIn = (error: unknown): StreamErrorCode => (error as StreamError).code;

/** The same with an error's code in its place: messages are part of no contract. */
export const byCode = <T>(source: Observable<T>): Observable<T> =>
  source.pipe(catchError((error: unknown) => throwError(() => codeIn(error))));

/** A chunk as it is, `done`, `done:output` or `error:code`: an event without what its manager chose. */
export function eventWord(event: StreamEvent<string, unknown>): string {
  if (event.type === 'chunk') return event.chunk;
  if (event.type === 'error') return `error:${event.error.code}`;
  return 'output' in event ? `done:${String(event.output)}` : 'done';
}

/** The views of a stream that are observables, as words and codes. */
export const views = (stream: DurableStream<string, unknown>) => ({
  chunks: byCode(stream),
  output: byCode(stream.output()),
  events: byCode(stream.events().pipe(map(eventWord))),
  status: byCode(stream.status()),
});

/** The code that an action throws or rejects with, `undefined` if it does neither. */
export async function codeOf(action: () => unknown): Promise<StreamErrorCode | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return codeIn(error);
  }
}

/** The code that each view of a stream ends with: the end must come without more being written. */
export const codesOf = async (stream: DurableStream<string, unknown>) => ({
  chunks: await codeOf(() => lastValueFrom(stream, { defaultValue: '' })),
  output: await codeOf(() => lastValueFrom(stream.output(), { defaultValue: '' })),
  events: await codeOf(() => lastValueFrom(stream.events())),
  status: await codeOf(() => lastValueFrom(stream.status())),
  iterator: await codeOf(() => pulled(stream)),
});

/** What {@link codesOf} gives where every view errors with the same code. */
export const inEveryView = (code: StreamErrorCode) => ({
  chunks: code,
  output: code,
  events: code,
  status: code,
  iterator: code,
});

/** Pulls all chunks. */
export async function pulled<C>(chunks: AsyncIterable<C>): Promise<C[]> {
  const all: C[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

/** Subscribes and notes what comes: values, then `|` or the code of the error. */
export function noted<T>(source: Observable<T>, onValue?: (value: T) => void): (T | string)[] {
  const notes: (T | string)[] = [];
  source.subscribe({
    next: (value) => {
      notes.push(value);
      onValue?.(value);
    },
    error: (error: unknown) => notes.push(codeIn(error)),
    complete: () => notes.push('|'),
  });
  return notes;
}
