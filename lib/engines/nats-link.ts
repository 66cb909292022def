import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';

import { printed, StreamError } from '../errors.js';
import { natsError } from './nats-errors.js';

/** What is used of the driver. */
export type NatsDriver = typeof import('@nats-io/transport-node');

/** What a {@link NatsLink} tells. */
export interface LinkEvents {
  /** The connection is back: messages may have been missed, and the server may be another. */
  back(): void;
  /** The connection is closed for good. */
  gone(): void;
  /** Something was not answered in time: perhaps it is not there any more. */
  unanswered(): void;
}

/** A queue of requests of which so many are under way at once. */
interface Lane {
  readonly most: number;
  underWay: number;
  readonly queue: Request[];
}

interface Request {
  readonly lane: Lane;
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers: MsgHdrs | undefined;
  /** How long, in ms, it is under way before it is given up, or, if it changes nothing, sent again. */
  readonly attempt: number;
  readonly repeatable: boolean;
  /** When nobody waits for it any more. */
  readonly until: number;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: StreamError) => void;
}

const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';
/** How many looks are under way at once: more only make a server slower. */
const MOST_LOOKS = 64;
const MOST_WRITES = 512;
/** How long, in ms, an answer takes at most where there is somebody to give one: longer than any disk. */
const ATTEMPT = 2_000;
/** How many times the usual a long work may take. */
const LONG = 10;
/** How often, in ms, it is looked for requests that were not answered in time. */
const TICK = 1_000;

/**
 * Asks a server over a connection, any number of questions at once. The driver's own requests would only time out where
 * the connection is lost, and cost more: these know of it. What changes nothing is asked again; what does, fails at once.
 */
export class NatsLink {
  readonly #looks: Lane = { most: MOST_LOOKS, underWay: 0, queue: [] };
  readonly #writes: Lane = { most: MOST_WRITES, underWay: 0, queue: [] };
  readonly #asked = new Map<string, { readonly request: Request; readonly since: number }>();
  readonly #inbox: string;
  readonly #answers: Subscription;
  readonly #statuses: { stop?: () => void };
  /** Those who wait for the connection, while it is not there. */
  #waiting: Request[] | undefined;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: StreamError | undefined;

