import type { StreamEnd } from '../../log/outcome.js';
import { Reader } from '../../reader.js';

/** Reads a stream in the place of all who read it over HTTP, and tells that there is something for them. */
export class HintReader extends Reader<unknown, unknown> {
  override readonly target = this;

  constructor(
    /** Told how many chunks there are with the one that has come; `undefined`, and whether the stream is lost, at the end. */
    private readonly tell: (position: number | undefined, gone: boolean) => void,
  ) {
    super();
  }

  next(): void {
    this.tell(this.position, false);
  }

  protected ended({ type }: StreamEnd<unknown>): void {
    this.tell(undefined, type === 'lost');
  }
}
