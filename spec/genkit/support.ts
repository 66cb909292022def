import { InMemoryStreamManager, type StreamManager } from 'rxjs-durable-streams';
import {
  genkitHandler,
  type GenkitHandlerOptions,
  type GenkitRun,
  type GenkitStatus,
} from 'rxjs-durable-streams/genkit';
import { vi } from 'vitest';

/** An error with what those of Genkit have. */
export class GenkitLikeError extends Error {
  readonly status: GenkitStatus;
  readonly originalMessage: string;
  readonly detail: unknown;

  constructor({ status, message, detail }: { status: GenkitStatus; message: string; detail?: unknown }) {
    super(`${status}: ${message}`);
    this.name = 'GenkitError';
    this.status = status;
    this.originalMessage = message;
    this.detail = detail;
  }
}

/** A kind of it with a name, and a constructor, of its own. */
export class UserFacingLikeError extends GenkitLikeError {
  constructor(status: GenkitStatus, message: string, detail?: unknown) {
    super({ status, message, detail });
    this.name = 'UserFacingError';
  }
}

/** What `subscribe` of Genkit's managers rejects with. */
export class NotFoundLikeError extends GenkitLikeError {
  constructor(message: string) {
    super({ status: 'NOT_FOUND', message });
    this.name = 'StreamNotFoundError';
  }
}

export const CLASSES = {
  GenkitError: GenkitLikeError,
  UserFacingError: UserFacingLikeError,
  StreamNotFoundError: NotFoundLikeError,
};

/** Whatever is run. */
export type AnyRun = GenkitRun<unknown, unknown, unknown, object, unknown>;

const URL = 'http://host/flow';
export const JSON_TYPE = { 'content-type': 'application/json' };
export const STREAM_ID = 'x-genkit-stream-id';

/** A handler, and who asks it. */
export function world(run: AnyRun, options: GenkitHandlerOptions & { streams?: StreamManager } = {}) {
  const { streams = new InMemoryStreamManager(), ...rest } = options;
  const onError = vi.fn();
  const handler = genkitHandler(streams, run, { onError, ...rest });
  const ask = (
    body: BodyInit | undefined = '{}',
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<Response> =>
    handler(new Request(URL, { method, headers: { ...JSON_TYPE, ...headers }, ...{ body, duplex: 'half' } }));
  /** Runs the flow, and reads its stream. */
  const stream = (input?: unknown): Promise<Response> =>
    ask(JSON.stringify({ data: input }), { accept: 'text/event-stream' });
  /** Reads a stream. */
  const again = (streamId: string): Promise<Response> =>
    ask('{}', { accept: 'text/event-stream', [STREAM_ID]: streamId });
  const stop = (streamId: string): Promise<Response> =>
    handler(new Request(URL, { method: 'DELETE', headers: { [STREAM_ID]: streamId } }));
  return { streams, handler, ask, stream, again, stop, onError };
}

/** What is refused, and how. */
export const refusalOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: unknown }).error,
];

/** The id of the stream that is answered with. */
export const idOf = ({ headers }: Response): string => headers.get(STREAM_ID) ?? '';
