import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ChatServer, ChatTab } from './support/chat.js';
import { startedChromium } from './support/chromium.js';
import { Gateway } from './support/gateway.js';
import { Network } from './support/network.js';
import { until } from './support/tabs.js';

const QUESTION = 'What is a “durable” stream, in 3 words? 😀';
const DONE = /^\d+ words$/;

const chromium = startedChromium();

/** A tab with an answer of which so many characters are there. */
async function asked(server: ChatServer, url = server.url, length = 100) {
  const tab = await ChatTab.open(chromium(), url);
  await tab.ask(QUESTION);
  const begun = await tab.reaches(length);
  const [id = ''] = await tab.ids();
  return { tab, begun, id };
}

/** Sees that tabs show an answer, to its end, as it is stored. */
async function expectWhole(server: ChatServer, id: string, tabs: readonly ChatTab[]): Promise<void> {
  const [question, ...words] = await server.stored(id);
  expect(question).toBe(QUESTION);
  for (const tab of tabs) {
    await tab.says(`${words.length} words`);
    expect(await tab.text()).toBe(words.join(''));
    expect(await tab.question()).toBe(QUESTION);
  }
}

/** Sees that tabs show an answer that was stopped, as far as it is stored; gives that. */
async function expectStopped(server: ChatServer, id: string, tabs: readonly ChatTab[]) {
  await Promise.all(tabs.map((tab) => tab.says('Stopped')));
  const stored = await server.stored(id);
  for (const tab of tabs) expect(await tab.text()).toBe(stored.slice(1).join(''));
  return stored;
}

describe('the example angular-chat', () => {
  it('shows an answer word by word, as it is written', async () => {
    const server = await ChatServer.started(20);
    const { tab, begun, id } = await asked(server);
    await tab.screenshot('1-answering');
    const lengths = new Set<number>();
    await until(async () => {
      const text = await tab.text();
      expect(text.startsWith(begun)).toBe(true);
      lengths.add(text.length);
      expect(await tab.note()).toMatch(DONE);
    });
    expect(lengths.size).toBeGreaterThan(5);
    await expectWhole(server, id, [tab]);
    await tab.page.emulateMedia({ colorScheme: 'dark' });
    await tab.screenshot('2-done-dark');
    await tab.page.emulateMedia({ colorScheme: null });
  });

  it('shows the same after a reload in the middle', async () => {
    const server = await ChatServer.started(20);
    const { tab, begun, id } = await asked(server);
    await tab.page.reload();
    expect(await tab.reaches(begun.length)).toContain(begun);
    await tab.page.reload();
    await tab.says(DONE);
    await expectWhole(server, id, [tab]);
  });

  it('shows the same in a second tab, and there what is asked in the first', async () => {
    const server = await ChatServer.started(30);
    const { tab, id } = await asked(server);
    const second = await ChatTab.open(chromium(), server.url);
    await Promise.all([tab.says(DONE), second.says(DONE)]);
    await expectWhole(server, id, [tab, second]);
    await tab.ask('And now?');
    await until(async () => expect(await second.question()).toBe('And now?'));
    await second.reaches(100);
    await second.screenshot('3-second-tab');
    await tab.stop();
    await Promise.all([tab.says('Stopped'), second.says('Stopped')]);
    expect(await second.text()).toBe(await tab.text());
  });

  it('holds one connection in ten tabs', async () => {
    // It is still answering when the last one is there, however slow that is.
    const server = await ChatServer.started(500);
    const gateway = await Gateway.to(server.url);
    const { tab, id } = await asked(server, gateway.url, 20);
    const tabs = [tab];
    while (tabs.length < 10) tabs.push(await ChatTab.open(chromium(), gateway.url));
    const { length } = await tab.text();
    for (const each of tabs) await each.reaches(length + 20);
    expect([gateway.live.now, gateway.live.most]).toEqual([1, 1]);
    await tab.stop();
    await expectStopped(server, id, tabs);
    expect(gateway.live.most).toBe(1);
  });

  it('goes on after the server was killed by force and started again in the middle', async () => {
    const server = await ChatServer.started(30);
    const { tab, id } = await asked(server);
    for (const length of [200, 400]) {
      await tab.reaches(length);
      await server.kill();
      const [before, note] = [await tab.text(), await tab.note()];
      expect([before.length < 1_000, note]).toEqual([true, 'Answering …']);
      await server.start();
      expect(await tab.reaches(before.length + 50)).toContain(before);
    }
    await tab.says(DONE);
    await expectWhole(server, id, [tab]);
    await tab.screenshot('4-server-killed-twice');
  });

  it('goes on after 5 s without a network', async () => {
    const server = await ChatServer.started(35);
    const network = await Network.to(server.url, chromium().context);
    const { tab, id } = await asked(server, network.through(server.url));
    await network.offline(true);
    await until(async () => expect(await tab.page.getByRole('status').textContent()).toContain('offline'));
    const before = await tab.text();
    await tab.screenshot('5-offline');
    await sleep(5_000);
    expect(await tab.text()).toBe(before);
    expect((await server.stored(id)).join('').length).toBeGreaterThan(before.length + 100);
    await network.offline(false);
    expect(await tab.reaches(before.length + 1)).toContain(before);
    expect(await tab.page.getByRole('status').count()).toBe(0);
    await tab.says(DONE);
    await expectWhole(server, id, [tab]);
  });

  it('is stopped for everybody, and at its source, from another tab', async () => {
    const server = await ChatServer.started(60);
    const { tab, id } = await asked(server);
    const second = await ChatTab.open(chromium(), server.url);
    await second.reaches(200);
    await second.stop();
    const stored = await expectStopped(server, id, [tab, second]);
    await second.screenshot('6-stopped');
    await expectStopped(server, id, [await ChatTab.open(chromium(), server.url)]);
    // A server that is started again leaves it as it is.
    await server.kill();
    await server.start();
    expect(await server.stored(id)).toEqual(stored);
  });
});
