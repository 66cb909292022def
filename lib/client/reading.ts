import type { StreamEnd, StreamOutcome } from '../log/outcome.js';
import { IN_BODY, OUTCOME } from '../outcome-wire.js';
import { type Answer, answerOf } from './answer.js';
import { type Batch, batchOf } from './batch.js';
import { type Content, contentOf, eventContent, NO_BYTES, type Kind } from './content.js';
import { EventStream, type Told } from './event-stream.js';
import { discard, Exchange, type Query, STOPPED } from './exchange.js';
import { Failure, malformed, thrown } from './failure.js';
import { Gate } from './gate.js';
import type { ReadSettings } from './options.js';
import { outcomeOf, saidOutcome } from './outcome.js';
import { Pages } from './pages.js';
import { NOW, type Place, START_PLACE } from './place.js';
import { Retrying } from './retrying.js';
import { type News, Tabs } from './tabs.js';
import { after, sleep } from './timing.js';

/** Who is told what a stream has. */
export interface Listener {
  /** The stream is there, and open or not as far as that is known. */
  found(open: boolean): void;
  /** Chunks that follow; a promise that resolves once there is room for more, or nothing if there is. */
  chunks(batch: Batch): Promise<void> | undefined;
  /** All that was there at first has been told. */
  caughtUp(): void;
  end(end: StreamEnd<unknown>): void;
}

/** What a reading begins with. */
export interface Start {
  readonly place: Place;
  /** Whether only the end is wanted. */
  readonly endOnly: boolean;
}

/** For how much longer, in ms, a connection may say nothing that waits for what comes. */
const LIVE_SILENCE = 60_000;
/** A live connection that was over sooner, in ms, without having told anything, is not asked for again at once. */
const RESTLESS = 1_000;
/** How often in a row events may end without having told anything, before they are given up. */
const MAX_EMPTY = 3;
/** The first and the longest delay, in ms, between looks for a stream that is not there yet. */
const WAIT_FIRST = 100;
const WAIT_LONGEST = 2_000;

const BUFFERED = new Error('The first event has not come in time.');

/**
 * Reads one stream over HTTP, from a place on to its end: page by page up to the tail, then live, by as many requests
 * as that takes. Everything is told once and in order: after each answer, and each event, it is known where to go on,
 * and what is cut off before that is asked for again.
 */
export class Reading {
  readonly #gate: Gate;
  readonly #retrying: Retrying;
  readonly #over = new AbortController();
  readonly #pages = new Pages((offset) => this.#exchangeFor({ offset }));
  #exchange: Exchange | undefined;
  #place: Place;
  #kind: Kind = 'binary';
  /** Bytes that begin a character, and are behind the place. */
  #held: Uint8Array = NO_BYTES;
  #live = false;
  #mode: 'sse' | 'long-poll';
  #cursor: string | undefined;
  #found = false;
  /** How many looks have found nothing yet, and until when there will be more. */
  #looks = 0;
  readonly #until: number;
  #empty = 0;
  readonly #endOnly: boolean;
  readonly #tabs: Tabs | undefined;
  /** Whether another tab has told of something that was missed here. */
  #behind = false;

