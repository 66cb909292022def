import { AsyncSubject, Observable, throwError } from 'rxjs';

import {
  type DurableStream,
  type InMemoryStreamManager,
  type ListOptions,
  type Offset,
  type OpenOptions,
  type StopOptions,
  StreamError,
  type StreamHead,
  type StreamInput,
  type StreamManager,
  type StreamStatus,
  type SubscribeOptions,
} from '../../lib/index.js';
import { START } from '../../lib/offset.js';

/** Something that was asked of the storage. Stored and answered in one step, or refused. */
interface Request {
  /** The input that asks. */
  readonly from: unknown;
  store(): void;
  refuse(error: StreamError): void;
}

/**
 * A manager over one in memory that answers late, as a storage engine does: an input is `'opening'` until its claim
 * was answered, and a write is stored, and acknowledged, when its answer comes. Answers come in the order of the
 * requests of the whole manager, when a test says so; `automatic` ones by themselves, each on its own microtask.
 */
export class LateStreamManager implements StreamManager {
  readonly #requests: Request[] = [];
  readonly #automatic: boolean;

  constructor(
    /** What is stored. Acting on it is what another process would do. */
    readonly stored: InMemoryStreamManager,
    { automatic = false }: { automatic?: boolean } = {},
  ) {
    this.#automatic = automatic;
  }

  /** How many requests wait for an answer. */
  get waiting(): number {
    return this.#requests.length;
  }

  /** Stores and answers the next requests, all that wait by default; resolves when the answers have been heard. */
  async acknowledge(count = this.waiting): Promise<void> {
    for (const request of this.#requests.slice(0, count)) {
      const place = this.#requests.indexOf(request);
      // An earlier answer may have failed the input, and withdrawn what it had asked for.
      if (place >= 0) this.#requests.splice(place, 1)[0]?.store();
    }
    await heard();
  }

  /** Fails the next request, as a storage does that has gone away; resolves when the answer has been heard. */
  async refuse(error: StreamError): Promise<void> {
    this.#requests.shift()?.refuse(error);
    await heard();
  }

  open<C, O = void>(id: string, options?: OpenOptions): StreamInput<C, O> {
    return new LateInput<C, O>(
      id,
      () => this.stored.open<C, O>(id, options),
      (request) => {
        this.#requests.push(request);
        if (!this.#automatic) return;
        queueMicrotask(() => {
          this.#requests.shift()?.store();
        });
      },
      (input) => {
        const kept = this.#requests.filter(({ from }) => from !== input);
        return this.#requests.splice(0, Infinity, ...kept).filter(({ from }) => from === input);
      },
    );
  }

  subscribe<C, O = void>(id: string, options?: SubscribeOptions): DurableStream<C, O> {
    return this.stored.subscribe(id, options);
  }

  head(id: string): Promise<StreamHead> {
    return later(() => this.stored.head(id));
  }

  list(options?: ListOptions): Promise<StreamHead[]> {
    return later(() => this.stored.list(options));
  }

  delete(id: string): Promise<void> {
    return later(() => {
      this.stored.delete(id);
    });
  }

  stop(id: string, options?: StopOptions): Promise<void> {
    return later(() => {
      this.stored.stop(id, options);
    });
  }

  close(): Promise<void> {
    return later(() => {
      this.stored.close();
    });
  }
}

/** Enough microtasks for whoever waits for an answer through a few promises. */
async function heard(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Acts now, and tells later how it went. */
const later = <T>(act: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(act());
  });

class LateInput<C, O> implements StreamInput<C, O> {
  readonly opened: Promise<void>;
  readonly failed: Observable<StreamError>;
  readonly #ask: (request: Request) => void;
  readonly #withdraw: (input: unknown) => Request[];
  readonly #failures = new AsyncSubject<StreamError>();
  /** The claim that was answered. */
  #input: StreamInput<C, O> | undefined;
  /** Settles as the last request does. */
  #last: Promise<unknown> = Promise.resolve();
  #failure: StreamError | undefined;
  #abort: AbortController | undefined;
  /** Whether it was ended or closed by its owner, answered or not. */
  #left = false;
  #watched = false;
  #reported = false;

