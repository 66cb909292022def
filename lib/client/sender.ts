import { notFound, StreamError } from '../errors.js';
import { OUTCOME } from '../outcome-wire.js';
import type { Kind } from './content.js';
import { discard, Exchange, type Question, STOPPED } from './exchange.js';
import { type Failure, thrown } from './failure.js';
import type { ConnectionSettings } from './options.js';
import { bodyOf, type Parcel } from './parcel.js';
import { persistently, Retrying } from './retrying.js';
import { sleep } from './timing.js';

/** Whose parcels are sent. */
export interface SenderOwner {
  /** A parcel is stored, after all before it. */
  parcelStored(parcel: Parcel): void;
  /** A parcel is not stored, and never will be. Gives whether what was put after it may be. */
  parcelRefused(parcel: Parcel, error: StreamError): boolean;
  /** Nothing is sent any more. `closed`: because the stream has been closed. */
  sendingFailed(error: StreamError, closed: boolean): void;
}

/** What was answered. */
export interface Answer {
  readonly response: Response;
  readonly text: string;
  /** Whether it was asked more than once, so that an earlier question may have been carried out. */
  readonly retried: boolean;
}

/** How much of an answer is read. */
const MAX_ANSWER_BYTES = 2 ** 22;

/** How parcels are sent. */
export interface SendSettings extends ConnectionSettings {
  readonly contentType: string;
  readonly kind: Kind;
  readonly producerId: string;
  readonly maxInFlight: number;
}

/**
 * Sends parcels as an idempotent producer: numbered, several at a time, and again until each is stored, once and in
 * order. After a failure they go one by one until one has arrived, since a server takes none before the one before it.
 */
export class Sender {
  #epoch: number;
  /** The number of the first parcel. */
  #first = 0;
  readonly #parcels: Parcel[] = [];
  readonly #exchanges = new Set<Exchange>();
  readonly #over = new AbortController();
  readonly #retrying: Retrying;
  /** Whether the server knows this epoch, so that several may be on their way. */
  #claimed = false;
  #oneByOne = false;
  #waiting = false;
  #planned = false;
  #started = false;

  constructor(
    private readonly url: URL,
    private readonly settings: SendSettings,
    private readonly owner: SenderOwner,
  ) {
    this.#retrying = new Retrying(settings);
    // Later ones have greater epochs, without having to know of each other.
    this.#epoch =
      Math.max(0, Math.floor(settings.scheduler.now())) * 1_024 + Math.floor(Math.random() * 1_024);
  }

  /** What was put last, if more can go with it. */
  get growing(): Parcel | undefined {
    const last = this.#parcels.at(-1);
    return last?.sealed === false ? last : undefined;
  }

  /** Whether nothing is on its way. */
  get idle(): boolean {
    return this.#parcels.length === 0;
  }

