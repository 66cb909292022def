import {
  APP_BOOTSTRAP_LISTENER,
  ApplicationRef,
  type EnvironmentProviders,
  inject,
  makeEnvironmentProviders,
  NgZone,
  provideEnvironmentInitializer,
} from '@angular/core';

import { DurableStreams } from './durable-streams.js';
import { HttpStreams } from './http-streams.js';
import { type DurableStreamsOptions, SETTINGS, settingsOf } from './options.js';
import { SNAPSHOTS } from './snapshots.js';

/**
 * Provides the streams of a server to an application, or to a route of it: for `durableResource`, and for services by
 * `injectDurableStreams`. Options may be given by a function, which is called once and may inject: where headers depend
 * on a service.
 *
 * A `baseUrl`, `snapshotTimeout` or `transferKey` that breaks a rule is `INVALID_ARGUMENT`, thrown when the streams are
 * injected first; any other option is, when a stream is asked for.
 */
export function provideDurableStreams(
  options: DurableStreamsOptions | (() => DurableStreamsOptions),
): EnvironmentProviders {
  return makeEnvironmentProviders([
    { provide: SETTINGS, useFactory: () => settingsOf(typeof options === 'function' ? options() : options) },
    { provide: DurableStreams, useFactory: () => new HttpStreams(inject(SETTINGS), inject(NgZone)) },
    {
      provide: APP_BOOTSTRAP_LISTENER,
      multi: true,
      useFactory: () => {
        const snapshots = inject(SNAPSHOTS);
        return () => {
          snapshots.begun();
        };
      },
    },
    // Where they are a route's: that has no listeners, but may be entered by an application that has begun.
    provideEnvironmentInitializer(() => {
      if (inject(ApplicationRef).components.length > 0) inject(SNAPSHOTS).begun();
    }),
  ]);
}
