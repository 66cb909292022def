import { invalid } from '../errors.js';

/**
 * The lines of what comes that are not blank, each of which has to be a JSON text: what is not ends it with
 * `INVALID_ARGUMENT`, after the lines before it.
 */
export async function* jsonLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let number = 0;
  for await (const line of lines(source)) {
    number++;
    if (line.trim() === '') continue;
    try {
      JSON.parse(line);
    } catch (cause) {
      const message = `Line ${number} is no JSON: nothing was appended from there on.`;
      throw invalid(message, { cause });
    }
    yield line;
  }
}

/** Only a line feed ends a line: everything else that could may be in the middle of a JSON text. */
async function* lines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let begun = '';
  for await (const bytes of source) {
    const [first = '', ...rest] = decoder.decode(bytes, { stream: true }).split('\n');
    begun += first;
    for (const next of rest) {
      yield begun;
      begun = next;
    }
  }
  yield begun + decoder.decode();
}
