import type { Loaded, Page } from '../engines/engine.js';
import { notFound, StreamError } from '../errors.js';
import { settle } from '../maybe-promise.js';
import { backoff, MAX_DOUBTS, persist } from './clock.js';
import type { Create, Refer } from './command.js';
import { type Head, MAX_LINEAGE, type Origin, PART, type Reference } from './head.js';
import type { Answer } from './group.js';
import type { Place } from './place.js';
import { findSegments, readSegment } from './segments.js';
import type { StreamLog } from './stream-log.js';

/** For how long, in ms, a fork may be announced and not made. */
const ANNOUNCED_FOR = 30_000;
/** How often, in ms, a stream that is only kept for its forks looks whether they are there. */
const LOOK_EVERY = 600_000;

/** Where a fork begins. `sub`: how many bytes of the chunk that follows the fork's own first chunk has. */
export type ForkPlace = Place & { readonly sub?: number };

/** Continues with an answer or an error. */
export interface Continuation<T> {
  readonly done: (value: T) => void;
  readonly failed: (error: StreamError) => void;
}

/**
 * Streams that begin with the chunks of another. A fork and its source are two streams, and there is no transaction
 * over both: the source learns first that there will be a fork, then the fork is made, then the source learns that it
 * is. What a crash leaves in between is resolved by looking at the fork.
 */
export class Forks {
  constructor(
    private readonly log: StreamLog,
    private readonly retryFor: number,
  ) {}

