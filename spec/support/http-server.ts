import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  createHandler,
  type HandlerOptions,
  type StreamHandler,
  toNodeListener,
} from 'rxjs-durable-streams/http';

/** A real server. */
export interface HttpServer {
  readonly server: Server;
  readonly handler: StreamHandler;
  readonly url: string;
  close(): Promise<void>;
}

/** Serves streams, on a free port unless one is given. */
export async function serve(
  streams: HandlerOptions['streams'],
  options: Omit<HandlerOptions, 'streams'> = {},
  wanted = 0,
): Promise<HttpServer> {
  const handler = createHandler({ streams, ...options });
  const server = createServer(toNodeListener(handler));
  await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    handler,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      handler.drain();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await streams.close();
    },
  };
}
