import type { TestScheduler } from 'rxjs/testing';

import type { EngineFeatures, StreamEngine } from '../engines/engine.js';
import { memoryEngine } from '../engines/memory.js';
import { invalid, printed } from '../errors.js';
import {
  type CallFault,
  type Delays,
  type EngineCall,
  type EngineMethod,
  type FaultyEngine,
  faultyEngine,
  type FaultPlan,
  type HintFault,
} from './faulty-engine.js';

/** What a script can be about: the calls of a method, or the hints of all watches. */
export type ScriptTarget = EngineMethod | 'hint';

/** Options of {@link scriptedEngine}. */
export interface ScriptedEngineOptions {
  /**
   * What is behind it: give the same to several to have several processes on one store. Default: a memory engine of its
   * own, without presence where {@link features} say that there are several processes or that hints can be lost.
   */
  engine?: StreamEngine;
  /** What it says of itself, where that differs: `{ tagged: true, lossyHints: true }`, say. */
  features?: Partial<EngineFeatures>;
  /** How long each call takes, in ms, where no fault says otherwise. A number is how long it takes to get there. */
  latency?: number | Delays;
  /**
   * A marble for each method, or for hints: in the frame of a letter its fault is armed, and befalls the next call, or
   * hint. Several letters in one frame, as in `'(ff)'`, befall as many. What is armed in the first frame befalls also
   * what is called before the scheduler runs.
   */
  script?: Partial<Record<ScriptTarget, string>>;
  /** What further letters stand for, or the same ones instead. */
  faults?: Readonly<Record<string, CallFault | HintFault>>;
  /**
   * A marble of `d`, from when on the engine can't be reached (calls fail with `UNAVAILABLE` and hints are lost), and
   * `u`, from when on it can again (watchers are told that hints may have been lost).
   */
  connection?: string;
  /** Marbles by id: in the frame of a digit so many acknowledged commits of the stream are lost. */
  lose?: Readonly<Record<string, string>>;
}

/** An engine that fails as it is told. */
export interface ScriptedEngine extends FaultyEngine {
  /** All calls so far, with the frame and what befell them. */
  readonly calls: readonly ScriptedCall[];
  /** The faults that are armed and have befallen nothing yet. A test whose script is to be used up expects it empty. */
  readonly armed: readonly ArmedFault[];
  /** Arms faults now: each befalls one of the next calls of the method, or of the next hints, in this order. */
  next(target: ScriptTarget, ...faults: (string | CallFault | HintFault)[]): void;
  /** Arms the faults of a marble whose first frame is now. */
  script(target: ScriptTarget, marbles: string): void;
}

/** A call of a {@link ScriptedEngine}. */
export interface ScriptedCall extends EngineCall {
  readonly frame: number;
  readonly fault: CallFault | undefined;
}

/** A fault of a {@link ScriptedEngine} that is to befall something. */
export interface ArmedFault {
  readonly target: ScriptTarget;
  readonly fault: CallFault | HintFault;
}

const CALL_FAULTS: Readonly<Record<string, CallFault>> = {
  f: { type: 'fail' },
  l: { type: 'lose' },
  c: { type: 'conflict' },
  s: { type: 'stale' },
};
const HINT_FAULTS: Readonly<Record<string, HintFault>> = {
  x: { type: 'drop' },
  r: { type: 'repeat' },
  b: { type: 'blank' },
  h: { type: 'hold' },
};
const CALL_TYPES: readonly string[] = ['fail', 'lose', 'conflict', 'stale'];
/** Of what doesn't get through. */
const DROP: HintFault = { type: 'drop' };
const FAIL: CallFault = { type: 'fail' };

/**
 * An engine for marble tests: what goes wrong with it, and when, is told by marbles, and all its time is the test
 * scheduler's, in which its answers come without a microtask. A manager on an engine of several processes looks from
 * time to time what others have left, for as long as it is open: close it, or virtual time never ends. The letters are, for calls, `f` (it fails), `l` (it is
 * carried out and its answer is lost), `c` (a commit meets a conflict), `s` (a read is stale by one version); for hints,
 * `x` (it is lost), `r` (it is repeated), `b` (it says nothing but to look again), `h` (it comes after the next).
 */
