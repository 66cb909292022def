import { StreamError, type StreamErrorCode } from '../errors.js';

/** What the first word of a server's error means for a user. Whatever else fails can succeed later. */
const MEANINGS: Readonly<Record<string, StreamErrorCode>> = {
  OOM: 'RESOURCE_EXHAUSTED',
  NOAUTH: 'PERMISSION_DENIED',
  NOPERM: 'PERMISSION_DENIED',
  WRONGPASS: 'PERMISSION_DENIED',
  WRONGTYPE: 'DATA_LOSS',
  CROSSSLOT: 'FAILED_PRECONDITION',
  ERR: 'INTERNAL',
};

/** What Redis, or the way to it, failed with, as an error of the engine; one that is such an error stays. */
export function redisError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const { name, message } = error as Partial<Error>;
  const word = /^[A-Z]+(?= )/.exec(String(message))?.[0] ?? '';
  const code = name === 'ReplyError' ? MEANINGS[word] : undefined;
  return new StreamError(code ?? 'UNAVAILABLE', `Redis failed: ${String(message)}`, { cause: error });
}

/** Whether a server does not know a script by its digest: it has not run it. */
export const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');
