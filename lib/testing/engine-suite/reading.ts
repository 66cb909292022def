import type { Subscription } from 'rxjs';

import type { StreamError } from '../../errors.js';
import type { Offset } from '../../offset.js';
import type { StreamEvent, StreamManager, SubscribeOptions } from '../../stream-manager.js';
import { same } from './assert.js';

type Events = StreamEvent<unknown, unknown>[];

/** A reader, with what it was given. */
export class Reading {
  readonly events: Events = [];
  /** How it ended: `'complete'`, or the code of an error. */
  end: string | undefined;
  readonly #subscription: Subscription;

  constructor(
    streams: StreamManager,
    id: string,
    /** Waits until something holds. */
    private readonly until: (what: string, holds: () => boolean) => Promise<void>,
    options?: SubscribeOptions,
  ) {
    this.#subscription = streams
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

  get offsets(): Offset[] {
    return this.events.map(({ offset }) => offset);
  }

  /** Reads no more. */
  leave(): void {
    this.#subscription.unsubscribe();
  }

  /** Waits until it has so many chunks. */
  async has(chunks: number): Promise<this> {
    const arrived = (): boolean => this.chunks.length >= chunks || this.end !== undefined;
    await this.until(`a reader has ${chunks} chunks`, arrived);
    return this;
  }

  /** Waits until it ends in a way. */
  async ends(how: string): Promise<this> {
    await this.until('a reader has ended', () => this.end !== undefined);
    same(this.end, how, 'How a reader has ended');
    return this;
  }
}
