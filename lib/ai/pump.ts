import { invalid, isIntended, printed, type StreamError } from '../errors.js';
import type { StreamInput } from '../stream-manager.js';

/** A text is written in chunks of at most so many UTF-16 units, so that none is too large to be stored. */
const MOST_UNITS = 16_384;

/** Twice so many UTF-16 units can be on their way to be stored: far less than what may wait for that. */
const UNITS_AHEAD = 131_072;

/**
 * Writes a source to a stream, at the pace at which that is stored, whoever reads it, and ends the stream as the source
 * ends. The source is cancelled if the stream can't be written any more. Resolves when that is over, also if the source
 * has failed or the stream was stopped or deleted; rejects if the stream could not be written for another reason.
 */
export async function pump(
  reader: ReadableStreamDefaultReader<string>,
  input: StreamInput<string>,
): Promise<void> {
  const cancel = (error: unknown): void => {
    // What its cancellation fails with changes nothing: nobody reads it any more.
    reader.cancel(error).catch(() => undefined);
  };
  let failure: StreamError | undefined;
  input.failed.subscribe((error) => {
    failure = error;
    cancel(error);
  });
  try {
    await write(reader, input);
    if (!input.closed) input.complete();
  } catch (error) {
    if (!input.closed) input.error(error);
    cancel(error);
  }
  // Its rejection is that of `failed`.
  await input.flush().catch(() => undefined);
  if (failure !== undefined && !isIntended(failure)) throw failure;
}

async function write(reader: ReadableStreamDefaultReader<string>, input: StreamInput<string>): Promise<void> {
  let written = 0;
  let stored = Promise.resolve();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (typeof value !== 'string') throw invalid(`chunks must be strings, but one is ${printed(value)}.`);
    for (const piece of pieces(value)) {
      input.next(piece);
      // With what it takes beside its text.
      written += piece.length + 8;
      if (written < UNITS_AHEAD) continue;
      written = 0;
      await stored;
      // Not awaited yet: as much again can be on its way meanwhile.
      stored = input.flush();
      stored.catch(() => undefined);
    }
  }
}

/** A text, cut where no surrogate pair is. */
function* pieces(text: string): Iterable<string> {
  let from = 0;
  do {
    let to = from + MOST_UNITS;
    if (to < text.length && /[\ud800-\udbff]/.test(text.charAt(to - 1))) to--;
    yield text.slice(from, to);
    from = to;
  } while (from < text.length);
}
