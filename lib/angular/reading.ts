import { type NgZone, type PendingTasks, type Signal, signal, type WritableSignal } from '@angular/core';
import type { SchedulerLike } from 'rxjs';

import { after } from '../client/timing.js';
import type { DurableStream } from '../durable-stream.js';
import { printed, StreamError } from '../errors.js';
import type { StreamEnd } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { Accumulation, type Folder } from './accumulation.js';
import type { DurableResourceStatus } from './resource-options.js';
import { ResourceReader, type Watcher } from './resource-reader.js';
import type { Snapshots } from './snapshots.js';

/** What all readings of a resource have in common. */
export interface ReadingContext<C, O, A> {
  readonly zone: NgZone;
  readonly tasks: PendingTasks;
  readonly snapshots: Snapshots;
  readonly snapshotTimeout: number;
  readonly scheduler: SchedulerLike;
  /** Whether a stream may still come that is not there. */
  readonly waits: boolean;
  /** Who has made a value, where others would make another one of the same stream. */
  readonly owner: object | undefined;
  stream(id: string, after: Offset | undefined): DurableStream<C, O>;
  /** Folds chunks into what was accumulated before, or into what is there at first. */
  folder(snapshot: { readonly value: A } | undefined): Folder<C, A>;
  /** What a stream's snapshot is known by. */
  keyOf(id: string): string;
}

/** One stream, as a resource reads it, from `start` on until what that gives is called. */
export class Reading<C, O, A> implements Watcher<C, O> {
  readonly chunks: Signal<A>;
  readonly status: WritableSignal<DurableResourceStatus>;
  readonly output = signal<O | undefined>(undefined);
  readonly error = signal<StreamError | undefined>(undefined);
  readonly #accumulation: Accumulation<C, A>;
  /** The offset after what the server has told. */
  readonly #after: Offset | undefined;
  readonly #reader = new ResourceReader<C, O>(this);
  #end: StreamEnd<O> | undefined;
  /** Called once a server knows enough. */
  #settled: (() => void) | undefined;

  /** `isFirst`: whether it may go on where a server has come to. */
  constructor(
    private readonly context: ReadingContext<C, O, A>,
    private readonly id: string | undefined,
    isFirst: boolean,
  ) {
    const snapshot =
      id !== undefined && isFirst ? context.snapshots.load<O, A>(context.keyOf(id)) : undefined;
    this.#accumulation = new Accumulation(context.folder(snapshot));
    this.chunks = this.#accumulation.value;
    this.#after = snapshot?.offset;
    this.status = signal(id === undefined ? 'idle' : snapshot?.open === true ? 'open' : 'loading');
    if (snapshot?.outcome !== undefined) this.ended(snapshot.outcome);
  }

  /** Begins to read. What it gives ends that. */
  start(): () => void {
    const { context, id } = this;
    if (id === undefined || this.#end !== undefined) return () => undefined;
    if (context.snapshots.onServer) return this.#look(id);
    this.#read(id);
    return () => {
      this.#reader.unsubscribe();
    };
  }

  opened(): void {
    this.status.set('open');
  }

  chunk(chunk: C): void {
    try {
      this.#accumulation.add(chunk);
    } catch (cause) {
      const { message = printed(cause) } = Object(cause) as Partial<Error>;
      const error = new StreamError('UNKNOWN', `reduce has failed on a chunk: ${message}`, { cause });
      this.ended({ type: 'lost', error });
      this.#reader.unsubscribe();
    }
  }

  caughtUp(): void {
    this.#settled?.();
  }

  ended(end: StreamEnd<O>): void {
    this.#end = end;
    if (end.type === 'done') {
      this.output.set(end.output);
      this.status.set('done');
    } else if (!this.#mayStillCome(end.error)) {
      this.error.set(end.error);
      this.status.set('error');
    }
    this.#settled?.();
  }

  #read(id: string): void {
    // Signals need no zone.
    this.context.zone.runOutsideAngular(() => {
      this.#reader.read(this.context.stream(id, this.#after).reads);
    });
  }

  /** On a server: reads what is there. Whatever is rendered waits for that, and not for what comes. */
  #look(id: string): () => void {
    const { tasks, scheduler, snapshotTimeout, zone } = this.context;
    const done = tasks.add();
    let isOver = false;
    const stop = (): void => {
      if (isOver) return;
      isOver = true;
      this.#settled = undefined;
      cancel();
      this.#reader.unsubscribe();
      done();
    };
    const settle = (): void => {
      this.#save(id);
      stop();
    };
    const cancel = zone.runOutsideAngular(() => after(scheduler, snapshotTimeout, settle));
    this.#settled = settle;
    this.#read(id);
    return stop;
  }

  #save(id: string): void {
    const end = this.#end;
    const { offset } = this.#reader;
    // What was lost, or not even found, the browser looks for by itself.
    if (offset === undefined || end?.type === 'lost' || this.status() === 'loading') return;
    const { snapshots, owner } = this.context;
    const snapshot = { value: this.chunks(), offset, open: this.status() === 'open', outcome: end };
    snapshots.save(this.context.keyOf(id), snapshot, owner);
  }

  /** Whether a server has only not found what the browser will wait for. */
  #mayStillCome({ code }: StreamError): boolean {
    return code === 'NOT_FOUND' && this.context.waits && this.context.snapshots.onServer;
  }
}
