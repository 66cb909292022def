import type { Loaded, Payload, StreamEngine } from '../engines/engine.js';
import { notFound, StreamError } from '../errors.js';
import { type Clock, persist } from './clock.js';
import type { Create } from './command.js';
import { isDue } from './decide.js';
import type { Rules } from './decision.js';
import { Followers } from './followers.js';
import { type Continuation, type ForkPlace, Forks } from './forks.js';
import { PART, type StoredOutcome } from './head.js';
import type { Answer } from './group.js';
import { Leases } from './leases.js';
import type { StreamEnd } from './outcome.js';
import type { Place } from './place.js';
import { type Range, readRange } from './range.js';
import { StreamLog } from './stream-log.js';
import { Sweeper } from './sweeper.js';
import { Usage } from './usage.js';

/** What {@link Streams} are made with. */
export interface StreamsOptions {
  readonly engine: StreamEngine;
  readonly clock: Clock;
  readonly maxChunks: number;
  readonly maxBytes: number;
  readonly maxInFlightBytes: number;
  /** Arms one timer that keeps no process alive, in place of the one before; `Infinity`: none. */
  readonly arm: (at: number) => void;
  readonly decode: (payload: Payload) => unknown;
  readonly endOf: (outcome: StoredOutcome) => StreamEnd<never>;
  readonly report: (error: unknown) => void;
}

/** For how long, in ms, a commit is tried again that has met another's, or an engine that fails. */
export const WRITE_RETRY_FOR = 10_000;
/** For how long, in ms, readers wait for an engine that fails. */
const READ_RETRY_FOR = 60_000;
/** Bounds of what is read at once. */
const MAX_PAGE_BYTES = 262_144;
const MAX_PAGE_CHUNKS = 8_192;

/** The streams of an engine, with all that keeps them as they should be: what every way to reach them stands on. */
export class Streams {
  readonly engine: StreamEngine;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly log: StreamLog;
  readonly followers: Followers;
  /** The same for whoever wants chunks as they are stored. */
  readonly raw: Followers;
  readonly forks: Forks;
  readonly leases: Leases;
  readonly sweeper: Sweeper;
  readonly #usage: Usage;
  readonly #rawUsage: Usage;
  #unlisten: (() => void) | undefined;
  #begun = false;

  constructor({ engine, clock, arm, maxChunks, maxBytes, maxInFlightBytes, ...rest }: StreamsOptions) {
    this.engine = engine;
    this.clock = clock;
    const exact = engine.presence !== undefined;
    this.rules = { exact, tagged: engine.features.tagged, maxChunks, maxBytes };
    this.log = new StreamLog(
      engine,
      this.rules,
      clock,
      { maxInFlightBytes, retryFor: WRITE_RETRY_FOR },
      ({ origin, nonce, generation }) => {
        this.forks.released(origin, nonce, generation);
      },
    );
    this.forks = new Forks(this.log, READ_RETRY_FOR);
    this.leases = new Leases(this.log);
    this.#usage = new Usage(engine, clock, this.rules, this.leases);
    this.#rawUsage = new Usage(engine, clock, this.rules, this.leases);
    const limits = { maxPageBytes: MAX_PAGE_BYTES, maxPageChunks: MAX_PAGE_CHUNKS, retryFor: READ_RETRY_FOR };
    this.followers = new Followers(this.log, this.#usage, { ...rest, ...limits });
    this.raw = new Followers(this.log, this.#rawUsage, {
      ...rest,
      ...limits,
      decode: (payload) => payload,
    });
    this.leases.isNeeded = (id, generation) =>
      this.followers.observes(id, generation) || this.raw.observes(id, generation);
    this.sweeper = new Sweeper(this.log, this.leases, this.forks, arm);
    this.log.scheduled = (at) => {
      this.sweeper.expect(at);
    };
    this.#unlisten = engine.presence?.onDeadline(arm);
  }

  /** To be called before the first use: a store may have what is due. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.engine.presence === undefined) this.sweeper.sweep();
  }

  /** Creates a stream; where there is no room, after what is due has made some. */
  create(id: string, command: Create, { done, failed }: Continuation<Answer>): void {
    this.begin();
    this.log.submit({
      id,
      command,
      done,
      failed: (error) => {
        if (error.code !== 'RESOURCE_EXHAUSTED' || !this.rules.exact) {
          failed(error);
          return;
        }
        this.sweeper.sweep();
        this.log.submit({ id, command, done, failed });
      },
    });
  }

