import type { DurableStream } from '../durable-stream.js';
import type { StreamEnd } from '../log/outcome.js';
import { NO_CHUNK, Reader } from '../reader.js';

/** How a stream ends, once it has; `undefined` for somebody who has left before. */
export function endOf(
  stream: DurableStream<unknown, unknown>,
  signal: AbortSignal,
): Promise<StreamEnd<unknown> | undefined> {
  return new Promise((resolve) => {
    const reader = new EndReader(resolve);
    const leave = (): void => {
      reader.unsubscribe();
    };
    signal.addEventListener('abort', leave);
    reader.add(() => {
      signal.removeEventListener('abort', leave);
      resolve(undefined);
    });
    if (signal.aborted) leave();
    else reader.read(stream.reads);
  });
}

class EndReader extends Reader<unknown, unknown> {
  constructor(private readonly resolve: (end: StreamEnd<unknown>) => void) {
    super();
  }

  override attached(): void {
    this.start = NO_CHUNK;
  }

  protected ended(end: StreamEnd<unknown>): void {
    this.resolve(end);
  }
}
