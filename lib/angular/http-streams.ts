import type { NgZone } from '@angular/core';

import {
  type ConnectionOptions,
  durableStream,
  type DurableStreamOptions,
  openStream,
  type OpenStreamOptions,
  stopStream,
  type StopStreamOptions,
} from '../client/index.js';
import { DurableStream } from '../durable-stream.js';
import type { StreamInput } from '../stream-manager.js';
import { checkId, demand } from '../validation.js';
import { DurableStreams } from './durable-streams.js';
import type { Settings } from './options.js';
import { outsideZone } from './outside-zone.js';

/** The streams of a server of the Durable Streams protocol. */
export class HttpStreams extends DurableStreams {
  constructor(
    private readonly settings: Settings,
    private readonly zone: NgZone,
  ) {
    super();
  }

  subscribe<C, O = void>(id: string, options: DurableStreamOptions = {}): DurableStream<C, O> {
    return new DurableStream<C, O>({
      // As on every manager, what is wrong with an id is told at each subscription.
      attach: (reader) => {
        durableStream<C, O>(this.#url(id), this.#whole(options)).reads.attach(reader);
      },
    });
  }

  open<C, O = void>(id: string, options: OpenStreamOptions = {}): StreamInput<C, O> {
    return openStream<C, O>(this.#url(id), this.#whole(options));
  }

  async stop(id: string, options: StopStreamOptions = {}): Promise<void> {
    await stopStream(this.#url(id), this.#whole(options));
  }

  /** The URL of a stream. An id with slashes is a path with as many. */
  #url(id: string): string {
    checkId(id);
    const segments = id.split('/');
    // They would lead to somewhere else.
    const leadsAway = segments.some((segment) => segment === '.' || segment === '..');
    demand(!leadsAway, 'id', 'without segments . and ..', id);
    return `${this.settings.baseUrl}/${segments.map(encodeURIComponent).join('/')}`;
  }

  /** Options with those of all streams where they say nothing. */
  #whole<T extends ConnectionOptions>(options: T): T {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const whole = { ...this.settings.defaults, ...Object.fromEntries(given) } as T;
    return { ...whole, ...outsideZone(whole, this.zone) };
  }
}
