import type {
  Commit,
  CommitResult,
  EngineFeatures,
  Hint,
  Loaded,
  LoadRequest,
  Page,
  Presence,
  ReadRequest,
  StreamEngine,
  Touch,
  Watch,
} from '../../engines/engine.js';
import { goneHint, hintOf } from '../../engines/hint.js';
import { notFound, StreamError } from '../../errors.js';
import type { InMemoryStreamManager } from '../../in-memory-manager.js';
import { decide } from '../../log/decide.js';
import { type Head, type Origin, PART, type StoredOutcome } from '../../log/head.js';
import type { Streams } from '../../log/streams.js';
import { takeOffsetsOfSource } from './fork-offsets.js';
import { HintReader } from './hint-reader.js';
import { Life } from './life.js';
import { type AnyStream, Registry } from './registry.js';
import { outcomeOf, valuesOf } from './values.js';

const FEATURES: EngineFeatures = {
  durable: false,
  multiProcess: false,
  synchronous: true,
  byReference: false,
  staleReads: false,
  lossyHints: false,
  tagged: false,
  maxChunkBytes: Infinity,
  maxCommitBytes: Infinity,
};

const ABSENT: CommitResult = { type: 'conflict', current: undefined };
const NOTHING = (): void => undefined;

/**
 * The streams of an in-memory manager, as an engine has them: what HTTP makes of them is decided where it is for every
 * engine. The streams themselves stay the manager's, with their times: what is due is done by it alone, and what is
 * written in the process is found here, as what is written here is there.
 */
export class InMemoryEngine implements StreamEngine {
  readonly name = 'in-memory';
  readonly features = FEATURES;
  /** Whoever watches a stream is a reader of it, so there is nobody else to hold it; and deadlines are the manager's. */
  readonly presence: Presence = { hold: () => NOTHING, onDeadline: () => NOTHING };
  readonly #streams: Registry<Life>;
  readonly #lives = new WeakMap<AnyStream, Life>();
  /** What is removed by a command, of which whoever gave it tells the rest. */
  #removing: AnyStream | undefined;

  constructor(
    private readonly manager: InMemoryStreamManager,
    /** What stands on this engine. */
    private readonly streams: () => Streams,
  ) {
    const { inside } = manager;
    this.#streams = new Registry(inside.byId, (stream) => this.#left(stream));
    inside.byId = this.#streams;
  }

  load(requests: readonly LoadRequest[]): (Loaded | undefined)[] {
    return requests.map(({ id, parts, partsWith }) => this.#find(id)?.loaded(parts, partsWith));
  }

  commit(commits: readonly Commit[]): CommitResult[] {
    return commits.map((commit) => this.#store(commit));
  }

  read(requests: readonly ReadRequest[]): Page[] {
    return requests.map((request) => {
      const life = this.#find(request.id);
      const isThere = life?.head.generation === request.generation;
      return { current: life?.loaded(), entries: isThere ? life.page(request) : [] };
    });
  }

  watch(ids: readonly string[], onHint: (hint: Hint) => void): Watch {
    const readers = ids.flatMap((id) => this.#watch(id, onHint) ?? []);
    return {
      close: () => {
        for (const reader of readers) reader.unsubscribe();
      },
    };
  }

  touch(touches: readonly Touch[]): void {
    for (const { id, generation } of touches) {
      const stream = this.#streams.get(id);
      if (stream?.generation === generation) stream.use();
    }
  }

  list(options: { readonly prefix: string; readonly after: string; readonly limit: number }): {
    id: string;
    loaded: Loaded;
  }[] {
    return this.manager.list(options).flatMap(({ id }) => {
      const loaded = this.#find(id)?.loaded();
      return loaded === undefined ? [] : [{ id, loaded }];
    });
  }

  due(): { ids: string[]; next: number } {
    return { ids: [], next: Infinity };
  }

  schedule(): void {
    // Deadlines are the manager's.
  }

  close(): void {
    // The streams are the manager's.
  }

  /** A stream as the clock has it, or what is kept of it for its forks. */
  #find(id: string): Life | undefined {
    this.#streams.get(id)?.settle();
    const stream = this.#streams.get(id);
    return stream === undefined ? this.#streams.kept.get(id) : this.#lifeOf(stream);
  }

  #lifeOf(stream: AnyStream): Life {
    let life = this.#lives.get(stream);
    if (life === undefined) this.#lives.set(stream, (life = new Life(stream)));
    return life;
  }

  #store(commit: Commit): CommitResult {
    const { id, expected, head } = commit;
    const life = this.#find(id);
    if (life === undefined) {
      return expected === undefined && head !== undefined ? this.#create(commit, head) : ABSENT;
    }
    const { generation, n } = life.head;
    if (expected?.generation !== generation || expected.n !== n) return conflict(life);
    if (head === undefined) {
      this.#remove(life);
      return stored(generation);
    }
    const refusal = this.#change(life, commit, head);
    if (refusal !== undefined) return { type: 'refused', error: refusal };
    if (head.facts.deleted && !life.isKept) {
      life.keep(head);
      life.stream.remove(notFound(id));
    }
    return stored(generation);
  }

