import { DurableStream } from '../durable-stream.js';
import type { Reader } from '../reader.js';
import { ClientSource } from './client-source.js';
import { aborted } from './failure.js';
import { type DurableStreamOptions, readSettings, urlOf } from './options.js';
import { encodePlace, NOW, type Place, placeOf, START_PLACE } from './place.js';
import { Reading } from './reading.js';

/**
 * A stream on a server of the Durable Streams protocol, as a manager's `subscribe` gives one: everything after `after`
 * (default: the start), then live, then the outcome; each chunk once and in order, whatever becomes of connections,
 * proxies and servers meanwhile. Each subscription reads by itself; unsubscribing aborts what is on its way.
 *
 * A stream of `application/json` has its messages as chunks, one of `text/*` strings, and every other `Uint8Array`s:
 * of the length that they happen to come in.
 *
 * Never throws: what is wrong is an error of the subscription. `NOT_FOUND`, `OUT_OF_RANGE` (the offset is of another
 * stream that was there before), `UNAUTHENTICATED`, `PERMISSION_DENIED`, `INVALID_ARGUMENT`, `CANCELLED` (the signal),
 * `RESOURCE_EXHAUSTED` (an answer is too large), `UNKNOWN` (what answers serves no streams), and what `retry` gives up on.
 */
export function durableStream<C, O = void>(
  url: string | URL,
  options: DurableStreamOptions = {},
): DurableStream<C, O> {
  return new DurableStream<C, O>({
    attach: (reader) => {
      attach(reader, url, options);
    },
  });
}

function attach<C, O>(reader: Reader<C, O>, url: string | URL, options: DurableStreamOptions): void {
  const target = urlOf(url);
  const settings = readSettings(options);
  const { signal } = settings;
  if (signal?.aborted === true) throw aborted(signal);
  // Views of the outcome, and observers without `next`, need no chunks to be read.
  const endOnly = reader.target.next === undefined;
  const memory = endOnly ? undefined : options.remember;
  const place = startOf(options, memory?.load(), endOnly);
  const source = new ClientSource<C, O>(settings, memory);
  if (signal !== undefined) {
    const abort = (): void => {
      source.lose(aborted(signal));
    };
    signal.addEventListener('abort', abort);
    reader.add(() => {
      signal.removeEventListener('abort', abort);
    });
  }
  source.begin(reader, encodePlace(place), (listener) => {
    return new Reading(target, settings, listener, { place, endOnly });
  });
}

function startOf({ after, from }: DurableStreamOptions, kept: string | undefined, endOnly: boolean): Place {
  if (after !== undefined) return placeOf(after);
  if (from === 'now' || (endOnly && from === undefined)) return NOW;
  if (from === 'start') return endOnly ? NOW : START_PLACE;
  try {
    return kept === undefined ? START_PLACE : placeOf(kept);
  } catch {
    // Something else was kept under the key.
    return START_PLACE;
  }
}
