import type { Payload } from '../engines/engine.js';
import type { Lifetime, Origin, StoredOutcome } from './head.js';

/** Begins the stream of an id that has none. */
export interface Create {
  readonly type: 'create';
  /** A random name of this creation: whoever repeats it is answered as before. */
  readonly nonce: string;
  readonly lifetime: Lifetime;
  readonly contentType?: string | undefined;
  /** Whether the nonce also names the input that may write the stream. */
  readonly owned: boolean;
  readonly chunks?: readonly Payload[] | undefined;
  /** How many bytes the chunks have. */
  readonly bytes?: number | undefined;
  readonly outcome?: StoredOutcome | undefined;
  /** Of a fork: what it has of its source. */
  readonly fork?:
    | {
        readonly origin: Origin;
        /** The source's tag at the origin's position. */
        readonly tag: number;
        readonly lineage: readonly (readonly [generation: number, until: number])[];
      }
    | undefined;
}

/** Who writes. A repeated append is known by its number. */
export type Writer =
  /** An input. Its appends are numbered from 1; up to which they were acknowledged shows what a store has lost. */
  | {
      readonly type: 'owner';
      readonly nonce: string;
      readonly seq: number;
      readonly acknowledged: number;
    }
  /** An idempotent producer, named by whoever writes. Its appends are numbered from 0 in each epoch. */
  | { readonly type: 'producer'; readonly id: string; readonly epoch: number; readonly seq: number }
  /** A process, for whoever gives no name. `slot` is the one that it was given with its first append. */
  | {
      readonly type: 'process';
      readonly id: string;
      readonly seq: number;
      readonly slot: number | undefined;
    };

/** Appends chunks, or ends the stream, or both. */
export interface Append {
  readonly type: 'append';
  readonly writer: Writer;
  /** The life of the id that is meant, if the writer knows it. */
  readonly generation?: number | undefined;
  readonly chunks: readonly Payload[];
  /** How many bytes the chunks have. */
  readonly bytes: number;
  /** What to end the stream with, after the chunks. */
  readonly outcome?: StoredOutcome | undefined;
  readonly contentType?: string | undefined;
  /** An application sequence: refused unless greater than the last, compared by code units. */
  readonly sequence?: string | undefined;
}

/** Makes an input the one that may write an open stream. */
export interface TakeOver {
  readonly type: 'takeOver';
  readonly nonce: string;
  /** What replaces the stream's lifetime. */
  readonly lifetime: Partial<Lifetime>;
  /**
   * Of a repeated one: the input that it replaces. If another is there it may have been carried out, and have been
   * replaced in turn; and whoever is repeated takes nothing from one that came after it.
   */
  readonly replaces?: { readonly nonce: string | undefined } | undefined;
}

/** Lets an input go without an outcome. */
export interface Release {
  readonly type: 'release';
  readonly nonce: string;
}

/** Ends an open stream `CANCELLED`, or asks its producer to end it within a time. */
export interface Stop {
  readonly type: 'stop';
  /** The life of the id that is meant, where it is repeated. */
  readonly generation?: number | undefined;
  readonly reason: string;
  readonly grace: number;
}

/** Ends an open stream whose producer has shown no sign of life: neither `n` nor the beat has changed. */
export interface LoseLease {
  readonly type: 'loseLease';
  readonly generation: number;
  readonly n: number;
  readonly beat: number;
}

/** Removes a stream, or keeps it only for its forks. */
export interface Remove {
  readonly type: 'remove';
  /** The life of the id that is meant, where it is repeated: if it is not there, this was carried out before. */
  readonly generation?: number | undefined;
}

/** Stores what the clock has made true. */
interface Settle {
  readonly type: 'settle';
}

/** Announces a fork that will read this stream, or makes it firm, or says that it is not there. */
export interface Refer {
  readonly type: 'refer';
  readonly generation: number;
  /** The nonce of the fork's creation. */
  readonly nonce: string;
  readonly change:
    | { readonly type: 'announce'; readonly id: string; readonly until: number; readonly after: number }
    /** The fork is there, with this generation. */
    | { readonly type: 'confirm'; readonly generation?: number | undefined }
    /** The fork is not there, nor is any later life of it than this. */
    | { readonly type: 'drop'; readonly generation?: number | undefined };
}

/** When the forks of this stream have to be looked for next. */
export interface Recheck {
  readonly type: 'recheck';
  readonly generation: number;
  /** The stream's `announced` when they were looked for: those that came since were not. */
  readonly seen: number | undefined;
  readonly at: number | undefined;
}

/** What can be asked of a stream. */
export type Command =
  Create | Append | TakeOver | Release | Stop | LoseLease | Remove | Settle | Refer | Recheck;
