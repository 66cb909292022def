import type { CommitResult, Loaded, LoadRequest, Payload, StreamEngine } from '../engines/engine.js';
import { printed, StreamError } from '../errors.js';
import { settle } from '../maybe-promise.js';
import { asStreamError, backoff, type Clock, persist } from './clock.js';
import { isDue } from './decide.js';
import { appended } from './decide-append.js';
import type { Rules } from './decision.js';
import { answerTo, repeated, type Request } from './group.js';
import { type Head, headWith } from './head.js';
import { Lane, type LaneGroup } from './lane.js';
import { mayBeDue, nearestEnd } from './time.js';

/** Limits of a {@link StreamLog}. */
export interface LogLimits {
  /** How many bytes of chunks may wait to be stored, per stream; more is `RESOURCE_EXHAUSTED`. */
  readonly maxInFlightBytes: number;
  /** For how long, in ms, a commit is tried again that has met another's or an engine that fails; then `UNAVAILABLE`. */
  readonly retryFor: number;
}

/** How many streams without anything to do are remembered. */
const MAX_IDLE_LANES = 16_384;
/** How often a synchronous engine is tried again at once, when others write in between. */
const MAX_IMMEDIATE_TRIES = 100;

/**
 * Carries out commands on the streams of an engine. Those of one stream are decided one after another and share a
 * commit; streams that are ready at once share a call of the engine; what arrives while a commit is on its way is the
 * next. On a synchronous engine everything has happened when a call returns.
 */
export class StreamLog {
  readonly #lanes = new Map<string, Lane>();
  #ready: Lane[] = [];
  /** Of whom all is known that has to be, where the engine is to say when it is their turn. */
  #waiting: Lane[] = [];
  #closed: StreamError | undefined;
  /** Told when somebody who is there may have to be told of an end, where the engine does not know by itself. */
  scheduled: (at: number) => void = () => undefined;

  constructor(
    readonly engine: StreamEngine,
    readonly rules: Rules,
    readonly clock: Clock,
    private readonly limits: LogLimits,
    /** Told of what removing a fork leaves to do. */
    private readonly removed: (origin: NonNullable<LaneGroup['origin']>) => void,
  ) {}

  /** Carries out a command. Fails with what `decide` refuses, and as {@link LogLimits} say. */
  submit(request: Request): void {
    if (this.#closed !== undefined) {
      request.failed(this.#closed);
      return;
    }
    const { command } = request;
    const lane = this.#laneOf(request.id);
    if (command.type === 'append') {
      if (!this.#hasRoom(lane, command.bytes)) {
        request.failed(this.#full(request.id));
        return;
      }
      lane.bytes += command.bytes;
    }
    lane.queue.push(request);
    if (!lane.busy) this.#start(lane);
  }

  /** Why an append of so many bytes would be refused now, so that its writer can refuse it at the call. */
  refusal(id: string, bytes: number): StreamError | undefined {
    return this.#hasRoom(this.#laneOf(id), bytes) ? undefined : this.#full(id);
  }

  /** An append that waits has grown by what would not be refused. */
  grown(id: string, bytes: number): void {
    this.#laneOf(id).bytes += bytes;
  }

  /**
   * Looks a stream up as the clock has it: what is due is stored before. `undefined` if there is none; those that are
   * only kept for their forks are given.
   */
  look(id: string, done: (loaded: Loaded | undefined) => void, failed: (error: StreamError) => void): void {
    if (this.#closed !== undefined) {
      failed(this.#closed);
      return;
    }
    const { rules, clock, engine } = this;
    const { retryFor } = this.limits;
    persist(
      { clock, engine, retryFor },
      () => engine.load([{ id }]),
      ([loaded]) => {
        if (loaded === undefined || !isDue({ ...loaded, parts: NO_PARTS }, clock.now(), rules)) {
          done(loaded);
          return;
        }
        this.submit({
          id,
          command: { type: 'settle' },
          done: () => {
            this.look(id, done, failed);
          },
          failed,
        });
      },
      failed,
    );
  }

  /** Fails everything that waits, and all that comes. */
  close(error: StreamError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    for (const lane of this.#lanes.values()) {
      for (const request of lane.queue.splice(0)) request.failed(error);
    }
    this.#lanes.clear();
  }

  /**
   * Appends a chunk of an input if everything is known and nothing is in the way: the path of nearly all writes to
   * memory, without what the others need. Gives the stream after it; `undefined` where the append is to be submitted,
   * which also finds out what has become of it if the engine has failed.
   */
  appendAtOnce(
    id: string,
    generation: number,
    nonce: string,
    seq: number,
    chunk: Payload,
    bytes: number,
  ): Head | undefined {
    const { engine, rules } = this;
    if (!engine.features.synchronous) return undefined;
    const lane = this.#lanes.get(id);
    if (lane?.state === undefined || !lane.known || lane.busy || lane.queue.length > 0) return undefined;
    const { head: expected, soft, parts } = lane.state;
    if (expected.generation !== generation || mayBeDue(expected)) return undefined;
    const chunks = [chunk];
    const head = appended(expected, nonce, seq, chunks, bytes, rules);
    if (head === undefined) return undefined;
    const entry = { position: expected.tail, chunks, bytes, tag: head.tag, previous: expected.tag };
    // Before it is stored: a watcher may write, on top of what it was told of.
    lane.state = { head, soft, parts };
    lane.fresh = 0;
    try {
      const commit = { id, expected, head, parts: undefined, entries: [entry] };
      const results = engine.commit([commit]) as readonly CommitResult[];
      if (results[0]?.type === 'stored') return head;
    } catch {
      // Every append can be repeated.
    }
    lane.forget();
    return undefined;
  }

  #laneOf(id: string): Lane {
    let lane = this.#lanes.get(id);
    if (lane !== undefined) return lane;
    if (this.#lanes.size >= MAX_IDLE_LANES) this.#forgetIdle();
    lane = new Lane(id);
    this.#lanes.set(id, lane);
    return lane;
  }

  /** What is remembered saves a look-up and nothing else, so the oldest half can go. */
  #forgetIdle(): void {
    let most = this.#lanes.size - MAX_IDLE_LANES / 2;
    for (const [id, lane] of this.#lanes) {
      if (most-- <= 0) break;
      if (!lane.busy && lane.queue.length === 0) this.#lanes.delete(id);
    }
  }

  #hasRoom(lane: Lane, bytes: number): boolean {
    return lane.bytes === 0 || lane.bytes + bytes <= this.limits.maxInFlightBytes;
  }

  #full(id: string): StreamError {
    return new StreamError(
      'RESOURCE_EXHAUSTED',
      `More than maxInFlightBytes, ${this.limits.maxInFlightBytes}, wait to be stored in the stream ${printed(id)}.`,
    );
  }

