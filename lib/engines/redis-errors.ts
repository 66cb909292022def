import { StreamError, type StreamErrorCode } from '../errors.js';

/** What the first word of a server's error means for a user. Whatever else fails can succeed later. */
const MEANINGS: Readonly<Record<string, StreamErrorCode>> = {
  OOM: 'RESOURCE_EXHAUSTED',
  NOAUTH: 'UNAUTHENTICATED',
  NOPERM: 'PERMISSION_DENIED',
  WRONGPASS: 'UNAUTHENTICATED',
  WRONGTYPE: 'DATA_LOSS',
  CROSSSLOT: 'FAILED_PRECONDITION',
  ERR: 'INTERNAL',
};

/**
 * What Redis, or the way to it, failed with, as an error of the engine; one that is such an error stays.
 *
 * @param reason what keeps the connection from being made, which a command that only waits does not know.
 */
export function redisError(error: unknown, reason?: string): StreamError {
  if (error instanceof StreamError) return error;
  const { name, message } = error as Partial<Error>;
  const isReply = name === 'ReplyError';
  const word = /^[A-Z]+(?= )/.exec(String(message))?.[0] ?? '';
  const code = (isReply ? MEANINGS[word] : undefined) ?? 'UNAVAILABLE';
  const why = isReply || reason === undefined ? '' : `: ${reason}`;
  return new StreamError(code, `Redis failed: ${String(message)}${why}`, { cause: error });
}

/** Whether a server does not know a script by its digest: it has not run it. */
export const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');
