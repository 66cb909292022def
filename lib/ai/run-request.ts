import { invalid, printed } from '../errors.js';
import { checkOffset, type Offset } from '../offset.js';
import { demand } from '../validation.js';

/** What a TanStack AI client asks for: a request, or what is known of it where there is none. */
export type RunSource =
  | Request
  | {
      /** The run, as its client has named it. */
      readonly runId: string;
      /** Where to go on: an offset that was given out, `'-1'`, or `'now'`. Default: `null`, for a producer. */
      readonly offset?: string | null | undefined;
    };

/** A run, and where to go on in it; `null` for its producer. */
export interface RequestedRun {
  readonly runId: string;
  readonly offset: string | null;
}

/** The places that are the same in all runs. */
export const FROM_START = '-1';
export const FROM_NOW = 'now';

/**
 * The run that is asked for: `X-Run-Id` or `?runId`, and `Last-Event-ID` or `?offset`, as clients of TanStack AI send
 * them. An offset names its run too. Throws `INVALID_ARGUMENT` for a run without a name, an offset that nobody can
 * have been given, or one of another run than that which is named: who may read one run may not, by that, read another.
 */
export function requestedRun(source: RunSource): RequestedRun {
  const { named, offset } = 'headers' in source ? ofRequest(source) : ofObject(source);
  demand(named !== '', 'runId', 'a non-empty string', named);
  if (offset === null || offset === FROM_START || offset === FROM_NOW) {
    return { runId: named ?? crypto.randomUUID(), offset };
  }
  const { runId } = decodeRunOffset(offset);
  if (named !== null && named !== runId) {
    throw invalid(`The offset ${printed(offset)} is not of the run ${printed(named)}.`);
  }
  return { runId, offset };
}

function ofRequest({ headers, url }: Request): { named: string | null; offset: string | null } {
  const { searchParams } = new URL(url);
  // A header without a value is none.
  const either = (header: string, parameter: string): string | null => {
    const value = headers.get(header);
    return value === null || value === '' ? searchParams.get(parameter) : value;
  };
  return { named: either('x-run-id', 'runId'), offset: either('last-event-id', 'offset') };
}

const ofObject = ({ runId, offset = null }: Exclude<RunSource, Request>) => ({ named: runId, offset });

/** An offset that says of which run it is, and that any header and any event can have. */
export const encodeRunOffset = (runId: string, offset: Offset): string =>
  `${encodeURIComponent(runId)}:${offset}`;

/** What is in such an offset. Throws `INVALID_ARGUMENT` for what is none. */
export function decodeRunOffset(encoded: string): { readonly runId: string; readonly offset: Offset } {
  const [run = '', offset = ''] = encoded.split(':');
  try {
    const runId = decodeURIComponent(run);
    checkOffset(offset);
    if (encodeRunOffset(runId, offset) === encoded) return { runId, offset };
  } catch {
    // Neither is ours.
  }
  throw invalid(`offset must be '-1', 'now' or one that a run gave, but it is ${printed(encoded)}.`);
}
