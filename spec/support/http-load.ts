import { setTimeout as sleep } from 'node:timers/promises';

import { SseReader } from '../../lib/testing/http-suite/sse-reader.js';

/** What producers append: whose it is, and which of theirs. */
interface Message {
  readonly producer: string;
  readonly seq: number;
}

export const JSON_TYPE = { 'content-type': 'application/json' };

/** Where to ask: one place, or each time another. */
export type Where = string | (() => string);

const at = (where: Where): string => (typeof where === 'string' ? where : where());

/** How long, in ms, to wait for a server that can't be reached. */
const AWAY_MS = 10;

/** Asks until the answer is one of the server's own, whoever broke off whatever came before. */
export async function answered(where: Where, init: RequestInit): Promise<Response> {
  for (;;) {
    try {
      const response = await fetch(at(where), init);
      // Else it keeps its connection.
      await response.arrayBuffer();
      if (response.status < 500) return response;
    } catch {
      // It is not known whether it was done.
    }
    await sleep(AWAY_MS);
  }
}

/** Appends messages to a stream, one after the other and each until it is acknowledged, as an idempotent producer. */
export class HttpProducer {
  /** The number of the last one that was acknowledged. */
  acknowledged = -1;
  #stopped = false;

  constructor(
    readonly name: string,
    private readonly where: Where,
    private readonly told: () => void = () => undefined,
  ) {}

  /** Appends until it is stopped; rejects if something is refused. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const seq = this.acknowledged + 1;
      const message: Message = { producer: this.name, seq };
      // Some are long, so that a kill can fall into them.
      const body = JSON.stringify([{ ...message, text: 'x'.repeat(seq % 7 === 0 ? 20_000 : 20) }]);
      const { status } = await answered(this.where, {
        method: 'POST',
        headers: {
          ...JSON_TYPE,
          'producer-id': this.name,
          'producer-epoch': '0',
          'producer-seq': String(seq),
        },
        body,
      });
      if (status !== 200 && status !== 204) throw new Error(`An append was answered with ${status}.`);
      this.acknowledged = seq;
      this.told();
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** What a reader has read: by producer, the number of its last message. Throws at one that is lost, doubled or early. */
export class Seen {
  readonly last = new Map<string, number>();
  readonly order: string[] = [];
  /** How often a live answer was ended by the server, as it should be, and how often it was broken off. */
  ended = 0;
  brokenOff = 0;

  constructor(readonly name: string) {}

  add({ producer, seq }: Message): void {
    const due = (this.last.get(producer) ?? -1) + 1;
    if (seq !== due) throw new Error(`${this.name} was given ${seq} of ${producer}, not ${due}.`);
    this.last.set(producer, seq);
    this.order.push(`${producer}:${seq}`);
  }
}

/** Reads a stream by long-polls until it is closed. */
export async function readByLongPoll(where: Where, seen: Seen): Promise<void> {
  for (let offset = '-1'; ;) {
    let messages: Message[];
    let headers: Headers;
    try {
      const response = await fetch(`${at(where)}?offset=${offset}&live=long-poll`);
      ({ headers } = response);
      if (response.status !== 200 && response.status !== 204) throw new Error(`${response.status}`);
      messages = response.status === 200 ? ((await response.json()) as Message[]) : [];
      seen.ended++;
    } catch {
      seen.brokenOff++;
      await sleep(AWAY_MS);
      continue;
    }
    for (const message of messages) seen.add(message);
    offset = headers.get('stream-next-offset') ?? offset;
    if (headers.get('stream-closed') === 'true') return;
  }
}

/** Reads a stream by server-sent events until it is closed. */
export async function readBySse(where: Where, seen: Seen): Promise<void> {
  let offset = '-1';
  for (;;) {
    // What no control event has followed may come again.
    let pending: Message[] = [];
    try {
      const events = await SseReader.open(`${at(where)}?offset=${offset}&live=sse`);
      for (let event = await events.next(); event !== undefined; event = await events.next()) {
        if (event.type === 'data') {
          pending = JSON.parse(event.data) as Message[];
          continue;
        }
        const control = JSON.parse(event.data) as { streamNextOffset: string; streamClosed?: boolean };
        for (const message of pending.splice(0)) seen.add(message);
        offset = control.streamNextOffset;
        if (control.streamClosed === true) return;
      }
      seen.ended++;
    } catch (error) {
      if (String(error).includes('was given')) throw error;
      seen.brokenOff++;
      await sleep(AWAY_MS);
    }
  }
}
