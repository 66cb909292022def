import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { startedChromium } from './support/chromium.js';
import { startedSite } from './support/site.js';
import { servedStream } from './support/stream-server.js';
import { hasEnded, hasRead, until } from './support/tabs.js';

const chromium = startedChromium();
const site = startedSite();

describe('tabs that share a stream', () => {
  let stream: Awaited<ReturnType<typeof servedStream>>;

  beforeEach(async () => {
    stream = await servedStream();
  });

  /** A tab that reads the stream, and has read what there is. */
  async function tab(options: { pauseWhenHidden?: boolean } = {}): Promise<Page> {
    const page = await chromium().tab(site());
    await page.evaluate(([url, more]) => test.read(url, { shareTabs: true, ...more }), [
      stream.url,
      options,
    ] as const);
    await hasRead(page, stream.text());
    return page;
  }

  const allHaveRead = (pages: readonly Page[]): Promise<unknown> =>
    Promise.all(pages.map((page) => hasRead(page, stream.text())));

  it('hold one connection, ten of them, and read the same with the same offsets', async () => {
    stream.write(5);
    const pages: Page[] = [];
    for (let i = 0; i < 10; i++) pages.push(await tab());
    for (let i = 0; i < 20; i++) {
      stream.write(3);
      await allHaveRead(pages);
    }
    expect([stream.live.now, stream.live.most]).toEqual([1, 1]);
    stream.input.complete('all');
    await Promise.all(pages.map((page) => hasEnded(page, 'done all')));
    await allHaveRead(pages);
    const offsets = await Promise.all(pages.map((page) => page.evaluate(() => test.seen.offsets)));
    for (const those of offsets) expect(those.slice(-60)).toEqual(offsets[0]?.slice(-60));
    await until(() => expect(stream.live.now).toBe(0));
  });

  it('go on when the one that holds the connection is closed', async () => {
    const [leader, ...others] = [await tab(), await tab(), await tab()];
    stream.write(3);
    await allHaveRead(others);
    await leader.close();
    stream.write(3);
    await allHaveRead(others);
    await until(() => expect(stream.live.now).toBe(1));
  });

  it('go on when the one that holds the connection is reloaded', async () => {
    const [leader, ...others] = [await tab(), await tab()];
    await leader.reload();
    stream.write(3);
    await allHaveRead(others);
    await leader.evaluate((url) => test.read(url, { shareTabs: true }), stream.url);
    stream.write(3);
    await allHaveRead([leader, ...others]);
    await until(() => expect(stream.live.now).toBe(1));
  });

  it('go on when the one that holds the connection is frozen, and so does that one when it is not any more', async () => {
    const [leader, ...others] = [await tab(), await tab(), await tab()];
    stream.write(3);
    await allHaveRead([leader, ...others]);
    const session = await chromium().context.newCDPSession(leader);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    const before = stream.text();
    stream.write(3);
    await allHaveRead(others);
    expect(await leader.evaluate(() => test.seen.text)).toBe(before);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    expect(await leader.evaluate(() => test.life)).toContain('freeze hidden');
    stream.write(3);
    await allHaveRead([leader, ...others]);
    await until(() => expect(stream.live.now).toBe(1));
  });

  it('hand the connection to the one that is seen, where hidden ones shall hold none', async () => {
    const first = await tab({ pauseWhenHidden: true });
    const second = await tab({ pauseWhenHidden: true });
    expect(await first.evaluate(() => document.visibilityState)).toBe('hidden');
    const before = stream.text();
    stream.write(3);
    await hasRead(second, stream.text());
    expect(await first.evaluate(() => test.seen.text)).toBe(before);
    await first.bringToFront();
    await hasRead(first, stream.text());
    stream.write(3);
    await hasRead(first, stream.text());
    await until(() => expect(stream.live.now).toBe(1));
  });
});

describe('a page that is hidden', () => {
  it('holds no connection, if that is wanted, and reads what it has missed once it is seen', async () => {
    const stream = await servedStream();
    stream.write(3);
    const page = await chromium().tab(site());
    await page.evaluate((url) => test.read(url, { pauseWhenHidden: true }), stream.url);
    await hasRead(page, stream.text());
    await until(() => expect(stream.live.now).toBe(1));
    await chromium().tab('about:blank');
    await until(() => expect(stream.live.now).toBe(0));
    stream.write(3);
    await page.bringToFront();
    stream.write(3);
    await hasRead(page, stream.text());
    stream.input.complete('all');
    await hasEnded(page, 'done all');
  });
});
