import {
  assertInInjectionContext,
  computed,
  DestroyRef,
  effect,
  inject,
  Injector,
  NgZone,
  PendingTasks,
  signal,
  untracked,
} from '@angular/core';

import type { DurableStreamOptions } from '../client/index.js';
import { type Folder, Log, Reduction } from './accumulation.js';
import { DurableStreams } from './durable-streams.js';
import { isJson } from './json.js';
import { SETTINGS } from './options.js';
import { Reading, type ReadingContext } from './reading.js';
import type { DurableResource, DurableResourceOptions, ReducedResourceOptions } from './resource-options.js';
import { SNAPSHOTS } from './snapshots.js';

/** What a server can't have: other tabs, a page that is hidden, a storage, and time to wait. */
const ON_SERVER = { shareTabs: false, pauseWhenHidden: false, remember: undefined, wait: 0 };

/**
 * A stream of `provideDurableStreams` as signals, for as long as what injects it lives: to be called where Angular
 * injects, or with an `injector`. It reads from the start, then live; each chunk is accumulated once, however seldom the
 * signals are looked at. Nothing that it waits for keeps the application from being stable.
 *
 * On a server it reads what is there, for which rendering waits no longer than `snapshotTimeout`; the browser begins with
 * that and goes on after it, as long as it is JSON. See docs/angular.md.
 *
 * Throws Angular's own errors where nothing is injected. All else, such as `INVALID_ARGUMENT` for an id or an option that
 * breaks a rule, is in `error`, whose codes are those of `durableStream`; `UNKNOWN` is also that `reduce` has thrown.
 */
export function durableResource<C, O = void>(options: DurableResourceOptions): DurableResource<C, O>;
export function durableResource<C, O, A>(options: ReducedResourceOptions<C, A>): DurableResource<C, O, A>;
export function durableResource<C, O, A>(
  options: DurableResourceOptions & Partial<ReducedResourceOptions<C, A>>,
): DurableResource<C, O, A> {
  if (options.injector === undefined) assertInInjectionContext(durableResource);
  const injector = options.injector ?? inject(Injector);
  const streams = injector.get(DurableStreams);
  const { id, injector: _, reduce: __, initial: ___, ...reading } = options;
  const context = contextOf<C, O, A>(options, reading, streams, injector);
  const wanted = computed(id);
  const reloads = signal(0);
  // Whoever looks after the id has changed sees nothing of the former stream, even before the other one is read.
  const current = computed(() => {
    const isFirst = reloads() === 0;
    const id = wanted();
    return untracked(() => new Reading(context, id, isFirst));
  });
  effect(
    (onCleanup) => {
      const reading = current();
      untracked(() => {
        onCleanup(reading.start());
      });
    },
    { injector },
  );
  let isOver = false;
  injector.get(DestroyRef).onDestroy(() => (isOver = true));
  return {
    chunks: computed(() => current().chunks()),
    status: computed(() => current().status()),
    output: computed(() => current().output()),
    error: computed(() => current().error()),
    async stop(stopping) {
      const id = untracked(wanted);
      if (id !== undefined) await streams.stop(id, { ...reading, ...stopping });
    },
    reload() {
      if (!isOver) reloads.update((count) => count + 1);
    },
  };
}

function contextOf<C, O, A>(
  { reduce, initial }: Partial<ReducedResourceOptions<C, A>>,
  reading: DurableStreamOptions,
  streams: DurableStreams,
  injector: Injector,
): ReadingContext<C, O, A> {
  const { transferKey, snapshotTimeout, scheduler, defaults } = injector.get(SETTINGS);
  const snapshots = injector.get(SNAPSHOTS);
  const wait = reading.wait ?? defaults.wait ?? 0;
  // Reductions that begin in the same way are taken for the same.
  const made = reduce === undefined ? [] : [isJson(initial) ? initial : null];
  return {
    zone: injector.get(NgZone),
    tasks: injector.get(PendingTasks),
    snapshots,
    snapshotTimeout,
    scheduler: reading.scheduler ?? scheduler,
    waits: wait > 0,
    owner: reduce === undefined ? undefined : {},
    stream: (id, after) =>
      streams.subscribe<C, O>(id, {
        ...reading,
        ...(after !== undefined && { after, from: undefined }),
        ...(snapshots.onServer && ON_SERVER),
      }),
    folder: (snapshot) =>
      reduce === undefined
        ? (new Log<C>((snapshot?.value ?? []) as readonly C[]) as unknown as Folder<C, A>)
        : new Reduction(snapshot === undefined ? (initial as A) : snapshot.value, reduce),
    keyOf: (id) =>
      `rxjs-durable-streams ${JSON.stringify([transferKey, id, reading.after, reading.from, ...made])}`,
  };
}
