import { StreamError, type StreamErrorCode } from '../errors.js';
import { encodeOffset } from '../offset.js';
import type { StreamChunkEvent, StreamDoneEvent, StreamErrorEvent } from '../stream-manager.js';

/** Where an event happens. */
export interface EventPlace {
  /** Whether the chunk had been written before the subscription. Default: false. */
  replay?: boolean;
  /** Which stream of the {@link TestStreamManager} it is of: the n-th that was opened. Default: 1. */
  generation?: number;
}

/**
 * The error for a marble's `#`. `TestScheduler` compares it as deeply as the assertion it was given; rxjs-marbles
 * compares name and message alone. The library's own messages are part of no contract: to expect one of its errors,
 * compare the code, by `catchError((error) => of(error.code))`, say.
 */
export function streamError(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message);
}

/** The event of the `position`-th chunk of a stream, counted from 1. */
export function chunkEvent<C>(chunk: C, position: number, place: EventPlace = {}): StreamChunkEvent<C> {
  const { replay = false, generation = 1 } = place;
  return { type: 'chunk', chunk, offset: encodeOffset(generation, position), replay };
}

/** The event of the end of a stream of `length` chunks that was completed with an output, or with none. */
export function doneEvent<O>(
  length: number,
  { generation = 1, ...outcome }: Pick<EventPlace, 'generation'> & { output?: O } = {},
): StreamDoneEvent<O> {
  return { type: 'done', ...outcome, offset: encodeOffset(generation, length) };
}

/** The event of the end of a stream of `length` chunks that ended with an error. */
export function errorEvent(
  length: number,
  error: StreamError,
  { generation = 1 }: Pick<EventPlace, 'generation'> = {},
): StreamErrorEvent {
  return { type: 'error', error, offset: encodeOffset(generation, length) };
}
