import type { AddressInfo } from 'node:net';

import { DurableStreamManager } from '../durable-manager.js';
import type { StreamEngine } from '../engines/engine.js';
import { StreamError } from '../errors.js';
import { createHandler, type StreamHandler } from '../http/handler.js';
import type { HandlerOptions } from '../http/options.js';
import { LONGEST_DELAY } from '../longest-delay.js';
import { integer, parsed, UsageError } from './arguments.js';
import { complaint } from './complaint.js';
import { engineOf } from './engines.js';
import { examples } from './examples.js';
import { HttpServer } from './http-server.js';
import { print } from './output.js';
import { stopSignal } from './signals.js';
import { authorizeBy, tokensOf } from './tokens.js';

/** For how long, in ms, what was begun may go on once the server is to end. A container is usually given 10 s. */
const DRAIN_MS = 8_000;
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** `serve`: serves streams until it is told to end. */
export async function serve(args: readonly string[]): Promise<void> {
  const { values } = parsed(args, {
    engine: { type: 'string', default: 'lmdb' },
    path: { type: 'string' },
    url: { type: 'string' },
    port: { type: 'string', default: '4437' },
    host: { type: 'string', default: '127.0.0.1' },
    'base-path': { type: 'string', default: '/v1/stream' },
    'long-poll-ms': { type: 'string', default: '25000' },
    'ttl-ms': { type: 'string' },
    token: { type: 'string', multiple: true },
    examples: { type: 'boolean', default: false },
  });
  const { host, 'base-path': basePath } = values;
  const port = integer('port', values.port, 0, 65_535);
  const longPollMs = integer('long-poll-ms', values['long-poll-ms'], 0, LONGEST_DELAY);
  const { 'ttl-ms': ttlMs } = values;
  const ttl = ttlMs === undefined ? undefined : integer('ttl-ms', ttlMs, 0, Number.MAX_SAFE_INTEGER);
  const tokens = tokensOf(values.token);
  const engine = await engineOf(values.engine, values);
  const streams = new DurableStreamManager(engine);
  try {
    const handler = handlerOf({ streams, basePath, longPollMs, ttl }, tokens);
    await open(engine);
    const server = new HttpServer(handler);
    const address = await server.listen(port, host);
    // From here on nothing that was begun is broken off, and whoever waits for the line below may send a signal.
    const stopped = stopSignal();
    if (tokens.length === 0 && !LOOPBACK.test(address.address)) warn(address);
    const root = `http://${authority(address)}${basePath}`;
    const lines = `ready ${root}\n${values.examples ? examples(root, tokens.length > 0) : ''}`;
    // It serves all the same where nobody reads that.
    await print(lines).catch(() => undefined);
    await stopped;
    await server.drain(DRAIN_MS);
  } finally {
    await streams.close();
  }
}

function handlerOf(
  options: Pick<HandlerOptions, 'streams' | 'basePath' | 'longPollMs' | 'ttl'>,
  tokens: readonly string[],
): StreamHandler {
  try {
    return createHandler({
      ...options,
      ...(tokens.length > 0 && {
        authorize: authorizeBy(tokens),
        // Browsers don't take the asterisk for that one.
        cors: { allowHeaders: ['Authorization', '*'] },
      }),
      onError: (error) => process.stderr.write(`${complaint(error)}\n`),
    });
  } catch (error) {
    throw new UsageError(
      (error as StreamError).message.replace('basePath', '--base-path').replace(/\.$/, ''),
    );
  }
}

/**
 * Opens the store of an engine, which else is opened by the first request, which would find what is wrong with it. Some
 * go there only for a stream: any will do.
 */
async function open(engine: StreamEngine): Promise<void> {
  try {
    await engine.load([{ id: 'any' }]);
  } catch (error) {
    const { code, message, details } = error as StreamError;
    const { install } = Object(details) as { readonly install?: unknown };
    if (install === undefined) throw error;
    throw new StreamError(code, `${message}, or give --engine memory, which keeps nothing on disk.`, {
      details,
      cause: error,
    });
  }
}

function warn(address: AddressInfo): void {
  process.stderr.write(
    `Warning: without a --token, whoever can reach ${authority(address)} may read, write and delete every stream.\n`,
  );
}

const authority = ({ address, port }: AddressInfo): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;
