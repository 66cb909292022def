import { map, Observable, type Subscription, take } from 'rxjs';

import type { SubscribeOptions } from '../../lib/index.js';
import type { ModelInput, ModelReader, ModelStream } from './fuzz-model.js';
import type { SubscribeAction } from './fuzz-program.js';
import type { System } from './fuzz-systems.js';

/** One that is called back: a reader, or the watcher of an input's `failed`. */
export interface Callee {
  readonly nth: number;
  readonly name: string;
  calls: number;
}

export interface ReaderCallee extends Callee {
  readonly who: 'reader';
  readonly model: ModelReader;
  /** A plain observer's is not known before `subscribe` has returned, so after the replay. */
  handle?: Subscription;
  /** It is to unsubscribe as soon as there is a handle. */
  leaves: boolean;
}

export interface InputCallee extends Callee {
  readonly who: 'input';
  readonly model: ModelInput;
}

export interface SeenOffset {
  readonly offset: string;
  readonly stream: ModelStream;
  readonly position: number;
}

interface Start {
  readonly options: SubscribeOptions;
  readonly position: number;
  readonly refusal: string | undefined;
  readonly waits: boolean;
}

/** Where a subscription is to start, and what its look-up must answer. */
export function startOf(
  { from, n }: SubscribeAction,
  { id, stream }: { id: string; stream?: ModelStream | undefined },
  system: System,
  offsets: readonly SeenOffset[],
  shut: boolean,
): Start {
  const start = {
    options: {} as SubscribeOptions,
    position: 0,
    refusal: undefined as string | undefined,
    waits: false,
  };
  if (system.manager === undefined) return start;
  if (from === 'now') {
    start.options.from = 'now';
    start.position = stream?.log.length ?? 0;
  } else if (from === 'tail' && stream !== undefined) {
    start.options.after = system.head!(id).tail!;
    start.position = stream.log.length;
    stream.sawOffset(start.position, start.options.after);
  } else if (from === 'offset' && offsets.length > 0) {
    const seen = offsets[n % offsets.length]!;
    start.options.after = seen.offset;
    start.position = seen.position;
    if (seen.stream !== stream) start.refusal = 'OUT_OF_RANGE';
  } else if (from === 'wait') {
    start.options.wait = Infinity;
    start.waits = stream === undefined && !shut;
  }
  if (stream === undefined && !start.waits) start.refusal = shut ? 'UNAVAILABLE' : 'NOT_FOUND';
  return start;
}

/** The source through an operator, with the subscription in the callee's hands before the first value. */
export function behind<T>(source: Observable<T>, limit: number, callee: ReaderCallee): Observable<T> {
  const piped = limit === Infinity ? source.pipe(map((value) => value)) : source.pipe(take(limit));
  return new Observable((subscriber) => {
    callee.handle = subscriber;
    return piped.subscribe(subscriber);
  });
}
