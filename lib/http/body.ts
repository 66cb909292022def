import type { Clock } from '../log/clock.js';
import { malformed, Refusal, refusal, tooLarge } from './refusal.js';

/** Bounds of a body. */
export interface BodyLimits {
  readonly maxBodyBytes: number;
  /** For how long, in ms, a body may come. */
  readonly bodyMs: number;
}

const NOTHING = new Uint8Array();

/** The whole body of a request, if it is not too large and comes in time. */
export async function readBody(
  { headers, body }: Request,
  { maxBodyBytes, bodyMs }: BodyLimits,
  clock: Clock,
): Promise<Uint8Array> {
  const isTooLarge = () => tooLarge(`A body may have ${maxBodyBytes} bytes.`);
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes) throw isTooLarge();
  if (body === null) return NOTHING;
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const deadline = { passed: false };
  const cancel = clock.inBackground(bodyMs, () => {
    deadline.passed = true;
    letGo(reader);
  });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      if (bytes > maxBodyBytes) {
        letGo(reader);
        throw isTooLarge();
      }
      parts.push(value);
    }
  } catch (error) {
    // A client that has gone is told nothing; a body that is torn is never taken for a whole one.
    throw error instanceof Refusal ? error : malformed('The body has not come to its end.');
  } finally {
    cancel();
  }
  if (deadline.passed) throw refusal(408, 'DEADLINE_EXCEEDED', 'The body has come too slowly.');
  return parts.length === 1 ? (parts[0] as Uint8Array) : concatenated(parts, bytes);
}

function letGo(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => undefined);
}

function concatenated(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