  constructor(
    private readonly url: URL,
    private readonly settings: ReadSettings,
    private readonly listener: Listener,
    { place, endOnly }: Start,
  ) {
    this.#place = place;
    this.#endOnly = endOnly;
    this.#mode = settings.live;
    this.#until = settings.scheduler.now() + settings.wait;
    this.#retrying = new Retrying(settings);
    const { pauseWhenHidden, shareTabs } = settings;
    const letGo = (): void => {
      this.#letGo();
    };
    this.#tabs = shareTabs ? Tabs.of(url, settings.scheduler, letGo) : undefined;
    this.#gate = new Gate(pauseWhenHidden, pauseWhenHidden || shareTabs, () => {
      letGo();
      this.#tabs?.yield();
    });
    void this.#run();
  }

  /** Reads no more; what is on its way is given up. */
  stop(): void {
    this.#over.abort();
    this.#close();
    this.#letGo();
  }

  /** Holds no connection until it is told to go on, or goes on. */
  park(parked: boolean): void {
    this.#gate.park(parked);
  }

  #close(): void {
    this.#gate.close();
    this.#tabs?.close();
  }

  /** Gives up what is on its way. */
  #letGo(): void {
    this.#exchange?.stop();
    this.#pages.drop();
  }

  #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#gate.opened();
      if (this.#isOver()) return;
      let end: StreamEnd<unknown> | undefined;
      try {
        end = await (this.#live && !this.#behind ? this.#follow() : this.#page());
      } catch (error) {
        // It was to follow what has not come.
        this.#pages.drop();
        if (this.#isOver()) return;
        // What was given up because the gate is shut has not failed.
        if (error !== STOPPED) end = await this.#failed(thrown(error));
      } finally {
        this.#exchange?.stop();
      }
      if (this.#isOver()) return;
      if (end !== undefined) {
        this.#close();
        this.listener.end(end);
        return;
      }
    }
  }

  /** Waits before the next try; gives the end if there is none. */
  async #failed(failure: Failure): Promise<StreamEnd<unknown> | undefined> {
    const { error } = failure;
    const { scheduler } = this.settings;
    let delay: number | undefined;
    if (error.code === 'NOT_FOUND' && !this.#found) {
      const left = this.#until - scheduler.now();
      if (left > 0) delay = Math.min(left, WAIT_FIRST * 2 ** Math.min(this.#looks++, 10), WAIT_LONGEST);
      // All of it comes after now.
      if (this.#place.offset === 'now') this.#place = START_PLACE;
      this.#retrying.succeeded();
    } else {
      delay = this.#retrying.failed(failure);
    }
    if (delay === undefined) return { type: 'lost', error };
    await sleep(scheduler, delay, this.#over.signal);
    return undefined;
  }

  #exchangeFor(query: Query, silence = this.settings.silence): Exchange {
    return new Exchange(this.url, this.settings, { query, silence, fresh: this.#retrying.distrusts });
  }

  /** Asks for what follows the place. */
  #ask(query: Query, silence?: number): Exchange {
    return (this.#exchange = this.#exchangeFor({ offset: this.#place.offset, ...query }, silence));
  }

  /** Reads a page of what is there. */
  async #page(): Promise<StreamEnd<unknown> | undefined> {
    const begun = this.settings.scheduler.now();
    const before = this.#place;
    const wasBehind = this.#behind;
    const { exchange, response } = this.#pages.take(before.offset);
    this.#exchange = exchange;
    const answer = answerOf(await response);
    const { next, upToDate } = answer;
    const isLast = upToDate || next === before.offset || this.#endOnly;
    // What a cache may have made up says nothing of what follows.
    if (!isLast && !this.#retrying.distrusts && !exchange.isOver) this.#pages.ask(next);
    const end = await this.#answered(exchange, answer);
    // What another tab has told of is not here yet: a cache is slower than the tab.
    if (wasBehind && end === undefined && before === this.#place) await this.#rest(begun);
    return end;
  }

  /** Reads what comes: what another tab tells, or, if this one leads or there is none, the server. */
  async #follow(): Promise<StreamEnd<unknown> | undefined> {
    const news = await this.#tabs?.next(this.#place.offset);
    if (news !== undefined) {
      await this.#advance(news);
      return news.closed ? this.#outcome(news.outcome) : undefined;
    }
    this.#behind = this.#tabs?.leads === false;
    if (this.#behind) return undefined;
    // Half a character can only be made whole by bytes.
    return this.#mode === 'sse' && this.#held.byteLength === 0 ? this.#events() : this.#poll();
  }

  async #poll(): Promise<StreamEnd<unknown> | undefined> {
    const { scheduler, silence } = this.settings;
    const begun = scheduler.now();
    const before = this.#place;
    const exchange = this.#ask({ live: 'long-poll', cursor: this.#cursor }, silence + LIVE_SILENCE);
    const end = await this.#answered(exchange, answerOf(await exchange.ask()));
    if (end === undefined && before === this.#place) await this.#rest(begun);
    return end;
  }

  /** Takes an answer with a body, whose header fields say how far it goes. */
  async #answered(exchange: Exchange, answer: Answer): Promise<StreamEnd<unknown> | undefined> {
    const { next, kind, closed, upToDate, outcome } = answer;
    const from = this.#place;
    const isSame = next === from.offset;
    let content: Content = { chunks: [], length: 0, held: this.#held };
    if (kind !== undefined) {
      this.#kind = kind;
      const body = await exchange.body(answer.response, this.settings.maxResponseBytes);
      if (from.offset !== 'now') content = contentOf(kind, body, from.skip, this.#held, isSame);
    }
    this.#cursor = answer.cursor ?? this.#cursor;
    this.#check(next, content.chunks.length);
    const left = Math.max(0, from.skip - content.length);
    if (left > 0 && (upToDate || isSame)) throw malformed('less than it had given before.');
    this.#retrying.succeeded();
    // Whoever only wants the end is told that it is open where that is known.
    if (!this.#endOnly || upToDate) this.#announce(!closed);
    this.#held = content.held;
    if (upToDate) this.#behind = false;
    this.#share(from, next, content, closed, outcome);
    const isStill = isSame && left === from.skip;
    if (!isStill) this.#place = { offset: next, skip: left };
    await this.#tell(batchOf(content, from, next));
    if (closed) return this.#outcome(outcome);
    if (this.#endOnly && !upToDate) this.#place = NOW;
    // A server that says nothing of the tail gives nothing there.
    if (upToDate || isStill) this.#caughtUp();
    return undefined;
  }

  async #events(): Promise<StreamEnd<unknown> | undefined> {
    const { scheduler, silence, sseTimeout, maxResponseBytes } = this.settings;
    const begun = scheduler.now();
    const exchange = this.#ask({ live: 'sse', cursor: this.#cursor }, silence + LIVE_SILENCE);
    // A proxy that keeps events to itself keeps the first one too.
    const cancel = after(scheduler, sseTimeout, () => {
      exchange.abort(BUFFERED);
    });
    let hasTold = false;
    const before = this.#place;
    try {
      const response = await exchange.ask();
      if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) {
        discard(response);
        this.#mode = 'long-poll';
        return undefined;
      }
      const isBase64 = response.headers.get('stream-sse-data-encoding')?.toLowerCase() === 'base64';
      const events = new EventStream(maxResponseBytes);
      for await (const bytes of exchange.parts(response)) {
        for (const told of events.feed(bytes)) {
          cancel();
          hasTold = true;
          this.#empty = 0;
          await this.#told(told, isBase64);
          if (told.closed) return await this.#outcome(told.outcome);
        }
      }
    } catch (error) {
      if (error !== BUFFERED && !this.#isRefused(error)) throw error;
      this.#mode = 'long-poll';
      return undefined;
    } finally {
      cancel();
    }
    if (!hasTold && ++this.#empty >= MAX_EMPTY) this.#mode = 'long-poll';
    if (before === this.#place) await this.#rest(begun);
    return undefined;
  }

  /** Whether it is events that a server refuses, which may give the same otherwise. */
  #isRefused(error: unknown): boolean {
    const status = error instanceof Failure ? error.response?.status : undefined;
    return status === 400 || status === 405 || status === 406 || status === 415 || status === 501;
  }

  async #told({ data, next, cursor, upToDate, closed, outcome }: Told, isBase64: boolean): Promise<void> {
    this.#cursor = cursor ?? this.#cursor;
    const isWanted = !this.#endOnly || this.#tabs !== undefined;
    const chunks = isWanted ? data.flatMap((text) => eventContent(this.#kind, text, isBase64)) : [];
    this.#check(next, chunks.length);
    this.#retrying.succeeded();
    const news = { from: this.#place.offset, next, chunks, closed, outcome };
    this.#tabs?.tell(news);
    await this.#advance(news);
    if (upToDate) this.#caughtUp();
  }

  /** Goes on to where an event goes, or another tab. */
  async #advance({ next, chunks }: Pick<News, 'next' | 'chunks'>): Promise<void> {
    const from = this.#place;
    if (next !== from.offset) this.#place = { offset: next, skip: 0 };
    await this.#tell(batchOf({ chunks, length: 0, held: NO_BYTES }, from, next));
  }

  /** Tells other tabs of an answer, or only of how far it goes where it ends within a character. */
  #share(
    from: Place,
    next: string,
    { chunks, held }: Content,
    closed: boolean,
    outcome: string | null,
  ): void {
    if (held.byteLength > 0 || from.skip > 0) this.#tabs?.come(next);
    else this.#tabs?.tell({ from: from.offset, next, chunks, closed, outcome });
  }

  /** Refuses an answer that goes back, or goes nowhere although it has something. */
  #check(next: string, count: number): void {
    const { offset } = this.#place;
    const goesBack = offset !== '-1' && offset !== 'now' && next < offset;
    if (goesBack || (next === offset && count > 0)) {
      throw malformed(`an answer to ${offset} that ends at ${next}.`);
    }
  }

  #announce(open: boolean): void {
    if (this.#found) return;
    this.#found = true;
    this.listener.found(open);
  }

  #caughtUp(): void {
    if (this.#live) return;
    this.#live = true;
    this.listener.caughtUp();
  }

  async #tell(batch: Batch): Promise<void> {
    if (batch.chunks.length > 0 && !this.#isOver()) await this.listener.chunks(batch);
  }

  /** Keeps from asking again and again what is answered at once and with nothing. */
  async #rest(begun: number): Promise<void> {
    const { scheduler } = this.settings;
    if (scheduler.now() - begun >= RESTLESS) return;
    await sleep(scheduler, this.#retrying.restless(), this.#over.signal);
  }

  /** The outcome of a closed stream; one that is too long to be said is asked for. */
  async #outcome(said: unknown): Promise<StreamOutcome<unknown>> {
    let outcome = saidOutcome(said);
    if (outcome.long === true) {
      this.#exchange?.stop();
      const exchange = this.#ask({ outcome: 'full' });
      const response = await exchange.ask();
      const body = await exchange.body(response, this.settings.maxResponseBytes);
      if (response.headers.get(OUTCOME) !== IN_BODY) throw malformed('no outcome where it was asked for.');
      outcome = saidOutcome(new TextDecoder().decode(body));
    }
    return outcomeOf(outcome);
  }
}