  constructor(
    readonly connection: NatsConnection,
    private readonly driver: NatsDriver,
    private readonly timeout: number,
    private readonly events: LinkEvents,
  ) {
    const { inboxPrefix } = (connection as { options?: { inboxPrefix?: string } }).options ?? {};
    this.#inbox = `${driver.createInbox(inboxPrefix)}.`;
    this.#answers = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, answer) => {
        if (error) this.fail(natsError(error));
        else this.#answered(answer);
      },
    });
    const statuses = connection.status();
    this.#statuses = statuses as { stop?: () => void };
    void this.#follow(statuses);
    void connection.closed().then(() => {
      this.fail(unavailable('the connection was closed'));
      events.gone();
    });
  }

  /** Asks for something that changes nothing, again where the question, or its answer, is lost. */
  look(subject: string, payload: string): Promise<Msg> {
    return this.#request({ lane: this.#looks, subject, payload, attempt: ATTEMPT, repeatable: true });
  }

  /** Asks for something that can be done twice, and takes a server long if it has much. */
  work(subject: string, payload: string): Promise<Msg> {
    return this.#request(
      { lane: this.#looks, subject, payload, attempt: ATTEMPT * LONG, repeatable: true },
      LONG,
    );
  }

  /**
   * Asks for a change, which is to be made only if the last message of the subject has a sequence. `UNAVAILABLE` says
   * that it is not known whether it was made.
   */
  write(subject: string, payload: Uint8Array | string, expected?: number): Promise<Msg> {
    let headers: MsgHdrs | undefined;
    if (expected !== undefined) {
      headers = this.driver.headers();
      headers.set(EXPECTED, `${expected}`);
    }
    const request = { lane: this.#writes, subject, payload, headers, attempt: ATTEMPT, repeatable: false };
    return this.#request(request);
  }

  /** Waits until the server has everything that was sent before. */
  async settled(): Promise<void> {
    const until = performance.now() + this.timeout;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(unavailable(`the server has not answered for ${this.timeout} ms`));
      }, this.timeout);
    });
    late.catch(() => undefined);
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        try {
          await Promise.race([this.connection.flush(), late]);
          return;
        } catch (error) {
          // The connection was lost, and with it the question; subscriptions are renewed with it.
          if (error instanceof StreamError || performance.now() >= until) throw natsError(error);
          await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), late]);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Fails everything that is asked, and what will be. */
  fail(error: StreamError): void {
    this.#failure ??= error;
    const waiting = [
      ...[...this.#asked.values()].map(({ request }) => request),
      ...(this.#waiting ?? []),
      ...this.#looks.queue.splice(0),
      ...this.#writes.queue.splice(0),
    ];
    this.#waiting = undefined;
    this.#forgetAsked();
    for (const { reject } of waiting) reject(error);
  }

  /** Fails what waits for the connection, if it is not there: nobody waits for that any more. */
  abandon(): void {
    if (this.#waiting !== undefined) this.fail(unavailable('the engine was closed'));
  }

  /** Lets go of the connection, which stays open. */
  close(): void {
    clearTimeout(this.#timer);
    this.fail(unavailable('the engine is closed'));
    this.#answers.unsubscribe();
    this.#statuses.stop?.();
  }

  #request(
    what: Omit<Request, 'headers' | 'until' | 'resolve' | 'reject'> & { headers?: MsgHdrs | undefined },
    times = 1,
  ): Promise<Msg> {
    return new Promise((resolve, reject) => {
      this.#arm();
      const until = performance.now() + this.timeout * times;
      this.#start({ headers: undefined, ...what, until, resolve, reject });
    });
  }

  #start(request: Request): void {
    const { lane } = request;
    if (this.#failure !== undefined) request.reject(this.#failure);
    else if (this.#waiting !== undefined) this.#waiting.push(request);
    else if (lane.underWay >= lane.most) lane.queue.push(request);
    else this.#send(request);
  }

  #send(request: Request): void {
    const { lane, subject, payload, headers } = request;
    const token = (this.#next++).toString(36);
    lane.underWay++;
    this.#asked.set(token, { request, since: performance.now() });
    try {
      const reply = this.#inbox + token;
      this.connection.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
    } catch (error) {
      this.#take(token)?.reject(natsError(error));
    }
  }

  #answered(answer: Msg): void {
    this.#take(answer.subject.slice(this.#inbox.length))?.resolve(answer);
  }

  /** Takes a request out of those that are under way, and lets the next go. */
  #take(token: string): Request | undefined {
    const asked = this.#asked.get(token);
    if (asked === undefined) return undefined;
    this.#asked.delete(token);
    const { request } = asked;
    request.lane.underWay--;
    const next = request.lane.queue.shift();
    if (next !== undefined) this.#start(next);
    return request;
  }

  async #follow(statuses: ReturnType<NatsConnection['status']>): Promise<void> {
    for await (const status of statuses) {
      if (status.type === 'disconnect') this.#down();
      else if (status.type === 'reconnect') this.#up();
      else if (status.type === 'error') this.#denied(status.error);
    }
  }

  #down(): void {
    const asked = [...this.#asked.values()].map(({ request }) => request);
    this.#forgetAsked();
    const queued = [...this.#looks.queue.splice(0), ...this.#writes.queue.splice(0)];
    this.#waiting = [...(this.#waiting ?? []), ...asked.filter(({ repeatable }) => repeatable), ...queued];
    const error = unavailable('the connection was lost');
    for (const { repeatable, reject } of asked) if (!repeatable) reject(error);
  }

  #up(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.events.back();
    for (const request of waiting) this.#start(request);
  }

  /** The server says what it does not let us do, and nothing to whoever has asked for it. */
  #denied(error: Error): void {
    const { operation, subject } = error as { operation?: string; subject?: string };
    if (operation !== 'publish') return;
    for (const [token, { request }] of [...this.#asked]) {
      if (request.subject === subject) this.#take(token)?.reject(natsError(error));
    }
  }

  #forgetAsked(): void {
    this.#asked.clear();
    this.#looks.underWay = 0;
    this.#writes.underWay = 0;
  }

  #arm(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#expire();
        if (this.#asked.size > 0 || this.#waiting !== undefined) this.#arm();
      },
      Math.min(this.timeout, TICK),
    ).unref();
  }

  #expire(): void {
    const now = performance.now();
    let unanswered = false;
    for (const [token, { request, since }] of [...this.#asked]) {
      const { subject, attempt, repeatable, until, reject } = request;
      if (until > now && since + attempt > now) continue;
      unanswered = true;
      this.#take(token);
      if (until > now && repeatable) this.#start(request);
      else reject(late(subject));
    }
    if (unanswered) this.events.unanswered();
    const expired = this.#waiting?.filter(({ until }) => until <= now) ?? [];
    if (expired.length === 0) return;
    this.#waiting = this.#waiting?.filter(({ until }) => until > now);
    for (const { subject, reject } of expired) reject(late(subject));
  }
}

const late = (subject: string): StreamError => unavailable(`${printed(subject)} was not answered in time`);

const unavailable = (why: string): StreamError =>
  new StreamError('UNAVAILABLE', `NATS is out of reach: ${why}.`);