  #start(lane: Lane): void {
    lane.busy = true;
    lane.tries = 0;
    if (this.engine.features.synchronous) {
      this.#run([lane]);
      return;
    }
    if (this.#ready.push(lane) > 1) return;
    this.clock.soon(() => {
      this.#run(this.#ready.splice(0));
    });
  }

  /** Takes the lanes a step further: loads what has to be known, then decides and commits. */
  #run(lanes: readonly Lane[]): void {
    if (this.#closed !== undefined) return;
    const asked: Lane[] = [];
    const requests: LoadRequest[] = [];
    for (const lane of lanes) {
      const wanted = lane.wanted();
      if (wanted === undefined) continue;
      asked.push(lane);
      requests.push(wanted);
    }
    if (asked.length === 0) {
      this.#await(lanes);
      return;
    }
    settle(
      () => this.engine.load(requests),
      (loaded) => {
        for (const [i, lane] of asked.entries()) lane.learn(requests[i] as LoadRequest, loaded[i]);
        // What is known for sure now may be all that is asked for.
        this.#commit(lanes, atOnce);
      },
      (error) => {
        for (const lane of lanes) this.#retry(lane, [], error);
      },
    );
  }

  /** Decides as late as the engine lets it, so that what comes until then shares the commit. */
  #await(lanes: readonly Lane[]): void {
    const { engine, clock } = this;
    if (engine.ready === undefined) {
      this.#commit(lanes, atOnce);
      return;
    }
    const isAwaited = this.#waiting.length > 0;
    for (const lane of lanes) this.#waiting.push(lane);
    if (isAwaited) return;
    engine.ready(() => {
      if (this.#closed !== undefined) return;
      this.#commit(this.#waiting.splice(0), (callback) => {
        clock.soon(callback);
      });
    });
  }

  /** Decides and commits; `next` is given what may call the engine or its users otherwise. */
  #commit(lanes: readonly Lane[], next: (callback: () => void) => void): void {
    const { engine, rules, clock } = this;
    const groups: LaneGroup[] = [];
    const again: Lane[] = [];
    for (const lane of lanes) {
      const group = lane.fold(clock.now(), rules, engine.features.maxCommitBytes);
      if (group === undefined) {
        again.push(lane);
      } else if (group.commit === undefined) {
        next(() => {
          this.#carriedOut(group, group.base?.head);
        });
      } else {
        groups.push(group);
      }
    }
    if (again.length > 0) {
      next(() => {
        this.#run(again);
      });
    }
    if (groups.length === 0) return;
    // A watcher may write before the call returns, on top of what it was told of.
    if (engine.features.synchronous) for (const { lane } of groups) lane.busy = false;
    settle(
      () => engine.commit(groups.map(({ commit }) => commit as NonNullable<typeof commit>)),
      (results) => {
        for (const [i, group] of groups.entries()) this.#committed(group, results[i] as CommitResult);
      },
      (error) => {
        for (const group of groups) this.#retry(group.lane, repeated(group), error);
      },
    );
  }

  #committed(group: LaneGroup, result: CommitResult): void {
    const { lane, requests, commit, origin } = group;
    switch (result.type) {
      case 'stored': {
        lane.fresh = 0;
        const head = commit?.head;
        if (commit?.dueAt !== undefined && head !== undefined) this.scheduled(nearestEnd(head));
        if (head?.generation === 0) {
          const created = headWith(head, { generation: result.generation });
          // Unless somebody who was told of it has gone on from there.
          if (lane.state?.head === head) lane.state = { ...lane.state, head: created };
          this.#carriedOut(group, created);
        } else {
          this.#carriedOut(group, head);
        }
        if (origin !== undefined) this.removed(origin);
        break;
      }
      case 'conflict':
        lane.forget();
        lane.learn({ id: lane.id }, result.current, requests.length);
        this.#retry(lane, requests, undefined);
        break;
      case 'refused':
        lane.forget();
        if (requests.length > 1) {
          lane.single = true;
          this.#again(lane, requests);
        } else {
          this.#failed(lane, requests, result.error);
        }
    }
  }

  /** Answers, and goes on with what has arrived meanwhile. */
  #carriedOut(group: LaneGroup, head: Head | undefined): void {
    const { lane, requests, decisions } = group;
    this.#over(lane, requests, (request, i) => {
      const decision = decisions[i];
      if (decision?.type === 'refusal') request.failed(decision.error);
      else request.done(answerTo(group, i, head));
    });
  }

  #failed(lane: Lane, requests: readonly Request[], error: StreamError): void {
    this.#over(lane, requests, (request) => {
      request.failed(error);
    });
  }

  /** The requests are over: their bytes are free, they are answered, and those behind them are next. */
  #over(lane: Lane, requests: readonly Request[], answer: (request: Request, index: number) => void): void {
    for (const { command } of requests) if (command.type === 'append') lane.bytes -= command.bytes;
    lane.tries = 0;
    // Who is answered may write, and expects a synchronous engine to have it when the call returns.
    if (this.engine.features.synchronous) lane.busy = false;
    requests.forEach(answer);
    if (!this.engine.features.synchronous) lane.busy = false;
    lane.single &&= lane.queue.length > 0;
    if (lane.queue.length > 0 && !lane.busy) this.#start(lane);
  }

  #again(lane: Lane, requests: readonly Request[]): void {
    if (this.#closed !== undefined) {
      this.#failed(lane, requests, this.#closed);
      return;
    }
    lane.queue.unshift(...requests);
    lane.busy = true;
    this.#run([lane]);
  }

  /**
   * Tries again: at once after a first conflict, later after more, or after a failure, of which it is not known whether
   * it was stored. Every command can be repeated.
   */
  #retry(lane: Lane, requests: readonly Request[], error: unknown): void {
    if (this.#closed !== undefined) {
      for (const request of requests) request.failed(this.#closed);
      return;
    }
    const { clock, engine, limits } = this;
    const now = clock.now();
    if (lane.tries++ === 0) lane.since = now;
    const failure = error === undefined ? undefined : asStreamError(error, engine.name);
    if (failure !== undefined) lane.forget();
    const mendable = failure === undefined || failure.code === 'UNAVAILABLE';
    if (!mendable || now - lane.since >= limits.retryFor) {
      const waiting = requests.length > 0 ? requests : lane.queue.splice(0);
      this.#failed(lane, waiting, failure ?? contended(lane.id));
      return;
    }
    if (failure === undefined && lane.tries <= (engine.features.synchronous ? MAX_IMMEDIATE_TRIES : 1)) {
      this.#again(lane, requests);
      return;
    }
    lane.queue.unshift(...requests);
    lane.busy = true;
    clock.after(
      failure === undefined ? backoff(lane.tries, 1, 100, clock) : backoff(lane.tries, 10, 1_000, clock),
      () => {
        this.#run([lane]);
      },
    );
  }
}

const atOnce = (callback: () => void): void => {
  callback();
};

const NO_PARTS: ReadonlyMap<string, unknown> = new Map();

const contended = (id: string): StreamError =>
  new StreamError('UNAVAILABLE', `Others write the stream ${printed(id)} so often that no commit succeeds.`);
