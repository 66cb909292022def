import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { LiveRequests } from './site.js';

/** A server before another one, that sees what is asked. */
export class Gateway {
  readonly live: LiveRequests;

  private constructor(private readonly server: Server) {
    this.live = new LiveRequests(server);
  }

  /** A gateway to the server of a URL, until the test is over. */
  static async to(target: string): Promise<Gateway> {
    const server = createServer((request, response) => {
      const { method, headers, url = '/' } = request;
      const forwarded = ask(new URL(url, target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      response.on('close', () => forwarded.destroy());
      request.pipe(forwarded);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return new Gateway(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}
