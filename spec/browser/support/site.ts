import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { browserBundle } from './bundle.js';

const PAGE =
  '<!doctype html><title>spec</title><link rel="icon" href="data:," /><script type="module" src="/page.js"></script>';

/** Serves the page whose script is `page.ts`, to the specs of a file; gives its URL. */
export function startedSite(): () => string {
  let server: Server;
  beforeAll(async () => {
    const { code } = await browserBundle('spec/browser/support/page.ts');
    server = createServer(({ url }, response) => {
      const isScript = url === '/page.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
      response.end(isScript ? code : PAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Counts the live requests that a server is answering. */
export class LiveRequests {
  now = 0;
  /** How many there were at once, at most. */
  most = 0;

  constructor(server: Server) {
    server.on('request', ({ url }, response) => {
      if (url?.includes('live=') !== true) return;
      this.most = Math.max(this.most, ++this.now);
      response.on('close', () => this.now--);
    });
  }
}
