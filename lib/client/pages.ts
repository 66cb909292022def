import { discard, type Exchange } from './exchange.js';

/** A page that is asked for. */
interface Page {
  readonly offset: string;
  readonly exchange: Exchange;
  readonly response: Promise<Response>;
}

/**
 * Asks for pages, and for one ahead of its turn, so that the server makes it while the one before is read and told. It
 * is never more than one, and until its turn its body is not read and its failure not looked at: whoever takes long
 * holds the server back, and after an error nothing is known that was not known before.
 */
export class Pages {
  #ahead: Page | undefined;

  constructor(private readonly exchangeFor: (offset: string) => Exchange) {}

  /** The page that follows an offset. */
  take(offset: string): Page {
    const ahead = this.#ahead;
    // One that has waited for so long that it was given up says nothing of the server.
    if (ahead?.offset === offset && !ahead.exchange.isOver) {
      this.#ahead = undefined;
      return ahead;
    }
    this.drop();
    return this.#asked(offset);
  }

  /** Asks for the page whose turn is next. */
  ask(offset: string): void {
    this.drop();
    const page = this.#asked(offset);
    this.#ahead = page;
    // Seen by whoever takes it.
    page.response.catch(() => undefined);
  }

  /** Lets go of the page whose turn has not come. */
  drop(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    ahead?.exchange.stop();
    ahead?.response.then(discard, () => undefined);
  }

  #asked(offset: string): Page {
    const exchange = this.exchangeFor(offset);
    return { offset, exchange, response: exchange.ask() };
  }
}
