import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { jsonMessages } from '../../lib/http/json-messages.js';

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** JSON texts as people write them: with spaces anywhere, escapes, numbers that no `number` holds, and keys twice. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.constantFrom('null', 'true', 'false', '0', '-0', '12345678901234567890', '1.50', '1E+2', '-1e-999'),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\"', '"[', '"]', '"{', '"}', '",', '"\\\\', '"\\u0022').map((text) => `${text}\\\\"`),
    fc
      .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
      .map(([s, all]) => `[${s}${all.join(`${s},${s}`)}${s}]`),
    fc
      .tuple(
        space,
        fc.array(fc.tuple(fc.constantFrom('"a"', '"b,"', '"]"', '"__proto__"'), tie('value')), {
          maxLength: 3,
        }),
      )
      .map(([s, all]) => `{${s}${all.map(([k, v]) => `${k}${s}:${s}${v}`).join(`${s},`)}${s}}`),
  ),
})).value;

describe('the messages of a JSON body', () => {
  it('are the elements of an array, each as it is written', () => {
    fc.assert(
      fc.property(fc.array(jsonText), space, (all, s) => {
        expect(jsonMessages(`${s}[${s}${all.join(`${s},${s}`)}${s}]${s}`)).toEqual(all);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are one where it is no array', () => {
    fc.assert(
      fc.property(
        jsonText.filter((text) => !text.startsWith('[')),
        space,
        (text, s) => {
          expect(jsonMessages(s + text + s)).toEqual([text]);
        },
      ),
    );
  });

  it('mean what JSON.parse says', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const whole: unknown = JSON.parse(text);
        expect(jsonMessages(text).map((one): unknown => JSON.parse(one))).toEqual(
          Array.isArray(whole) ? whole : [whole],
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('are refused wherever JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        jsonText,
        fc.nat(),
        fc.constantFrom('[', ']', '{', '}', ',', '"', '\\', 'x', '\n'),
        (text, at, what) => {
          const torn = text.slice(0, at % (text.length + 1)) + what + text.slice(at % (text.length + 1));
          let whole: unknown;
          try {
            whole = JSON.parse(torn);
          } catch {
            expect(() => jsonMessages(torn)).toThrow('no valid JSON');
            return;
          }
          expect(jsonMessages(torn)).toHaveLength(Array.isArray(whole) ? whole.length : 1);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('take a time in proportion to the body, however many quotes and backslashes it has', () => {
    const text = `["${'\\\\'.repeat(500_000)}","${'\\"'.repeat(500_000)}"${',""'.repeat(100_000)}]`;
    expect(jsonMessages(text)).toHaveLength(100_002);
  });

  it('may be nested as deep as JSON.parse goes', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(jsonMessages(deep)).toEqual([deep.slice(1, -1)]);
  });
});
