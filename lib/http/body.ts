import type { Clock } from '../log/clock.js';
import type { HttpRequest } from './exchange.js';
import { malformed, refusal, tooLarge } from './refusal.js';
import type { Turn } from './turn.js';

/** Bounds of a body. */
export interface BodyLimits {
  readonly maxBodyBytes: number;
  /** For how long, in ms, a body may come. */
  readonly bodyMs: number;
}

/** Who is given a body. */
export interface BodySink {
  part(bytes: Uint8Array): void;
  /** That was all of it. */
  end(): void;
  /** It comes to no end. */
  torn(): void;
}

/** Where a body comes from. It is taken once. */
export interface BodySource {
  /** Begins to give it. */
  start(sink: BodySink): void;
  /** Gives no more of it. What is left is up to the server. */
  stop(): void;
}

const NOTHING = new Uint8Array();

/** The whole body of a request, if it is not too large and comes in time. */
export async function readBody(
  { headers, body }: HttpRequest,
  { maxBodyBytes, bodyMs }: BodyLimits,
  clock: Clock,
  turn: Turn,
): Promise<Uint8Array> {
  const isTooLarge = () => tooLarge(`A body may have ${maxBodyBytes} bytes.`);
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes) throw isTooLarge();
  if (body === undefined) return NOTHING;
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let over = false;
    let cancel: (() => void) | undefined;
    const end = (): void => {
      over = true;
      cancel?.();
    };
    const refuse = (error: Error): void => {
      end();
      body.stop();
      reject(error);
    };
    const sink: BodySink = {
      part: (part) => {
        bytes += part.byteLength;
        if (bytes > maxBodyBytes) refuse(isTooLarge());
        else parts.push(part);
      },
      end: () => {
        end();
        resolve(parts.length === 1 ? (parts[0] as Uint8Array) : concatenated(parts, bytes));
      },
      // A client that has gone is told nothing; a body that is torn is never taken for a whole one.
      torn: () => {
        refuse(malformed('The body has not come to its end.'));
      },
    };
    try {
      body.start(sink);
    } catch (error) {
      // Something else has it.
      refuse(error as Error);
    }
    // Nearly every body has come by then.
    turn.atEnd(() => {
      if (over) return;
      cancel = clock.inBackground(bodyMs, () => {
        refuse(refusal(408, 'DEADLINE_EXCEEDED', 'The body has come too slowly.'));
      });
    });
  });
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
