import type { BrowserContext } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { Proxy } from '../../support/proxy.js';

/** The network between the browser and a server. */
export class Network {
  private constructor(
    private readonly context: BrowserContext,
    private readonly proxy: Proxy,
  ) {}

  /** The network to the server of a URL, until the test is over. */
  static async to(url: string, context: BrowserContext): Promise<Network> {
    const proxy = await Proxy.to(url, 80);
    onTestFinished(() => proxy.close());
    return new Network(context, proxy);
  }

  /** A URL of the server, as the browser reaches it. */
  through(url: string): string {
    const target = new URL(url);
    target.port = String(this.proxy.port);
    return target.href;
  }

  /** Takes the network away, and brings it back. */
  async offline(offline: boolean): Promise<void> {
    await this.context.setOffline(offline);
    // The browser leaves connections as they are that it has already.
    if (offline) this.proxy.cut();
  }
}
