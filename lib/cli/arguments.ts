import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What is wrong with a command line, without a full stop: it is 2 that the process ends with. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** What {@link parsed} gives. */
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** The options and positional arguments of a command; exactly so many of the latter. Throws {@link UsageError}. */
export function parsed<const T extends Options>(
  args: readonly string[],
  options: T,
  positionals: readonly string[] = [],
): Parsed<T> {
  let all: Parsed<T>;
  try {
    all = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // One line, as all complaints are.
    throw new UsageError((error as Error).message.replace(/\s+/g, ' ').replace(/\.$/, ''));
  }
  const { length } = all.positionals;
  const missing = positionals[length];
  if (missing !== undefined) throw new UsageError(`The ${missing} is missing`);
  if (length > positionals.length) {
    throw new UsageError(`There is an argument too many: ${String(all.positionals[positionals.length])}`);
  }
  return all;
}

/** An integer in a range, both ends included. Throws {@link UsageError}. */
export function integer(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`--${option} must be an integer from ${least} to ${most}, but it is ${text}`);
  }
  return value;
}

/** The URL of a stream. Throws {@link UsageError}. */
export function streamUrl(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new UsageError(`The URL of a stream begins with http:// or https://, but it is ${text}`);
  }
  return new URL(text);
}
