import { createEnvironmentInjector, Injector, provideAppInitializer } from '@angular/core';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import {
  durableResource,
  type DurableStreamsOptions,
  provideDurableStreams,
} from 'rxjs-durable-streams/angular';
import { describe, expect, it, vi } from 'vitest';

import { BASE_URL, served } from '../support/angular.js';
import { hydrated, linesOf, pageOf, rendered } from '../support/angular-page.js';

/** Waits until a page shows lines. */
const shows = ({ document }: { readonly document: Document }, ...lines: string[]): Promise<void> =>
  vi.waitFor(() => {
    expect(linesOf(document.body.innerHTML)).toEqual(lines);
  });

const world = () => {
  const server = served();
  const input = server.streams.open<string, number>('a');
  return { server, input };
};
const page = (options: object = {}) => pageOf(() => durableResource({ id: () => 'a', ...options }));

describe('a resource in a browser, on a page from a server', () => {
  it('shows at once what the server has seen, and reads only what follows', async () => {
    const { server, input } = world();
    input.next('a');
    input.next('b');
    const app = page();
    const html = await rendered(app, server);
    input.next('c');
    server.asked.length = 0;
    const browser = await hydrated(app, html, server);
    expect(app.resources()[0]?.chunks()).toEqual(['a', 'b']);
    await shows(browser, 'open|["a","b","c"]||');
    input.next('d');
    input.complete(4);
    await shows(browser, 'done|["a","b","c","d"]|4|');
    expect(server.asked.filter((line) => line.includes('offset=-1'))).toEqual([]);
  });

  it('does so however long the application needs to begin', async () => {
    const { server, input } = world();
    input.next('a');
    const app = page();
    const html = await rendered(app, server);
    server.asked.length = 0;
    const slowly = provideAppInitializer(() => new Promise<void>((resolve) => setTimeout(resolve, 50)));
    const browser = await hydrated(app, html, server, {}, slowly);
    expect(app.resources()[0]?.chunks()).toEqual(['a']);
    await browser.application.whenStable();
    await vi.waitFor(() => {
      expect(server.asked.length).toBe(2);
    });
    expect(server.asked.filter((line) => line.includes('offset=-1'))).toEqual([]);
  });

  it('keeps every node that the server has rendered', async () => {
    const { server, input } = world();
    input.next('a');
    const app = page();
    const html = await rendered(app, server);
    const warn = vi.spyOn(console, 'warn');
    const error = vi.spyOn(console, 'error');
    const browser = await hydrated(app, html, server);
    const [line] = browser.document.getElementsByTagName('p');
    input.next('b');
    await shows(browser, 'open|["a","b"]||');
    expect(browser.document.getElementsByTagName('p')[0]).toBe(line);
    expect([warn.mock.calls, error.mock.calls]).toEqual([[], []]);
  });

  it('asks for nothing where the stream has ended', async () => {
    const { server, input } = world();
    input.next('a');
    input.complete(1);
    const failing = server.streams.open<string>('failing');
    failing.error({ code: 'ABORTED', message: 'm', details: { n: 1 } });
    const app = pageOf(() => [durableResource({ id: () => 'a' }), durableResource({ id: () => 'failing' })]);
    const html = await rendered(app, server);
    server.asked.length = 0;
    const browser = await hydrated(app, html, server);
    await browser.application.whenStable();
    await shows(browser, 'done|["a"]|1|', 'error|[]||ABORTED');
    expect(app.resources()[1]?.error()).toMatchObject({
      name: 'StreamError',
      message: 'm',
      details: { n: 1 },
    });
    expect(server.asked).toEqual([]);
  });

  it('folds what follows into what the server has folded, and no chunk twice', async () => {
    const { server, input } = world();
    for (const chunk of 'abc') input.next(chunk);
    const reduce = vi.fn((text: string, chunk: string) => text + chunk);
    const app = page({ reduce, initial: '' });
    const html = await rendered(app, server);
    expect(reduce).toHaveBeenCalledTimes(3);
    const browser = await hydrated(app, html, server);
    input.next('d');
    await shows(browser, 'open|"abcd"||');
    expect(reduce).toHaveBeenCalledTimes(4);
  });

  it('goes on within an answer, where the server had no time for the next one', async () => {
    const streams = new DurableStreamManager(memoryEngine());
    const server = served(streams, { maxResponseBytes: 1 });
    const input = streams.open<string>('a');
    for (const chunk of 'abc') input.next(chunk);
    await input.flush();
    const slow = ((url: string, init: RequestInit) =>
      server.asked.length === 2 ? new Promise(() => {}) : server.fetch(url, init)) as typeof fetch;
    const app = page();
    const html = await rendered(app, { fetch: slow }, { snapshotTimeout: 100 });
    const before = server.asked.length;
    const browser = await hydrated(app, html, server);
    await shows(browser, 'open|["a","b","c"]||');
    expect(server.asked.slice(before).filter((line) => line.includes('offset=-1'))).toEqual([]);
  });

  it('reads from the start what is not JSON', async () => {
    const { server, input } = world();
    input.next('a');
    const reduce = (set: Set<string>, chunk: string) => new Set([...set, chunk]);
    const app = page({ reduce, initial: new Set<string>() });
    const html = await rendered(app, server);
    server.asked.length = 0;
    const browser = await hydrated(app, html, server);
    await vi.waitFor(() => {
      expect(app.resources()[0]?.chunks()).toEqual(new Set(['a']));
    });
    expect(server.asked[0]).toBe('GET /a?offset=-1');
    await browser.application.whenStable();
  });

  it('reads from the start when it is told to', async () => {
    const { server, input } = world();
    input.next('a');
    const app = page();
    const html = await rendered(app, server);
    const browser = await hydrated(app, html, server);
    server.asked.length = 0;
    app.resources()[0]?.reload();
    await vi.waitFor(() => {
      expect(server.asked).toContain('GET /a?offset=-1');
    });
    await shows(browser, 'open|["a"]||');
  });

  it('shows nothing of it where it comes when the page is old', async () => {
    const { server, input } = world();
    input.next('a');
    const app = page();
    const html = await rendered(app, server);
    const browser = await hydrated(app, html, server);
    await browser.application.whenStable();
    const injector = browser.application.injector.get(Injector);
    const late = durableResource({ id: () => 'a', injector });
    expect([late.status(), late.chunks()]).toEqual(['loading', []]);
  });

  it('shows nothing old of a route either, whose streams are another server’s', async () => {
    const { server, input } = world();
    input.next('a');
    const app = page();
    const html = await rendered(app, server);
    // The application itself has none, so it does not say that the page is old by then.
    const browser = await hydrated(
      pageOf(() => []),
      html,
      undefined,
    );
    const route = createEnvironmentInjector(
      [provideDurableStreams({ baseUrl: BASE_URL, fetch: server.fetch })],
      browser.application.injector,
    );
    await browser.application.whenStable();
    const late = durableResource({ id: () => 'a', injector: route.get(Injector) });
    expect(late.status()).toBe('loading');
  });

  it('takes what another base URL has only by a transferKey', async () => {
    const { server, input } = world();
    input.next('a');
    const inside: Partial<DurableStreamsOptions> = { baseUrl: 'http://inside:4437/v1/stream' };
    for (const key of [{}, { transferKey: 'answers' }]) {
      const app = page();
      const html = await rendered(app, server, { ...inside, ...key });
      server.asked.length = 0;
      const browser = await hydrated(app, html, server, { baseUrl: BASE_URL, ...key });
      await shows(browser, 'open|["a"]||');
      await browser.application.whenStable();
      const isAgain = server.asked.some((line) => line.includes('offset=-1'));
      expect(isAgain).toBe(!('transferKey' in key));
      browser.application.destroy();
    }
  });
});
