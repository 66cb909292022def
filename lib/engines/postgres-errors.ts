import { reasonOf, StreamError, type StreamErrorCode } from '../errors.js';

/**
 * What an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), or a class of them, means for a
 * user.
 */
const MEANINGS: Readonly<Record<string, StreamErrorCode>> = {
  // A connection that fails or is lost.
  '08': 'UNAVAILABLE',
  '0A': 'FAILED_PRECONDITION',
  // A standby, or what was a primary: the next connection may be to another.
  '25006': 'UNAVAILABLE',
  '28': 'UNAUTHENTICATED',
  // No such database, schema, table, function, …
  '3D': 'FAILED_PRECONDITION',
  '3F': 'FAILED_PRECONDITION',
  // Serialization failures and deadlocks.
  '40': 'UNAVAILABLE',
  '42': 'FAILED_PRECONDITION',
  '42501': 'PERMISSION_DENIED',
  // No disk, no memory, but for connections.
  '53': 'RESOURCE_EXHAUSTED',
  '53300': 'UNAVAILABLE',
  '54': 'RESOURCE_EXHAUSTED',
  // A lock that was not given in time.
  '55': 'UNAVAILABLE',
  // Cancelled, by a limit or by somebody; the server stops or starts.
  '57': 'UNAVAILABLE',
  // The database was dropped.
  '57P04': 'FAILED_PRECONDITION',
  '58': 'UNAVAILABLE',
  // A file is missing; data, or an index, is damaged.
  '58P01': 'DATA_LOSS',
  XX: 'UNAVAILABLE',
  XX001: 'DATA_LOSS',
  XX002: 'DATA_LOSS',
};

/** The states of a schema that is not there, or not as it was made. */
const MISSING = ['3F000', '42P01', '42883'];
/** The states of a statement with a name that the connection does not know, or knows already, or that has changed. */
const FORGOTTEN = ['26000', '42P05', '0A000'];
/** What only another connection can mend. */
const WRONG_SERVER = '25006';

/** The SQLSTATE, if it is the server that has failed: what else fails can have a code, too, such as EPIPE. */
const stateOf = (error: unknown): string | undefined => {
  const { severity, code } = Object(error) as { severity?: unknown; code?: unknown };
  return typeof severity === 'string' && typeof code === 'string' ? code : undefined;
};

/** What PostgreSQL, or the way to it, failed with, as an error of the engine; one that is such an error stays. */
export function postgresError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const state = stateOf(error);
  const code =
    state === undefined ? 'UNAVAILABLE' : (MEANINGS[state] ?? MEANINGS[state.slice(0, 2)] ?? 'INTERNAL');
  return new StreamError(code, `PostgreSQL failed: ${reasonOf(error)}`, { cause: error });
}

/** Whether a schema, or something in it, is not there. */
export const isMissing = (error: unknown): boolean => MISSING.includes(stateOf(error) ?? '');

/** Whether a statement was not carried out because of its name. */
export const isForgotten = (error: unknown): boolean => FORGOTTEN.includes(stateOf(error) ?? '');

/** Whether a connection is as good as before: the server has answered that it could not do what it was asked for. */
export function isUsable(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && state !== WRONG_SERVER && !/^(08|57P|XX)/.test(state);
}
