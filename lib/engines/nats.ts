import type { Msg, NatsConnection, NodeConnectionOptions, Subscription } from '@nats-io/transport-node';

import { StreamError } from '../errors.js';
import { loadDriver } from './driver.js';
import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Hint,
  Loaded,
  LoadRequest,
  Move,
  Page,
  ReadRequest,
  StreamEngine,
  Touch,
  Watch,
} from './engine.js';
import { blankHint, goneHint, hintOf } from './hint.js';
import { NatsCommits } from './nats-commit.js';
import { NatsDue } from './nats-due.js';
import { natsError } from './nats-errors.js';
import { NatsKeys } from './nats-keys.js';
import { NatsLink } from './nats-link.js';
import { list } from './nats-list.js';
import { dueAtOf, loadedOf, look } from './nats-look.js';
import { checkedOptions, isClient, type NatsEngineOptions } from './nats-options.js';
import { page } from './nats-read.js';
import { decodeRecord, markOf } from './nats-record.js';
import { schedule, touch } from './nats-soft.js';
import { NatsStore } from './nats-store.js';
import { checkServer, checkStreams, ensureStreams, type Layout } from './nats-streams.js';
import { NatsSweep } from './nats-sweep.js';
import { Watchers } from './watchers.js';

export type { NatsEngineOptions } from './nats-options.js';

/** The most that one chunk, and the chunks of one commit, may have: with a head and parts it fits into one message. */
const MAX_BYTES = 524_288;
/** How often, in ms, watchers in a cluster look again where nobody else makes them: what is sent may be dropped there. */
const LOOK_EVERY = 30_000;
/** How many times the longest wait for an answer a commit takes after it is in the index of deadlines. */
const DOUBT = 3;

/**
 * Keeps streams in NATS JetStream (2.9 or later), for processes on any number of machines. What is acknowledged is as
 * durable as the server is configured to be. Needs the package `@nats-io/transport-node`, which is loaded, and connects,
 * when the engine is first used: what is wrong with either is what that use rejects with. See `docs/engines/nats.md`.
 */
export function natsEngine(options: NatsEngineOptions = {}): StreamEngine {
  const { where, prefix, shards, replicas, storage, timeout } = checkedOptions(options);
  return new NatsEngine(where, new NatsKeys(prefix, shards), { replicas, storage }, timeout);
}

/** How a connection of the engine's own is made: one that is dead is noticed within half a minute. */
const CONNECTION: NodeConnectionOptions = {
  name: 'rxjs-durable-streams',
  reconnectTimeWait: 500,
  pingInterval: 10_000,
  maxPingOut: 2,
};

/** What there is while there is a connection. */
interface Opened {
  readonly link: NatsLink;
  readonly store: NatsStore;
  readonly commits: NatsCommits;
  readonly due: NatsDue;
  readonly sweep: NatsSweep;
}

