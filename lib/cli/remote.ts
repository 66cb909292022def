import { setTimeout as sleep } from 'node:timers/promises';

import { reasonOf, StreamError, type StreamErrorCode } from '../errors.js';
import { UsageError } from './arguments.js';
import { backoff } from './backoff.js';
import { TOKEN_VARIABLE, tokensOf } from './tokens.js';

/** The options that all commands have that talk to a server. */
export const CLIENT_OPTIONS = { token: { type: 'string', multiple: true } } as const;

/** For how long, in ms, a server may say nothing to a request: one that waits for what comes is asked again then. */
const SILENCE_MS = 60_000;

/** A stream on a server. */
export interface Remote {
  readonly url: URL;
  /** Who asks. */
  readonly token: string | undefined;
}

/** What a server has answered, wholly. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** How to ask. */
export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A stream at a URL, for whoever the options or the environment say. Throws `UsageError` for two tokens. */
export function remoteOf(url: URL, given: readonly string[] | undefined): Remote {
  const [token, ...more] = tokensOf(given);
  if (given !== undefined && more.length > 0) throw new UsageError('Only one --token can be given here');
  return { url, token };
}

/**
 * Asks a server. While it can't be reached, breaks off or is not able to answer now, asks again, for `patience` ms after
 * the first failure (default: 0), which only suits what may be repeated. Rejects with `UNAVAILABLE` after that.
 */
export async function ask(remote: Remote, question: Question, patience = 0): Promise<Answer> {
  let until: number | undefined;
  for (let failures = 0; ; failures++) {
    const outcome = await attempt(remote, question);
    if (!('failure' in outcome)) return outcome;
    until ??= performance.now() + patience;
    const wait = Math.max(backoff(failures), outcome.retryAfter);
    if (performance.now() + wait > until) throw new StreamError('UNAVAILABLE', outcome.failure);
    // Once for as long as it lasts.
    if (failures === 0) process.stderr.write(`${outcome.failure} Trying again.\n`);
    await sleep(wait);
  }
}

interface Failure {
  readonly failure: string;
  /** After how many ms the server wants to be asked again. */
  readonly retryAfter: number;
}

async function attempt(remote: Remote, question: Question): Promise<Answer | Failure> {
  const { method, query = {}, headers = {}, body } = question;
  const url = new URL(remote.url);
  for (const name in query) url.searchParams.set(name, query[name] as string);
  const silent = new AbortController();
  const timer = setTimeout(() => {
    silent.abort(new Error(`it said nothing for ${SILENCE_MS / 1_000} s`));
  }, SILENCE_MS);
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(remote.token !== undefined && { authorization: `Bearer ${remote.token}` }) },
      signal: silent.signal,
      ...(body !== undefined && { body: body as BodyInit }),
    });
    timer.refresh();
    const { status } = response;
    const answer = { status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
    if (status < 500 && status !== 408 && status !== 429) return answer;
    const seconds = Number(response.headers.get('retry-after') ?? 0);
    const said = messageIn(answer.body);
    return {
      failure: [`${url.host} answered ${status}.`, ...said].join(' '),
      retryAfter: seconds > 0 ? seconds * 1_000 : 0,
    };
  } catch (error) {
    return { failure: `${url.host} can't be reached: ${reasonOf(causeOf(error))}.`, retryAfter: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/** What `fetch` has failed by: it says so in the cause of what it throws. */
function causeOf(error: unknown): unknown {
  const { cause = error } = error as { cause?: unknown };
  return cause;
}

const REFUSALS: Readonly<Record<number, readonly [StreamErrorCode, string]>> = {
  403: ['PERMISSION_DENIED', 'It is not allowed'],
  404: ['NOT_FOUND', 'There is no stream'],
  409: ['FAILED_PRECONDITION', 'It is in conflict with what is there'],
  410: ['OUT_OF_RANGE', 'The stream is gone, or the offset is of another one that was there before'],
};

/** The error that an answer is. */
export function refusalOf({ status, body }: Answer, { url, token }: Remote): StreamError {
  const at = `${url.host}${url.pathname}`;
  if (status === 401) {
    return new StreamError(
      'UNAUTHENTICATED',
      token === undefined
        ? `${url.host} wants to know who asks: set ${TOKEN_VARIABLE}, or give a --token.`
        : `${url.host} does not know this token.`,
    );
  }
  const [code, reason] = REFUSALS[status] ?? ['UNKNOWN', `The answer was ${status}`];
  return new StreamError(code, [`${reason}: ${at}.`, ...messageIn(body)].join(' '));
}

/** What a refusal says in its body, if it does, as those of this library do. */
function messageIn(body: Uint8Array): string[] {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? [error.message] : [];
  } catch {
    return [];
  }
}
