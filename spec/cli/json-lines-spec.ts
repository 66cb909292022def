import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../lib/cli/json-lines.js';

async function linesOf(...parts: (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = [];
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield await Promise.resolve(Buffer.from(part));
  }
  for await (const line of jsonLines(source())) found.push(line);
  return found;
}

describe('The lines of JSON that come', () => {
  it('are found however they are torn', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.json({ stringUnit: 'binary' })),
        fc.array(fc.nat(400), { maxLength: 5 }),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)];
          const parts = places.map((from, i) => bytes.subarray(from, places[i + 1]));
          expect(await linesOf(...parts)).toEqual(lines);
        },
      ),
    );
  });

  it('may end without a line break, or with that of Windows, and be blank', async () => {
    expect((await linesOf('1\r\n\n  \n2')).map((line) => line.trim())).toEqual(['1', '2']);
  });

  it('are not ended by what may be in a text', async () => {
    expect(await linesOf('"\u2028\u2029\u0085"\n')).toEqual(['"\u2028\u2029\u0085"']);
  });

  it.each(['{', '1],[2', "'a'", '1 2', 'undefined'])('are not %s', async (line) => {
    await expect(linesOf(`1\n\n${line}\n2\n`)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Line 3 is no JSON: nothing was appended from there on.',
    });
  });
});
