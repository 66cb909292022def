/**
 * The peers behind one shape. `stream()` gives a new, open stream:
 *
 * - `sink`: what the producer calls, `next(chunk)` and `complete()`; the peer's own object wherever it has these.
 * - `source()`: what a reader does to find the stream: the peer's own object with `subscribe(observer)`, and with
 *   `pipe` if it is an Observable. The subscription has `unsubscribe()`, or is a promise of one (Genkit).
 *
 * `store(ids)` gives a new, empty store of named streams: `put(id, chunk)` opens, writes once and completes.
 */

/** The array and loop that one would write by hand: no errors, no replay in the middle of a write, no statuses. */
class Loop {
  log = [];
  observers = [];

  next(chunk) {
    this.log.push(chunk);
    for (const observer of this.observers) observer.next(chunk);
  }

  complete() {
    for (const observer of this.observers) observer.complete();
    this.observers = [];
  }

  subscribe(observer) {
    for (let i = 0; i < this.log.length; i++) observer.next(this.log[i]);
    this.observers.push(observer);
    return { unsubscribe: () => this.observers.splice(this.observers.indexOf(observer), 1) };
  }
}

/** A Map from ids to subjects, as one has it without a library. */
const mapOf = (create) => () => {
  const map = new Map();
  return {
    map,
    put(id, chunk) {
      const subject = create();
      map.set(id, subject);
      subject.next(chunk);
      subject.complete();
    },
  };
};

const ofSubject = (create) => ({
  stream() {
    const subject = create();
    return { sink: subject, source: () => subject };
  },
  store: mapOf(create),
});

const ours = () => import(process.env.BENCH_OURS);

/** Genkit's only public entry loads its whole core; the module of the manager is the same class, and alone. */
const genkit = () => import('./node_modules/@genkit-ai/core/lib/streaming.mjs');

const load = {
  async manager() {
    const { InMemoryStreamManager } = await ours();
    return {
      createManager: (options) => new InMemoryStreamManager(options),
      stream() {
        const streams = new InMemoryStreamManager();
        return { sink: streams.open('stream'), source: () => streams.subscribe('stream') };
      },
      store() {
        const streams = new InMemoryStreamManager();
        return {
          streams,
          put(id, chunk) {
            const input = streams.open(id);
            input.next(chunk);
            input.complete();
          },
        };
      },
    };
  },

  async subject() {
    const { StreamSubject } = await ours();
    return ofSubject(() => new StreamSubject());
  },

  async replay() {
    const { ReplaySubject } = await import('rxjs');
    return ofSubject(() => new ReplaySubject());
  },

  async plain() {
    const { Subject } = await import('rxjs');
    return ofSubject(() => new Subject());
  },

  async loop() {
    return ofSubject(() => new Loop());
  },

  /** Its methods are async, but do all of their work before they return; nothing is awaited, which is its fastest. */
  async genkit() {
    const { InMemoryStreamManager } = await genkit();
    const sinkOf = (input) => ({
      next: (chunk) => void input.write(chunk),
      complete: () => void input.done(),
    });
    return {
      async stream() {
        const streams = new InMemoryStreamManager();
        const sink = sinkOf(await streams.open('stream'));
        const subscribe = ({ next, error, complete }) =>
          streams.subscribe('stream', { onChunk: next, onError: error, onDone: complete });
        return { sink, source: () => ({ subscribe }) };
      },
      store() {
        const streams = new InMemoryStreamManager();
        return {
          streams,
          async put(id, chunk) {
            const input = await streams.open(id);
            void input.write(chunk);
            void input.done();
          },
        };
      },
    };
  },
};

/** Only the peer that is measured is loaded. */
export const loadPeer = (name) => load[name]();
