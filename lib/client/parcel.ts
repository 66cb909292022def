import { toBase64 } from '../base64.js';
import { jsonCodec } from '../codec.js';
import { invalid, StreamError } from '../errors.js';
import type { Waiting } from '../input-batch.js';
import { utf8Length } from '../log/bytes.js';
import { inAscii, MAX_SENT_OUTCOME } from '../outcome-wire.js';
import type { Kind } from './content.js';

/** What one request carries: chunks, or the end. */
export interface Parcel {
  readonly chunks: (string | Uint8Array)[];
  bytes: number;
  /** Who waits for its last chunk: so the offset after the request is the one after the chunk. */
  waiting: Waiting | undefined;
  /** How the stream ends after it, as `Stream-Outcome` has it; `''` for nothing more than that. */
  readonly outcome: string | undefined;
  state: 'queued' | 'sent' | 'stored';
  /** Whether it has been sent, and so may be stored as it is: what is added later would be lost. */
  sealed: boolean;
  /** The tail after it, once it is stored. */
  tail: string;
}

/** A chunk as it is sent, and how many bytes that are. Throws `INVALID_ARGUMENT` for what can't be. */
export function encoded(
  kind: Kind,
  chunk: unknown,
): { readonly data: string | Uint8Array; readonly bytes: number } {
  if (kind === 'json') {
    const stored = jsonCodec.encode(chunk);
    const data = typeof stored === 'string' ? stored : JSON.stringify(toBase64(stored));
    return { data, bytes: utf8Length(data) };
  }
  // An empty one would be a request for nothing.
  if (chunk === '' || (chunk instanceof Uint8Array && chunk.byteLength === 0)) {
    throw invalid('A chunk must not be empty.');
  }
  if (typeof chunk === 'string' && kind === 'text') return { data: chunk, bytes: utf8Length(chunk) };
  if (chunk instanceof Uint8Array) return { data: new Uint8Array(chunk), bytes: chunk.byteLength };
  throw invalid(
    kind === 'text' ? 'A chunk must be a string or a Uint8Array.' : 'A chunk must be a Uint8Array.',
  );
}

/** The body of a request with chunks. */
export const bodyOf = (kind: Kind, chunks: readonly (string | Uint8Array)[]): BodyInit =>
  kind === 'json' ? `[${chunks.join(',')}]` : new Blob(chunks as BlobPart[]);

/** How an output is sent. Throws `INVALID_ARGUMENT`, or `RESOURCE_EXHAUSTED` for one that is too long. */
export function outputText(output: readonly unknown[]): string {
  if (output.length === 0) return '';
  const [value] = output;
  if (value === undefined) return '{"type":"done","undefined":true}';
  const stored = jsonCodec.encode(value);
  const text =
    typeof stored === 'string'
      ? inAscii(`{"type":"done","output":${stored}}`)
      : `{"type":"done","output":"${toBase64(stored)}","encoding":"base64"}`;
  if (text.length <= MAX_SENT_OUTCOME) return text;
  throw new StreamError(
    'RESOURCE_EXHAUSTED',
    `An output may have ${MAX_SENT_OUTCOME} characters in ASCII, and it has ${text.length}. Write it as a chunk.`,
  );
}

/** How an error is sent: without its details, and with a part of its message, where it would be too long. */
export function errorText({ code, message, details }: StreamError): string {
  for (const error of [
    { code, message, details },
    { code, message },
  ]) {
    try {
      const text = inAscii(JSON.stringify({ type: 'error', error }));
      if (text.length <= MAX_SENT_OUTCOME) return text;
    } catch {
      // The details have no JSON.
    }
  }
  // No unit of a text takes more than six characters.
  const part = message.slice(0, MAX_SENT_OUTCOME / 8);
  return inAscii(JSON.stringify({ type: 'error', error: { code, message: part } }));
}
