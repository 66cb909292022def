import { fromBase64 } from '../base64.js';
import { StreamError, toStreamError } from '../errors.js';
import type { StreamOutcome } from '../log/outcome.js';
import { isOutcome, parseOutcome, type WireOutcome } from '../outcome-wire.js';

/** What an answer says of the outcome: of a server that says nothing, that the stream is done. */
export function saidOutcome(said: unknown): WireOutcome {
  const outcome = typeof said === 'string' ? parseOutcome(said) : isOutcome(said) ? said : undefined;
  return outcome ?? { type: 'done' };
}

/** An outcome as subscribers are told it. */
export function outcomeOf(wire: WireOutcome): StreamOutcome<unknown> {
  if (wire.type === 'error') {
    const { code, message, details } = toStreamError(wire.error);
    return { type: 'error', error: new StreamError(code, message, { details }) };
  }
  if (wire.undefined === true) return { type: 'done', output: undefined };
  if (!('output' in wire)) return { type: 'done' };
  const { output } = wire;
  return { type: 'done', output: wire.encoding === 'base64' ? fromBase64(output as string) : output };
}
