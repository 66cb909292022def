import { printed, StreamError, toStreamError } from '../errors.js';
import type { HttpReply, HttpRequest, Respond } from '../http/exchange.js';
import { refusal } from '../http/refusal.js';
import { Turn } from '../http/turn.js';
import { responseOf, WebRequest } from '../http/web.js';
import { withLease } from '../producer-lease.js';
import type { StreamManager } from '../stream-manager.js';
import { ended, LIVE, nothing, refused } from './answer.js';
import { endOf } from './end-of.js';
import { isFailure } from './errors.js';
import { type GenkitHandlerOptions, type GenkitOperation, type Settings, settingsOf } from './options.js';
import { callOf, STREAM_ID, targetOfCall } from './request.js';
import { type GenkitRun, runInto } from './run.js';
import { StreamBody } from './stream-body.js';

/** Answers requests. It never rejects. `toNodeListener` of `rxjs-durable-streams/http` serves it by Node's own server. */
export interface GenkitHandler {
  (request: Request): Promise<Response>;
  /** @internal The same for servers that can do without a `Request` and a `Response`. */
  readonly respond: Respond;
}

const ID = /^[\x21-\x7e]+$/;

/**
 * Runs a flow for whoever asks, by the wire format of Genkit's own handlers, so that `streamFlow` and `runFlow` of
 * `genkit/beta/client` are its clients; by streams that outlive their connections, so that `streamFlow({ streamId })`
 * reads one again, from its start. `POST` runs the flow, or reads the stream that `x-genkit-stream-id` names (204: there
 * is none, or no more); `DELETE` with that header stops the run (204). A client that leaves stops nothing, and one that
 * reads slowly is waited for and not buffered for.
 *
 * Throws `INVALID_ARGUMENT` for an option out of range.
 */
export function genkitHandler<I, O, S, C = object, N = unknown>(
  streams: StreamManager,
  run: GenkitRun<I, O, S, C, N>,
  options: GenkitHandlerOptions<C> = {},
): GenkitHandler {
  const settings = settingsOf(options);
  const flow = new Flow(streams, run, settings);
  const respond: Respond = async (request) => {
    try {
      return await flow.answer(request);
    } catch (error) {
      return refused(error, settings.onError);
    }
  };
  const handler = async (request: Request): Promise<Response> => {
    const reply = await respond(new WebRequest(request));
    return reply instanceof Response ? reply : responseOf(reply);
  };
  return Object.assign(handler, { respond });
}

/** A flow, as requests know it. */
class Flow<I, O, S, C, N> {
  readonly #turn: Turn;

  constructor(
    private readonly streams: StreamManager,
    private readonly run: GenkitRun<I, O, S, C, N>,
    private readonly settings: Settings<C>,
  ) {
    this.#turn = new Turn(settings.onError);
  }

  async answer(request: HttpRequest): Promise<HttpReply | Response> {
    const { settings, streams } = this;
    const { operation, streamId, wantsStream } = targetOfCall(request);
    const id = streamId ?? (await this.#newId(request));
    const stopped = await this.#authorize(request, id, operation);
    if (stopped !== undefined) return stopped;
    if (operation === 'stop') {
      await settings.contextProvider(dataOf(request, 'DELETE', undefined));
      await streams.stop(id, { grace: settings.grace });
      return nothing();
    }
    const { input, init } = await callOf(request, settings, this.#turn);
    const context = await settings.contextProvider(dataOf(request, 'POST', input));
    let after: string | undefined;
    if (operation === 'run') after = await this.#start(id, input as I, { context, init: init as N });
    else if (!(await this.#isThere(id))) return nothing();
    const stream = streams.subscribe<unknown, unknown>(id, { after });
    const headers = { [STREAM_ID]: id };
    if (wantsStream) {
      const body = new StreamBody(stream, request.signal, settings.onError);
      return { status: 200, headers: { ...LIVE, ...headers }, body };
    }
    const end = await endOf(stream, request.signal);
    if (end === undefined) return nothing();
    if (end.type === 'lost' && isFailure(end.error)) settings.onError(end.error);
    return ended(end, headers);
  }

  /** Begins a run, and gives where its stream begins. */
  async #start(id: string, input: I, given: { context: C; init: N }): Promise<string> {
    const { streams, settings, run } = this;
    const stream = streams.open<S, O>(id, withLease(streams, settings.lifetime));
    await stream.opened;
    const { tail } = stream;
    settings.waitUntil(runInto(stream, run, input, given, settings.onError));
    return tail;
  }

  async #isThere(id: string): Promise<boolean> {
    try {
      await this.streams.head(id);
      return true;
    } catch (error) {
      if (toStreamError(error).code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async #newId(request: HttpRequest): Promise<string> {
    const { newId } = this.settings;
    const id = newId === undefined ? crypto.randomUUID() : await newId(request.toRequest());
    // It travels in a header. The client can't help it.
    if (ID.test(id)) return id;
    throw new StreamError(
      'INTERNAL',
      `newId must give characters of ASCII that can be seen, not ${printed(id)}.`,
    );
  }

  /** Throws, or gives the answer to send, if a request may not do something. */
  async #authorize(
    request: HttpRequest,
    streamId: string,
    operation: GenkitOperation,
  ): Promise<Response | undefined> {
    const { authorize } = this.settings;
    if (authorize === undefined) return undefined;
    // A hook that says nothing has not said yes.
    const verdict: unknown = await authorize({
      get request() {
        return request.toRequest();
      },
      streamId,
      operation,
    });
    if (verdict instanceof Response) return verdict;
    if (verdict === true) return undefined;
    throw refusal(403, 'PERMISSION_DENIED', `The request may not ${operation} this.`);
  }
}

function dataOf({ headers }: HttpRequest, method: 'POST' | 'DELETE', input: unknown) {
  const fields: Record<string, string> = {};
  headers.forEach((value, name) => (fields[name.toLowerCase()] = value));
  return { method, headers: fields, input };
}
