import type { StreamInput } from '../stream-manager.js';
import { checkInteger, demand } from '../validation.js';
import { ClientInput, type InputSettings } from './client-input.js';
import { kindOf } from './content.js';
import { type ConnectionOptions, connectionSettings, urlOf } from './options.js';

/** Options of {@link openStream}. What is out of range is `INVALID_ARGUMENT`, thrown. */
export interface OpenStreamOptions extends ConnectionOptions {
  /**
   * Write an open stream that exists, in place of the input of the same `producerId` that has before: that one fails with
   * `ABORTED`. An unknown stream is `NOT_FOUND`, a closed one `FAILED_PRECONDITION`.
   */
  resume?: boolean | undefined;
  /** The name of the producer: 1 to 256 characters of ASCII. Default: `input`. */
  producerId?: string | undefined;
  /**
   * The media type of the stream. Chunks of `application/json`, the default, are values; of `text/*` strings; of all
   * others, `Uint8Array`s.
   */
  contentType?: string | undefined;
  /** ms that the stream stays after it was last used, rounded up to seconds. Default: the server's. */
  idleTtl?: number | undefined;
  /** The moment, in ms since 1970, from which the stream is gone. Not with `idleTtl`. Default: never. */
  expiresAt?: number | undefined;
  /** How many bytes a chunk may have as it is sent. Default: 1 MiB. */
  maxChunkBytes?: number | undefined;
  /** How many bytes of chunks are sent together, unless one has more. Default: 256 KiB. */
  maxBatchBytes?: number | undefined;
  /** How many bytes may wait to be stored; more is `RESOURCE_EXHAUSTED`. Default: 8 MiB. */
  maxQueuedBytes?: number | undefined;
  /** How many requests are on their way at once. Default: 4. */
  maxInFlight?: number | undefined;
  /**
   * How often, in ms, it is looked whether somebody has stopped or deleted the stream while nothing is written, if
   * `failed` or `signal` is watched. `Infinity`: never. Default: 15,000.
   */
  lookEvery?: number | undefined;
}

/** What a header field may have. */
const FIELD = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;

/**
 * Writes a stream on a server of the Durable Streams protocol, as a manager's `open` does: `next` never blocks and never
 * throws, chunks that are written while others are on their way go together, and each is stored once and in order,
 * however often its request has to be repeated. How the stream ends is told to whoever reads it by `durableStream`.
 *
 * The input fails with the codes of {@link StreamInput.failed}, and with what `retry` gives up on.
 */
export function openStream<C, O = void>(
  url: string | URL,
  options: OpenStreamOptions = {},
): StreamInput<C, O> {
  const target = urlOf(url);
  return new ClientInput<C, O>(target.href, target, settingsOf(options));
}

function settingsOf(options: OpenStreamOptions): InputSettings {
  const {
    contentType = 'application/json',
    producerId = 'input',
    resume = false,
    idleTtl,
    expiresAt,
  } = options;
  demand(FIELD.test(producerId), 'producerId', '1 to 256 characters of ASCII', producerId);
  demand(FIELD.test(contentType), 'contentType', 'a media type', contentType);
  demand(
    idleTtl === undefined || expiresAt === undefined,
    'idleTtl',
    'left out where expiresAt is given',
    idleTtl,
  );
  const creation: Record<string, string> = { 'content-type': contentType };
  if (checkInteger('idleTtl', idleTtl, Infinity) !== Infinity) {
    creation['stream-ttl'] = String(Math.ceil((idleTtl as number) / 1_000));
  }
  if (checkInteger('expiresAt', expiresAt, Infinity) !== Infinity) {
    creation['stream-expires-at'] = new Date(expiresAt as number).toISOString();
  }
  const positive = (name: 'maxInFlight' | 'lookEvery', byDefault: number): number => {
    const value = checkInteger(name, options[name], byDefault);
    demand(value > 0, name, 'a positive integer or Infinity', value);
    return value;
  };
  return {
    ...connectionSettings(options),
    contentType,
    kind: kindOf(contentType),
    producerId,
    resume,
    creation,
    maxChunkBytes: checkInteger('maxChunkBytes', options.maxChunkBytes, 2 ** 20),
    maxBatchBytes: checkInteger('maxBatchBytes', options.maxBatchBytes, 2 ** 18),
    maxQueuedBytes: checkInteger('maxQueuedBytes', options.maxQueuedBytes, 2 ** 23),
    maxInFlight: positive('maxInFlight', 4),
    lookEvery: positive('lookEvery', 15_000),
  };
}
