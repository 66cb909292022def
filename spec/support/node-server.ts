import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { type HandlerOptions, type NodeListenerOptions, toNodeListener } from 'rxjs-durable-streams/http';
import { onTestFinished } from 'vitest';

import { type HttpServer, serve } from './http-server.js';

/** Serves what a handler answers, until the test is over. */
export async function listen(
  handler: (request: Request) => Promise<Response>,
  options?: NodeListenerOptions,
): Promise<{ server: Server; port: number }> {
  const server = createServer(toNodeListener(handler, options));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Serves streams, until the test is over. */
export async function serveStreams(
  options?: Omit<HandlerOptions, 'streams'>,
): Promise<HttpServer & { port: number }> {
  const server = await serve(new DurableStreamManager(memoryEngine()), options);
  onTestFinished(() => server.close());
  return { ...server, port: (server.server.address() as AddressInfo).port };
}

/** How many connections a server has. */
export const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });

/** Sends text on a connection of its own, and gives the answer: what there is once it is whole, or the connection ends. */
export const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (isWhole(received)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(received);
    });
    socket.write(text);
  });

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /content-length: (\d+)/i.exec(answer.slice(0, end))?.[1];
  return length === undefined
    ? !/transfer-encoding: chunked/i.test(answer) || answer.endsWith('0\r\n\r\n')
    : answer.length >= end + 4 + Number(length);
}

/** Sends text on a connection of its own, and is gone. */
export const hangUp = (port: number, text: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.write(text, () => {
      socket.destroy();
    });
  });