  /** Asks something else, and again while that can help. Rejects with a {@link Failure}, and when it is stopped. */
  ask(question: Omit<Question, 'silence'>): Promise<Answer> {
    return persistently(this.#retrying, this.settings.scheduler, this.#over.signal, async (retried) => {
      const exchange = this.#exchange(question);
      try {
        const response = await exchange.ask();
        const body = await exchange.body(response, MAX_ANSWER_BYTES);
        return { response, text: new TextDecoder().decode(body), retried };
      } finally {
        this.#done(exchange);
      }
    });
  }

  /** Begins to send. */
  start(): void {
    this.#started = true;
    this.#plan();
  }

  put(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.#plan();
  }

  /** Sends nothing more, gives up what is on its way, and gives what is not known to be stored. */
  stop(): Parcel[] {
    this.#over.abort();
    for (const exchange of this.#exchanges) exchange.stop();
    return this.#parcels.splice(0);
  }

  get #stopped(): boolean {
    return this.#over.signal.aborted;
  }

  /** What is put now goes together. */
  #plan(): void {
    if (this.#planned || !this.#started) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#send();
    });
  }

  #send(): void {
    const { maxInFlight } = this.settings;
    const most = this.#claimed && !this.#oneByOne ? maxInFlight : 1;
    let inFlight = this.#parcels.filter(({ state }) => state === 'sent').length;
    for (const [i, parcel] of this.#parcels.entries()) {
      if (this.#waiting || this.#stopped || inFlight >= most) return;
      if (parcel.state !== 'queued') continue;
      inFlight++;
      parcel.state = 'sent';
      parcel.sealed = true;
      void this.#post(parcel, this.#first + i);
    }
  }

  async #post(parcel: Parcel, seq: number): Promise<void> {
    const { contentType, kind, producerId } = this.settings;
    const { chunks, outcome } = parcel;
    // Whether everything before it was acknowledged when it was sent.
    const isNext = seq === this.#first;
    const exchange = this.#exchange({
      method: 'POST',
      headers: {
        'producer-id': producerId,
        'producer-epoch': String(this.#epoch),
        'producer-seq': String(seq),
        ...(chunks.length > 0 && { 'content-type': contentType }),
        ...(outcome !== undefined && { 'stream-closed': 'true' }),
        ...(outcome !== undefined && outcome !== '' && { [OUTCOME]: outcome }),
      },
      body: chunks.length > 0 ? bodyOf(kind, chunks) : undefined,
    });
    try {
      const response = await exchange.ask();
      discard(response);
      this.#stored(parcel, response.headers.get('stream-next-offset') ?? '');
    } catch (error) {
      if (error !== STOPPED && !this.#stopped) this.#failed(parcel, isNext, thrown(error));
    } finally {
      this.#done(exchange);
    }
  }

  #stored(parcel: Parcel, tail: string): void {
    parcel.state = 'stored';
    parcel.tail = tail;
    this.#claimed = true;
    this.#oneByOne = false;
    this.#retrying.succeeded();
    while (this.#parcels[0]?.state === 'stored') {
      this.#first++;
      this.owner.parcelStored(this.#parcels.shift() as Parcel);
    }
    this.#send();
  }

  #failed(parcel: Parcel, isNext: boolean, failure: Failure): void {
    const { response, error } = failure;
    parcel.state = 'queued';
    this.#oneByOne = true;
    const headers = response?.headers;
    const epoch = Number(headers?.get('producer-epoch') ?? NaN);
    const expected = Number(headers?.get('producer-expected-seq') ?? NaN);
    if (response?.status === 403 && epoch >= this.#epoch && !this.#claimed) {
      // Another clock was ahead of ours.
      this.#epoch = epoch + 1;
      this.#send();
    } else if (response?.status === 403 && !Number.isNaN(epoch)) {
      const message = 'Another producer of this name has taken over the stream.';
      this.#giveUp(new StreamError('ABORTED', message), false);
    } else if (headers?.get('stream-closed')?.toLowerCase() === 'true') {
      this.#giveUp(error, true);
    } else if (!Number.isNaN(expected)) {
      this.#gap(isNext, expected);
    } else if (response?.status === 413) {
      this.#refused(parcel, error);
    } else {
      this.#again(failure);
    }
  }

  /** It takes no number, and what was sent after it has been refused for that. */
  #refused(parcel: Parcel, error: StreamError): void {
    const [, ...rest] = this.#parcels.splice(this.#parcels.indexOf(parcel));
    if (this.owner.parcelRefused(parcel, error)) this.#parcels.push(...rest);
    else for (const other of rest) this.owner.parcelRefused(other, error);
    this.#send();
  }

  /** One that was sent before it has not arrived; or what had arrived is no longer there. */
  #gap(isNext: boolean, expected: number): void {
    if (!isNext) this.#send();
    else if (expected === 0) this.#giveUp(notFound(this.url.pathname), false);
    else this.#giveUp(new StreamError('DATA_LOSS', 'The server has lost what it had acknowledged.'), false);
  }

  #again(failure: Failure): void {
    const delay = this.#retrying.failed(failure);
    if (delay === undefined) {
      this.#giveUp(failure.error, false);
      return;
    }
    if (this.#waiting) return;
    this.#waiting = true;
    void sleep(this.settings.scheduler, delay, this.#over.signal).then(() => {
      this.#waiting = false;
      this.#send();
    });
  }

  #giveUp(error: StreamError, closed: boolean): void {
    // For ever.
    this.#waiting = true;
    this.owner.sendingFailed(error, closed);
  }

  #exchange(question: Omit<Question, 'silence'>): Exchange {
    const exchange = new Exchange(this.url, this.settings, { ...question, silence: this.settings.silence });
    this.#exchanges.add(exchange);
    return exchange;
  }

  #done(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    exchange.stop();
  }
}
