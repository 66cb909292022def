import { setTimeout as sleep } from 'node:timers/promises';
import { openStream } from 'rxjs-durable-streams/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { builtCommand, lastingPort } from '../support/command.js';
import { storePath } from '../support/lmdb.js';
import { startedChromium } from './support/chromium.js';
import { Network } from './support/network.js';
import { startedSite } from './support/site.js';
import { servedStream } from './support/stream-server.js';
import { hasEnded, hasRead, until } from './support/tabs.js';

const chromium = startedChromium();
const site = startedSite();

describe('a page that reads a stream', () => {
  let stream: Awaited<ReturnType<typeof servedStream>>;

  beforeEach(async () => {
    stream = await servedStream();
    stream.write(50);
  });

  it.each(['sse', 'long-poll'] as const)(
    'has by %s what was written before, then what comes, then the outcome',
    async (live) => {
      const page = await chromium().tab(site());
      await page.evaluate(([url, how]) => test.read(url, { live: how }), [stream.url, live] as const);
      for (let i = 0; i < 20; i++) {
        stream.write(1);
        await hasRead(page, stream.text());
      }
      stream.input.complete('ünd');
      await hasEnded(page, 'done ünd');
      await hasRead(page, stream.text());
    },
  );

  it('goes on after a reload where it was, in the middle of what is written', async () => {
    const page = await chromium().tab(site());
    for (let i = 0; i < 5; i++) {
      await page.evaluate((url) => test.read(url, { rememberAs: 'answer' }), stream.url);
      await hasRead(page, stream.text());
      stream.write(20);
      await page.reload();
      stream.write(20);
    }
    await page.evaluate((url) => test.read(url, { rememberAs: 'answer' }), stream.url);
    stream.input.complete('all');
    await hasEnded(page, 'done all');
    await hasRead(page, stream.text());
    // The last of the pages has not read all of it once more.
    expect(await page.evaluate(() => test.seen.offsets.length)).toBeLessThan(60);
  });

  it('goes on after 5 s without a network', async () => {
    const page = await chromium().tab(site());
    const network = await Network.to(stream.url, chromium().context);
    await page.evaluate((url) => test.read(url), network.through(stream.url));
    await hasRead(page, stream.text());
    await until(() => expect(stream.live.now).toBe(1));
    await network.offline(true);
    await until(() => expect(stream.live.now).toBe(0));
    const before = stream.text();
    stream.write(20);
    await sleep(5_000);
    expect(await page.evaluate(() => test.seen.text)).toBe(before);
    await network.offline(false);
    stream.write(20);
    await hasRead(page, stream.text());
    stream.input.complete('all');
    await hasEnded(page, 'done all');
  });
});

describe('a page that reads a stream of a server that is killed by force', () => {
  const command = builtCommand();

  it('goes on once the server is there again', async () => {
    const args = ['--path', storePath(), '--port', String(await lastingPort())];
    let server = await command.serve(args);
    const url = `${server.url}/answer`;
    const input = openStream<string, string>(url, { retry: { delay: 50, maxDelay: 500 } });
    await input.opened;
    const page = await chromium().tab(site());
    await page.evaluate((to) => test.read(to), url);
    let text = '';
    const write = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const word = `${i}. wörd\n`;
        text += word;
        input.next(word);
      }
    };
    for (let i = 0; i < 3; i++) {
      write(100);
      await hasRead(page, text);
      write(100);
      server.process.kill('SIGKILL');
      await server.ended;
      write(100);
      server = await command.serve(args);
    }
    input.complete('all');
    await hasEnded(page, 'done all');
    await hasRead(page, text);
  });
});
