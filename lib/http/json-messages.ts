import { refusal } from './refusal.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/**
 * The messages of a JSON text: the elements of an array, one level deep, or the one value that it is; each as it is
 * written there, without the white space around it. Throws what refuses a text that is no JSON.
 */
export function jsonMessages(text: string): string[] {
  try {
    JSON.parse(text);
  } catch {
    throw refusal(400, 'INVALID_ARGUMENT', 'The body is no valid JSON.');
  }
  // From here on every bracket, brace and quote is known to be where it should.
  let start = 0;
  while (isSpace(text.charCodeAt(start))) start++;
  if (text.charCodeAt(start) !== OPENING_BRACKET) return [trimmed(text, start, text.length)];
  return elements(text, start + 1);
}

/** The elements of an array whose bracket has been passed. */
function elements(text: string, from: number): string[] {
  const found: string[] = [];
  let start = from;
  let depth = 1;
  for (let i = from; depth > 0; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfString(text, i);
    } else if (code === OPENING_BRACKET || code === OPENING_BRACE) {
      depth++;
    } else if (code === CLOSING_BRACKET || code === CLOSING_BRACE) {
      depth--;
      if (depth > 0) continue;
      const last = trimmed(text, start, i);
      // Only an empty array has nothing there.
      if (last !== '') found.push(last);
    } else if (code === COMMA && depth === 1) {
      found.push(trimmed(text, start, i));
      start = i + 1;
    }
  }
  return found;
}

/** Where a string ends that begins at a quote. */
function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
}

function trimmed(text: string, from: number, until: number): string {
  let start = from;
  let end = until;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
