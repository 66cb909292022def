import type { StreamEnd } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { Reader } from '../reader.js';

/** Who is told what a stream has. */
export interface Watcher<C, O> {
  /** The stream is there, and has not ended. */
  opened(): void;
  chunk(chunk: C): void;
  /** All that was there has been told. */
  caughtUp(): void;
  ended(end: StreamEnd<O>): void;
}

/** Reads a stream for a resource: its status and its chunks by one connection. */
export class ResourceReader<C, O> extends Reader<C, O> {
  override readonly target = this;

  constructor(private readonly watcher: Watcher<C, O>) {
    super();
  }

  /** The offset after what was told; `undefined` where nothing is read. */
  get offset(): Offset | undefined {
    return this.source?.offsetAt(this.position);
  }

  override attached(open: boolean): void {
    if (open) this.watcher.opened();
  }

  next(chunk: C): void {
    this.watcher.chunk(chunk);
  }

  override caughtUp(): void {
    this.watcher.caughtUp();
  }

  protected ended(end: StreamEnd<O>): void {
    this.watcher.ended(end);
  }
}
