import type { Entry, Payload } from '../engines/engine.js';
import { payloadBytes } from './bytes.js';
import type { Command } from './command.js';
import type { Decision } from './decision.js';
import type { Request } from './group.js';

/** An entry that would grow beyond either is cut: it is what a read can't divide. */
const MAX_ENTRY_BYTES = 65_536;
const MAX_ENTRY_CHUNKS = 1_024;
export const NO_ENTRIES: readonly Entry[] = [];

/** The chunks of some decisions as entries of one commit, under its tag. */
export function entriesOf(
  requests: readonly Request[],
  decisions: readonly Decision[],
  tag: number,
): readonly Entry[] {
  let first: Extract<Decision, { type: 'change' }> | undefined;
  let all: Payload[] | undefined;
  let bytes = 0;
  for (const [i, decision] of decisions.entries()) {
    if (decision.type !== 'change' || decision.chunks.length === 0) continue;
    bytes += bytesOf((requests[i] as Request).command);
    if (first === undefined) first = decision;
    else for (const chunk of decision.chunks) (all ??= [...first.chunks]).push(chunk);
  }
  if (first === undefined) return NO_ENTRIES;
  const { position, previous } = first;
  const chunks = all ?? first.chunks;
  if (bytes <= MAX_ENTRY_BYTES && chunks.length <= MAX_ENTRY_CHUNKS)
    return [{ position, chunks, bytes, tag, previous }];
  return cut(position, chunks, tag, previous);
}

/** How many bytes of chunks a command has. */
export const bytesOf = (command: Command): number => ('bytes' in command ? (command.bytes ?? 0) : 0);

function cut(position: number, chunks: readonly Payload[], tag: number, previous: number): readonly Entry[] {
  const entries: Entry[] = [];
  let from = 0;
  let bytes = 0;
  const close = (until: number): void => {
    entries.push({
      position: position + from,
      chunks: chunks.slice(from, until),
      bytes,
      tag,
      previous: from === 0 ? previous : tag,
    });
    from = until;
    bytes = 0;
  };
  for (let i = 0; i < chunks.length; i++) {
    const size = payloadBytes(chunks[i] as Payload);
    if (i > from && (bytes + size > MAX_ENTRY_BYTES || i - from >= MAX_ENTRY_CHUNKS)) close(i);
    bytes += size;
  }
  close(chunks.length);
  return entries;
}
