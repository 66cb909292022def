import { Input, Anonymous, Producer } from './writers.js';
import { Network } from './engine.js';
import type * as Lib from './lib.js';
import { Oracle } from './oracle.js';
import { Process } from './process.js';
import { type Profile, profileOf } from './profile.js';
import { Random } from './random.js';
import { checkRest } from './rest.js';
import { Client } from './readers.js';
import { Store } from './store.js';
import { NATURE, type Violation, World } from './world.js';

/** The modules that are simulated. */
export type SimulatedLib = typeof Lib;

/** How much may happen in one seed; more is a spin. */
const MOST_STEPS = 12_000;
/** How long, in ms, what hangs in a timer has to come after all is calm: retries, polls, sweeps, and leases then. */
const REST = 150_000;

/** One seed: processes, their users, what goes wrong, and the promises. */
export class Simulation {
  readonly random: Random;
  readonly world: World;
  readonly oracle: Oracle;
  readonly store: Store;
  readonly network: Network;
  readonly profile: Profile;
  readonly clients: Client[] = [];
  readonly #ids: string[];
  #processes: Process[] = [];
  #inputs: Input[] = [];
  readonly #producers: Producer[] = [];
  readonly #anonymous = new Map<string, Anonymous>();
  #names = 0;

  constructor(
    seed: number,
    readonly lib: SimulatedLib,
    trace?: string[],
  ) {
    this.random = new Random(seed);
    this.world = new World(this.random);
    this.world.trace = trace;
    this.profile = profileOf(this.random, seed);
    this.oracle = new Oracle(this.world);
    const { oracle } = this;
    this.store = new Store(oracle.onCommit, oracle.onBeat);
    this.network = new Network(this.world, this.store, this.profile);
    oracle.usedAt = (id) => this.store.soft(id).usedAt;
    // Where nothing has failed, a producer that is there is never late.
    oracle.mustLive = (nonce) =>
      this.network.failedSince === Infinity &&
      this.#inputs.some(({ author, usable }) => usable && author.key === nonce);
    oracle.committerNow = () => (this.network.committing as unknown as Process).now();
    this.#ids = this.random.chance(0.7) ? ['a'] : ['a', 'b'];
    this.world.note(() => JSON.stringify(this.profile));
  }

  /** Runs it; gives the promise that was broken, if one was. */
  run(): Violation | undefined {
    const { world } = this;
    try {
      for (let i = 0; i < this.profile.processes; i++) this.#start();
      this.#plan(this.profile.actions);
      this.#until(() => this.network.calm);
      const end = world.now + REST;
      while (world.step(end)) this.#check();
      checkRest({
        world,
        clients: this.clients,
        inputs: this.#inputs,
        processes: this.#processes,
        lives: this.oracle.lives.values(),
        // Where nobody reads it is looked for when a clock says so that may be behind, and after forks are.
        slack: this.profile.forks ? Infinity : 2 * this.profile.skew,
      });
    } catch (error) {
      if (world.violation === undefined) throw error;
    }
    return world.violation;
  }

  /** A name that nothing else has. */
  name(of: string): string {
    return `${of}${++this.#names}`;
  }

  /** Somebody begins to read. */
  read(process: Process, id: string): void {
    if (this.clients.length >= 8) return;
    const client = new Client(this, this.name('reader'), id);
    this.clients.push(client);
    client.connect(process);
  }

