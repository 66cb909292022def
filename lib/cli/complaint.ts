import { UsageError } from './arguments.js';

/** What a user is told of an error: one line, unless it is a bug, which needs its stack to be found. */
export function complaint(error: unknown): string {
  const { name, code, message, stack } = Object(error) as Partial<Error & { code: unknown }>;
  if (error instanceof UsageError) return `${error.message}. Try: rxjs-durable-streams --help`;
  const isExpected = name === 'StreamError' ? code !== 'INTERNAL' : typeof code === 'string';
  return (isExpected ? message?.replace(/\s*\n\s*/g, ' ') : stack) ?? String(error);
}
