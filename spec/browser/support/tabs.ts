import type { Page } from 'playwright-core';
import { expect, vi } from 'vitest';

/** Waits until something holds, for long enough for a slow machine. */
export const until = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 60_000, interval: 20 });

/** Waits until a page has read a text, and no more than it. */
export const hasRead = (page: Page, text: string): Promise<unknown> =>
  until(async () => {
    expect(await page.evaluate(() => test.seen.text)).toBe(text);
  });

/** Waits until a page has read to the end, which was such. */
export const hasEnded = (page: Page, end: string): Promise<unknown> =>
  until(async () => {
    expect(await page.evaluate(() => test.seen.end)).toBe(end);
  });
