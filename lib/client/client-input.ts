import type { Observable } from 'rxjs';

import { attachDispose } from '../dispose.js';
import { ended, notFound, StreamError, toStreamError } from '../errors.js';
import type { Waiting } from '../input-batch.js';
import { InputFailure } from '../input-failure.js';
import { InputRequests } from '../input-requests.js';
import type { StreamStatus } from '../log/outcome.js';
import type { Offset } from '../offset.js';
import { OUTCOME } from '../outcome-wire.js';
import type { StreamInput } from '../stream-manager.js';
import { claim } from './claim.js';
import { aborted, Failure } from './failure.js';
import { outcomeOf, saidOutcome } from './outcome.js';
import { encoded, errorText, outputText, type Parcel } from './parcel.js';
import { Sender, type SenderOwner, type SendSettings } from './sender.js';
import { after } from './timing.js';

/** How an input writes. */
export interface InputSettings extends SendSettings {
  readonly resume: boolean;
  /** Header fields of the creation. */
  readonly creation: Readonly<Record<string, string>>;
  readonly maxChunkBytes: number;
  readonly maxBatchBytes: number;
  readonly maxQueuedBytes: number;
  readonly lookEvery: number;
}

/** Writes a stream over HTTP: chunks become parcels, which a {@link Sender} sends. */
export class ClientInput<C, O> implements StreamInput<C, O>, SenderOwner {
  readonly #settings: InputSettings;
  readonly #sender: Sender;
  readonly #failure = new InputFailure(() => this.#released);
  readonly #requests = new InputRequests(this.#failure);
  #status: StreamStatus | 'opening' = 'opening';
  #tail: Offset = '-1';
  /** Whether it has ended the stream, or left it, by itself. */
  #left = false;
  #released = false;
  /** How many bytes are not known to be stored. */
  #bytes = 0;
  #watched = false;
  readonly #cancels: (() => void)[] = [];

  constructor(
    readonly id: string,
    url: URL,
    settings: InputSettings,
  ) {
    // Not in a static block, which no bundler would leave out.
    attachDispose(ClientInput.prototype);
    this.#settings = settings;
    this.#sender = new Sender(url, settings, this);
    this.#requests.made();
    this.#listen(settings.signal);
    void this.#open();
  }

  get status(): StreamStatus | 'opening' {
    return this.#status;
  }

  get tail(): Offset {
    return this.#tail;
  }

  get closed(): boolean {
    return this.#left || this.#released;
  }

  get opened(): Promise<void> {
    const { error } = this.#failure;
    const isRefused = this.#released && this.#tail === '-1' && error !== undefined;
    return isRefused ? this.#failure.reject(error) : this.#requests.wait(1);
  }

  get failed(): Observable<StreamError> {
    this.#watch();
    return this.#failure.failed;
  }

  get signal(): AbortSignal {
    this.#watch();
    return this.#failure.signal(() => this.#failure.error);
  }

  next(chunk: C): void {
    const refusal = this.#put(chunk, undefined);
    if (refusal !== undefined) this.#refused(refusal);
  }