  constructor(
    readonly id: string,
    claim: () => StreamInput<C, O>,
    ask: (request: Request) => void,
    withdraw: (input: unknown) => Request[],
  ) {
    this.#ask = ask;
    this.#withdraw = withdraw;
    this.failed = new Observable((subscriber) => {
      if (this.#failure === undefined) return this.#failures.subscribe(subscriber);
      this.#watched = true;
      subscriber.next(this.#failure);
      subscriber.complete();
      return undefined;
    });
    this.opened = this.#request(() => {
      try {
        this.#claimed(claim());
      } catch (error) {
        this.#fail(error as StreamError);
        throw error;
      }
    });
  }

  get status(): StreamStatus | 'opening' {
    return this.#input?.status ?? (this.#failure === undefined ? 'opening' : 'error');
  }

  get tail(): Offset {
    return this.#input?.tail ?? START;
  }

  get closed(): boolean {
    return this.#left || this.#failure !== undefined || this.#input?.closed === true;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#failure !== undefined) this.#abortWith(this.#failure);
      this.#forwardAbort();
    }
    return this.#abort.signal;
  }

  next(chunk: C): void {
    this.#write((input) => {
      input.next(chunk);
    });
  }

  write(chunk: C): Promise<Offset> {
    if (this.closed) return Promise.reject(this.#refusal());
    let offset: Promise<Offset> | undefined;
    return this.#request((input) => {
      offset = input.write(chunk);
    }).then(() => offset!);
  }

  complete(...output: [output?: O]): void {
    this.#write((input) => {
      input.complete(...output);
    });
    this.#left = true;
  }

  error(error: unknown): void {
    this.#write((input) => {
      input.error(error);
    });
    this.#left = true;
  }

  flush(): Promise<void> {
    this.#watched = true;
    return this.#failure === undefined ? this.#last.then(() => undefined) : Promise.reject(this.#failure);
  }

  close(): void {
    if (this.closed) return;
    void this.#request((input) => {
      input.close();
    });
    this.#left = true;
  }

  #claimed(input: StreamInput<C, O>): void {
    this.#input = input;
    input.failed.subscribe({
      next: (failure) => {
        this.#fail(failure);
      },
      complete: () => {
        this.#failures.complete();
      },
    });
    this.#forwardAbort();
  }

  #write(store: (input: StreamInput<C, O>) => void): void {
    if (this.closed) {
      const refusal = this.#refusal();
      this.#tell(refusal);
      this.#report(refusal);
    } else {
      this.#request(store).catch((failure: unknown) => {
        this.#report(failure);
      });
    }
  }

  /** Asks the storage for something; the claim first, so that there is an input for all that follows. */
  #request(store: (input: StreamInput<C, O>) => void): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      this.#ask({
        from: this,
        store: () => {
          const before = this.#failure;
          try {
            store(this.#input!);
          } catch (error) {
            reject(error);
          }
          if (this.#failure === before) resolve();
          else reject(this.#failure);
        },
        refuse: (error) => {
          reject(error);
          this.#fail(error);
          this.#input?.close();
        },
      });
    });
    this.#last = answered;
    // Whoever wants to know was given the promise itself.
    answered.catch(() => undefined);
    return answered;
  }

  /** The storage will not take what it was asked for and has not answered yet. */
  #fail(failure: StreamError): void {
    this.#tell(failure);
    for (const request of this.#withdraw(this)) request.refuse(failure);
  }

  #tell(failure: StreamError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#watched ||= this.#failures.observed;
    this.#failures.next(failure);
    this.#failures.complete();
    if (this.#abort !== undefined) this.#abortWith(failure);
  }

  #refusal(): StreamError {
    return (
      this.#failure ?? new StreamError('FAILED_PRECONDITION', 'The stream was written to after its end.')
    );
  }

  /** Tells RxJS of what nobody watches, once. */
  #report(failure: unknown): void {
    if (this.#watched || this.#reported) return;
    this.#reported = true;
    queueMicrotask(() => {
      if (!this.#watched) throwError(() => failure).subscribe();
    });
  }

  #abortWith(error: StreamError): void {
    this.#watched = true;
    this.#abort?.abort(error);
  }

  #forwardAbort(): void {
    if (this.#abort === undefined || this.#input === undefined) return;
    const { signal } = this.#input;
    const forward = (): void => {
      this.#abortWith(signal.reason as StreamError);
    };
    if (signal.aborted) forward();
    else signal.addEventListener('abort', forward, { once: true });
  }
}