  /**
   * Makes a fork. `place` chooses where in the source it begins; it throws what it refuses. Fails with `NOT_FOUND` for
   * an unknown source, `FAILED_PRECONDITION` for one that is deleted, `RESOURCE_EXHAUSTED` for a fork of a fork of …
   * beyond {@link MAX_LINEAGE}.
   */
  fork(
    source: string,
    place: (loaded: Loaded) => ForkPlace,
    id: string,
    create: Omit<Create, 'fork'>,
    { done, failed }: Continuation<Answer>,
  ): void {
    this.log.look(
      source,
      (loaded) => {
        if (loaded === undefined) {
          failed(notFound(source));
          return;
        }
        let at: ForkPlace;
        let lineage: NonNullable<Head['facts']['lineage']>;
        try {
          at = place(loaded);
          lineage = lineageOf(loaded.head, at.position);
        } catch (error) {
          failed(error as StreamError);
          return;
        }
        const { generation } = loaded.head;
        const { position, sub } = at;
        const origin: Origin = { id: source, generation, position, ...(sub !== undefined && { sub }) };
        this.#tagAt(source, loaded.head, at.position, {
          failed,
          done: (tag) => {
            this.#announce(id, origin, create.nonce, {
              failed,
              done: () => {
                this.#make(id, { ...create, fork: { origin, tag, lineage } }, { done, failed });
              },
            });
          },
        });
      },
      failed,
    );
  }

  /** A fork is gone, so its source need not be kept for it. */
  released(origin: Origin, nonce: string, generation?: number): void {
    this.#refer(origin.id, origin.generation, nonce, { type: 'drop', generation }, IGNORED);
  }

  /** Looks whether the forks of a stream are there, and drops what is not. */
  recheck(id: string, { head }: Loaded, over: () => void): void {
    const { log } = this;
    const { generation } = head;
    settle(
      () => log.engine.load([{ id, partsWith: PART.references }]),
      ([loaded]) => {
        if (loaded?.head.generation !== generation) {
          over();
          return;
        }
        const references = Object.entries(loaded.parts).map(
          ([name, part]) => [name.slice(PART.references.length), part as Reference] as const,
        );
        this.#resolve(id, loaded.head, references, 0, undefined, over);
      },
      over,
    );
  }

  #make(id: string, create: Create, { done, failed }: Continuation<Answer>): void {
    const { origin } = create.fork as NonNullable<Create['fork']>;
    const { nonce } = create;
    this.log.submit({
      id,
      command: create,
      done: (answer) => {
        this.#confirm(id, origin, nonce, answer.head?.generation, {
          done: () => {
            done(answer);
          },
          failed: (error) => {
            // Its source is gone, and its first chunks with it. In any other case a look will find it.
            if (SOURCE_IS_GONE.has(error.code)) this.#discard(id, answer);
            failed(error);
          },
        });
      },
      failed: (error) => {
        // It may have been made where the answer was lost; then a look will find it.
        if (error.code !== 'UNAVAILABLE') this.released(origin, nonce);
        failed(error);
      },
    });
  }

  #announce(id: string, origin: Origin, nonce: string, continuation: Continuation<undefined>): void {
    const until = this.log.clock.now() + ANNOUNCED_FOR;
    const change = { type: 'announce', id, until, after: origin.position } as const;
    this.#refer(origin.id, origin.generation, nonce, change, continuation);
  }

  /** Tells a source that its fork is there: anew if it has given it up. */
  #confirm(
    id: string,
    origin: Origin,
    nonce: string,
    generation: number | undefined,
    { done, failed }: Continuation<undefined>,
  ): void {
    this.#refer(
      origin.id,
      origin.generation,
      nonce,
      { type: 'confirm', generation },
      {
        done,
        failed: (error) => {
          if (error.code !== 'ABORTED') {
            failed(error);
            return;
          }
          this.#announce(id, origin, nonce, {
            done: () => {
              this.#confirm(id, origin, nonce, generation, { done, failed });
            },
            failed,
          });
        },
      },
    );
  }

  #discard(id: string, { head }: Answer): void {
    const done = (): void => undefined;
    this.log.submit({ id, command: { type: 'remove', generation: head?.generation }, done, failed: done });
  }

  #refer(
    id: string,
    generation: number,
    nonce: string,
    change: Refer['change'],
    { done, failed }: Continuation<undefined>,
  ): void {
    this.log.submit({
      id,
      command: { type: 'refer', generation, nonce, change },
      done: () => {
        done(undefined);
      },
      failed,
    });
  }

  #tagAt(id: string, head: Head, position: number, { done, failed }: Continuation<number>, doubts = 0): void {
    if (head.tag === 0 || position === head.tail) {
      done(head.tag);
      return;
    }
    const { engine, clock } = this.log;
    const persistence = { engine, clock, retryFor: this.retryFor };
    findSegments(
      persistence,
      id,
      head,
      (segments) => {
        persist(
          persistence,
          () =>
            readSegment(engine, segments, {
              id,
              generation: head.generation,
              position: Math.max(position - 1, 0),
              maxBytes: 1,
              maxChunks: 1,
            }),
          ({ entries: [entry] }: Page) => {
            if (entry !== undefined) {
              done(position === 0 ? entry.previous : entry.tag);
            } else if (engine.features.staleReads && doubts < MAX_DOUBTS) {
              // What was found is there, and this read does not show it yet.
              clock.after(backoff(doubts + 1, 5, 500, clock), () => {
                this.#tagAt(id, head, position, { done, failed }, doubts + 1);
              });
            } else {
              failed(notFound(id));
            }
          },
          failed,
        );
      },
      failed,
    );
  }

  #resolve(
    id: string,
    head: Head,
    references: readonly (readonly [nonce: string, reference: Reference])[],
    from: number,
    next: number | undefined,
    over: () => void,
  ): void {
    const { log } = this;
    const [nonce, reference] = references[from] ?? [];
    if (nonce === undefined || reference === undefined) {
      this.#recheckAt(id, head, references.length, next, over);
      return;
    }
    const goOn = (at?: number): void => {
      const soonest = at === undefined ? next : Math.min(at, next ?? Infinity);
      this.#resolve(id, head, references, from + 1, soonest, over);
    };
    const refer = (change: Refer['change']): void => {
      const then = (): void => {
        goOn();
      };
      this.#refer(id, head.generation, nonce, change, { done: then, failed: then });
    };
    settle(
      () => log.engine.load([{ id: reference.id }]),
      ([fork]) => {
        const { until } = reference;
        if (fork?.head.facts.nonce === nonce) {
          if (until === undefined) goOn();
          else refer({ type: 'confirm', generation: fork.head.generation });
        } else if (until !== undefined && until > log.clock.now()) {
          goOn(until);
        } else {
          refer({ type: 'drop', generation: reference.generation });
        }
      },
      () => {
        goOn(log.clock.now() + LOOK_EVERY);
      },
    );
  }

  #recheckAt(id: string, head: Head, count: number, next: number | undefined, over: () => void): void {
    const { clock, rules } = this.log;
    // Where nothing is lost, each fork says itself when it goes.
    const regular = rules.exact || count === 0 ? undefined : clock.now() + LOOK_EVERY;
    const at = next ?? regular;
    this.log.submit({
      id,
      command: { type: 'recheck', generation: head.generation, seen: head.facts.announced, at },
      done: over,
      failed: over,
    });
  }
}

/** Which generations' offsets a fork takes that begins at a position of a stream. */
function lineageOf({ generation, facts }: Head, position: number): NonNullable<Head['facts']['lineage']> {
  const lineage = (facts.lineage ?? []).filter(([, until]) => until < position);
  const last = facts.lineage?.find(([, until]) => until >= position);
  const all = [...lineage, [last?.[0] ?? generation, position] as const];
  if (all.length > MAX_LINEAGE) {
    throw new StreamError(
      'RESOURCE_EXHAUSTED',
      `A fork can have at most ${MAX_LINEAGE} sources behind each other.`,
    );
  }
  return all;
}

const SOURCE_IS_GONE: ReadonlySet<string> = new Set(['NOT_FOUND', 'FAILED_PRECONDITION', 'OUT_OF_RANGE']);

// The source looks by itself before it goes, or never has to.
const IGNORED: Continuation<undefined> = { done: () => undefined, failed: () => undefined };
