import { type Codec, noCodec } from './codec.js';
import type { Payload } from './engines/engine.js';
import { invalid, printed, StreamError, toStreamError } from './errors.js';
import { utf8Length } from './log/bytes.js';
import type { StoredOutcome } from './log/head.js';
import type { StreamEnd } from './log/outcome.js';

type StoredError = Extract<StoredOutcome, { type: 'error' }>['error'];

/** How values and outcomes are stored, and given out again. */
export interface StoredValues {
  /** Throws `INVALID_ARGUMENT` for what can't be stored. */
  readonly encode: (value: unknown) => Payload;
  readonly decode: (payload: Payload) => unknown;
  /** The outcome that an error is stored as. */
  readonly outcomeOf: (error: StreamError) => StoredOutcome;
  /** An outcome as readers are told it. */
  readonly endOf: (outcome: StoredOutcome) => StreamEnd<never>;
  /** The error of an outcome, if it is one. */
  readonly errorOf: (outcome: StoredOutcome) => StreamError | undefined;
}

/**
 * Values as a codec makes them. `shared`: the engine gives out the very bytes that it stores; `maxErrorBytes`: an error
 * that would be longer is stored without its details, and with a part of its message if need be.
 */
export function storedValues(codec: Codec | 'none', shared: boolean, maxErrorBytes: number): StoredValues {
  const { encode, decode } = codec === 'none' ? unchecked : checked(codec, shared);
  return {
    encode,
    decode,
    outcomeOf:
      codec === 'none'
        ? (error) => ({ type: 'error', error })
        : (error) => ({ type: 'error', error: storable(error, maxErrorBytes) }),
    endOf: (outcome) => {
      if (outcome.type === 'error') return { type: 'error', error: asError(outcome.error) };
      if (outcome.undefined) return { type: 'done', output: undefined as never };
      return 'output' in outcome
        ? { type: 'done', output: decode(outcome.output as Payload) as never }
        : { type: 'done' };
    },
    errorOf: (outcome) => (outcome.type === 'error' ? asError(outcome.error) : undefined),
  };
}

const unchecked: Pick<StoredValues, 'encode' | 'decode'> = {
  encode: (value) => noCodec.encode(value),
  decode: (stored) => noCodec.decode(stored),
};

/** The codec, which may be an object of a class, as the rest of this library can rely on it. */
function checked(codec: Codec, shared: boolean): Pick<StoredValues, 'encode' | 'decode'> {
  return {
    encode: (value) => {
      let stored: unknown;
      try {
        stored = codec.encode(value);
      } catch (cause) {
        const error = toStreamError(cause);
        throw error === cause ? error : invalid(`The codec can't store it: ${error.message}`, { cause });
      }
      if (typeof stored === 'string' || stored instanceof Uint8Array) return stored;
      throw invalid(`The codec made no text and no bytes of it, but ${printed(stored)}.`);
    },
    // Whoever is given bytes may change them, but not what is stored.
    decode: (stored) => codec.decode(shared && typeof stored !== 'string' ? new Uint8Array(stored) : stored),
  };
}

function asError(stored: StoredError): StreamError {
  const error = toStreamError(stored);
  // By reference it is the one that the producer gave. What is stored is no cause.
  return error === stored ? error : new StreamError(error.code, error.message, { details: error.details });
}

/** What of an error can be stored. Details that have no JSON are left out. */
function storable({ code, message, details }: StreamError, maxBytes: number): StoredError {
  const error = { code, message };
  let all: StoredError = error;
  try {
    const text = details === undefined ? undefined : JSON.stringify(details);
    if (text !== undefined) all = { ...error, details: JSON.parse(text) as unknown };
  } catch {
    // The error itself is worth more than its details.
  }
  if (fits(all, maxBytes)) return all;
  // No unit of a text takes more than six bytes in JSON.
  return fits(error, maxBytes) ? error : { code, message: message.slice(0, Math.ceil(maxBytes / 6)) };
}

const fits = (error: StoredError, maxBytes: number): boolean =>
  maxBytes === Infinity || utf8Length(JSON.stringify(error)) <= maxBytes;
