import type { Hint, Loaded, StreamEngine, Watch } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import { type Clock, persist } from './clock.js';
import { regrown } from './continuity.js';
import { type Head, isText } from './head.js';
import type { Place } from './place.js';
import { Poll } from './poll.js';
import type { FollowerContext, Life, LogReader, LogWriter } from './reading.js';
import { Follower } from './replay-then-live.js';
import { findSegments } from './segments.js';
import type { StreamLog } from './stream-log.js';
import type { Usage } from './usage.js';

/** Where a reader wants to begin in the stream that it finds. Throws what it refuses. */
export type Choice = (loaded: Loaded) => Place;

/** What is done where there is no stream. */
export type WhenAbsent = () => void;

/** How long a watch that nobody needs is kept, in ms: an iterator that pulls comes back. */
const LINGER = 1_000;

/** Somebody who looks for the stream of an id. */
interface Search {
  /** To be called once the id is watched. */
  readonly begin: () => void;
  readonly failed: (error: StreamError) => void;
}

/** An id that is watched. */
interface Watched {
  readonly id: string;
  /** Once it is armed. */
  watch: Watch | undefined;
  follower: Follower | undefined;
  /** Who looks for the stream, and the hints that came meanwhile. */
  readonly searches: Set<Search>;
  hints: Hint[];
  /** Who waits for a stream to be opened. */
  waiters: Set<() => void> | undefined;
}

/** The streams that somebody in this process reads or writes: one watch and one {@link Follower} each. */
export class Followers {
  readonly #watched = new Map<string, Watched>();
  readonly #context: FollowerContext;
  readonly #engine: StreamEngine;
  readonly #clock: Clock;
  readonly #poll: Poll;
  #closed: StreamError | undefined;

