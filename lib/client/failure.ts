import { printed, StreamError, type StreamErrorCode, toStreamError } from '../errors.js';
import { isMendable } from '../operators/retry.js';

/** Why a request has come to nothing. */
export class Failure extends Error {
  constructor(
    readonly error: StreamError,
    /** Whether it may be tried again. */
    readonly mendable: boolean,
    /** How long, in ms, the server wants to be left alone. */
    readonly retryAfter = 0,
    /** Whether the server has answered, and what can't be so. */
    readonly malformed = false,
    /** What was answered. */
    readonly response?: Response,
  ) {
    super(error.message);
  }
}

/** The codes of statuses; what is from 500 on is `UNAVAILABLE`, and all else `UNKNOWN`. */
const CODES: Partial<Record<number, StreamErrorCode>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'FAILED_PRECONDITION',
  410: 'OUT_OF_RANGE',
  413: 'RESOURCE_EXHAUSTED',
  425: 'UNAVAILABLE',
  429: 'RESOURCE_EXHAUSTED',
  431: 'RESOURCE_EXHAUSTED',
};
const MENDABLE = [408, 425, 429];

/** The failure that an answer is, whose body is `text`. */
export function refused(response: Response, text: string, now: number): Failure {
  const { status, headers } = response;
  const { code, message } = said(text);
  // A 410 of ours says whether the offset is foreign or the stream is gone.
  const known = status === 410 && code === 'NOT_FOUND' ? code : undefined;
  const error = new StreamError(
    known ?? CODES[status] ?? (status >= 500 ? 'UNAVAILABLE' : 'UNKNOWN'),
    message ?? `The server answered ${status}.`,
    { details: { status } },
  );
  const mendable = MENDABLE.includes(status) || (status >= 500 && status !== 501 && status !== 505);
  const wait = mendable ? retryAfter(headers.get('retry-after'), now) : 0;
  return new Failure(error, mendable, wait, false, response);
}

/** What a refusal says in its body, as those of this library do. */
function said(text: string): { readonly code?: unknown; readonly message?: string } {
  try {
    const { code, message } = Object((JSON.parse(text) as { error?: unknown } | null)?.error) as Partial<
      Record<string, unknown>
    >;
    return { code, ...(typeof message === 'string' && { message }) };
  } catch {
    return {};
  }
}

/** `Retry-After` in ms: it is seconds, or a date. */
function retryAfter(value: string | null, now: number): number {
  if (value === null) return 0;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1_000;
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

/** The failure that something thrown is: what `fetch` throws is a network that does not work. */
export function thrown(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { name, message, cause } = Object(error) as Partial<Error>;
  if (name === 'StreamError') return new Failure(error as StreamError, isMendable(error));
  // The `fetch` of Node says why in the cause, at times by nothing but a code.
  const { message: why = '', code } = Object(cause) as { readonly message?: string; readonly code?: string };
  const parts = [message ?? printed(error), why === '' ? code : why];
  const text = `The server can't be reached, or breaks off: ${parts.filter(Boolean).join(': ')}`;
  return new Failure(new StreamError('UNAVAILABLE', text, { cause: error }), true);
}

/** The failure of a function that was to give headers. */
export function withoutHeaders(error: unknown): Failure {
  return new Failure(toStreamError(error), isMendable(error));
}

/** The failure that an answer is which no server should give. A cache may have made it. */
export const malformed = (what: string): Failure =>
  new Failure(new StreamError('UNKNOWN', `The server gave what can't be read: ${what}`), true, 0, true);

/** The failure that an answer is which is too large to be kept. */
export const tooLarge = (most: number): Failure =>
  new Failure(
    new StreamError('RESOURCE_EXHAUSTED', `An answer has more than maxResponseBytes, ${most}.`),
    false,
  );

/** What is told to whoever has aborted. */
export const aborted = (signal: AbortSignal): StreamError =>
  new StreamError('CANCELLED', 'The signal was aborted.', { cause: signal.reason });
