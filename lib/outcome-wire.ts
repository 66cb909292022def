import type { StreamStatus } from './log/outcome.js';

/** The header field in which the outcome of a closed stream travels, see docs/protocol.md. */
export const OUTCOME = 'stream-outcome';

/** How many characters an outcome may have in an answer; a longer one is asked for by itself. */
export const MAX_GIVEN_OUTCOME = 2_048;
/** How many characters an outcome may have in a request. */
export const MAX_SENT_OUTCOME = 4_096;

/** What `Stream-Outcome` says where the body is the outcome, because it was asked for. */
export const IN_BODY = 'body';

/** An outcome as it travels: JSON, in ASCII. */
export interface WireOutcome {
  readonly type: Exclude<StreamStatus, 'open'>;
  /** The output of a `done` stream, if it has one. */
  readonly output?: unknown;
  /** The output is bytes. */
  readonly encoding?: 'base64';
  /** The output is `undefined`. */
  readonly undefined?: true;
  /** The error of an `error` stream. */
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
  /** It is too long to be given here, and has to be asked for. */
  readonly long?: true;
}

/** JSON in ASCII and on one line, as header fields need it: the same to whoever parses it. */
export const inAscii = (json: string): string =>
  json
    // They can only be between the parts of it.
    .replace(/[\t\n\r]/g, ' ')
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The outcome that a text is; `undefined` for what is none. */
export function parseOutcome(text: string): WireOutcome | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isOutcome(value) ? value : undefined;
}

/** Whether a value is an outcome. */
export function isOutcome(value: unknown): value is WireOutcome {
  const { type, error, encoding, output, long } = Object(value) as Partial<Record<string, unknown>>;
  if (type === 'done') return encoding === undefined || (encoding === 'base64' && typeof output === 'string');
  if (type !== 'error') return false;
  const { code, message } = Object(error) as Partial<Record<string, unknown>>;
  return long === true || (typeof code === 'string' && typeof message === 'string');
}
