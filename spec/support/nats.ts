import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';

import { isOlder } from '../../lib/engines/nats-streams.js';
import { eventually } from '../../lib/testing/engine-suite/assert.js';
import { freePort } from './redis.js';
import { isReachable } from './servers.js';

/** Where the server is that specs share. */
export const NATS_URL = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';

/** A prefix that nobody else has. */
export const newPrefix = (): string => `spec-${randomUUID()}`;

let shared: Promise<NatsConnection> | undefined;

/** A connection for what a spec does beside the engine; open until the process ends. */
const natsConnection = (): Promise<NatsConnection> => (shared ??= connect({ servers: NATS_URL }));

/** Removes all JetStream streams of a prefix. */
export async function removeStreams(prefix: string, connection?: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(connection ?? (await natsConnection()));
  const names: string[] = [];
  for await (const name of streams.names()) if (name.startsWith(`${prefix}-`)) names.push(name);
  await Promise.all(names.map((name) => streams.delete(name)));
}

const BINARY = process.env['NATS_SERVER'] ?? 'nats-server';

/**
 * Registers what needs servers of its own, of a version or later, if `nats-server`, or what `NATS_SERVER` names, is one.
 * If not, what is registered says so by name, and fails where it is required.
 */
export function withOwnNats(
  name: string,
  oldest: string,
  register: () => void,
  required = process.env['CI'] !== undefined,
): void {
  const { stdout } = spawnSync(BINARY, ['--version'], { encoding: 'utf8' }) as { stdout: string | null };
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1];
  if (version !== undefined && !isOlder(version, oldest.split('.').map(Number))) {
    register();
    return;
  }
  const what = `NOTHING ABOUT ${name.toUpperCase()} IS CHECKED: ${BINARY} is ${version ?? 'not there'}, and not ${oldest}`;
  console.warn(what);
  describe(name, () => {
    it(what, () => {
      expect(required, 'It has to be there.').toBe(false);
    });
  });
}

/** A server of our own, for what must not be done to others. */
export class OwnNats {
  readonly folder = mkdtempSync(join(tmpdir(), 'nats-'));
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    config: string,
  ) {
    writeFileSync(join(this.folder, 'config'), config);
  }

  /** Starts a server with JetStream, unless its configuration is given. */
  static async start(config = 'jetstream {}', port?: number): Promise<OwnNats> {
    const server = new OwnNats(port ?? (await freePort()), config);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it again, with what it has on disk. */
  async start(): Promise<void> {
    const options = [
      '-a',
      '127.0.0.1',
      '-p',
      `${this.port}`,
      '-sd',
      this.#data,
      '-c',
      join(this.folder, 'config'),
    ];
    this.#process = spawn(BINARY, options, { stdio: 'ignore' });
    await eventually(10_000, 'the server listens', () => isReachable('127.0.0.1', this.port));
  }

  /** Copies what it has on disk, to be put back by calling what is given, while it does not run. */
  capture(): () => void {
    const copy = join(this.folder, 'copy');
    cpSync(this.#data, copy, { recursive: true });
    return () => {
      this.wipe();
      cpSync(copy, this.#data, { recursive: true });
    };
  }

  /** Removes what it has on disk, while it does not run. */
  wipe(): void {
    rmSync(this.#data, { recursive: true });
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }

  get #data(): string {
    return join(this.folder, 'data');
  }
}

/** Servers of our own that are one cluster. */
export class NatsCluster {
  private constructor(
    readonly servers: readonly OwnNats[],
    private readonly monitors: readonly number[],
  ) {}

  static async start(count: number): Promise<NatsCluster> {
    const ports: number[] = [];
    for (let i = 0; i < count * 2; i++) ports.push(await freePort());
    const [routes, monitors] = [ports.slice(0, count), ports.slice(count)];
    const servers = await Promise.all(
      routes.map((port, i) =>
        OwnNats.start(`
          server_name: n${i}
          http: "127.0.0.1:${monitors[i]}"
          jetstream {}
          cluster {
            name: spec
            listen: "127.0.0.1:${port}"
            routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`).join()}]
          }`),
      ),
    );
    const cluster = new NatsCluster(servers, monitors);
    await cluster.whole();
    return cluster;
  }

  /** Waits until all servers have what they should have. */
  async whole(): Promise<void> {
    for (const port of this.monitors) {
      await eventually(60_000, 'a server is up with the others', async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
        return answer?.ok === true;
      });
    }
  }

  /** Removes all JetStream streams of a prefix. */
  async remove(prefix: string): Promise<void> {
    this.#connection ??= await connect({ servers: this.servers.map(({ url }) => url) });
    await removeStreams(prefix, this.#connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.close();
    for (const server of this.servers) await server[Symbol.asyncDispose]();
  }

  #connection: NatsConnection | undefined;
}
