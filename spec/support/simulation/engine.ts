import type {
  CommitResult,
  EngineFeatures,
  Hint,
  Loaded,
  Page,
  StreamEngine,
  Watch,
} from '../../../lib/engines/engine.js';
import { StreamError } from '../../../lib/errors.js';
import type { Head } from '../../../lib/log/head.js';
import type { Awaitable } from '../../../lib/maybe-promise.js';
import type { Profile } from './profile.js';
import type { Snapshot, Store } from './store.js';
import { NATURE, type Owner, type World } from './world.js';

/** What an engine gives that is asked: a thenable whose callbacks run when it is settled, and not a microtask later. */
class Answer<T> implements PromiseLike<T> {
  #done: ((value: T) => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;

  settle(value: T): void {
    this.#done?.(value);
  }

  fail(error: unknown): void {
    this.#failed?.(error);
  }

  then<R, E>(
    done?: ((value: T) => R | PromiseLike<R>) | null,
    failed?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): PromiseLike<R | E> {
    const next = new Answer<R | E>();
    this.#done = (value) => {
      if (done) next.settle(done(value) as R);
    };
    this.#failed = (error) => {
      if (failed) next.settle(failed(error) as E);
      else next.fail(error);
    };
    return next;
  }
}

interface Watcher {
  readonly owner: Owner;
  readonly onHint: (hint: Hint) => void;
  closed: boolean;
}

/** What all processes share: the store, who watches it, and what is wrong with the way to it. */
export class Network {
  /** Who is committing, for whoever judges it. */
  committing: Owner = NATURE;
  /** When a call failed for the first time. */
  failedSince = Infinity;
  /** Whether nothing goes wrong any more. */
  calm = false;
  #downUntil = 0;
  /** Counts how often those who watch an id had to connect anew. */
  readonly #connections = new Map<string, number>();
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(
    readonly world: World,
    readonly store: Store,
    readonly profile: Profile,
  ) {}

