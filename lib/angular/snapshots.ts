import {
  ApplicationRef,
  inject,
  InjectionToken,
  makeStateKey,
  PLATFORM_ID,
  TransferState,
} from '@angular/core';

import { StreamError, type StreamErrorCode } from '../errors.js';
import type { StreamOutcome } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { isJson } from './json.js';

/** What a server has seen of a stream. */
export interface Snapshot<O, A> {
  /** What was made of the chunks. */
  readonly value: A;
  /** The offset after them. */
  readonly offset: Offset;
  /** Whether the stream was there, and had not ended. */
  readonly open: boolean;
  readonly outcome?: StreamOutcome<O> | undefined;
}

/** The same as JSON. */
interface Transferred extends Omit<Snapshot<unknown, unknown>, 'outcome'> {
  readonly outcome?:
    | { readonly type: 'done'; readonly output?: unknown }
    | {
        readonly type: 'error';
        readonly code: StreamErrorCode;
        readonly message: string;
        readonly details: unknown;
      };
}

/** Whose a value is that two have made. */
const NOBODY = {};

/** Gives what a server has seen to the browser, in the page. Only what is JSON can be given; the rest is read again. */
export class Snapshots {
  /** Who has given what would not be the same if another gave it. */
  readonly #owners = new Map<string, object | undefined>();
  #isFresh = true;

  constructor(
    private readonly state: TransferState,
    readonly onServer: boolean,
    private readonly application: ApplicationRef,
  ) {}

  /**
   * The application has begun. What is rendered after it was stable for the first time has nothing to do with the page that
   * came from the server, which may be old by then.
   */
  begun(): void {
    if (!this.onServer) void this.application.whenStable().then(() => (this.#isFresh = false));
  }

  /** What the server has seen, if this is the page that it has rendered. */
  load<O, A>(key: string): Snapshot<O, A> | undefined {
    if (this.onServer || !this.#isFresh) return undefined;
    const found = this.state.get(makeStateKey<Transferred | null>(key), null);
    return found === null ? undefined : snapshotOf(found);
  }

  /**
   * Keeps what the server has seen. `owner`: who has made it, where others would have made something else of the same
   * stream. Of two owners nothing is kept, because nothing tells in the browser whose it is.
   */
  save(key: string, snapshot: Snapshot<unknown, unknown>, owner?: object): void {
    const former = this.#owners.get(key) ?? owner;
    const isAmbiguous = former !== owner;
    this.#owners.set(key, isAmbiguous ? NOBODY : owner);
    const transferred = isAmbiguous ? undefined : transferredOf(snapshot);
    this.state.set(makeStateKey<Transferred | null>(key), transferred ?? null);
  }
}

export const SNAPSHOTS = new InjectionToken<Snapshots>('Snapshots of durable streams', {
  providedIn: 'root',
  factory: () =>
    // By its value: @angular/common, which has a function for that, is no dependency.
    new Snapshots(
      inject(TransferState),
      (inject(PLATFORM_ID) as unknown) === 'server',
      inject(ApplicationRef),
    ),
});

function transferredOf({
  value,
  offset,
  open,
  outcome,
}: Snapshot<unknown, unknown>): Transferred | undefined {
  // The tail that was there when it was looked for, which only the server knows.
  if (offset === 'now' || !isJson(value)) return undefined;
  const snapshot = { value, offset, open };
  if (outcome === undefined) return snapshot;
  if (outcome.type === 'error') {
    const { code, message, details } = outcome.error;
    const isWhole = details === undefined || isJson(details);
    return isWhole ? { ...snapshot, outcome: { type: 'error', code, message, details } } : snapshot;
  }
  const hasOutput = 'output' in outcome && outcome.output !== undefined;
  if (hasOutput && !isJson(outcome.output)) return snapshot;
  return { ...snapshot, outcome: { type: 'done', ...(hasOutput && { output: outcome.output }) } };
}

function snapshotOf<O, A>({ outcome, ...rest }: Transferred): Snapshot<O, A> {
  const snapshot = rest as Snapshot<O, A>;
  if (outcome === undefined) return snapshot;
  if (outcome.type === 'done') return { ...snapshot, outcome: outcome as StreamOutcome<O> };
  const { code, message, details } = outcome;
  return { ...snapshot, outcome: { type: 'error', error: new StreamError(code, message, { details }) } };
}
