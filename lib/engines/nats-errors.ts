import { StreamError, type StreamErrorCode } from '../errors.js';

/** Codes of JetStream's errors: https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const API = {
  streamNotFound: 10_059,
  streamExists: 10_058,
  subjectsOverlap: 10_065,
  noMessage: 10_037,
  wrongLastSequence: 10_071,
  /** Another message of the subject is on its way to the replicas. */
  busy: 10_164,
} as const;

const MEANINGS: readonly (readonly [StreamErrorCode, readonly number[]])[] = [
  // insufficient resources, storage or memory exceeded, at most so many streams, message too large, account limits
  ['RESOURCE_EXHAUSTED', [10_002, 10_023, 10_027, 10_028, 10_047, 10_053, 10_054, 10_120, 10_121, 10_122]],
  // not enabled for the account, not enabled, subjects or names taken by others, replicas not possible without a cluster
  ['FAILED_PRECONDITION', [10_035, 10_039, 10_058, 10_065, 10_074, 10_076]],
  ['DATA_LOSS', [API.streamNotFound]],
];

/** An error as JetStream answers with it. */
export interface ApiError {
  readonly code?: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** What JetStream refused, as an error of the engine: `UNAVAILABLE` if a later try can succeed. */
export function apiError(
  what: string,
  { code = 0, err_code: number = 0, description = '' }: ApiError,
): StreamError {
  const meaning =
    MEANINGS.find(([, numbers]) => numbers.includes(number))?.[0] ?? meaningOf(code, description);
  return new StreamError(meaning, `NATS refused ${what}: ${description} (${number}).`);
}

/** What a store that is full says has no code of its own. */
function meaningOf(code: number, description: string): StreamErrorCode {
  if (/maximum|no space|insufficient|exceeded/i.test(description)) return 'RESOURCE_EXHAUSTED';
  return code === 403 ? 'PERMISSION_DENIED' : 'UNAVAILABLE';
}

/** What the driver failed with, as an error of the engine; one that is such an error stays. */
export function natsError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const { name = '', message = '', cause } = Object(error) as Partial<Error>;
  // What the driver says of a request has its reason inside.
  const kind = cause instanceof Error && name === 'RequestError' ? cause.name : name;
  return new StreamError(DRIVER_MEANINGS[kind] ?? 'UNAVAILABLE', `NATS failed: ${message || kind}.`, {
    cause: error,
  });
}

const DRIVER_MEANINGS: Readonly<Record<string, StreamErrorCode>> = {
  AuthorizationError: 'UNAUTHENTICATED',
  UserAuthenticationExpiredError: 'UNAUTHENTICATED',
  PermissionViolationError: 'PERMISSION_DENIED',
  InvalidArgumentError: 'INVALID_ARGUMENT',
  TypeError: 'INVALID_ARGUMENT',
};

/** A store that can't be as it is. */
export const lost = (what: string): StreamError =>
  new StreamError('DATA_LOSS', `The NATS store has lost ${what}.`);
