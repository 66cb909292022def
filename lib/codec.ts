import { invalid, printed, toStreamError } from './errors.js';

/**
 * How chunks and outputs become what an engine stores, and back. `encode` throws for what can't be stored; its texts
 * must be well-formed (no lone surrogates). `decode` may give out the bytes it is given.
 */
export interface Codec {
  encode(value: unknown): string | Uint8Array;
  decode(stored: string | Uint8Array): unknown;
}

/**
 * Values as JSON, by its rules (a `Date` comes back as a string, a property that is `undefined` not at all);
 * `Uint8Array` as it is, copied when it is written. What has no JSON is `INVALID_ARGUMENT`: `undefined`, functions,
 * symbols, `NaN`, infinities (inside of something else they become `null`, or are left out), `BigInt`, and what
 * contains itself.
 */
export const jsonCodec: Codec = {
  encode(value) {
    // A copy: the producer may use its buffer again before the engine has stored it. Not `slice`, which is a view for
    // Node's buffers.
    if (value instanceof Uint8Array) return new Uint8Array(value);
    let text: unknown;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      throw invalid(`The value can't be stored as JSON: ${toStreamError(cause).message}`, { cause });
    }
    if (typeof text !== 'string' || (typeof value === 'number' && !Number.isFinite(value))) {
      throw invalid(`The value can't be stored as JSON, which has no ${printed(value)}.`);
    }
    return text;
  },
  decode: (stored) => (typeof stored === 'string' ? (JSON.parse(stored) as unknown) : stored),
};

/** Values by reference, for engines that can keep them. */
export const noCodec: Codec = {
  encode: (value) => value as string | Uint8Array,
  decode: (stored) => stored,
};