export function scriptedEngine(
  scheduler: TestScheduler,
  options: ScriptedEngineOptions = {},
): ScriptedEngine {
  const { features, script = {}, connection = '', lose = {} } = options;
  const presence = !(features?.multiProcess ?? false) && !(features?.lossyHints ?? false);
  const { engine = memoryEngine({ presence }) } = options;
  const plan = new ScriptedPlan(scheduler, options);
  const faulty = faultyEngine(engine, plan, {
    features,
    after: (ms, callback) => void scheduler.schedule(callback, ms),
  });
  plan.losesHints = faulty.features.lossyHints;

  for (const [target, marbles] of Object.entries(script)) plan.script(target as ScriptTarget, marbles);
  inFramesOf(scheduler, connection, connectionOf, (connected) => {
    const returns = connected && !plan.connected;
    plan.connected = connected;
    if (returns) faulty.interrupt();
  });
  for (const [id, marbles] of Object.entries(lose)) {
    inFramesOf(scheduler, marbles, countOf, (commits) => {
      faulty.loseTail(id, commits);
    });
  }
  return Object.assign(faulty, {
    calls: plan.calls,
    armed: plan.armed,
    script: (target: ScriptTarget, marbles: string): void => {
      plan.script(target, marbles);
    },
    next: (target: ScriptTarget, ...all: (string | CallFault | HintFault)[]): void => {
      for (const fault of all)
        plan.arm(target, typeof fault === 'string' ? plan.faultOf(target, fault) : fault);
    },
  });
}

/** What is armed, and takes it when its time has come. */
class ScriptedPlan implements FaultPlan {
  readonly calls: ScriptedCall[] = [];
  readonly armed: ArmedFault[] = [];
  connected = true;
  losesHints = false;
  readonly #scheduler: TestScheduler;
  readonly #letters: Readonly<Record<string, CallFault | HintFault>>;
  readonly #delays: Delays;

  constructor(scheduler: TestScheduler, { latency = 0, faults = {} }: ScriptedEngineOptions) {
    this.#scheduler = scheduler;
    this.#letters = faults;
    this.#delays = typeof latency === 'number' ? { request: latency } : latency;
  }

  onCall(call: EngineCall): CallFault | undefined {
    const { request = 0, answer = 0 } = this.#delays;
    const usually: CallFault | undefined = request + answer > 0 ? { type: 'delay' } : undefined;
    const fault = this.connected ? ((this.#take(call.method) as CallFault | undefined) ?? usually) : FAIL;
    const delayed = fault && { ...this.#delays, ...fault };
    this.calls.push({ ...call, frame: this.#scheduler.frame, fault: delayed });
    return delayed;
  }

  onHint(): HintFault | undefined {
    return this.connected ? (this.#take('hint') as HintFault | undefined) : DROP;
  }

  script(target: ScriptTarget, marbles: string): void {
    inFramesOf(
      this.#scheduler,
      marbles,
      (letter) => this.#checked(target, this.faultOf(target, letter)),
      (fault) => this.armed.push({ target, fault }),
    );
  }

  arm(target: ScriptTarget, fault: CallFault | HintFault): void {
    this.armed.push({ target, fault: this.#checked(target, fault) });
  }

  faultOf(target: ScriptTarget, letter: string): CallFault | HintFault {
    const fault = this.#letters[letter] ?? (target === 'hint' ? HINT_FAULTS : CALL_FAULTS)[letter];
    if (fault !== undefined) return fault;
    throw invalid(`The letter ${printed(letter)} stands for no fault of a ${target}.`);
  }

  #checked(target: ScriptTarget, fault: CallFault | HintFault): CallFault | HintFault {
    // A delay is of hints if it has `ms`, and else of calls.
    const ofCalls = fault.type === 'delay' ? !('ms' in fault) : CALL_TYPES.includes(fault.type);
    if (ofCalls === (target === 'hint'))
      throw invalid(`A fault of the type ${fault.type} can't befall a ${target}.`);
    if (fault.type === 'drop' && !this.losesHints) {
      throw invalid('Whoever uses an engine does not expect hints to be lost unless it says `lossyHints`.');
    }
    return fault;
  }

  #take(target: ScriptTarget): CallFault | HintFault | undefined {
    const index = this.armed.findIndex((each) => each.target === target);
    return index < 0 ? undefined : this.armed.splice(index, 1)[0]?.fault;
  }
}

/** Does something for each letter of a marble in its frame, and in the first one now. */
function inFramesOf<T>(
  scheduler: TestScheduler,
  marbles: string,
  meaning: (letter: string) => T,
  callback: (meant: T) => void,
): void {
  const { messages } = scheduler.createColdObservable(marbles);
  const all = messages.map(({ frame, notification }) => {
    if (notification.kind !== 'N') throw invalid(`A script has no end, but ${printed(marbles)} has.`);
    return { frame, meant: meaning(String(notification.value)) };
  });
  for (const { frame, meant } of all) {
    if (frame === 0) callback(meant);
    else scheduler.schedule(() => callback(meant), frame);
  }
}

function connectionOf(letter: string): boolean {
  if (letter === 'd' || letter === 'u') return letter === 'u';
  throw invalid(`A connection is down (d) or up (u), not ${printed(letter)}.`);
}

function countOf(digit: string): number {
  if (/^[1-9]$/.test(digit)) return Number(digit);
  throw invalid(`From 1 to 9 commits can be lost, not ${printed(digit)}.`);
}
