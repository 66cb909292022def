import type { StreamError, StreamErrorCode } from '../errors.js';

/** Why a request is not carried out, and what is answered to it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: StreamErrorCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** What is sent: short, and nothing but what the client has to know. */
  get body(): string {
    return JSON.stringify({ error: { code: this.code, message: this.message } });
  }
}

/** A {@link Refusal}. */
export const refusal = (
  status: number,
  code: StreamErrorCode,
  message: string,
  headers?: Readonly<Record<string, string>>,
): Refusal => new Refusal(status, code, message, headers);

/** The refusal of what is malformed. */
export const malformed = (message: string): Refusal => refusal(400, 'INVALID_ARGUMENT', message);

/** The refusal of what is too large. */
export const tooLarge = (message: string): Refusal => refusal(413, 'RESOURCE_EXHAUSTED', message);

/** The status of each code; what is not here is a failure of the server. */
const STATUS: Partial<Record<StreamErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  DEADLINE_EXCEEDED: 408,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  OUT_OF_RANGE: 410,
  RESOURCE_EXHAUSTED: 429,
};

/** What an error of the streams is answered with; `undefined` for a failure of which a client is told nothing. */
export function refusalOf({ code, message, details }: StreamError): Refusal | undefined {
  const facts = Object(details) as Partial<Record<string, unknown>>;
  if (code === 'NOT_FOUND' && facts['deleted'] === true) return refusal(410, code, message);
  // The stream is full; else there is no room now.
  if (code === 'RESOURCE_EXHAUSTED' && facts['limit'] !== undefined) return tooLarge(message);
  if (code === 'RESOURCE_EXHAUSTED') return refusal(429, code, message, { 'retry-after': '1' });
  if (code === 'UNAVAILABLE') {
    return refusal(503, code, 'The streams are not available now.', { 'retry-after': '1' });
  }
  const status = STATUS[code];
  return status === undefined ? undefined : refusal(status, code, message);
}