  /** A stream as the clock has it. Fails with `NOT_FOUND` where there is none, or only for its forks. */
  find(id: string, { done, failed }: Continuation<Loaded>): void {
    this.begin();
    this.log.look(
      id,
      (loaded) => {
        if (loaded === undefined || loaded.head.facts.deleted) failed(notFound(id));
        else done(loaded);
      },
      failed,
    );
  }

  /** Streams in order of their ids, as the clock has them. */
  list(
    prefix: string,
    after: string,
    limit: number,
    { done, failed }: Continuation<readonly { readonly id: string; readonly loaded: Loaded }[]>,
    found: { readonly id: string; readonly loaded: Loaded }[] = [],
  ): void {
    this.begin();
    const { engine, clock } = this;
    const most = Math.min(limit - found.length, LIST_BATCH);
    persist(
      { engine, clock, retryFor: WRITE_RETRY_FOR },
      () => engine.list({ prefix, after, limit: most }),
      (page) => {
        this.#lookAtDue(page, 0, found, failed, () => {
          const last = page.at(-1);
          if (last === undefined || page.length < most || found.length >= limit) done(found);
          else this.list(prefix, last.id, limit, { done, failed }, found);
        });
      },
      failed,
    );
  }

  /** The outcome of a stream that has ended; `undefined` where it has none, or is gone. */
  outcome(id: string, generation: number, { done, failed }: Continuation<StoredOutcome | undefined>): void {
    const { engine, clock } = this;
    persist(
      { engine, clock, retryFor: WRITE_RETRY_FOR },
      () => engine.load([{ id, parts: [PART.outcome] }]),
      ([loaded]) => {
        const isThere = loaded?.head.generation === generation;
        done(isThere ? (loaded.parts[PART.outcome] as StoredOutcome | undefined) : undefined);
      },
      failed,
    );
  }

  /**
   * Reads what follows a place of a stream that was looked up, as it is stored and up to so many bytes; that keeps the
   * stream from being idle. See {@link readRange}.
   */
  read(id: string, loaded: Loaded, place: Place, maxBytes: number, continuation: Continuation<Range>): void {
    const { engine, clock } = this;
    this.#rawUsage.used(id, loaded.head);
    readRange({ engine, clock, retryFor: READ_RETRY_FOR }, id, loaded, place, maxBytes, continuation);
  }

  /** Makes a fork, as {@link Forks.fork} does. */
  fork(
    source: string,
    place: (loaded: Loaded) => ForkPlace,
    id: string,
    create: Omit<Create, 'fork'>,
    continuation: Continuation<Answer>,
  ): void {
    this.begin();
    this.forks.fork(source, place, id, create, continuation);
  }

  /** Ends everything here with an error; what is stored stays. */
  close(error: StreamError): void {
    this.#unlisten?.();
    this.sweeper.close();
    this.leases.close();
    this.#usage.close();
    this.#rawUsage.close();
    this.log.close(error);
    this.followers.close(error);
    this.raw.close(error);
  }

  #lookAtDue(
    page: readonly { readonly id: string; readonly loaded: Loaded }[],
    from: number,
    found: { readonly id: string; readonly loaded: Loaded }[],
    failed: (error: StreamError) => void,
    over: () => void,
  ): void {
    for (let i = from; i < page.length; i++) {
      const { id, loaded } = page[i] as (typeof page)[number];
      if (!isDue({ ...loaded, parts: NO_PARTS }, this.clock.now(), this.rules)) {
        found.push({ id, loaded });
        continue;
      }
      this.log.look(
        id,
        (settled) => {
          if (settled !== undefined && !settled.head.facts.deleted) found.push({ id, loaded: settled });
          this.#lookAtDue(page, i + 1, found, failed, over);
        },
        failed,
      );
      return;
    }
    over();
  }
}

const LIST_BATCH = 1_000;
const NO_PARTS: ReadonlyMap<string, unknown> = new Map();
