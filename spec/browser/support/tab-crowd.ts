import type { CDPSession, Page } from 'playwright-core';
import type { Chromium } from './chromium.js';

const MIN_TABS = 2;
const MAX_TABS = 6;

/** Numbers to choose by. */
interface Random {
  below(limit: number): number;
}

/** Tabs that come and go, and are treated as users and browsers treat them. */
export class TabCrowd {
  readonly #tabs = new Set<Page>();
  readonly #frozen = new Map<Page, CDPSession>();

  constructor(
    private readonly chromium: Chromium,
    private readonly site: string,
    private readonly random: Random,
    /** Has a new page read. */
    private readonly begin: (page: Page) => Promise<void>,
  ) {}

  get tabs(): readonly Page[] {
    return [...this.#tabs];
  }

  /** What may happen at any moment. */
  readonly events: readonly (() => Promise<void>)[] = [
    () => this.add(),
    () => this.#close(),
    () => this.#reload(),
    () => this.#freeze(),
    () => this.thaw(),
    () => this.#any().bringToFront(),
  ];

  async add(): Promise<void> {
    if (this.#tabs.size >= MAX_TABS) return;
    const page = await this.chromium.tab(this.site);
    this.#tabs.add(page);
    await this.begin(page);
  }

  /** Lets all go on that are frozen. */
  async thaw(): Promise<void> {
    for (const [page, session] of this.#frozen) {
      await session.send('Page.setWebLifecycleState', { state: 'active' });
      this.#frozen.delete(page);
    }
  }

  async #close(): Promise<void> {
    if (this.#tabs.size <= MIN_TABS) return;
    const page = this.#any();
    this.#tabs.delete(page);
    this.#frozen.delete(page);
    await page.close();
  }

  async #reload(): Promise<void> {
    const page = this.#any();
    if (this.#frozen.has(page)) return;
    await page.reload();
    await this.begin(page);
  }

  async #freeze(): Promise<void> {
    const page = this.#any();
    if (this.#frozen.has(page)) return;
    const session = await this.chromium.context.newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    this.#frozen.set(page, session);
  }

  #any(): Page {
    const { tabs } = this;
    return tabs[this.random.below(tabs.length)] as Page;
  }
}
