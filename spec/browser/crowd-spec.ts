import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../lib/testing/engine-suite/fuzz/random.js';
import { startedChromium } from './support/chromium.js';
import { Network } from './support/network.js';
import { startedSite } from './support/site.js';
import { servedStream } from './support/stream-server.js';
import { TabCrowd } from './support/tab-crowd.js';
import { hasEnded, hasRead, until } from './support/tabs.js';

const STEPS = Number(process.env['CROWD_STEPS'] ?? 40);
const SEED = Number(process.env['CROWD_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

const chromium = startedChromium();
const site = startedSite();

describe(`tabs that are opened, closed, reloaded, hidden and frozen at random, on a network that fails (seed ${SEED})`, () => {
  it.each([
    ['all of which may read', false],
    ['of which only the one that is seen holds a connection', true],
  ])('%s, have each chunk once and in order', { timeout: 60_000 + STEPS * 2_000 }, async (_title, pauses) => {
    const random = seeded(SEED);
    const stream = await servedStream();
    const network = await Network.to(stream.url, chromium().context);
    const options = { shareTabs: true, pauseWhenHidden: pauses };
    const reads = [network.through(stream.url), options] as const;
    const crowd = new TabCrowd(chromium(), site(), random, (page) =>
      page.evaluate(([url, how]) => test.read(url, how), reads),
    );
    const happens = [
      ...crowd.events,
      async () => {
        await network.offline(true);
        await sleep(random.below(200));
        await network.offline(false);
      },
    ];

    await crowd.add();
    await crowd.add();
    for (let step = 0; step < STEPS; step++) {
      stream.write(1 + random.below(5));
      await Promise.all([happens[random.below(happens.length)]?.(), sleep(random.below(50))]);
    }
    await crowd.thaw();
    stream.write(1);
    for (const page of crowd.tabs) {
      await page.bringToFront();
      await hasRead(page, stream.text());
    }
    await until(() => expect(stream.live.now).toBe(1));
    stream.input.complete('all');
    for (const page of crowd.tabs) {
      await page.bringToFront();
      await hasEnded(page, 'done all');
      await hasRead(page, stream.text());
    }
  });
});
