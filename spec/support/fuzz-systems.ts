import { type Observable, ReplaySubject } from 'rxjs';

import {
  type DurableStream,
  InMemoryStreamManager,
  StreamError,
  type StreamStatus,
  type StreamSubject,
  type SubscribeOptions,
} from '../../lib/index.js';
import { IDS } from './fuzz-program.js';

/** What a program writes with. Without `failed`, a refused call throws. */
export interface Writer {
  next(chunk: number): void;
  complete(...output: [output?: string]): void;
  error(error: unknown): void;
  close?(): void;
  readonly failed?: Observable<StreamError>;
}

/** What a program reads: chunks, and the other views where there are any. */
interface Views {
  readonly chunks: Observable<number>;
  readonly others?: Pick<DurableStream<number, string>, 'events' | 'output' | 'status'>;
}

/** What a program runs on. */
export interface System {
  open(id: string, resume: boolean): Writer;
  subscribe(id: string, options: SubscribeOptions): Views;
  head?(id: string): { status: StreamStatus; chunks: number; tail?: string };
  /** Streams can be opened again, stopped and deleted, and read from anywhere. */
  readonly manager?: { stop(id: string): void; delete(id: string): void; close(): void };
}

export function managerSystem(): System {
  // Nothing expires: the fuzz is about order, and a timer for each of its streams would cost more than the rest.
  const manager = new InMemoryStreamManager({ ttl: Infinity });
  return {
    manager,
    open: (id, resume) => manager.open<number, string>(id, { resume }),
    subscribe: (id, options) => {
      const stream = manager.subscribe<number, string>(id, options);
      return { chunks: stream, others: stream };
    },
    head: (id) => manager.head(id),
  };
}

const oneForEachId = <T>(create: () => T): ((id: string) => T) => {
  const all = new Map(IDS.map((id) => [id as string, create()]));
  return (id) => all.get(id)!;
};

export type SubjectClass = new () => StreamSubject<number, string>;

/** Subjects alone, of the class given, which may be a mutated one. */
export const subjectSystem = (Subject: SubjectClass) => (): System => {
  const subject = oneForEachId(() => new Subject());
  return {
    open: subject,
    subscribe: (id) => ({ chunks: subject(id), others: subject(id).asObservable() }),
    head: (id) => ({ status: subject(id).status, chunks: subject(id).length }),
  };
};

/** RxJS's own, but for this: it ignores what is written after the end, and this refuses it as ours do. */
class RefusingReplaySubject extends ReplaySubject<number> {
  #ended = false;

  override next(chunk: number): void {
    this.#write(false);
    super.next(chunk);
  }

  override complete(): void {
    this.#write(true);
    super.complete();
  }

  override error(error: unknown): void {
    this.#write(true);
    super.error(error);
  }

  #write(end: boolean): void {
    if (this.#ended) throw new StreamError('FAILED_PRECONDITION', 'It has ended.');
    this.#ended = end;
  }
}

export function replaySubjectSystem(): System {
  const subject = oneForEachId(() => new RefusingReplaySubject());
  return { open: subject, subscribe: (id) => ({ chunks: subject(id) }) };
}
