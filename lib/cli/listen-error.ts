import { StreamError } from '../errors.js';

/** Why a server can't listen, and what to do. */
export function listenError(cause: NodeJS.ErrnoException, port: number, host: string): StreamError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new StreamError(
        'ALREADY_EXISTS',
        `Port ${port} of ${host} is in use: stop what listens there, or give another --port.`,
        { cause },
      );
    case 'EACCES':
      return new StreamError(
        'PERMISSION_DENIED',
        `Port ${port} of ${host} is not for this user: give a --port above 1023.`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StreamError('INVALID_ARGUMENT', `The host ${host} is no address of this machine.`, {
        cause,
      });
    default:
      return new StreamError('UNAVAILABLE', `Port ${port} of ${host} can't be used: ${cause.message}.`, {
        cause,
      });
  }
}