  #create(commit: Commit, head: Head): CommitResult {
    const { id, parts } = commit;
    try {
      // An input that writes nothing. The lifetime, of which it might refuse something, comes after it.
      this.manager.open(id, { expiresAt: Infinity, lease: Infinity }).close();
    } catch (error) {
      if ((error as StreamError).code === 'UNAVAILABLE') throw error;
      return { type: 'refused', error: error as StreamError };
    }
    const life = this.#find(id);
    // Whoever has waited for it was told of it, and may have done anything.
    if (life === undefined) return ABSENT;
    const { stream } = life;
    if (stream.status !== 'open' || stream.length > 0) return conflict(life);
    stream.lifetime = head.facts.lifetime;
    stream.use();
    const origin = parts?.[PART.origin] as Origin | undefined;
    if (origin !== undefined) {
      stream.log = this.#find(origin.id)?.chunks.slice(0, origin.position) ?? [];
      takeOffsetsOfSource(stream, head);
    }
    const refusal = this.#change(life, commit, head);
    if (refusal !== undefined) {
      this.#remove(life);
      return { type: 'refused', error: refusal };
    }
    stream.schedule();
    return stored(stream.generation);
  }

  /** Makes a change of a stream that is there; gives why not, if the manager refuses it. */
  #change(life: Life, commit: Commit, head: Head): StreamError | undefined {
    const { stream } = life;
    const { entries } = commit;
    const payloads = entries.flatMap(({ chunks }) => chunks);
    const values = valuesOf(head, payloads);
    const { bytes } = stream;
    try {
      for (const value of values) stream.count(value);
    } catch (error) {
      stream.bytes = bytes;
      return refusalOf(error as StreamError);
    }
    life.take(commit, head, payloads);
    const outcome = commit.parts?.[PART.outcome] as StoredOutcome | undefined;
    if (values.length > 0 || outcome !== undefined) stream.use();
    // An empty log may be shared.
    if (stream.length === 0) stream.log = values;
    else for (const value of values) stream.log.push(value);
    if (outcome === undefined) {
      stream.deliver();
    } else {
      const end = outcomeOf(outcome);
      // The input in the process, if there is one, has not ended the stream itself.
      stream.finish(end, end.type === 'error' ? end.error : undefined);
    }
    return undefined;
  }

  #remove(life: Life): void {
    const { stream } = life;
    if (life.isKept) {
      this.#streams.kept.delete(stream.id);
      return;
    }
    this.#removing = stream;
    stream.remove(notFound(stream.id));
    this.#removing = undefined;
  }

  /** A stream goes: what is kept of it is decided here too where that was not by a command. */
  #left(stream: AnyStream): Life | undefined {
    const life = this.#lives.get(stream);
    if (life === undefined || stream === this.#removing) return undefined;
    if (life.isKept) return life;
    const { rules, clock, forks } = this.streams();
    const { head, soft } = life.loaded();
    const decision = decide(
      stream.id,
      { head, soft, parts: life.parts },
      { type: 'remove' },
      clock.now(),
      rules,
    );
    if (decision.type === 'change') {
      life.keep(decision.head);
      return life;
    }
    const origin = life.parts.get(PART.origin) as Origin | undefined;
    if (origin !== undefined) forks.released(origin, head.facts.nonce, head.generation);
    return undefined;
  }

  #watch(id: string, onHint: (hint: Hint) => void): HintReader | undefined {
    const life = this.#find(id);
    // What has ended changes no more.
    if (life?.head.status !== 'open' || life.isKept) return undefined;
    const reader = new HintReader((position, gone) => {
      const { head } = life;
      const { generation, n } = head;
      const entries = position === undefined ? undefined : life.entryAt(position - 1);
      onHint(gone ? goneHint(id, generation, n) : hintOf(id, generation, head, entries));
    });
    reader.start = life.stream.length;
    reader.read(life.stream);
    return reader;
  }
}

const stored = (generation: number): CommitResult => ({ type: 'stored', generation });

const conflict = (life: Life): CommitResult => ({ type: 'conflict', current: life.loaded() });

/** A limit of the stream, as the log tells of it. */
const refusalOf = (error: StreamError): StreamError =>
  error.code === 'RESOURCE_EXHAUSTED'
    ? new StreamError(error.code, error.message, { details: { limit: 'maxBytes' } })
    : error;
