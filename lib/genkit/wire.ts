import { inAscii } from '../outcome-wire.js';
import type { StreamError } from '../errors.js';
import { INTERNAL, type Told, toldOf } from './errors.js';

/*
 * What Genkit's client reads (`genkit/beta/client` 1.42). It decodes each piece of an answer by itself, so that a
 * character which two pieces share would be lost: everything is in ASCII. It reads for ever where an answer ends without
 * a result or an error: there always is one. A value that is `undefined` is no JSON, and to it no value: it is `null`.
 */

const event = (field: 'data' | 'error', json: string): string => `${field}: ${inAscii(json)}\n\n`;

/** Gives nothing for what is left out of JSON. */
const stringify: (value: unknown) => string | undefined = JSON.stringify;

/** The JSON of a value. Throws for what has none. */
const jsonOf = (value: unknown): string => stringify(value) ?? 'null';

/** The event of a chunk. Throws for what has no JSON. */
export const messageEvent = (chunk: unknown): string => event('data', `{"message":${jsonOf(chunk)}}`);

/** The event of the output. Throws for what has no JSON. */
export const resultEvent = (output: unknown): string => event('data', resultJson(output));

/** The event of the error that a stream ends with, or is lost with. */
export const errorEvent = (error: StreamError): string =>
  event('error', errorJson(toldOf(error) ?? INTERNAL));

/** The answer to who wants no stream. Throws for what has no JSON. */
export const resultJson = (output: unknown): string => `{"result":${jsonOf(output)}}`;

/** What is answered instead of a result. Details that have no JSON are left out. */
export function errorJson({ status, message, detail }: Told): string {
  const error = { status, message };
  try {
    return JSON.stringify({ error: { ...error, ...(detail !== undefined && { details: detail }) } });
  } catch {
    return JSON.stringify({ error });
  }
}