  write(chunk: C): Promise<Offset> {
    return new Promise((resolve, reject) => {
      const refusal = this.#put(chunk, { resolve, reject });
      if (refusal === undefined) return;
      if (refusal === this.#failure.error) this.#failure.told = true;
      reject(refusal);
    });
  }

  complete(...output: [output?: O]): void {
    if (this.closed) {
      this.#refused(this.#refusal());
      return;
    }
    let text: string;
    try {
      text = outputText(output);
    } catch (error) {
      this.#refused(toStreamError(error));
      return;
    }
    this.#end(text);
  }

  error(error: unknown): void {
    if (this.closed) this.#refused(this.#refusal());
    else this.#end(errorText(toStreamError(error)));
  }

  flush(): Promise<void> {
    const { error } = this.#failure;
    return error === undefined ? this.#requests.wait() : this.#failure.reject(error);
  }

  close(): void {
    if (this.closed) return;
    this.#left = true;
    this.#releaseOnceIdle();
  }

  /** @internal */
  parcelStored(parcel: Parcel): void {
    this.#bytes -= parcel.bytes;
    if (parcel.tail !== '') this.#tail = parcel.tail;
    parcel.waiting?.resolve(this.#tail);
    if (parcel.outcome !== undefined) {
      if (this.#status === 'open') this.#status = parcel.outcome.startsWith(ERROR) ? 'error' : 'done';
      this.#release();
    }
    this.#requests.carriedOut();
    this.#releaseOnceIdle();
  }

  /** @internal */
  parcelRefused(parcel: Parcel, error: StreamError): boolean {
    this.#bytes -= parcel.bytes;
    parcel.waiting?.reject(error);
    if (parcel.waiting !== undefined && parcel.chunks.length === 1) {
      // Who has written it sees it, and the input goes on.
      this.#requests.carriedOut();
      return true;
    }
    if (this.#failure.error === undefined) this.#endRefused(error);
    this.#requests.failed(error);
    this.#failure.report(error);
    return false;
  }

  /** @internal */
  sendingFailed(error: StreamError, closed: boolean): void {
    if (closed) void this.#lost();
    else this.#die(error, error.code === 'ABORTED' ? 'open' : 'error');
  }

  async #open(): Promise<void> {
    const { resume, creation } = this.#settings;
    try {
      const tail = await claim(this.#sender, this.id, resume, creation);
      if (this.#released) return;
      this.#tail = tail;
      if (this.#status === 'opening') this.#status = 'open';
      this.#requests.carriedOut();
      this.#sender.start();
      this.#look();
      this.#releaseOnceIdle();
    } catch (error) {
      this.#die(error instanceof Failure ? error.error : toStreamError(error));
    }
  }

  /** Writes a chunk, or gives the reason why not. */
  #put(chunk: C, waiting: Waiting | undefined): StreamError | undefined {
    if (this.closed) return this.#refusal();
    const { kind, maxChunkBytes, maxBatchBytes, maxQueuedBytes } = this.#settings;
    let data: string | Uint8Array;
    let bytes: number;
    try {
      ({ data, bytes } = encoded(kind, chunk));
    } catch (error) {
      return toStreamError(error);
    }
    if (bytes > maxChunkBytes)
      return full(`The chunk has ${bytes} bytes, but maxChunkBytes is ${maxChunkBytes}.`);
    if (this.#bytes + bytes > maxQueuedBytes) {
      return full(`Too much waits to be stored: maxQueuedBytes is ${maxQueuedBytes}.`);
    }
    this.#bytes += bytes;
    const last = this.#sender.growing;
    if (last !== undefined && last.waiting === undefined && last.bytes + bytes <= maxBatchBytes) {
      last.chunks.push(data);
      last.bytes += bytes;
      last.waiting = waiting;
    } else {
      this.#requests.made();
      this.#sender.put(parcelOf([data], bytes, waiting, undefined));
    }
    return undefined;
  }

  #end(outcome: string): void {
    this.#left = true;
    this.#requests.made();
    this.#sender.put(parcelOf([], 0, undefined, outcome));
  }

  #releaseOnceIdle(): void {
    if (this.#left && this.#status !== 'opening' && this.#sender.idle) this.#release();
  }

  #release(error?: StreamError): void {
    if (this.#released) return;
    this.#released = true;
    for (const cancel of this.#cancels) cancel();
    const parcels = this.#sender.stop();
    if (error !== undefined) this.#failure.set(error);
    this.#failure.over();
    const failure = this.#failure.error;
    if (failure === undefined) return;
    for (const { waiting } of parcels) {
      if (waiting === undefined) continue;
      this.#failure.told = true;
      waiting.reject(failure);
    }
  }

  /** It can write no more, for a reason that is not its own. */
  #die(error: StreamError, status: StreamStatus = 'error'): void {
    if (this.#released) return;
    this.#status = status;
    this.#release(error);
    const failure = this.#failure.error ?? error;
    this.#requests.failed(failure);
    this.#failure.report(failure);
  }

  /** A call failed that has no other way to say so. */
  #refused(error: StreamError): void {
    if (this.closed) this.#failure.set(error);
    else this.#endRefused(error);
    this.#failure.report(error);
  }

  /** A chunk is missing, so the stream can't go on, and its readers should not wait. */
  #endRefused(error: StreamError): void {
    this.#failure.set(error);
    this.#end(errorText(error));
    this.#status = 'error';
  }

  #refusal(): StreamError {
    return this.#failure.error ?? ended(this.id);
  }

  /** Somebody else has closed the stream: asks how. */
  async #lost(said?: Headers): Promise<void> {
    try {
      const headers = said ?? (await this.#sender.ask({ method: 'HEAD' })).response.headers;
      const outcome = outcomeOf(saidOutcome(headers.get(OUTCOME)));
      if (outcome.type === 'error') this.#die(outcome.error);
      else this.#die(ended(this.id), 'done');
    } catch (error) {
      this.#die(error instanceof Failure ? error.error : toStreamError(error));
    }
  }

  /** Somebody wants to know what others do to the stream. */
  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    if (this.#status === 'open') this.#look();
  }

  /** Looks at the stream now and then while nothing is written, for whoever wants to know. */
  #look(): void {
    const { lookEvery, scheduler } = this.#settings;
    if (!this.#watched || this.#released || lookEvery === Infinity) return;
    const cancel = after(
      scheduler,
      lookEvery,
      () => {
        this.#cancels.splice(this.#cancels.indexOf(cancel), 1);
        void this.#lookOnce().finally(() => {
          this.#look();
        });
      },
      true,
    );
    this.#cancels.push(cancel);
  }

  async #lookOnce(): Promise<void> {
    if (!this.#sender.idle) return;
    try {
      const { headers } = (await this.#sender.ask({ method: 'HEAD' })).response;
      const isClosed = headers.get('stream-closed')?.toLowerCase() === 'true';
      // What was written meanwhile is answered by itself.
      if (isClosed && !this.closed) await this.#lost(headers);
    } catch (error) {
      const status = error instanceof Failure ? error.response?.status : undefined;
      if (status === 404 || status === 410) this.#die(notFound(this.id));
    }
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = (): void => {
      this.#die(aborted(signal), this.#status === 'opening' ? 'error' : 'open');
    };
    signal.addEventListener('abort', abort);
    this.#cancels.push(() => {
      signal.removeEventListener('abort', abort);
    });
    // Told as what comes later is: by then somebody may watch.
    if (signal.aborted) queueMicrotask(abort);
  }
}

const ERROR = '{"type":"error"';

const parcelOf = (
  chunks: (string | Uint8Array)[],
  bytes: number,
  waiting: Waiting | undefined,
  outcome: string | undefined,
): Parcel => ({ chunks, bytes, waiting, outcome, state: 'queued', sealed: outcome !== undefined, tail: '' });

const full = (message: string): StreamError => new StreamError('RESOURCE_EXHAUSTED', message);