class NatsEngine implements StreamEngine {
  readonly name = 'nats';
  readonly features: EngineFeatures;
  readonly confirm?: (ids: readonly string[]) => Promise<(Loaded | undefined)[]>;
  readonly #watchers = new Watchers();
  readonly #subscriptions = new Map<string, { subscription: Subscription; error: StreamError | undefined }>();
  readonly #underWay = new Set<Promise<unknown>>();
  #opened: Opened | undefined;
  #opening: Promise<Opened> | undefined;
  #arming: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking = false;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly given: NatsConnection | NodeConnectionOptions,
    private readonly keys: NatsKeys,
    private readonly layout: Layout,
    private readonly timeout: number,
  ) {
    const replicated = layout.replicas > 1;
    this.features = {
      durable: true,
      multiProcess: true,
      synchronous: false,
      byReference: false,
      staleReads: replicated,
      // A server sends all, or the connection is lost; but servers drop what they can't send to each other.
      lossyHints: replicated,
      tagged: true,
      maxChunkBytes: MAX_BYTES,
      maxCommitBytes: MAX_BYTES,
    };
    if (replicated) this.confirm = (ids) => this.load(ids.map((id) => ({ id })));
  }

  load(requests: readonly LoadRequest[]): Promise<(Loaded | undefined)[]> {
    return this.#do(({ store }) =>
      Promise.all(
        requests.map(async ({ id, parts, partsWith }) => loadedOf(await look(store, id), parts, partsWith)),
      ),
    );
  }

  commit(commits: readonly Commit[]): Promise<CommitResult[]> {
    return this.#do(async (opened) => {
      const results = await Promise.allSettled(commits.map((commit) => opened.commits.commit(commit)));
      return results.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value;
      });
    });
  }

  read(requests: readonly ReadRequest[]): Promise<Page[]> {
    const { staleReads } = this.features;
    return this.#do(({ store }) => Promise.all(requests.map((request) => page(store, request, staleReads))));
  }

  watch(ids: readonly string[], onHint: (hint: Hint) => void): Promise<Watch> {
    return this.#do(async ({ link }) => {
      const watch = this.#watchers.add(ids, onHint, (unwatched) => {
        for (const id of unwatched) this.#unsubscribe(id);
      });
      try {
        for (const id of ids) this.#subscribe(link, id);
        await this.#armed(link);
        for (const id of ids) {
          const { error } = this.#subscriptions.get(id) ?? {};
          if (error !== undefined) throw error;
        }
        return watch;
      } catch (error) {
        watch.close();
        throw error;
      }
    });
  }

  touch(touches: readonly Touch[]): Promise<void> {
    const touched = this.#do(({ store }) => touch(store, touches));
    // Nobody waits for it, so nobody has to know.
    touched.catch(() => undefined);
    return touched;
  }

  list(options: { prefix: string; after: string; limit: number }): Promise<{ id: string; loaded: Loaded }[]> {
    return this.#do(({ store, sweep }) => list(store, sweep, options));
  }

  due(now: number, limit: number): Promise<{ ids: string[]; next: number }> {
    return this.#do(({ due }) => due.due(now, limit));
  }

  schedule(moves: readonly Move[]): Promise<void> {
    return this.#do(({ store, due }) => schedule(store, moves, (id, dueAt) => due.insert(id, dueAt)));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Does something with the connection, which `close` waits for. */
  async #do<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw closed();
    const done = this.#opened === undefined ? this.#open().then(work) : work(this.#opened);
    this.#underWay.add(done);
    try {
      return await done;
    } catch (error) {
      throw natsError(error);
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** What there is, opened if it is not. What can't be opened may be later. */
  #open(): Promise<Opened> {
    this.#opening ??= this.#openAgain();
    return this.#opening;
  }

  async #openAgain(): Promise<Opened> {
    let link: NatsLink | undefined;
    try {
      const driver = await loadDriver(
        'nats',
        '@nats-io/transport-node',
        () => import('@nats-io/transport-node'),
      );
      const { timeout, given, keys, layout } = this;
      const connection = isClient(given)
        ? given
        : await driver.connect({ ...CONNECTION, timeout, ...given, maxReconnectAttempts: -1 });
      if (connection.isClosed()) throw new StreamError('UNAVAILABLE', 'The connection to NATS is closed.');
      link = new NatsLink(connection, driver, timeout, {
        back: () => void this.#back(),
        gone: () => {
          this.#gone();
        },
        unanswered: () => void this.#check(),
      });
      checkServer(link, layout);
      await ensureStreams(link, keys, layout);
      const opened = this.#with(link);
      this.#opened = opened;
      for (const id of this.#watchers.ids) this.#subscribe(link, id);
      return opened;
    } catch (error) {
      this.#opening = undefined;
      await this.#letGo(link);
      throw natsError(error);
    }
  }

  #with(link: NatsLink): Opened {
    const { keys, layout, timeout, features } = this;
    const store = new NatsStore(link, keys, layout.replicas > 1, timeout, () => void this.#check());
    const sweep = new NatsSweep(store);
    const due = new NatsDue(
      store,
      (ids) => Promise.all(ids.map(async (id) => dueAtOf(await look(store, id)))),
      timeout * DOUBT,
    );
    const commits = new NatsCommits(store, due, sweep, features, (hint) => {
      this.#tell(hint);
    });
    return { link, store, sweep, due, commits };
  }

  /** The connection is back: what was sent meanwhile has gone past us, and what was known may not be so any more. */
  async #back(): Promise<void> {
    const { link, commits, due } = this.#opened ?? {};
    if (link === undefined) return;
    commits?.forget();
    due?.forget();
    try {
      checkServer(link, this.layout);
    } catch (error) {
      link.fail(natsError(error));
    }
    // In a cluster that may take time, which readers should not wait for.
    void this.#check();
    await link.settled().catch(() => undefined);
    this.#watchers.tellAll();
  }

  /** Fails everything if the store is gone: a server does not answer for what it does not have. */
  async #check(): Promise<void> {
    const { link } = this.#opened ?? {};
    if (link === undefined || this.#checking) return;
    this.#checking = true;
    try {
      await checkStreams(link, this.keys);
    } catch (error) {
      if (natsError(error).code === 'DATA_LOSS') link.fail(natsError(error));
    } finally {
      this.#checking = false;
    }
  }

  /** The connection is closed. One of the engine's own is opened again by whoever comes next. */
  #gone(): void {
    this.#opened = undefined;
    this.#opening = undefined;
    this.#subscriptions.clear();
    this.#watchers.tellAll();
  }

  #subscribe(link: NatsLink, id: string): void {
    if (this.#subscriptions.has(id)) return;
    const subject = this.keys.hintSubject(id);
    const subscription = link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) subscribed.error = natsError(error);
        else if (markOf(message.data).writer !== this.#opened?.commits.writer)
          this.#tell(hintFrom(id, message));
      },
    });
    const subscribed = { subscription, error: undefined as StreamError | undefined };
    this.#subscriptions.set(id, subscribed);
    this.#lookAgain(link);
  }

  #tell(hint: Hint): void {
    try {
      this.#watchers.tell(hint);
    } catch (error) {
      // Of a watcher, on which nothing that is stored depends.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #unsubscribe(id: string): void {
    this.#subscriptions.get(id)?.subscription.unsubscribe();
    this.#subscriptions.delete(id);
  }

  /** Waits until the server knows of all subscriptions; those who wait at once wait together. */
  #armed(link: NatsLink): Promise<void> {
    this.#arming ??= Promise.resolve().then(() => {
      this.#arming = undefined;
      return link.settled();
    });
    return this.#arming;
  }

  /** Sees to it that watchers in a cluster look again now and then, unless they do by themselves. */
  #lookAgain({ connection: { info } }: NatsLink): void {
    if (info?.cluster === undefined || this.features.lossyHints || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#watchers.tellAll();
        const { link } = this.#opened ?? {};
        if (link !== undefined && this.#watchers.size > 0) this.#lookAgain(link);
      },
      LOOK_EVERY * (0.75 + Math.random() / 2),
    ).unref();
  }

  async #close(): Promise<void> {
    this.#opened?.link.abandon();
    await Promise.allSettled([...this.#underWay]);
    const { link, sweep } = this.#opened ?? {};
    clearTimeout(this.#timer);
    this.#watchers.clear();
    await sweep?.close(this.timeout);
    for (const id of [...this.#subscriptions.keys()]) this.#unsubscribe(id);
    await this.#letGo(link);
  }

  async #letGo(link: NatsLink | undefined): Promise<void> {
    link?.close();
    if (!isClient(this.given)) await link?.connection.close();
  }
}

function hintFrom(id: string, { data, headers }: Msg): Hint {
  try {
    const record = decodeRecord(data, Number(headers?.get('Nats-Sequence')));
    if (record.type === 'tombstone') return goneHint(id, record.generation, record.n);
    const { head } = record.known;
    return hintOf(id, head.generation, head, record.body.own.entries());
  } catch {
    // Who looks is told what is wrong.
    return blankHint(id);
  }
}

const closed = (): StreamError => new StreamError('UNAVAILABLE', 'The nats engine is closed.');
