import { createRequire } from 'node:module';

import { UsageError } from './arguments.js';
import { append } from './append.js';
import { head } from './head.js';
import { complaint } from './complaint.js';
import { onUnread, print } from './output.js';
import { serve } from './serve.js';
import { tail } from './tail.js';
import { usage } from './usage.js';

/** Each command, given what follows its name. It ends when the command has done its work. */
const COMMANDS = new Map<string, (args: readonly string[]) => Promise<void>>(
  Object.entries({ serve, tail, append, head }),
);

/**
 * Runs the command line, but for the name of the program, and gives the exit code: 0, or 1 if it could not be done, or
 * 2 if it was not understood. What is wrong is one line on standard error.
 */
export async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  onUnread(() => {
    // In `tail … | head -1` there is nothing left to do, and nothing wrong. A server has others to serve.
    if (name !== 'serve') process.exit(0);
  });
  try {
    if (name === '--version') await print(`${version()}\n`);
    else if (name === undefined || name === '--help' || name === '-h') await print(usage());
    else await command(name, rest);
    return 0;
  } catch (error) {
    process.stderr.write(`rxjs-durable-streams: ${complaint(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function command(name: string, args: readonly string[]): Promise<void> {
  const start = COMMANDS.get(name);
  if (start === undefined)
    throw new UsageError(`There is no command ${name}: ${[...COMMANDS.keys()].join(', ')}`);
  if (args.includes('--help') || args.includes('-h')) await print(usage(name));
  else await start(args);
}

/** The version of the package that this is a file of. */
const version = (): string =>
  (createRequire(import.meta.url)('rxjs-durable-streams/package.json') as { version: string }).version;
