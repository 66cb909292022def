import type { StreamError } from './errors.js';
import type { InputFailure } from './input-failure.js';

/** Somebody who waits for requests to be answered. */
interface Waiting {
  /** How many, from the first. */
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: StreamError) => void;
}

/** The requests of an input, which are answered in the order in which they are made, and who waits for that. */
export class InputRequests {
  #made = 0;
  #answered = 0;
  #waiting: Waiting[] = [];

  constructor(private readonly failure: InputFailure) {}

  /** How many are not answered. */
  get left(): number {
    return this.#made - this.#answered;
  }

  /** One more is made. */
  made(): void {
    this.#made++;
  }

  /** The next one is carried out. */
  carriedOut(): void {
    this.#answered++;
    if (this.#waiting.length === 0) return;
    while ((this.#waiting[0]?.count ?? Infinity) <= this.#answered) this.#waiting.shift()?.resolve();
  }

  /** The next one has failed, and with it all after it. */
  failed(error: StreamError): void {
    this.#answered++;
    this.giveUp(error);
  }

  /** Nobody waits any longer. */
  giveUp(error: StreamError): void {
    for (const { reject } of this.#waiting.splice(0)) {
      this.failure.told = true;
      reject(error);
    }
  }

  /** Resolves once the first so many, or all that are made by now, are carried out. */
  wait(count = this.#made): Promise<void> {
    if (count <= this.#answered) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ count, resolve, reject });
    });
  }
}