  /** Fails every call for so long. */
  down(ms: number): void {
    this.#downUntil = this.world.now + ms;
    // Whoever is connected again has to look.
    this.world.later(ms, NATURE, () => {
      for (const id of this.#watchers.keys()) this.lookAgain(id);
    });
  }

  /** Tells all who watch an id that hints may have been lost. What was on its way before does not come any more. */
  lookAgain(id: string): void {
    this.#connections.set(id, this.#connectionOf(id) + 1);
    this.#tell({
      id,
      generation: 0,
      n: 0,
      tail: 0,
      tag: 0,
      ended: false,
      stopping: false,
      owner: undefined,
      gone: false,
    });
  }

  /** The engine of a process. */
  engineFor(owner: Owner): StreamEngine {
    const { store, profile, world } = this;
    const features: EngineFeatures = {
      durable: true,
      multiProcess: true,
      synchronous: false,
      byReference: true,
      staleReads: profile.staleReads,
      lossyHints: profile.lossyHints,
      tagged: true,
      maxChunkBytes: Infinity,
      maxCommitBytes: profile.maxCommitBytes,
    };
    const load = (ids: readonly string[]): (Loaded | undefined)[] => ids.map((id) => store.load({ id }));
    return {
      name: 'simulated',
      features,
      load: (requests) =>
        this.#ask(owner, 'load', requests, () => requests.map((request) => store.load(request))),
      commit: (commits) =>
        this.#ask(owner, 'commit', commits, () => {
          this.committing = owner;
          return commits.map((commit): CommitResult => {
            const { profile, world } = this;
            if (!this.calm && profile.conflicts > 0 && world.random.chance(profile.conflicts))
              return { type: 'conflict', current: store.load({ id: commit.id }) };
            if (!this.calm && profile.refusals > 0 && world.random.chance(profile.refusals))
              return { type: 'refused', error: new StreamError('RESOURCE_EXHAUSTED', 'It is full.') };
            const before = store.current(commit.id);
            const result = store.commit(commit);
            if (result.type === 'stored') this.#hint(commit.id, before, commit.entries);
            return result;
          });
        }),
      ...(profile.ready && {
        ready: (callback) => {
          world.later(world.random.fraction() * profile.latency, owner, callback);
        },
      }),
      read: (requests) =>
        this.#ask(owner, 'read', requests, () =>
          requests.map((request): Page => store.read(request, this.#behind())),
        ),
      watch: ([id = ''], onHint) =>
        this.#ask(owner, 'watch', [{ id }], (): Watch => {
          const watcher: Watcher = { owner, onHint, closed: false };
          const watchers = this.#watchers.get(id);
          if (watchers) watchers.add(watcher);
          else this.#watchers.set(id, new Set([watcher]));
          return {
            close: () => {
              watcher.closed = true;
              this.#watchers.get(id)?.delete(watcher);
            },
          };
        }),
      touch: (touches) =>
        this.#ask(owner, 'touch', touches, () => {
          for (const touch of touches) store.touch(touch);
        }),
      confirm: (ids) => this.#ask(owner, 'confirm', ids, () => load(ids)),
      list: ({ prefix, after, limit }) =>
        this.#ask(owner, 'list', [], () => store.list(prefix, after, limit)),
      due: (now, limit) => this.#ask(owner, 'due', [], () => store.due(now, limit)),
      schedule: (moves) =>
        this.#ask(owner, 'schedule', moves, () => {
          for (const move of moves) store.schedule(move);
        }),
      close: () => {
        world.note(() => 'an engine is closed');
      },
    };
  }

  /** Sends a call on its way, and its answer on the way back. Either may be lost, and the process be gone meanwhile. */
  #ask<T>(
    owner: Owner,
    method: string,
    requests: readonly (string | { readonly id: string })[],
    act: () => T,
  ): Awaitable<T> {
    const { world, profile } = this;
    const { random } = world;
    const failing = this.calm ? 0 : profile.failing;
    if (failing > 0 && random.chance(failing / 4)) throw this.#failure('at once');
    const answer = new Answer<T>();
    world.note(() => {
      const ids = requests.map((request) => (typeof request === 'string' ? request : request.id));
      return `  ${(owner as { name?: string }).name ?? ''} asks: ${method} ${ids.join(' ')}`;
    });
    world.later(random.fraction() * profile.latency, NATURE, () => {
      // What a process has sent may arrive after it has died.
      if (!owner.alive && random.chance(0.5)) return;
      let settle: () => void;
      if (world.now < this.#downUntil || (failing > 0 && random.chance(failing))) {
        const error = this.#failure('before');
        // Who has given up waiting does not know whether it still arrives.
        if (random.chance(profile.late)) world.later(random.fraction() * 10 * profile.latency, NATURE, act);
        settle = () => {
          answer.fail(error);
        };
      } else {
        const value = act();
        const lost = failing > 0 && random.chance(failing);
        const error = lost ? this.#failure('after') : undefined;
        settle = () => {
          if (lost) answer.fail(error);
          else answer.settle(value);
        };
      }
      if (random.chance(0.5)) world.later(random.fraction() * profile.latency, owner, settle);
      else if (owner.alive) settle();
    });
    return answer;
  }

  #failure(when: string): Error {
    this.failedSince = Math.min(this.failedSince, this.world.now);
    return new Error(`It failed ${when}.`);
  }

  /** How many commits a read is behind. */
  #behind(): number {
    const { random } = this.world;
    return this.profile.staleReads && !this.calm && random.chance(0.3) ? 1 + random.below(3) : 0;
  }

  #hint(id: string, before: Snapshot | undefined, entries: Hint['entries']): void {
    if (!this.#watchers.has(id)) return;
    const after = this.store.current(id);
    const head = (after ?? before)?.head as Head;
    this.#tell({
      id,
      generation: head.generation,
      n: head.n + (after === undefined ? 1 : 0),
      tail: head.tail,
      tag: head.tag,
      ended: head.status !== 'open',
      stopping: head.facts.stop !== undefined,
      owner: head.owner?.nonce,
      gone: after === undefined || head.facts.deleted === true,
      entries,
    });
  }

  #connectionOf(id: string): number {
    return this.#connections.get(id) ?? 0;
  }

  #tell(hint: Hint): void {
    const { world, profile } = this;
    const { random } = world;
    const connection = this.#connectionOf(hint.id);
    for (const watcher of this.#watchers.get(hint.id) ?? []) {
      if (profile.lossyHints && !this.calm && random.chance(0.3)) continue;
      // Entries are only there where they are at hand.
      const told = hint.entries !== undefined && random.chance(0.4) ? { ...hint, entries: undefined } : hint;
      for (let times = random.chance(0.1) ? 2 : 1; times > 0; times--) {
        world.later(
          random.fraction() * profile.latency * (random.chance(0.1) ? 20 : 1),
          watcher.owner,
          () => {
            if (!watcher.closed && connection === this.#connectionOf(hint.id)) watcher.onHint(told);
          },
        );
      }
    }
  }
}
