import { InjectionToken } from '@angular/core';
import { asyncScheduler, type SchedulerLike } from 'rxjs';

import type { DurableStreamOptions, OpenStreamOptions } from '../client/index.js';
import { checkInteger, checkString, demand } from '../validation.js';

/** What makes sense for one stream only. */
type OfOneStream = 'after' | 'from' | 'remember' | 'resume' | 'expiresAt';

/**
 * Options of `provideDurableStreams`: where the streams are, and, of whatever `durableStream` and `openStream` take, the
 * defaults for all of them. What is out of range is `INVALID_ARGUMENT`.
 */
export interface DurableStreamsOptions extends Omit<DurableStreamOptions & OpenStreamOptions, OfOneStream> {
  /**
   * What the URL of a stream begins with, before a slash and its id: absolute, or, in a browser, relative to the page. It
   * has no query and no fragment.
   */
  baseUrl: string | URL;
  /** ms for which a page that is rendered on a server may wait for what a stream has. Default: 3,000. */
  snapshotTimeout?: number | undefined;
  /**
   * What tells these streams from those of other servers where a page that was rendered on a server gives them to the
   * browser. To be given where `baseUrl` is not the same on both sides. Default: `baseUrl`.
   */
  transferKey?: string | undefined;
}

/** {@link DurableStreamsOptions}, checked and whole. */
export interface Settings {
  readonly baseUrl: string;
  readonly snapshotTimeout: number;
  readonly transferKey: string;
  readonly scheduler: SchedulerLike;
  /** Options of streams. */
  readonly defaults: Omit<DurableStreamsOptions, 'baseUrl' | 'snapshotTimeout' | 'transferKey'>;
}

/** The settings; without `provideDurableStreams`, as where something else gives the streams, there is no URL. */
export const SETTINGS = new InjectionToken<Settings>('Settings of durable streams', {
  providedIn: 'root',
  factory: () => settingsOf({ baseUrl: '' }),
});

/** Checks options. */
export function settingsOf(options: DurableStreamsOptions): Settings {
  const { baseUrl, snapshotTimeout, transferKey, ...defaults } = options;
  const base = String(baseUrl).replace(/\/$/, '');
  demand(!/[?#]/.test(base), 'baseUrl', 'a URL without a query or a fragment', base);
  if (transferKey !== undefined) checkString('transferKey', transferKey);
  return {
    baseUrl: base,
    snapshotTimeout: checkInteger('snapshotTimeout', snapshotTimeout, 3_000),
    transferKey: transferKey ?? base,
    scheduler: defaults.scheduler ?? asyncScheduler,
    defaults,
  };
}
