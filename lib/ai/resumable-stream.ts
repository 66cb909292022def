import { firstValueFrom } from 'rxjs';

import type { StreamError, StreamErrorCode } from '../errors.js';
import { withLease } from '../producer-lease.js';
import type { StreamInput, StreamLifetime, StreamManager } from '../stream-manager.js';
import { checkInteger, checkString } from '../validation.js';
import { pump } from './pump.js';
import { ReadAhead } from './read-ahead.js';
import { textStream } from './text-stream.js';

/**
 * Options of {@link createResumableStreamContext}. Lifetimes are those of the streams that it creates; what is left out
 * is as the manager has it, but for `lease`: 15,000 ms where a producer can be gone without notice.
 */
export interface ResumableStreamContextOptions extends StreamLifetime {
  /** Where the streams are. */
  streams: StreamManager;
  /**
   * Given the promise of each stream that is created here, so that the platform keeps the process for it. It resolves
   * when the stream has its end, and rejects if that, or what was produced, could not be stored; without `waitUntil` only
   * readers are told of that. Default: nobody is given it.
   */
  waitUntil?: ((promise: Promise<unknown>) => void) | null | undefined;
  /** A stream's id in the manager is this, a colon, and its `streamId`. Default: `'resumable-stream'`. */
  keyPrefix?: string | undefined;
  /** Whether a finished stream can be read until its TTL; else it is `null`, as in the package. Default: `true`. */
  replayFinished?: boolean | undefined;
  /**
   * ms that `resumeExistingStream` waits for a stream that is not there yet: for a client that reconnects while an engine
   * is still asked for the id. Default: 0.
   */
  wait?: number | undefined;
}

/**
 * What makes the source of a stream. Its argument is aborted when the stream is stopped (`streams.stop`), in whichever
 * process, or can't be written any more: for the request to a model. The source itself is cancelled after that, unless
 * the stop grants it time to end.
 */
export type MakeStream = (signal: AbortSignal) => ReadableStream<string>;

/** The context of the package `resumable-stream` 2 (https://github.com/vercel/resumable-stream). */
export interface ResumableStreamContext {
  /**
   * Creates the stream, and runs its source, if its id is free, else resumes it. `skipCharacters` is for resuming only.
   * `null`: it is finished, and `replayFinished` is `false`.
   */
  resumableStream(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  /**
   * The text of a stream after so many UTF-16 units (default: 0), then what is produced, then its end or its error.
   * `undefined`: there is no such stream, or no more; `null` as above. Rejects with `INVALID_ARGUMENT` if
   * `skipCharacters` is no non-negative integer.
   */
  resumeExistingStream(
    streamId: string,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null | undefined>;
  /**
   * Creates the stream and runs its source to its end, whoever reads. Gives all of its text; cancelling that does not
   * stop the source. `skipCharacters` is ignored, as in the package. Rejects with `ALREADY_EXISTS` if the id is taken,
   * and with what `makeStream` throws, which becomes the stream's error too.
   */
  createNewResumableStream(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string>>;
  /** `true` while a stream is produced, `'DONE'` while a finished one can be read, `null` if there is none. */
  hasExistingStream(streamId: string): Promise<null | true | 'DONE'>;
}

/**
 * Serves text streams that can be read from anywhere while and after they are produced: what the package
 * `resumable-stream` does on Redis, on any manager. Differences: a finished stream is replayed until its TTL, an id is
 * claimed once, and a stream whose source or producer has failed ends with an error instead of never.
 *
 * Beside what is said at the methods, they reject with what the manager refuses: `INVALID_ARGUMENT`, `UNAVAILABLE`,
 * `RESOURCE_EXHAUSTED`.
 */
export function createResumableStreamContext(options: ResumableStreamContextOptions): ResumableStreamContext {
  const {
    streams,
    waitUntil,
    keyPrefix = 'resumable-stream',
    replayFinished = true,
    wait,
    ...lifetime
  } = options;
  checkString('keyPrefix', keyPrefix);
  const waits = checkInteger('wait', wait, 0);
  const idOf = (streamId: string): string => `${keyPrefix}:${streamId}`;

  const claim = async (streamId: string): Promise<StreamInput<string>> => {
    const input = streams.open<string>(idOf(streamId), withLease(streams, lifetime));
    await input.opened;
    return input;
  };

  const run = (input: StreamInput<string>, makeStream: MakeStream): ReadableStream<string> => {
    let pumping: Promise<void>;
    try {
      pumping = pump(makeStream(input.signal).getReader(), input);
    } catch (error) {
      input.error(error);
      throw error;
    }
    // Whoever reads is told, whether or not anybody waits.
    pumping.catch(() => undefined);
    waitUntil?.(pumping);
    return read(input.id, 0);
  };

  const read = (id: string, skip: number): ReadableStream<string> =>
    textStream(new ReadAhead(streams.subscribe<string, unknown>(id)), skip);

  const statusOf = async (streamId: string, wait: number): Promise<null | true | 'DONE'> => {
    try {
      const status = await firstValueFrom(streams.subscribe(idOf(streamId), { wait }).status());
      return status === 'open' ? true : 'DONE';
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return null;
      throw error;
    }
  };

  const resumeExistingStream = async (
    streamId: string,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null | undefined> => {
    const skip = checkInteger('skipCharacters', skipCharacters, 0);
    const status = await statusOf(streamId, waits);
    if (status === null) return undefined;
    return status === 'DONE' && !replayFinished ? null : read(idOf(streamId), skip);
  };

  return {
    async resumableStream(streamId, makeStream, skipCharacters) {
      for (;;) {
        let input: StreamInput<string>;
        try {
          input = await claim(streamId);
        } catch (error) {
          if (!hasCode(error, 'ALREADY_EXISTS')) throw error;
          const resumed = await resumeExistingStream(streamId, skipCharacters);
          // What has expired meanwhile has left the id free.
          if (resumed === undefined) continue;
          return resumed;
        }
        return run(input, makeStream);
      }
    },
    resumeExistingStream,
    createNewResumableStream: async (streamId, makeStream) => run(await claim(streamId), makeStream),
    hasExistingStream: (streamId) => statusOf(streamId, 0),
  };
}

const hasCode = (error: unknown, code: StreamErrorCode): boolean => (error as StreamError).code === code;
