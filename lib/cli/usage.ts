import { ENGINE_NAMES } from './engines.js';
import { TOKEN_VARIABLE } from './tokens.js';

const TOKEN = `  --token <token>        who it is: Authorization: Bearer <token>; better in ${TOKEN_VARIABLE}`;

const SERVE = `rxjs-durable-streams serve [options]
  Serves streams over HTTP by the Durable Streams protocol. Prints "ready <url>" once it does. SIGTERM and SIGINT let
  what was begun be finished and tell readers to come again; the second one ends it at once.

  --engine <name>        where streams are kept: ${ENGINE_NAMES.join(', ')} (lmdb)
  --path <directory>     of an engine on disk (./data)
  --url <url>            of an engine that is a server
  --port <n>             0 for any that is free (4437)
  --host <address>       on which it listens (127.0.0.1)
  --base-path <path>     what the paths of streams begin with (/v1/stream)
  --long-poll-ms <n>     how long a long-poll waits (25000)
  --ttl-ms <n>           how long a stream is kept once it is closed (for ever)
  --token <token>        what requests need: Authorization: Bearer <token>. May be given several times; better in
                         ${TOKEN_VARIABLE}, with spaces or commas between several
  --examples             print three curl commands to try
`;

const TAIL = `rxjs-durable-streams tail <url> [options]
  Prints what a stream has and what comes, until it is closed: of a JSON stream, each message on a line of its own.
  Goes on where it was after the connection, or the server, has been away. Fails if the stream has ended with an error.

  --from <place>         start, now, or after an offset (start)
  --offsets              print, on standard error, each offset to go on from
${TOKEN}
`;

const APPEND = `rxjs-durable-streams append <url> [options]
  Appends standard input as it comes: to a JSON stream, each line as a message; to any other, all bytes. What is tried
  again, because the connection or the server has gone away, is not appended twice. Prints the offset behind it.

  --create               create the stream if there is none
  --content-type <type>  what is appended, and what is created (text/plain; of a stream that is there, its own)
  --close                close the stream behind it
${TOKEN}
`;

const HEAD = `rxjs-durable-streams head <url> [options]
  Prints what a stream is: its content type, its next offset, whether it is closed and how, how long it lives.

${TOKEN}
`;

const COMMANDS: Readonly<Record<string, string>> = { serve: SERVE, tail: TAIL, append: APPEND, head: HEAD };

/** What a command does and which options it has, with their defaults in parentheses; of all commands without a name. */
export function usage(command?: string): string {
  if (command !== undefined) return COMMANDS[command] as string;
  return `${Object.values(COMMANDS).join('\n')}
rxjs-durable-streams --version
rxjs-durable-streams [command] --help
`;
}
