import { OUTCOME } from '../outcome-wire.js';
import { kindOf, type Kind } from './content.js';
import { discard } from './exchange.js';
import { malformed } from './failure.js';

/** What the header fields of an answer say. */
export interface Answer {
  readonly response: Response;
  /** Up to where it goes. */
  readonly next: string;
  /** What its body has; `undefined` if it has none. */
  readonly kind: Kind | undefined;
  readonly cursor: string | undefined;
  readonly closed: boolean;
  /** Whether there was nothing behind it. */
  readonly upToDate: boolean;
  readonly outcome: string | null;
}

/** Reads the header fields. Throws for an answer that has none of a stream, whose body is let go of. */
export function answerOf(response: Response): Answer {
  const { headers, status } = response;
  const next = headers.get('stream-next-offset');
  if (next === null) {
    discard(response);
    throw malformed('an answer without Stream-Next-Offset.');
  }
  const closed = headers.get('stream-closed')?.toLowerCase() === 'true';
  return {
    response,
    next,
    kind: status === 204 ? undefined : kindOf(headers.get('content-type')),
    cursor: headers.get('stream-cursor') ?? undefined,
    closed,
    upToDate: closed || headers.has('stream-up-to-date'),
    outcome: headers.get(OUTCOME),
  };
}
