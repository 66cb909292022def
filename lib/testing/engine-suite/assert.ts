import { StreamError, type StreamErrorCode } from '../../errors.js';
import type { Awaitable } from '../../maybe-promise.js';

/** How much of a value a message shows. */
const SHOWN = 200;

/** What a case of a suite fails with. `actual` and `expected` are what test frameworks show as a diff. */
class AssertionError extends Error {
  static {
    this.prototype.name = 'AssertionError';
  }

  constructor(
    message: string,
    readonly actual?: unknown,
    readonly expected?: unknown,
  ) {
    super(message);
  }
}

/** Fails unless something holds. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new AssertionError(`It doesn't hold that ${what}.`);
}

/**
 * Fails unless two values are the same by content. A property that is `undefined` is the same as none; bytes are the
 * same in whatever kind of `Uint8Array`.
 */
export function same(actual: unknown, expected: unknown, what: string): void {
  const where = difference(actual, expected, '');
  if (where === undefined) return;
  throw new AssertionError(`${what}: ${where}`, actual, expected);
}

/** Fails unless a call throws, or rejects with, an error of this code. */
export async function failsWith(
  code: StreamErrorCode,
  call: () => Awaitable<unknown>,
  what: string,
): Promise<void> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    same((error as Partial<StreamError> | undefined)?.code, code, `The code of what ${what} fails with`);
    return;
  }
  throw new AssertionError(`${what} gives ${shown(value)} instead of failing with ${code}.`);
}

/** Waits, in real time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; fails if it doesn't within some ms. */
export async function eventually(
  patience: number,
  what: string,
  holds: () => Awaitable<boolean>,
): Promise<void> {
  const until = Date.now() + patience;
  for (let tries = 0; !(await holds()); tries++) {
    if (Date.now() > until) throw new AssertionError(`For ${patience} ms it hasn't been that ${what}.`);
    await pause(Math.min(tries, 20));
  }
}

/** The first place where two values differ, in words. */
function difference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  const differs = (): string =>
    `${path && `at ${path} `}there is ${shown(actual)} instead of ${shown(expected)}`;
  if (!isObject(actual) || !isObject(expected)) return differs();
  if (actual instanceof Uint8Array || expected instanceof Uint8Array)
    return actual instanceof Uint8Array && expected instanceof Uint8Array && sameBytes(actual, expected)
      ? undefined
      : differs();
  if (Array.isArray(actual) !== Array.isArray(expected)) return differs();
  if (Array.isArray(actual) && actual.length !== (expected as unknown as unknown[]).length) return differs();
  for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const found = difference(own(actual, key), own(expected, key), `${path}[${JSON.stringify(key)}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => Object(value) === value;

const own = (object: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** A value as a message shows it. */
export function shown(value: unknown, most = SHOWN): string {
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return `<${part.length} bytes: ${part.subarray(0, 16).join(' ')}>`;
    if (part instanceof Error) return `<${String(part)}>`;
    return typeof part === 'number' && !Number.isFinite(part) ? `<${part}>` : part;
  }) as string | undefined;
  if (text === undefined) return String(value);
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
}
