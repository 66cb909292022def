const CODES = [
  'ABORTED',
  'ALREADY_EXISTS',
  'CANCELLED',
  'DATA_LOSS',
  'DEADLINE_EXCEEDED',
  'FAILED_PRECONDITION',
  'INTERNAL',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'OUT_OF_RANGE',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'UNAUTHENTICATED',
  'UNAVAILABLE',
  'UNKNOWN',
] as const;

/**
 * The codes a {@link StreamError} can have: canonical gRPC status names
 * (https://grpc.io/docs/guides/status-codes/). Each has a heading in `docs/errors.md`.
 */
export type StreamErrorCode = (typeof CODES)[number];

const isCode = (code: unknown): code is StreamErrorCode => CODES.includes(code as StreamErrorCode);

/** What a {@link StreamError} can carry beside its code and message. */
export interface StreamErrorOptions {
  /** Facts for a program, storable as JSON. Engines keep them. */
  details?: unknown;
  /** What lies behind the error. Kept in memory, not by engines. */
  cause?: unknown;
}

/**
 * The one error class of this library. Tell errors apart by {@link code}, never by class (two copies of a
 * package can be loaded at once) and never by text.
 */
export class StreamError extends Error {
  static {
    // On the prototype: an own field would show up in every printed error.
    this.prototype.name = 'StreamError';
  }

  /** The stable, canonical code. */
  readonly code: StreamErrorCode;
  /** Facts for a program, if the error was given any. */
  declare readonly details?: unknown;

  constructor(code: StreamErrorCode, message: string, options?: StreamErrorOptions) {
    super(message, options);
    this.code = code;
    if (options?.details !== undefined) this.details = options.details;
  }
}

/**
 * The {@link StreamError} that a foreign error becomes as the outcome of a stream: one that is a `StreamError`
 * by name and code stays as it is; an object with a canonical `code` keeps code, message and details; anything
 * else is `UNKNOWN`. The original is kept as `cause`.
 */
export function toStreamError(error: unknown): StreamError {
  try {
    const { name, code, message, details } = Object(error) as Partial<Record<keyof StreamError, unknown>>;
    const known = isCode(code);
    if (known && name === 'StreamError') return error as StreamError;
    const text = typeof message === 'string' ? message : `The producer failed with ${printed(error)}.`;
    return new StreamError(known ? code : 'UNKNOWN', text, { details, cause: error });
  } catch {
    // Its getters throw. The cause is all there is to tell.
    return new StreamError('UNKNOWN', 'The producer failed with an unreadable error.', { cause: error });
  }
}

/** A value as an error message shows it: short, and on one line. */
export function printed(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : Object(value) === value
        ? typeof value
        : String(value);
  return text.slice(0, 80).replace(/\s/g, ' ');
}

/** What an error of Node says: its message, or, where several addresses of a host were tried, which has none, its code. */
export function reasonOf(error: unknown): string {
  const { message = '', code } = Object(error) as { readonly message?: string; readonly code?: unknown };
  return message === '' ? String(code) : message;
}

/** Whether a stream can't be written any more because somebody wants that, who has stopped or deleted it. */
export const isIntended = ({ code }: StreamError): boolean => code === 'CANCELLED' || code === 'NOT_FOUND';

/** The error for an argument that breaks a rule. */
export const invalid = (message: string, options?: StreamErrorOptions): StreamError =>
  new StreamError('INVALID_ARGUMENT', message, options);

/** The error for an id without a stream. */
export const notFound = (id: string, options?: StreamErrorOptions): StreamError =>
  new StreamError('NOT_FOUND', `There is no stream ${printed(id)}, or not any more.`, options);

/** The error for writing what can't be written any more. */
export const ended = (id: string, options?: StreamErrorOptions): StreamError =>
  new StreamError(
    'FAILED_PRECONDITION',
    `The stream ${printed(id)}, or its input, has ended and can't be written.`,
    options,
  );
