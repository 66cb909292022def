import type { Payload } from '../engines/engine.js';
import { toBase64 } from '../base64.js';
import { incompleteEnd } from '../utf8.js';
import { bytesOf, joined, jsonOf, type Kind } from './content.js';

/** What a control event tells. */
export interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: true;
  readonly streamClosed?: true;
  /** What `Stream-Outcome` would say: JSON. */
  readonly streamOutcome?: string | undefined;
}

/** The control event that follows data. */
export function controlEvent({ streamOutcome, ...control }: Control): string {
  const json = JSON.stringify(control);
  const all = streamOutcome === undefined ? json : `${json.slice(0, -1)},"streamOutcome":${streamOutcome}}`;
  return `event: control\ndata:${all}\n\n`;
}

/** An event with chunks as its data. */
export function dataEvent(kind: Kind, chunks: readonly Payload[]): string {
  switch (kind) {
    case 'json':
      return event(`[${chunks.map(jsonOf).join(',\n')}]`);
    case 'text':
      return event(
        chunks.every((chunk) => typeof chunk === 'string') ? chunks.join('') : lenient(joined(chunks)),
      );
    case 'binary':
      return `event: data\ndata:${toBase64(joined(chunks))}\n\n`;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const lenient = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Every line is one of data, whatever ends it: nothing in a text can end the event, or begin another. */
function event(text: string): string {
  let lines = 'event: data\n';
  // A reader takes one space away that a line begins with.
  for (const line of text.split(/\r\n|\r|\n/))
    lines += line.startsWith(' ') ? `data: ${line}\n` : `data:${line}\n`;
  return `${lines}\n`;
}

/** For the end of how many chunks at most a character is waited for that goes over it. */
export const MAX_HELD = 64;

/**
 * How many of the last chunks are to be held back, because what is before them ends with a whole character and what is
 * in them does not. None where everything is text, and none where they would be too many: bytes that are no text.
 */
export function unfinished(chunks: readonly Payload[]): number {
  for (let held = 0; held <= MAX_HELD;) {
    const more = cutOff(chunks, chunks.length - held);
    if (more === 0) return held;
    held += more;
  }
  return 0;
}

/** Over how many of the last chunks, up to one, a character is spread that is not finished there. */
function cutOff(chunks: readonly Payload[], until: number): number {
  let first = until;
  for (let i = until - 1, bytes = 0; i >= 0 && bytes < 3; i--) {
    const chunk = chunks[i] as Payload;
    if (typeof chunk === 'string') break;
    first = i;
    bytes += chunk.byteLength;
  }
  const last = chunks.slice(first, until).map(bytesOf);
  let left = incompleteEnd(joined(last));
  let count = 0;
  for (let i = last.length - 1; left > 0 && i >= 0; i--, count++) left -= (last[i] as Uint8Array).byteLength;
  return count;
}
