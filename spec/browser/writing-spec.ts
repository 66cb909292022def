import { setTimeout as sleep } from 'node:timers/promises';
import { lastValueFrom, toArray } from 'rxjs';
import { durableStream } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';
import { builtCommand, lastingPort } from '../support/command.js';
import { storePath } from '../support/lmdb.js';
import { startedChromium } from './support/chromium.js';
import { Network } from './support/network.js';
import { startedSite } from './support/site.js';
import { until } from './support/tabs.js';

const chromium = startedChromium();
const site = startedSite();
const command = builtCommand();

/** What is stored of a stream. */
const stored = async (url: string): Promise<unknown> => (await fetch(url)).json();

const wordsFrom = (first: number): string[] => Array.from({ length: 20 }, (_, i) => `wörd ${first + i}`);

describe('a page that writes a stream', () => {
  it('has each chunk stored once and in order, over 5 s without a network and a server that is killed by force', async () => {
    const args = ['--path', storePath(), '--port', String(await lastingPort())];
    let server = await command.serve(args);
    const url = `${server.url}/notes`;
    const page = await chromium().tab(site());
    const all: string[] = [];
    const write = async (): Promise<void> => {
      const words = wordsFrom(all.length);
      all.push(...words);
      await page.evaluate((chunks) => test.next(...chunks), words);
    };

    const network = await Network.to(url, chromium().context);
    await page.evaluate((to) => test.write(to), network.through(url));
    await write();
    await until(async () => expect(await stored(url)).toEqual(all));

    await network.offline(true);
    const before = [...all];
    await write();
    await sleep(5_000);
    await write();
    expect(await stored(url)).toEqual(before);
    await network.offline(false);
    await until(async () => expect(await stored(url)).toEqual(all));

    for (let i = 0; i < 3; i++) {
      await write();
      server.process.kill('SIGKILL');
      await server.ended;
      await write();
      server = await command.serve(args);
      await write();
    }
    await page.evaluate(() => test.complete('ünd'));
    expect(await lastValueFrom(durableStream<string>(url).pipe(toArray()))).toEqual(all);
    expect(await lastValueFrom(durableStream<string, string>(url).output())).toBe('ünd');
  });
});
