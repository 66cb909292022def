import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  // It is run as root in containers, too.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
  '--window-size=1000,800',
];
const START_MS = 60_000;
/** How long, in ms, a page may take for anything, on a slow machine. */
const PAGE_MS = 60_000;

/** A real browser with real tabs: all but the one in front are hidden. */
export class Chromium {
  readonly errors: string[] = [];
  readonly #tabs = new Set<Page>();

  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly browser: Browser,
  ) {}

  static async start(): Promise<Chromium> {
    if (!existsSync(EXECUTABLE)) throw new Error(`There is no ${EXECUTABLE}. Install it: .ci/browser`);
    const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    const started = spawn(EXECUTABLE, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    process.once('exit', () => started.kill('SIGKILL'));
    // Without the defaults, since these make pages that are not in front believe that they are.
    const browser = await chromium.connectOverCDP(await endpointOf(started), { noDefaults: true });
    const ours = new Chromium(started, profile, browser);
    ours.context.setDefaultTimeout(PAGE_MS);
    return ours;
  }

  get context(): BrowserContext {
    const [context] = this.browser.contexts();
    if (context === undefined) throw new Error('The browser has ended.');
    return context;
  }

  /** Opens a tab in front of the others. What its scripts throw fails the test. */
  async tab(url: string): Promise<Page> {
    const page = await this.context.newPage();
    this.#tabs.add(page);
    page.on('pageerror', ({ message }) => this.errors.push(message));
    await page.goto(url);
    await page.bringToFront();
    return page;
  }

  /** Leaves all pages. */
  async clear(): Promise<void> {
    await this.context.setOffline(false);
    for (const page of this.#tabs) await page.close();
    this.#tabs.clear();
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    // `close` would only leave it.
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close');
    await ended;
    // Processes of it end later.
    await rm(this.profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** The browser of a file's specs. */
export function startedChromium(): () => Chromium {
  let browser: Chromium;
  beforeAll(async () => {
    browser = await Chromium.start();
  });
  afterEach(async () => {
    await browser.clear();
    expect(browser.errors.splice(0)).toEqual([]);
  });
  afterAll(() => browser.end());
  return () => browser;
}

function endpointOf(started: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => {
      reject(new Error(`${EXECUTABLE} ${why}: ${said}`));
    };
    const timer = setTimeout(() => fail(`did not start in ${START_MS} ms`), START_MS);
    started.once('error', ({ message }) => fail(message));
    started.once('exit', (code) => fail(`has ended with ${code}`));
    started.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [endpoint] = /\bws:\/\/\S+/.exec(said) ?? [];
      if (endpoint === undefined) return;
      clearTimeout(timer);
      resolve(endpoint);
    });
  });
}
