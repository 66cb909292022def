import type { Msg, MsgHdrs } from '@nats-io/transport-node';

import { StreamError } from '../errors.js';
import { bufferOn } from './buffer-on.js';
import { API, type ApiError, apiError, lost } from './nats-errors.js';
import type { NatsKeys } from './nats-keys.js';
import type { NatsLink } from './nats-link.js';

/** A message that is stored. */
export interface Stored {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** What became of a message. */
export type Published =
  | { readonly type: 'stored'; readonly seq: number }
  /** The last message of the subject is another one. */
  | { readonly type: 'conflict' }
  /** It can't be stored, whoever tries. */
  | { readonly type: 'refused'; readonly error: StreamError }
  /** Whether it was, or will be, stored is not known. */
  | { readonly type: 'unanswered'; readonly error: StreamError };

/** How long, in ms, a message waits at first, and at most, for another of its subject that is on its way to replicas. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 50;

const NO_RESPONDERS = 503;
const NOT_FOUND = 404;

/** Messages in JetStream streams: found by subject or sequence, and published upon the last one. */
export class NatsStore {
  /**
   * @param replicated whether the streams have replicas, which are asked as they come: only the leader has what is newest.
   * @param silent told when nobody answers for a stream.
   */
  constructor(
    private readonly link: NatsLink,
    readonly keys: NatsKeys,
    private readonly replicated: boolean,
    private readonly timeout: number,
    private readonly silent: () => void,
  ) {}

  /** The last message of a subject; the newest, unless an old one will do. */
  last(stream: string, subject: string, mayBeStale = false): Promise<Stored | undefined> {
    return this.replicated && !mayBeStale
      ? this.#byLeader(stream, { last_by_subj: subject })
      : this.#direct(stream, `$JS.API.DIRECT.GET.${stream}.${subject}`, '');
  }

  /** What the message of a sequence has. */
  async at(stream: string, seq: number): Promise<Uint8Array | undefined> {
    const { data, headers } = await this.link.look(`$JS.API.DIRECT.GET.${stream}`, `{"seq":${seq}}`);
    // Headers take longer to decode than all else, and what is not there has nothing else.
    if (data.length > 0) return data;
    this.#checkFound(stream, headers);
    // A replica may not have it yet.
    return this.replicated ? (await this.#byLeader(stream, { seq }))?.data : undefined;
  }

  /** Until when, on the clock of `performance`, something is tried that begins now. */
  deadline(): number {
    return performance.now() + this.timeout;
  }

  /** Stores a message if the last one of its subject has a sequence; 0 if there is to be none. */
  async publish(subject: string, data: Uint8Array | string, expected?: number): Promise<Published> {
    const until = this.deadline();
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      let answer: { seq?: number; error?: ApiError };
      try {
        answer = this.#answer(await this.link.write(subject, data, expected), subject);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        return { type: 'unanswered', error };
      }
      const { seq, error } = answer;
      if (error === undefined && seq !== undefined) return { type: 'stored', seq };
      const { err_code: code, ...rest } = error ?? {};
      if (code === API.wrongLastSequence) return { type: 'conflict' };
      if (code !== API.busy || performance.now() > until) {
        const refused = apiError('to store a message', {
          ...rest,
          ...(code !== undefined && { err_code: code }),
        });
        if (refused.code === 'RESOURCE_EXHAUSTED') return { type: 'refused', error: refused };
        throw refused;
      }
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    }
  }

  /** The subjects that match, each with how many messages it has: all of them, so this costs as much as there is. */
  async subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (;;) {
      const request = { subjects_filter: filter, offset: found.size };
      const { state, total = 0 } = await this.#ask<{
        state: { subjects?: Readonly<Record<string, number>> };
        total?: number;
      }>(`STREAM.INFO.${stream}`, request);
      const page = Object.entries(state.subjects ?? {});
      for (const [subject, count] of page) found.set(subject, count);
      if (page.length === 0 || found.size >= total) return found;
    }
  }

  /** Removes the messages of a subject up to a sequence. */
  async purge(stream: string, subject: string, through: number): Promise<void> {
    await this.#ask(`STREAM.PURGE.${stream}`, { filter: subject, seq: through + 1 });
  }

  /** Removes a message. */
  async remove(stream: string, seq: number): Promise<void> {
    try {
      // What chunks a file has is no secret from who can read it, and to overwrite it costs much.
      await this.#ask(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true });
    } catch (error) {
      // It is not there any more.
      if ((error as StreamError).code !== 'UNAVAILABLE') throw error;
    }
  }

  async #direct(stream: string, subject: string, payload: string): Promise<Stored | undefined> {
    const { headers, data } = await this.link.look(subject, payload);
    return this.#checkFound(stream, headers)
      ? { seq: Number(headers?.get('Nats-Sequence')), data }
      : undefined;
  }

  /** Whether an answer is a message; throws if it is neither that nor that there is none. */
  #checkFound(stream: string, headers: MsgHdrs | undefined): boolean {
    const code = headers?.code ?? 0;
    if (code === NO_RESPONDERS) throw this.#unanswered(stream);
    if (code !== 0 && code !== NOT_FOUND)
      throw apiError('a look', { code, description: headers?.description ?? '' });
    return code === 0;
  }

  async #byLeader(stream: string, which: object): Promise<Stored | undefined> {
    const answer = await this.link.look(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify(which));
    interface Found {
      readonly seq: number;
      readonly data?: string;
    }
    const { message, error } = this.#answer<{ message?: Found }>(answer, stream);
    if (error?.err_code === API.noMessage) return undefined;
    if (message === undefined) throw apiError('a look', error ?? {});
    const { seq, data = '' } = message;
    return { seq, data: Buffer.from(data, 'base64') };
  }

  async #ask<T>(what: string, request: object): Promise<T> {
    const subject = `$JS.API.${what}`;
    const answer = await this.link.work(subject, JSON.stringify(request));
    const { error, ...result } = this.#answer<object>(answer, what);
    if (error !== undefined) throw apiError(what, error);
    return result as T;
  }

  #answer<T extends object>({ headers, data }: Msg, what: string): T & { error?: ApiError } {
    if (headers?.code === NO_RESPONDERS) throw this.#unanswered(what);
    try {
      return JSON.parse(bufferOn(data).toString()) as T & {
        error?: ApiError;
      };
    } catch {
      throw lost('the sense of an answer');
    }
  }

  #unanswered(what: string): StreamError {
    this.silent();
    return new StreamError('UNAVAILABLE', `No server of NATS answers for ${what}.`);
  }
}

const isUnavailable = (error: unknown): error is StreamError => (error as StreamError).code === 'UNAVAILABLE';
