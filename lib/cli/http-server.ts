import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';

import type { StreamHandler } from '../http/handler.js';
import { toNodeListener } from '../http/node-listener.js';
import { listenError } from './listen-error.js';
import { refuseMalformed } from './malformed.js';

/**
 * For how long, in ms, connections that do nothing are kept once the server drains: whoever uses one in this time is
 * answered and told that it is the last time, and does not find it cut off with a request on the way.
 */
const IDLE_MS = 250;

/** A handler on a port, that can be stopped without breaking off what was begun. */
export class HttpServer {
  readonly #server: Server;
  /** How many requests each connection has that are not answered. */
  readonly #sockets = new Map<Duplex, number>();
  #draining = false;
  #idleMayStay = true;

  constructor(private readonly handler: StreamHandler) {
    const server = createServer(toNodeListener(handler) as RequestListener);
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.set(socket, 0);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // Before the handler, which sends the header fields.
    server.prependListener('request', ({ socket }, response) => {
      this.#count(socket, 1);
      if (this.#draining) response.setHeader('connection', 'close');
      response.on('close', () => {
        this.#count(socket, -1);
        this.#closeIdle();
      });
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      refuseMalformed(error, socket, (this.#sockets.get(socket) ?? 0) > 0);
    });
  }

  /** Listens, and gives the address. Rejects with a `StreamError` that tells what is wrong with it. */
  listen(port: number, host: string): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        reject(listenError(error, port, host));
      });
      server.listen(port, host, () => {
        resolve(server.address() as AddressInfo);
      });
    });
  }

  /**
   * Takes no more connections, tells live readers to come again, and waits until everything else is answered, for so
   * many ms at most: then what is left is cut off.
   */
  async drain(limit: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.once('close', resolve));
    // Not by that of an HTTP server, which also cuts off connections that do nothing at the moment.
    NetServer.prototype.close.call(this.#server);
    // Not before: whoever comes again at once shall not find this server.
    this.handler.drain();
    const idle = setTimeout(() => {
      this.#idleMayStay = false;
      this.#closeIdle();
    }, IDLE_MS);
    const late = setTimeout(() => {
      this.#server.closeAllConnections();
    }, limit);
    await closed;
    clearTimeout(idle);
    clearTimeout(late);
  }

  #count(socket: Duplex, change: number): void {
    const active = this.#sockets.get(socket);
    if (active !== undefined) this.#sockets.set(socket, active + change);
  }

  #closeIdle(): void {
    if (this.#idleMayStay) return;
    for (const [socket, active] of this.#sockets) if (active === 0) socket.destroy();
  }
}