  #until(over: () => boolean): void {
    while (!over() && this.world.step()) this.#check();
  }

  #check(): void {
    const { world } = this;
    if (world.violation !== undefined) throw world.violation;
    if (world.steps > MOST_STEPS) throw world.broken('something spins');
  }

  #start(): Process {
    const { skew } = this.profile;
    const process = new Process(this.name('P'), this, skew === 0 ? 0 : this.random.below(2 * skew) - skew);
    this.#processes.push(process);
    return process;
  }

  /** One action after another, then peace. */
  #plan(left: number): void {
    const { world, profile, random, network } = this;
    if (left === 0) {
      network.calm = true;
      this.#recover();
      return;
    }
    const pause = profile.pace * random.fraction() * (random.chance(0.05) ? 20 : 1);
    world.later(pause, NATURE, () => {
      this.#act();
      this.#plan(left - 1);
    });
  }

  /** Somebody is there again, and goes on with what is not done. */
  #recover(): void {
    if (this.#running().length === 0) this.#start();
    const process = this.random.pick(this.#running());
    for (const client of this.clients) if (!client.connected && !client.finished) client.connect(process);
    for (const producer of this.#producers) producer.append(process, 1);
  }

  #running(): Process[] {
    return this.#processes.filter(({ alive, closed }) => alive && !closed);
  }

  #act(): void {
    const { random, profile } = this;
    const process =
      this.#processes.find(({ alive, closed }) => alive && !closed) === undefined
        ? this.#start()
        : random.pick(this.#running());
    const id = random.pick(this.#ids);
    // Where there is nothing, little can go wrong.
    const dice = this.oracle.lives.size === 0 && random.chance(0.5) ? 0 : random.below(100);
    if (dice < 14) this.#open(process, id);
    else if (dice < 48) this.#write();
    else if (dice < 56) this.#appendFrom(process, id);
    else if (dice < 76) this.#readSome(process, id);
    else if (dice < 84) this.#disturb(process, id);
    else if (dice < 90) this.#rule(process, id);
    else if (dice < 95) this.#finish();
    else if (profile.forks) this.#fork(process, id);
    else this.#write();
  }

  #open(process: Process, id: string): void {
    const exists = this.oracle.present(id) !== undefined;
    const resumes = exists && this.profile.takeovers && this.random.chance(0.8);
    if (exists && !resumes && this.random.chance(0.7)) {
      this.#write();
      return;
    }
    process.streams.begin();
    this.#inputs.push(new Input(this, process, id, !resumes));
  }

  #write(): void {
    const { random } = this;
    const usable = this.#inputs.filter((input) => input.usable);
    if (usable.length === 0) return;
    const input = random.pick(usable);
    for (let times = random.chance(0.3) ? 3 : 1; times > 0; times--) {
      if (input.input.closed) return;
      if (random.chance(0.4)) input.write();
      else input.next();
    }
    if (random.chance(0.1)) input.flush();
  }

  #appendFrom(process: Process, id: string): void {
    const { random, profile } = this;
    if (profile.producers && random.chance(0.6)) {
      if (this.#producers.length < 2) this.#producers.push(new Producer(this, id));
      const producer = random.pick(this.#producers);
      if (random.chance(0.1)) producer.renew();
      producer.append(process, random.chance(0.3) ? 3 : 1);
    } else if (profile.writers) {
      const key = `${process.name} ${id}`;
      const anonymous = this.#anonymous.get(key) ?? new Anonymous(this, process, id);
      this.#anonymous.set(key, anonymous);
      anonymous.append(random.chance(0.05));
    } else {
      this.#write();
    }
  }

  #readSome(process: Process, id: string): void {
    const { random, clients } = this;
    const client = clients.length === 0 || random.chance(0.3) ? undefined : random.pick(clients);
    if (client === undefined) {
      this.read(process, id);
    } else if (client.connected) {
      if (random.chance(0.5)) client.leave();
    } else {
      if (client.finished) client.restart();
      client.connect(process);
    }
  }

  #disturb(process: Process, id: string): void {
    const { random, profile, network, store, oracle } = this;
    const ways = [profile.crashes && 'crash', profile.outages && 'outage', profile.losses && 'loss'];
    const way = random.pick(ways.filter((each) => each !== false));
    if (way === 'crash') {
      if (random.chance(0.85)) process.crash();
      else process.close();
      this.#processes = this.#running();
      if (random.chance(0.7)) this.#start();
    } else if (way === 'outage') {
      network.down(random.pick([50, 2_000, 15_000]));
    } else if (way === 'loss') {
      const lost = store.lose(id, 1 + random.below(4));
      if (lost === undefined) return;
      oracle.lost(id, lost.after);
      network.lookAgain(id);
    }
  }

  /** Others end streams, or take them away. */
  #rule(process: Process, id: string): void {
    const { random, profile, oracle } = this;
    const ignored = { done: () => undefined, failed: () => undefined };
    if (profile.stops && random.chance(0.5)) {
      const reason = this.name('stop');
      const grace = random.pick([0, 0, 200, 3_000, Infinity]);
      oracle.asked.stops.set(reason, grace);
      process.streams.log.submit({ id, command: { type: 'stop', reason, grace }, ...ignored });
    } else if (profile.removals) {
      oracle.asked.removals.add(id);
      process.streams.log.submit({ id, command: { type: 'remove' }, ...ignored });
    }
  }

  #finish(): void {
    const { random } = this;
    const usable = this.#inputs.filter((input) => input.usable);
    if (usable.length === 0) return;
    const input = random.pick(usable);
    const dice = random.below(4);
    if (dice === 0) input.error();
    else if (dice === 1) input.input.close();
    else input.complete();
  }

  #fork(process: Process, source: string): void {
    const { random, oracle, profile } = this;
    const id = 'fork';
    const nonce = this.name('fork');
    oracle.asked.creations.add(nonce);
    if (!this.#ids.includes(id)) this.#ids.push(id);
    if (source === id) return;
    const at = random.fraction();
    process.streams.fork(
      source,
      ({ head }) => {
        const position = Math.round(head.tail * at);
        return { position, tag: position === head.tail ? head.tag : -1 };
      },
      id,
      { type: 'create', nonce, lifetime: profile.lifetime, owned: random.chance(0.5) },
      { done: () => undefined, failed: () => undefined },
    );
  }
}
