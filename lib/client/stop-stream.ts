import { StreamError } from '../errors.js';
import { OUTCOME } from '../outcome-wire.js';
import { checkString } from '../validation.js';
import { discard, Exchange } from './exchange.js';
import { aborted, Failure } from './failure.js';
import { type ConnectionOptions, connectionSettings, urlOf } from './options.js';
import { errorText } from './parcel.js';
import { persistently, Retrying } from './retrying.js';

/** Options of {@link stopStream}. */
export interface StopStreamOptions extends ConnectionOptions {
  /** Becomes the message of the `CANCELLED` error; what is over 4,096 characters as JSON in ASCII is cut off. */
  reason?: string | undefined;
}

/**
 * Stops a stream on a server of the Durable Streams protocol, as a manager's `stop` does without grace: it ends
 * `CANCELLED` at once, and its producer, wherever it is, fails with that. It is a closing with that outcome, see
 * docs/protocol.md: a server that knows no outcomes only closes the stream. Changes nothing on a stream that has ended.
 *
 * Rejects with `NOT_FOUND` (there is no stream), `UNAUTHENTICATED`, `PERMISSION_DENIED`, `INVALID_ARGUMENT`, `CANCELLED`
 * (the signal), and what `retry` gives up on.
 */
export async function stopStream(url: string | URL, options: StopStreamOptions = {}): Promise<void> {
  const { reason = 'The stream was stopped.' } = options;
  const target = urlOf(url);
  const settings = connectionSettings(options);
  checkString('reason', reason);
  const { signal, scheduler, silence } = settings;
  const over = new AbortController();
  const abort = (): void => {
    over.abort();
  };
  if (signal?.aborted === true) throw aborted(signal);
  signal?.addEventListener('abort', abort);
  const headers = { 'stream-closed': 'true', [OUTCOME]: errorText(new StreamError('CANCELLED', reason)) };
  try {
    await persistently(new Retrying(settings), scheduler, over.signal, async () => {
      const exchange = new Exchange(target, settings, { method: 'POST', headers, silence });
      const stop = (): void => {
        exchange.stop();
      };
      over.signal.addEventListener('abort', stop);
      try {
        discard(await exchange.ask());
      } finally {
        over.signal.removeEventListener('abort', stop);
        stop();
      }
    });
  } catch (error) {
    if (signal !== undefined && over.signal.aborted) throw aborted(signal);
    const { response, error: reported } = error as Failure;
    // It had ended before.
    if (response?.headers.get('stream-closed')?.toLowerCase() !== 'true') throw reported;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
