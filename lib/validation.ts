import { invalid, printed } from './errors.js';

const MAX_ID_BYTES = 1024;
const ID_RULE = `a non-empty, well-formed string of at most ${MAX_ID_BYTES} bytes in UTF-8`;
const LONE_SURROGATE = /\p{Cs}/u;

/** Throws `INVALID_ARGUMENT` with the name, the rule and the value, unless `holds`. */
export function demand(holds: boolean, name: string, rule: string, value: unknown): void {
  if (!holds) throw invalid(`${name} must be ${rule}, but it is ${printed(value)}.`);
}

/** A stream id: a non-empty, well-formed string of at most 1,024 bytes in UTF-8. */
export function checkId(id: string): void {
  const holds =
    typeof id === 'string' &&
    id !== '' &&
    // UTF-8 does not have them.
    !LONE_SURROGATE.test(id) &&
    // No character takes more than three bytes for each of its UTF-16 units.
    (id.length * 3 <= MAX_ID_BYTES || new TextEncoder().encode(id).length <= MAX_ID_BYTES);
  demand(holds, 'id', ID_RULE, id);
}

/** A string. */
export function checkString(name: string, value: string): void {
  demand(typeof value === 'string', name, 'a string', value);
}

/** An object that has these methods. */
export function checkMethods(name: string, value: unknown, rule: string, ...methods: string[]): void {
  const given = Object(value) as Readonly<Record<string, unknown>>;
  demand(
    methods.every((method) => typeof given[method] === 'function'),
    name,
    rule,
    value,
  );
}

/** A non-negative integer, or `Infinity`. Gives the default for `undefined`. */
export function checkInteger(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  const holds = value === Infinity || (Number.isSafeInteger(value) && value >= 0);
  demand(holds, name, 'a non-negative integer or Infinity', value);
  return value;
}

/** The numbers given, each checked by {@link checkInteger}, and the defaults of those left out: the defaults
 * themselves, not a copy, if that is all. */
export function checkIntegers<K extends string>(
  given: Readonly<Partial<Record<NoInfer<K>, number | undefined>>>,
  defaults: Readonly<Record<K, number>>,
): Readonly<Record<K, number>> {
  let all = defaults;
  for (const name in defaults) {
    const value = checkInteger(name, given[name], defaults[name]);
    if (value !== defaults[name]) all = { ...all, [name]: value };
  }
  return all;
}
