import { StreamError, type StreamErrorCode, toStreamError } from '../errors.js';

/** The name of a status of Genkit's errors but `OK`: those of gRPC, as the codes of `StreamError` are. */
export type GenkitStatus = StreamErrorCode | 'UNIMPLEMENTED';

/** The HTTP status that Genkit gives each (`statusTypes` of @genkit-ai/core 1.42). */
const HTTP_STATUS: Readonly<Record<GenkitStatus, number>> = {
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  CANCELLED: 499,
  DATA_LOSS: 500,
  DEADLINE_EXCEEDED: 504,
  FAILED_PRECONDITION: 400,
  INTERNAL: 500,
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  OUT_OF_RANGE: 400,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  UNIMPLEMENTED: 501,
  UNKNOWN: 500,
};

/**
 * Genkit's classes of errors, as your application has imported them. They are asked for because it may have loaded two
 * copies of Genkit, one as an ES module and one as CommonJS, of which only one is the handlers'.
 */
export interface GenkitErrorClasses {
  /** What `subscribe` rejects with where there is no stream. Genkit's handlers know it by its class, and answer 204. */
  StreamNotFoundError?: (new (message: string) => Error) | undefined;
  /** All other errors with a status. Genkit's handlers tell clients status and message only of this class. */
  GenkitError?:
    (new (options: { status: GenkitStatus; message: string; detail?: unknown }) => Error) | undefined;
  /** What a flow threw as such. Default: `GenkitError`, with that name. */
  UserFacingError?: (new (status: GenkitStatus, message: string, details?: unknown) => Error) | undefined;
}

/** What of an error clients are told. */
export interface Told {
  readonly status: GenkitStatus;
  readonly message: string;
  readonly detail?: unknown;
  /** The name of Genkit's class; absent if the error is not of Genkit. */
  readonly name?: string;
}

const isStatus = (status: unknown): status is GenkitStatus =>
  typeof status === 'string' && Object.hasOwn(HTTP_STATUS, status);

/** The HTTP status that Genkit gives a status. */
export const httpStatusOf = (status: GenkitStatus): number => HTTP_STATUS[status];

/** What clients are told of an error that is not theirs to know. */
export const INTERNAL: Told = { status: 'INTERNAL', message: 'Internal Error' };

/** What clients are told of failures, whose own messages may name hosts. */
const FAILURES: Partial<Record<GenkitStatus, string>> = {
  DATA_LOSS: 'A part of the stream is lost.',
  UNAVAILABLE: 'The streams are not available now.',
};

/**
 * What a flow failed with, as the outcome of its stream. An error of Genkit's, of whichever copy, keeps its status, its
 * message and its detail; a `StreamError` stays as it is; anything else is `UNKNOWN`, whatever code it has, because
 * Genkit tells clients nothing of it.
 */
export function outcomeOf(error: unknown): StreamError {
  const told = genkitErrorOf(error);
  const known = toStreamError(told === undefined ? error : { code: told.status, message: told.message });
  if (known === error) return known;
  const details = told === undefined ? undefined : { genkit: told };
  return new StreamError(told === undefined ? 'UNKNOWN' : known.code, known.message, {
    details,
    cause: error,
  });
}

/** What clients may be told of an error; `undefined`: nothing, but that there is one. */
export function toldOf(error: StreamError): Told | undefined {
  const genkit = keptIn(error);
  if (genkit !== undefined) return genkit;
  const { code, message } = error;
  if (code === 'UNKNOWN' || code === 'INTERNAL') return undefined;
  return { status: code, message: FAILURES[code] ?? message };
}

/** Whether clients are not told all of it, and so somebody else should hear of it. */
export const isFailure = (error: StreamError): boolean =>
  keptIn(error) === undefined && ['UNKNOWN', 'INTERNAL', ...Object.keys(FAILURES)].includes(error.code);

/** An error of a stream as Genkit has it. What clients may not be told is a plain `Error`, as Genkit expects. */
export function genkitError(error: StreamError, classes: GenkitErrorClasses): Error {
  const told = toldOf(error);
  return told === undefined
    ? new Error(error.message, { cause: error })
    : Object.assign(made(told, classes), { cause: error });
}

function made({ status, message, detail, name }: Told, classes: GenkitErrorClasses): Error {
  const { StreamNotFoundError, GenkitError, UserFacingError } = classes;
  if (status === 'NOT_FOUND' && name === undefined && StreamNotFoundError) {
    return new StreamNotFoundError(message);
  }
  if (name === 'UserFacingError' && UserFacingError) return new UserFacingError(status, message, detail);
  const error =
    GenkitError === undefined
      ? Object.assign(new Error(`${status}: ${message}`), {
          status,
          code: HTTP_STATUS[status],
          detail,
          originalMessage: message,
        })
      : new GenkitError({ status, message, detail });
  error.name = name ?? 'GenkitError';
  return error;
}

/** What {@link outcomeOf} has kept of an error of Genkit's. */
function keptIn({ details }: StreamError): Told | undefined {
  const { genkit } = Object(details) as { readonly genkit?: Told };
  return isStatus(genkit?.status) ? genkit : undefined;
}

/** What an error of Genkit's says, by what it has; its class may be that of another copy. */
function genkitErrorOf(error: unknown): Told | undefined {
  try {
    const { status, originalMessage, detail, name } = Object(error) as Partial<Record<string, unknown>>;
    if (!isStatus(status) || typeof originalMessage !== 'string') return undefined;
    return {
      status,
      message: originalMessage,
      ...(detail !== undefined && { detail }),
      name: typeof name === 'string' ? name : 'GenkitError',
    };
  } catch {
    // Its getters throw.
    return undefined;
  }
}
