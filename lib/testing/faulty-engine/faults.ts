import type { Hint } from '../../engines/engine.js';
import type { StreamError } from '../../errors.js';

/** The methods of an engine that can be made to fail. */
export type EngineMethod =
  'load' | 'commit' | 'read' | 'watch' | 'touch' | 'confirm' | 'list' | 'due' | 'schedule';

/** A call of an engine. */
export interface EngineCall {
  readonly method: EngineMethod;
  /** The streams that it is about. */
  readonly ids: readonly string[];
}

/** How long a call takes, whatever becomes of it. `Infinity`: for ever. */
export interface Delays {
  /** How many ms pass until the call reaches the engine. Default: 0. */
  readonly request?: number;
  /** How many ms pass from then until the caller has the answer. Default: 0. */
  readonly answer?: number;
}

/** What goes wrong with a call. */
export type CallFault = Delays &
  (
    | {
        /** Nothing but the delays. */
        readonly type: 'delay';
      }
    | {
        /** `fail`: it does not reach the engine. `lose`: it is carried out, but its answer is lost. */
        readonly type: 'fail' | 'lose';
        /** What the caller is told. Default: `UNAVAILABLE`. */
        readonly error?: StreamError;
      }
    | {
        /**
         * Of a commit: somebody else commits just before. A stream that is there gets a version in which nothing else is
         * new; one that is to begin was begun and removed.
         */
        readonly type: 'conflict';
      }
    | {
        /** Of a read: it gives what was there so many versions before. */
        readonly type: 'stale';
        /** Default: 1. */
        readonly by?: number;
      }
  );

/** What goes wrong with a hint. */
export type HintFault =
  | {
      /** `drop`: it is lost. `repeat`: it comes twice. `blank`: it says only that something may have changed. */
      readonly type: 'drop' | 'repeat' | 'blank';
    }
  | {
      /** It comes after the next one. */
      readonly type: 'hold';
    }
  | {
      /** It comes so many ms later. */
      readonly type: 'delay';
      readonly ms: number;
    };

/** Decides what goes wrong. It is asked for each call, and for each hint of each watch. */
export interface FaultPlan {
  onCall?(call: EngineCall): CallFault | undefined;
  onHint?(hint: Hint): HintFault | undefined;
}
