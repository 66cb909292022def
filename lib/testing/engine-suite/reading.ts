import type { StreamError } from '../../errors.js';
import type { StreamEvent, StreamManager, SubscribeOptions } from '../../stream-manager.js';
import { eventually, same } from './assert.js';

type Events = StreamEvent<unknown, unknown>[];

/** A reader, with what it was given. */
export class Reading {
  readonly events: Events = [];
  /** How it ended: `'complete'`, or the code of an error. */
  end: string | undefined;

  constructor(
    streams: StreamManager,
    id: string,
    private readonly patience: number,
    options?: SubscribeOptions,
  ) {
    streams
      .subscribe<unknown, unknown>(id, options)
      .events()
      .subscribe({
        next: (event) => this.events.push(event),
        error: (error: unknown) => (this.end = (error as StreamError).code),
        complete: () => (this.end = 'complete'),
      });
  }

  get chunks(): unknown[] {
    return this.events.flatMap((event) => (event.type === 'chunk' ? [event.chunk] : []));
  }

  /** Waits until it ends in a way. */
  async ends(how: string): Promise<this> {
    await eventually(this.patience, 'a reader has ended', () => this.end !== undefined);
    same(this.end, how, 'How a reader has ended');
    return this;
  }
}
