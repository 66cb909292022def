import { printed, StreamError } from '../../errors.js';
import type { MemoryStream } from '../../memory-stream.js';

/** A stream of an in-memory manager, whatever it has. */
export type AnyStream = MemoryStream<unknown, unknown>;

/**
 * The streams of an in-memory manager by their ids, in the place of its own map: it tells of each stream that goes, and
 * refuses the ids that are kept for forks.
 */
export class Registry<Kept> extends Map<string, AnyStream> {
  /** What is kept of streams that are gone for everybody but their forks. */
  readonly kept = new Map<string, Kept>();

  /** `left` is told of a stream while it still has its chunks; what it gives is kept, and the id stays taken. */
  constructor(
    streams: ReadonlyMap<string, AnyStream>,
    private readonly left: (stream: AnyStream) => Kept | undefined,
  ) {
    super();
    for (const [id, stream] of streams) this.set(id, stream);
  }

  /** Throws `ALREADY_EXISTS` for an id that is kept. */
  override set(id: string, stream: AnyStream): this {
    if (this.kept.has(id)) {
      throw new StreamError(
        'ALREADY_EXISTS',
        `The stream ${printed(id)} is deleted, and kept for its forks.`,
      );
    }
    return super.set(id, stream);
  }

  override delete(id: string): boolean {
    const stream = this.get(id);
    if (stream === undefined) return false;
    const kept = this.left(stream);
    if (kept !== undefined) this.kept.set(id, kept);
    return super.delete(id);
  }
}
