import { connect } from 'node:net';

import { describe, expect, it } from 'vitest';

/** Whether somebody listens on a port. */
export const isReachable = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const end = (holds: boolean): void => {
      socket.destroy();
      resolve(holds);
    };
    socket.once('connect', () => {
      end(true);
    });
    socket.once('timeout', () => {
      end(false);
    });
    socket.once('error', () => {
      end(false);
    });
  });

/** The port that a scheme has by itself. */
const PORTS: Readonly<Record<string, number>> = {
  'redis:': 6379,
  'nats:': 4222,
  'postgres:': 5432,
  'postgresql:': 5432,
};

/** The port that a URL leads to. */
export function portOf(url: string): number {
  const { protocol, port } = new URL(url);
  return Number(port) || (PORTS[protocol] as number);
}

/**
 * Registers what needs a server, if that can be reached. If not, what is registered says so by name, and fails where
 * `CI` is set.
 */
export async function withServer(
  name: string,
  url: string,
  register: () => void | Promise<void>,
): Promise<void> {
  const { hostname } = new URL(url);
  const port = portOf(url);
  if (await isReachable(hostname, port)) {
    await register();
    return;
  }
  const what = `NOTHING ABOUT ${name.toUpperCase()} IS CHECKED: there is no server at ${hostname}:${port}`;
  console.warn(what);
  describe(name, () => {
    it(what, () => {
      expect(process.env['CI'], 'In CI the server has to be there.').toBeUndefined();
    });
  });
}
