import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server, on which connections can be lost in each way that there is. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #refusing = false;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      if (this.#refusing) {
        client.destroy();
        return;
      }
      const server = connect({ host, port });
      const pair = [client, server] as const;
      this.#pairs.add(pair);
      const end = (): void => {
        client.destroy();
        server.destroy();
        this.#pairs.delete(pair);
      };
      for (const socket of pair) socket.on('error', end).on('close', end);
      client.pipe(server);
      server.pipe(client);
    });
  }

  /** A proxy before what is at a URL. */
  static async to(url: string, byDefault: number): Promise<Proxy> {
    const { hostname, port } = new URL(url);
    const proxy = new Proxy(hostname, Number(port) || byDefault);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Lets nothing through any more on the connections that there are; new ones are not concerned. */
  stall(): void {
    for (const [client, server] of this.#pairs) {
      client.unpipe(server);
      server.unpipe(client);
      // What comes is taken, and goes nowhere.
      client.resume();
      server.resume();
    }
  }

  /** Ends what clients hear, while what they say goes on. */
  halfClose(): void {
    for (const [client, server] of this.#pairs) {
      server.unpipe(client);
      server.resume();
      client.end();
    }
  }

  /** Refuses new connections, or takes them again. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
