import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { lastingPort } from '../../support/command.js';
import { storePath } from '../../support/lmdb.js';
import type { Chromium } from './chromium.js';
import { until } from './tabs.js';

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));
const script = join(examples, 'angular-chat/dist/server/main.js');
const screenshots = join(examples, 'build/screenshots');

/** The server of examples/angular-chat, as it is built, that can be killed and started again. */
export class ChatServer {
  #kill: () => Promise<void> = () => Promise.resolve();

  private constructor(
    private readonly env: { readonly PORT: string; readonly DATA: string; readonly WORD_MS: string },
  ) {}

  /** A server until the test is over, that writes a word in so many ms. */
  static async started(wordMs: number): Promise<ChatServer> {
    if (!existsSync(script)) {
      throw new Error(`There is no ${script}: npm run build, then npm ci && npm run build in the example`);
    }
    const env = { PORT: String(await lastingPort()), DATA: storePath(), WORD_MS: String(wordMs) };
    const server = new ChatServer(env);
    onTestFinished(() => server.kill());
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.env.PORT}`;
  }

  async start(): Promise<void> {
    const started = spawn(process.execPath, [script], {
      env: { ...process.env, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const output of [started.stdout, started.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    const ended = once(started, 'exit');
    this.#kill = async () => {
      started.kill('SIGKILL');
      await ended;
    };
    await until(() => {
      expect(said).toBe(`ready ${this.url}\n`);
    });
  }

  /** Kills it by force. */
  kill(): Promise<void> {
    return this.#kill();
  }

  /** What is stored of an answer: its question, and all words. */
  async stored(id: string): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/v1/stream/${id}`);
    return (await response.json()) as string[];
  }
}

/** A tab with the example, as somebody sees and uses it. */
export class ChatTab {
  private constructor(readonly page: Page) {}

  static async open(chromium: Chromium, url: string): Promise<ChatTab> {
    return new ChatTab(await chromium.tab(url));
  }

  async ask(question: string): Promise<void> {
    await this.page.bringToFront();
    await this.page.getByLabel('Your question').fill(question);
    await this.page.keyboard.press('Enter');
  }

  async stop(): Promise<void> {
    await this.page.bringToFront();
    await this.page.getByRole('button', { name: 'Stop' }).click();
  }

  /** The ids of the answers that it shows. */
  ids(): Promise<readonly string[]> {
    return this.page.evaluate(() => JSON.parse(localStorage.getItem('conversation') ?? '[]') as string[]);
  }

  /** The text of the last answer, exactly. */
  async text(): Promise<string> {
    return (await this.page.locator('.text').last().textContent()) ?? '';
  }

  question(): Promise<string | null> {
    return this.page.locator('.question').last().textContent();
  }

  /** What is said of the last answer. */
  note(): Promise<string | null> {
    return this.page.locator('.note').last().textContent();
  }

  /** Waits until so many characters of the last answer are there; gives them. */
  async reaches(length: number): Promise<string> {
    let text = '';
    await until(async () => {
      text = await this.text();
      expect(text.length).toBeGreaterThanOrEqual(length);
    });
    return text;
  }

  /** Waits until a note is said of the last answer. */
  async says(note: string | RegExp): Promise<void> {
    await until(async () => expect(await this.note()).toMatch(note));
  }

  /** Keeps what is seen, as output of the build. */
  async screenshot(name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }
}
