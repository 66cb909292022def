import type { Duplex } from 'node:stream';

const STATUS: Readonly<Record<string, readonly [line: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'RESOURCE_EXHAUSTED',
    'The header fields are too long.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'DEADLINE_EXCEEDED', 'The request has come too slowly.'],
};
const MALFORMED = ['400 Bad Request', 'INVALID_ARGUMENT', 'The request is malformed.'] as const;

/** Refuses what Node's parser takes for no request, with a body as all refusals have one, and ends the connection. */
export function refuseMalformed(
  { code = '' }: NodeJS.ErrnoException,
  socket: Duplex,
  answering: boolean,
): void {
  // In the middle of another answer nobody could tell where this one begins.
  if (!socket.writable || code === 'ECONNRESET' || answering) {
    socket.destroy();
    return;
  }
  const [line, reason, message] = STATUS[code] ?? MALFORMED;
  const body = JSON.stringify({ error: { code: reason, message } });
  socket.end(
    `HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
