import { invalid, printed, type StreamError } from '../errors.js';
import { decodeOffset, encodeOffset, type Offset } from '../offset.js';
import { withLease } from '../producer-lease.js';
import type { StreamInput, StreamLifetime, StreamManager, SubscribeOptions } from '../stream-manager.js';
import { checkInteger, checkString } from '../validation.js';
import { ReadAhead } from './read-ahead.js';
import {
  decodeRunOffset,
  encodeRunOffset,
  FROM_NOW,
  FROM_START,
  requestedRun,
  type RunSource,
} from './run-request.js';

/**
 * Options of {@link streamDurability}. Lifetimes are those of the logs that it opens; what is left out is as the manager
 * has it, but for `lease`: 15,000 ms where a producer can be gone without notice.
 */
export interface StreamDurabilityOptions extends StreamLifetime {
  /** The id of a run's log in the manager is this, a colon, and the run's id. Default: `'tanstack-ai'`. */
  keyPrefix?: string | undefined;
  /** ms that somebody who joins from the start, or from now on, waits for a run's log to be opened. Default: 1,000. */
  wait?: number | undefined;
  /**
   * Whether a producer goes on with the log of its run if that is open, and fences whoever wrote it, instead of being
   * refused: for a run that another host takes over. Default: `false`.
   */
  takeOver?: boolean | undefined;
}

/** A chunk of a run, and the offset after it. */
export interface RunChunk<C> {
  offset: string;
  chunk: C;
}

/** The log of one run, as TanStack AI (`StreamDurability` of `@tanstack/ai` 0.58) asks for it. */
export interface StreamDurability<C> {
  /** The run that the request names, or that was made up for it: for whoever asks who may read it. */
  readonly runId: string;
  /** The offset to go on after, or `null` for a producer. */
  readonly resumeFrom: () => string | null;
  /**
   * Stores chunks, and gives the offset after each. The first call opens the log: `ALREADY_EXISTS` if the run has one.
   * Rejects with the codes of `StreamInput.write`.
   */
  readonly append: (chunks: C[]) => Promise<string[]>;
  /**
   * Everything after an offset, and what comes, until the log is closed or the signal aborts. `'-1'` is the start, `'now'`
   * the end. Throws what reading the stream errors with: `NOT_FOUND`, `OUT_OF_RANGE`, `DEADLINE_EXCEEDED` if the producer
   * is gone, …; `INVALID_ARGUMENT` for an offset of another run.
   */
  readonly read: (offset: string, signal?: AbortSignal) => AsyncIterable<RunChunk<C>>;
  /** Ends the log. Rejects with what kept it from being stored, or from being opened. */
  readonly close: () => Promise<void>;
  /** What is stored now, without waiting for more; nothing for a run that has no log. */
  readonly snapshot: () => Promise<RunChunk<C>[]>;
}

/**
 * Keeps the log of a run of TanStack AI on any manager, for `toServerSentEventsResponse(stream, { durability: { adapter
 * } })` and its like: made for each request, whether it produces a run or goes on reading it. Throws `INVALID_ARGUMENT`
 * for an option that breaks a rule and for an offset that is not of the run.
 */
export function streamDurability<C>(
  streams: StreamManager,
  source: RunSource,
  options: StreamDurabilityOptions = {},
): StreamDurability<C> {
  const { keyPrefix = 'tanstack-ai', takeOver = false, wait, ...lifetime } = options;
  checkString('keyPrefix', keyPrefix);
  const waits = checkInteger('wait', wait, 1_000);
  const { runId, offset: resumeFrom } = requestedRun(source);
  const id = `${keyPrefix}:${runId}`;
  let opening: Promise<StreamInput<C>> | undefined;

  const open = async (resume: boolean): Promise<StreamInput<C>> => {
    const input = streams.open<C>(id, { ...withLease(streams, lifetime), resume });
    await input.opened;
    // What it fails with, whoever writes is told; but nobody may be writing.
    input.failed.subscribe();
    return input;
  };
  const opened = (): Promise<StreamInput<C>> =>
    (opening ??= open(false).catch((error: unknown) => {
      if (takeOver && (error as StreamError).code === 'ALREADY_EXISTS') return open(true);
      throw error;
    }));

  const placeOf = (offset: string): SubscribeOptions => {
    if (offset === FROM_START) return { wait: waits };
    if (offset === FROM_NOW) return { from: 'now', wait: waits };
    const place = decodeRunOffset(offset);
    if (place.runId !== runId) {
      throw invalid(`The offset ${printed(offset)} is not of the run ${printed(runId)}.`);
    }
    return { after: place.offset };
  };

  async function* read(offset: string, signal?: AbortSignal): AsyncGenerator<RunChunk<C>> {
    const reading = new ReadAhead(streams.subscribe<C, unknown>(id, placeOf(offset)));
    const leave = (): void => {
      reading.unsubscribe();
    };
    signal?.addEventListener('abort', leave);
    try {
      while (signal?.aborted !== true) {
        const placed = await reading.take();
        if (placed.length === 0) return;
        for (const { chunk, offset: after } of placed) {
          yield { offset: encodeRunOffset(runId, after), chunk };
        }
      }
    } finally {
      signal?.removeEventListener('abort', leave);
      leave();
    }
  }

  return {
    runId,
    resumeFrom: () => resumeFrom,
    async append(added) {
      const input = await opened();
      const offsets = await Promise.all(added.map((chunk) => input.write(chunk)));
      return offsets.map((offset) => encodeRunOffset(runId, offset));
    },
    read,
    async close() {
      const input = await opened();
      if (!input.closed) input.complete();
      await input.flush();
    },
    async snapshot() {
      const stored: RunChunk<C>[] = [];
      try {
        const { tail, chunks } = await streams.head(id);
        if (chunks === 0) return stored;
        for await (const placed of read(encodeRunOffset(runId, startOf(tail)))) {
          stored.push(placed);
          if (stored.length === chunks) break;
        }
        return stored;
      } catch (error) {
        // It is gone, or another life of the id has begun meanwhile.
        if (GONE.includes((error as StreamError).code)) return [];
        throw error;
      }
    },
  };
}

const GONE: readonly StreamError['code'][] = ['NOT_FOUND', 'OUT_OF_RANGE'];

/** The start of that life of a stream which has this offset. */
function startOf(offset: Offset): Offset {
  const { generation } = decodeOffset(offset) as NonNullable<ReturnType<typeof decodeOffset>>;
  return encodeOffset(generation, 0);
}