  constructor(
    private readonly log: StreamLog,
    private readonly usage: Usage,
    context: Omit<FollowerContext, 'engine' | 'clock' | 'exact' | 'lookUp' | 'used' | 'observed' | 'left'>,
  ) {
    this.#engine = log.engine;
    this.#clock = log.clock;
    this.#poll = new Poll(log, context.retryFor, this.#watched);
    this.#context = {
      ...context,
      engine: log.engine,
      clock: log.clock,
      exact: log.rules.exact,
      lookUp: (reader, follower) => {
        this.#return(reader, follower);
      },
      used: ({ id, head }) => {
        this.usage.used(id, head);
      },
      observed: (follower, observed) => {
        this.usage.observed(follower.id, follower.head, observed);
      },
      left: (follower) => {
        this.#left(follower);
      },
    };
  }

  /** How many ids are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Gives a reader the stream of an id from the place that it chooses; `absent` is called where there is none. */
  read(reader: LogReader, id: string, choose: Choice, absent: WhenAbsent): void {
    this.#find(
      id,
      (loaded, follower) => {
        if (reader.closed) {
          follower?.leave();
          return;
        }
        if (loaded === undefined || follower === undefined) {
          absent();
          return;
        }
        let place: Place;
        try {
          place = choose(loaded);
        } catch (error) {
          reader.end({ type: 'lost', error: error as StreamError });
          follower.leave();
          return;
        }
        reader.start = place.position;
        reader.tag = place.tag;
        this.usage.used(id, loaded.head);
        follower.join(reader, loaded.head.tail);
        // Not before: whoever observes a producer gives up where nobody reads.
        this.usage.joined(id, loaded);
      },
      (error) => {
        if (!reader.closed) reader.end({ type: 'lost', error });
      },
    );
  }

  /** Lets a writer hear of what happens to a life of an id, beginning with what it is now. */
  write(writer: LogWriter, id: string, generation: number): void {
    this.#find(
      id,
      (loaded, follower) => {
        if (loaded?.head.generation !== generation || follower === undefined) {
          follower?.leave();
          writer.seen(undefined);
          return;
        }
        follower.write(writer);
        writer.seen(loaded.head);
        // What was told meanwhile was told to those who were there.
        if (follower.asked.n > loaded.head.n) this.#tell(writer, id, generation);
      },
      (error) => {
        writer.lost(error);
      },
    );
  }

  /** Tells a writer how its stream is now. */
  #tell(writer: LogWriter, id: string, generation: number): void {
    this.log.look(
      id,
      (loaded) => {
        const isThere = loaded?.head.generation === generation && !loaded.head.facts.deleted;
        writer.seen(isThere ? loaded.head : undefined);
      },
      (error) => {
        writer.lost(error);
      },
    );
  }

  /** Lets a writer go. */
  release(writer: LogWriter, id: string): void {
    this.#watched.get(id)?.follower?.release(writer);
  }

  /** Calls back once a stream of this id is opened. Gives back what ends the waiting. */
  wait(id: string, opened: () => void): () => void {
    const watched = this.#watch(id);
    (watched.waiters ??= new Set()).add(opened);
    return () => {
      watched.waiters?.delete(opened);
      this.#drop(watched);
    };
  }

  /** Whether this life of a stream is read by anybody here. */
  observes(id: string, generation: number): boolean {
    const follower = this.#watched.get(id)?.follower;
    return follower?.generation === generation && follower.observed;
  }

  /** Ends everything with an error. */
  close(error: StreamError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#poll.close();
    const all = [...this.#watched.values()];
    this.#watched.clear();
    for (const { watch, follower, searches } of all) {
      watch?.close();
      follower?.lost(error);
      fail(searches, error);
    }
  }

  /** Watches an id, from before anybody looks for its stream. */
  #watch(id: string, search?: Search): Watched {
    let watched = this.#watched.get(id);
    if (watched !== undefined) {
      if (search !== undefined) watched.searches.add(search);
      if (watched.watch !== undefined) search?.begin();
      return watched;
    }
    watched = {
      id,
      watch: undefined,
      follower: undefined,
      searches: new Set(search && [search]),
      hints: [],
      waiters: undefined,
    };
    this.#watched.set(id, watched);
    this.#arm(watched);
    this.#poll.begin();
    return watched;
  }

  #arm(watched: Watched): void {
    const { id, searches } = watched;
    persist(
      { clock: this.#clock, engine: this.#engine, retryFor: this.#context.retryFor },
      () =>
        this.#engine.watch([id], (hint) => {
          this.#hinted(watched, hint);
        }),
      (watch) => {
        if (this.#watched.get(id) !== watched) {
          watch.close();
          return;
        }
        watched.watch = watch;
        for (const search of [...searches]) search.begin();
      },
      (error) => {
        if (this.#watched.get(id) !== watched) return;
        this.#watched.delete(id);
        fail(searches, error);
        // They look again, and are told why not.
        for (const opened of [...(watched.waiters ?? [])]) opened();
      },
    );
  }

  #hinted(watched: Watched, hint: Hint): void {
    if (watched.searches.size > 0) watched.hints.push(hint);
    watched.follower?.hinted(hint);
    if (watched.waiters !== undefined && !hint.gone) for (const opened of [...watched.waiters]) opened();
  }

  /** Looks a stream up, and follows it. The follower is to be left by whoever does not stay. */
  #find(
    id: string,
    found: (loaded: Loaded | undefined, follower: Follower | undefined) => void,
    failed: (error: StreamError) => void,
  ): void {
    if (this.#closed !== undefined) {
      failed(this.#closed);
      return;
    }
    let watched: Watched;
    const over = (tell: () => void): void => {
      // After `close` it is.
      if (!watched.searches.delete(search)) return;
      if (watched.searches.size === 0) watched.hints = [];
      tell();
      this.#drop(watched);
    };
    const fails = (error: StreamError): void => {
      over(() => {
        failed(error);
      });
    };
    const look = (): void => {
      // It was failed by `close`.
      if (this.#closed !== undefined) return;
      watched = this.#watched.get(id) as Watched;
      const { follower: former, hints } = watched;
      const { length } = hints;
      const asked = former?.asked;
      this.log.look(
        id,
        (loaded) => {
          if (!watched.searches.has(search)) return;
          // What is followed may not have heard of it.
          if (asked !== undefined) former?.seen(loaded, asked);
          const since = hints.slice(length);
          if (loaded === undefined || loaded.head.facts.deleted) {
            // It was opened meanwhile, perhaps: whoever waits for that would have missed it.
            if (since.some(({ gone }) => !gone)) look();
            else
              over(() => {
                found(undefined, undefined);
              });
            return;
          }
          this.#follow(
            watched,
            loaded,
            () => hints.slice(length),
            (follower) => {
              // It is over already, so what was found is old.
              if (follower === undefined || follower.cut) look();
              else
                over(() => {
                  found(loaded, follower);
                });
            },
            (error) => {
              if (error.code === 'NOT_FOUND') look();
              else fails(error);
            },
          );
        },
        fails,
      );
    };
    const search: Search = { begin: look, failed };
    this.#watch(id, search);
  }

  /** Gives the follower of a life of a stream, told of some hints; `undefined` where that of a later life is there. */
  #follow(
    watched: Watched,
    loaded: Loaded,
    hints: () => readonly Hint[],
    done: (follower: Follower | undefined) => void,
    failed: (error: StreamError) => void,
  ): void {
    const { generation } = loaded.head;
    /** Whether it is settled who follows it. */
    const isFollowed = (): boolean => {
      const { follower } = watched;
      if (follower === undefined || follower.cut || follower.generation < generation) return false;
      done(follower.generation === generation ? follower : undefined);
      return true;
    };
    if (isFollowed()) return;
    findSegments(
      { clock: this.#clock, engine: this.#engine, retryFor: this.#context.retryFor },
      watched.id,
      loaded.head,
      (segments) => {
        if (isFollowed()) return;
        watched.follower?.gone();
        const follower = new Follower(watched.id, loaded, segments, contextFor(loaded.head, this.#context));
        watched.follower = follower;
        for (const hint of hints()) follower.hinted(hint);
        done(follower);
      },
      failed,
    );
  }

  /** A reader comes back to a life of a stream that it has read before, at the place where it left. */
  #return(reader: LogReader, former: Life): void {
    const { start, tag } = reader;
    const over = (): void => {
      reader.end({ type: 'lost', error: former.whyGone(start) });
    };
    const choose: Choice = ({ head }) => {
      if (head.generation !== former.generation) throw former.whyGone(start);
      if (start > head.tail) throw regrown(former.id);
      return { position: start, tag };
    };
    this.read(reader, former.id, choose, over);
  }

  #left(follower: Life): void {
    const watched = this.#watched.get(follower.id);
    if (watched?.follower !== follower) return;
    if (this.#engine.features.synchronous) {
      this.#drop(watched);
    } else {
      this.#clock.inBackground(LINGER, () => {
        this.#drop(watched);
      });
    }
  }

  /** Stops watching an id that nobody needs. */
  #drop(watched: Watched): void {
    const { id, watch, follower, waiters, searches } = watched;
    if ((waiters?.size ?? 0) > 0 || searches.size > 0 || follower?.idle === false) return;
    if (this.#watched.get(id) !== watched) return;
    this.#watched.delete(id);
    watch?.close();
  }
}

/** Texts of a stream of texts are what they are; all else goes through the codec. */
function contextFor(head: Head, context: FollowerContext): FollowerContext {
  if (!isText(head)) return context;
  const { decode } = context;
  return { ...context, decode: (payload) => (typeof payload === 'string' ? payload : decode(payload)) };
}

function fail(searches: Set<Search>, error: StreamError): void {
  const all = [...searches];
  searches.clear();
  for (const { failed } of all) failed(error);
}
