import { StreamError } from '../../../lib/errors.js';
import type { StreamEnd } from '../../../lib/log/outcome.js';
import type { LogReader, LogSource } from '../../../lib/log/reading.js';
import { encodeOffset, type Offset } from '../../../lib/offset.js';
import type { Life, Value } from './life.js';
import { type Process, THROWN } from './process.js';
import type { Simulation } from './simulation.js';

/** One subscription of one process. */
class Subscription implements LogReader {
  start = 0;
  tag = -1;
  live = false;
  liveFrom = 0;
  source: LogSource | undefined = undefined;
  page?: LogReader['page'];
  closed = false;
  readonly target = this;
  /** Where it goes on, and in what, if it pulls. */
  resumeAt = 0;
  from: LogSource | undefined;

  constructor(
    private readonly client: Client,
    readonly process: Process,
  ) {}

  attached(): void {
    this.client.attached(this);
  }

  next(chunk: never): void {
    this.client.given(this, chunk);
  }

  end(end: StreamEnd<never>): void {
    if (this.closed) throw this.client.sim.world.broken(`${this.client.name} is told two ends`);
    this.closed = true;
    this.client.ended(this, end);
    this.pause();
  }

  leave(): void {
    this.closed = true;
    this.pause();
  }

  pause(): void {
    const { source } = this;
    this.source = undefined;
    source?.detach(this);
  }
}

/** Somebody who reads a stream, wherever it can: what it was given is kept when a process crashes. */
export class Client {
  given$: Value[] = [];
  life: Life | undefined;
  offset: Offset | undefined;
  subscription: Subscription | undefined;
  /** It was told an end, and wants no more. */
  finished = false;
  /** Takes one chunk at a time, and leaves in between. */
  readonly pulls: boolean;
  #since = 0;
  #asleep: Subscription | undefined;

  constructor(
    readonly sim: Simulation,
    readonly name: string,
    readonly id: string,
  ) {
    this.pulls = sim.world.random.chance(0.3);
  }

  get connected(): boolean {
    return this.subscription?.process.alive === true && !this.subscription.closed;
  }

  /** Reads on where it was. */
  connect(process: Process): void {
    const { sim, id, offset } = this;
    const { lib, world } = sim;
    const subscription = new Subscription(this, process);
    this.subscription = subscription;
    this.#since = world.now;
    world.note(() => `${this.name} reads ${id} in ${process.name} after ${offset ?? 'the start'}`);
    process.streams.followers.read(
      subscription,
      id,
      ({ head }) => (offset === undefined ? lib.AT_START : lib.placeOf(id, offset, head)),
      () => {
        subscription.end({ type: 'lost', error: new StreamError('NOT_FOUND', 'absent') });
      },
    );
  }

  leave(): void {
    this.sim.world.note(() => `${this.name} leaves`);
    this.subscription?.leave();
    this.subscription = undefined;
  }

  /** Begins anew, if it was told an end. */
  restart(): void {
    this.given$ = [];
    this.life = undefined;
    this.offset = undefined;
    this.finished = false;
  }

