import { isIntended, type StreamError } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { StreamInput } from '../stream-manager.js';
import { isFailure, outcomeOf } from './errors.js';

/** What a flow is given beside its input. */
export interface GenkitRunOptions<S, C, N> {
  /** Writes a chunk to the stream. Never throws; the {@link abortSignal} tells that nothing can be written any more. */
  sendChunk: (chunk: S) => void;
  /** The same, by the name by which a flow is given it. */
  onChunk: (chunk: S) => void;
  /** Resolves once everything sent so far is stored: for who sends more than may wait, on an engine 8 MiB. */
  flush: () => Promise<void>;
  /** What `contextProvider` has made. */
  context: C;
  /** What the client sent as `init`. */
  init: N;
  /** Aborted when the flow is stopped, or its stream can't be written any more, and never because a client leaves. */
  abortSignal: AbortSignal;
  streamId: string;
}

/** What is run: a flow of Genkit's as it is, or any function with its face. What it gives is the output. */
export type GenkitRun<I, O, S, C, N> = (input: I, options: GenkitRunOptions<S, C, N>) => MaybePromise<O>;

/** Runs a flow into its stream, whoever reads that, and ends the stream as the flow ends. Never rejects. */
export async function runInto<I, O, S, C, N>(
  stream: StreamInput<S, O>,
  run: GenkitRun<I, O, S, C, N>,
  input: I,
  { context, init }: { readonly context: C; readonly init: N },
  onError: (error: unknown) => void,
): Promise<void> {
  let failure: StreamError | undefined;
  stream.failed.subscribe((error) => {
    failure = error;
  });
  const { id: streamId, signal: abortSignal } = stream;
  // Of this run alone: a flow hangs its options on it.
  const sendChunk = (chunk: S): void => {
    if (!stream.closed) stream.next(chunk);
  };
  const flush = (): Promise<void> => stream.flush();
  try {
    const options = { sendChunk, onChunk: sendChunk, flush, context, init, abortSignal, streamId };
    const output = await run(input, options);
    if (!stream.closed) stream.complete(output);
  } catch (error) {
    // After a stop it is that which the flow ends with, and where nothing can be written any more it is known why.
    const outcome = abortSignal.aborted ? (abortSignal.reason as StreamError) : outcomeOf(error);
    if (!stream.closed) stream.error(outcome);
    if (!abortSignal.aborted && isFailure(outcome)) onError(error);
  }
  // Its rejection is that of `failed`.
  await stream.flush().catch(() => undefined);
  if (failure !== undefined && !isIntended(failure)) onError(failure);
}
