import type { StreamEngine } from '../../../lib/engines/engine.js';
import { StreamError } from '../../../lib/errors.js';
import type { StoredOutcome } from '../../../lib/log/head.js';
import type { Answer, Request } from '../../../lib/log/group.js';
import type { StreamEnd } from '../../../lib/log/outcome.js';
import type { Streams } from '../../../lib/log/streams.js';
import type { Simulation } from './simulation.js';
import { clockOf, type Owner } from './world.js';

/** Thrown by readers, on purpose. */
export const THROWN = new Error('A reader throws.');

/** A process: all of its state is lost when it crashes. */
export class Process implements Owner {
  alive = true;
  /** It was closed, and not killed. */
  closed = false;
  readonly streams: Streams;
  readonly now: () => number;
  /** Requests that are not answered. */
  readonly pending = new Set<Request>();
  #cancelSweep: (() => void) | undefined;

  constructor(
    readonly name: string,
    readonly sim: Simulation,
    skew: number,
  ) {
    const { world, network, lib, profile } = sim;
    const clock = clockOf(world, this, skew);
    this.now = () => clock.now();
    const engine: StreamEngine = network.engineFor(this);
    this.streams = new lib.Streams({
      engine,
      clock,
      maxChunks: profile.maxChunks,
      maxBytes: Infinity,
      maxInFlightBytes: Infinity,
      arm: (at) => {
        this.#cancelSweep?.();
        this.#cancelSweep = undefined;
        if (at === Infinity) return;
        this.#cancelSweep = world.later(Math.max(0, at - clock.now()), this, () => {
          this.streams.sweeper.sweep();
        });
      },
      decode: (payload) => payload,
      endOf,
      report: (error) => {
        if (error !== THROWN) this.#broken(error);
      },
    });
    this.#watchRequests();
    this.streams.begin();
  }

  /** It is gone between two steps: nothing of it runs any more. */
  crash(): void {
    this.sim.world.note(() => `${this.name} crashes`);
    this.alive = false;
  }

  /** It is stopped in order. */
  close(): void {
    this.sim.world.note(() => `${this.name} is closed`);
    this.closed = true;
    this.streams.close(new StreamError('UNAVAILABLE', 'It is closed.'));
  }

  /** Whether what is said to be unavailable may be: it fails for long enough, or is closed. */
  mayFail(): boolean {
    const { world, network } = this.sim;
    return this.closed || world.now - network.failedSince >= 9_900;
  }

  /** Every request is answered once, by whatever way it comes. */
  #watchRequests(): void {
    const { log } = this.streams;
    const submit = log.submit.bind(log);
    log.submit = (request) => {
      const { id, command } = request;
      this.pending.add(request);
      submit({
        id,
        command,
        taken: () => request.taken?.(),
        done: (answer) => {
          this.#answered(request);
          this.#acknowledged(request, answer);
          request.done(answer);
        },
        failed: (error) => {
          this.#answered(request);
          this.#failed(request, error);
          request.failed(error);
        },
      });
    };
  }

  #answered(request: Request): void {
    if (!this.pending.delete(request))
      throw this.sim.world.broken(`${request.command.type} is answered twice`);
  }

  #acknowledged({ id, command }: Request, { head, position, duplicate }: Answer): void {
    const { oracle, world } = this.sim;
    const life = head && oracle.lives.get(head.generation);
    if ((command.type === 'create' || command.type === 'takeOver') && life !== undefined)
      oracle.claimed(command.nonce, life);
    if (command.type !== 'append') return;
    if (life === undefined) throw world.broken(`an append to ${id} without a stream`);
    for (const chunk of command.chunks) {
      const value = oracle.values.get(chunk as string);
      if (value === undefined) continue;
      const stored = life.cut || life.log.includes(value);
      world.demand(stored, () => `${value.text} is acknowledged, and not stored`);
    }
    const last = command.chunks.at(-1);
    if (last === undefined || life.cut || duplicate) return;
    world.demand(life.log[position - 1]?.text === last, () => `${String(last)} is not at ${position}`);
  }

  #failed({ id, command }: Request, error: StreamError): void {
    const { oracle, world } = this.sim;
    const { code } = error;
    world.note(() => `${this.name} ${command.type} ${id}: ${code} ${error.message}`);
    if (!(code in CODES)) throw world.broken(`${command.type} fails with ${code}: ${error.message}`);
    if (code === 'UNAVAILABLE') {
      const forgotten = error.message.startsWith('So many others');
      if (!this.mayFail() && !forgotten) throw world.broken(`${command.type} gives up before its time`);
    }
    if (command.type !== 'append') return;
    for (const chunk of command.chunks) {
      const value = oracle.values.get(chunk as string);
      if (value === undefined || (code !== 'FAILED_PRECONDITION' && code !== 'RESOURCE_EXHAUSTED')) continue;
      // Another process may have asked for the same.
      if (value.author.kind === 'producer') continue;
      value.refused = true;
      const life = oracle.byId.get(id);
      const stored = life?.cut === false && life.over === Infinity && life.log.includes(value);
      world.demand(!stored, () => `${value.text} is refused with ${code}, and stored`);
    }
  }

  #broken(error: unknown): void {
    const { message } = Object(error) as Partial<Error>;
    throw this.sim.world.broken(`something throws: ${message ?? String(error)}`);
  }
}

/** What a request may fail with. */
const CODES = {
  ABORTED: true,
  ALREADY_EXISTS: true,
  DATA_LOSS: true,
  FAILED_PRECONDITION: true,
  INVALID_ARGUMENT: true,
  NOT_FOUND: true,
  OUT_OF_RANGE: true,
  RESOURCE_EXHAUSTED: true,
  UNAVAILABLE: true,
};

const errorOf = ({ code, message }: { code: string; message: string }): StreamError =>
  new StreamError(code as StreamError['code'], message);

const endOf = (outcome: StoredOutcome): StreamEnd<never> =>
  outcome.type === 'error'
    ? { type: 'error', error: errorOf(outcome.error) }
    : { type: 'done', output: outcome.output as never };

/** The error of an outcome, if it is one. */
export const failureOf = (outcome: StoredOutcome): StreamError | undefined =>
  outcome.type === 'error' ? errorOf(outcome.error) : undefined;