  /** Whether all that was given comes from a source that this life has, too: two forks of it share its offsets. */
  #isInherited({ log, forkedAt }: Life): boolean {
    const { given$ } = this;
    return given$.length <= forkedAt && given$.every((value, i) => value === log[i]);
  }

  attached(subscription: Subscription): void {
    const { world, oracle } = this.sim;
    const { generation } = subscription.source as LogSource & { generation: number };
    const life = oracle.lives.get(generation);
    world.demand(life !== undefined, () => `${this.name} reads a life that never was`);
    const same = this.life === undefined || this.life === life || this.#isInherited(life as Life);
    world.demand(same, () => `${this.name} is moved from one life of ${this.id} to another`);
    this.life = life;
  }

  given(subscription: Subscription, chunk: string): void {
    const { world, oracle } = this.sim;
    const { random } = world;
    const { source } = subscription;
    const { life } = this;
    world.demand(
      subscription === this.subscription && !subscription.closed,
      () => `${this.name} is given ${chunk} after it left`,
    );
    if (life === undefined || source === undefined)
      throw world.broken(`${this.name} is given ${chunk} without a stream`);
    const value = oracle.values.get(chunk) as Value;
    const index = this.given$.push(value) - 1;
    const position = subscription.live ? source.position : subscription.start;
    const offset = source.offsetAt(position);
    world.note(() => `${this.name} is given ${chunk} at ${position}`);
    if (!life.cut) {
      const expected = life.log[index];
      world.demand(expected === value, () => `${this.name} is given ${chunk} for ${expected?.text}`);
      const right = encodeOffset(generationAt(life, index + 1), index + 1, life.tags[index]);
      world.demand(offset === right, () => `${this.name} is given the offset ${offset} for ${right}`);
    }
    world.demand(this.offset === undefined || offset > this.offset, () => 'offsets that do not sort');
    this.offset = offset;
    if (this.pulls) {
      subscription.resumeAt = position;
      subscription.from = source;
      subscription.pause();
      this.#asleep = subscription;
      world.later(random.fraction() * 40, subscription.process, () => {
        this.#pull(subscription);
      });
    } else if (random.chance(0.05)) {
      this.#interfere();
    }
  }

  ended(subscription: Subscription, end: StreamEnd<never>): void {
    const { world } = this.sim;
    const { life } = this;
    if (subscription !== this.subscription) throw world.broken(`${this.name} is told an end after it left`);
    world.note(
      () =>
        `${this.name} is told ${end.type} ${end.type === 'done' ? String(end.output) : `${end.error.code}: ${end.error.message}`}`,
    );
    this.subscription = undefined;
    if (end.type === 'lost') {
      this.#lost(end.error.code, subscription);
      return;
    }
    this.finished = true;
    const outcome = life?.outcome;
    if (life === undefined || (outcome === undefined && !life.cut))
      throw world.broken(`${this.name} is told an end that is none`);
    if (life.cut) {
      world.demand(this.sim.oracle.isPrefix(this.given$, life), () => `${this.name} was given a splice`);
      return;
    }
    const right =
      outcome?.type === 'done'
        ? end.type === 'done' && end.output === outcome.output
        : end.type === 'error' && end.error.code === outcome?.error.code;
    world.demand(right, () => `${this.name} is told another outcome than ${JSON.stringify(outcome)}`);
    const { length } = life.log;
    world.demand(
      this.given$.length === length,
      () => `${this.name} is told the end after ${this.given$.length} of ${length}`,
    );
  }

  /** At rest, everybody has everything. */
  settled(): void {
    const { life, sim, subscription } = this;
    const { world, oracle } = sim;
    if (!this.connected || this.#asleep === subscription) return;
    if (life === undefined) throw world.broken(`${this.name} hangs before it has begun to read`);
    if (life.over < world.now) throw world.broken(`${this.name} hangs, though ${life.id} is over`);
    if (life.outcome !== undefined) throw world.broken(`${this.name} hangs before the end`);
    const all = this.given$.length === life.log.length && oracle.isPrefix(this.given$, { ...life, lost: [] });
    if (!all) throw world.broken(`${this.name} hangs after ${this.given$.length} of ${life.log.length}`);
  }

  #pull(subscription: Subscription): void {
    if (subscription.closed) return;
    this.#asleep = undefined;
    subscription.start = subscription.resumeAt;
    this.#since = this.sim.world.now;
    subscription.from?.attach(subscription);
  }

  /** What else happens inside a callback: others leave and come, and somebody throws. */
  #interfere(): void {
    const { sim } = this;
    const { random } = sim.world;
    const { process } = this.subscription as Subscription;
    switch (random.below(4)) {
      case 0:
        random.pick(sim.clients).leave();
        return;
      case 1:
        sim.read(process, this.id);
        return;
      case 2:
        this.leave();
        return;
      default:
        throw THROWN;
    }
  }

  #lost(code: string, { process }: Subscription): void {
    const { sim, life, id } = this;
    const { world, oracle } = sim;
    const present = oracle.byId.get(id);
    const changed =
      present?.cut === true ||
      oracle.wasAbsent(id, this.#since) ||
      (life !== undefined && life.over <= world.now);
    switch (code) {
      case 'NOT_FOUND':
      case 'OUT_OF_RANGE':
        world.demand(
          changed || (life !== undefined && life !== present),
          () => `${this.name} is told ${code} of what is there`,
        );
        this.finished = true;
        break;
      case 'DATA_LOSS':
        world.demand(
          life?.cut === true || present?.cut === true,
          () => `${this.name} is told of a loss that was none`,
        );
        this.finished = true;
        break;
      case 'UNAVAILABLE':
        world.demand(process.mayFail(), () => `${this.name} is given up before its time`);
        break;
      default:
        throw world.broken(`${this.name} is told ${code}`);
    }
    if (life === undefined) return;
    world.demand(oracle.isPrefix(this.given$, life), () => `${this.name} was given a splice`);
  }
}

function generationAt(life: Life, position: number): number {
  const { source } = life;
  return source !== undefined && position <= life.forkedAt ? generationAt(source, position) : life.generation;
}
