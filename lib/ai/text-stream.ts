import type { ReadAhead } from './read-ahead.js';

/**
 * The text of a stream, without so many UTF-16 units at its beginning, at the pace of whoever reads it. It errors with
 * what the stream errors with; cancelling it leaves the stream alone.
 */
export function textStream(reading: ReadAhead<string>, skip: number): ReadableStream<string> {
  let cancelled = false;
  const pull = async (controller: ReadableStreamDefaultController<string>): Promise<void> => {
    for (let given = 0; given === 0;) {
      const placed = await reading.take();
      if (cancelled) return;
      if (placed.length === 0) {
        controller.close();
        return;
      }
      for (const { chunk } of placed) {
        if (skip > 0 && chunk.length <= skip) {
          skip -= chunk.length;
          continue;
        }
        controller.enqueue(skip > 0 ? chunk.slice(skip) : chunk);
        skip = 0;
        given++;
      }
    }
  };
  return new ReadableStream<string>(
    {
      pull,
      cancel() {
        cancelled = true;
        reading.unsubscribe();
      },
    },
    // Nothing is read that is not asked for.
    { highWaterMark: 0 },
  );
}
