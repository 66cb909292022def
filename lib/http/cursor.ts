/** Cursors count intervals of 20 s from the 9th of October 2024. */
const EPOCH = Date.UTC(2024, 9, 9);
const INTERVAL = 20_000;
/** By how many seconds at most a cursor goes ahead of one that is not behind. */
const MAX_JITTER = 3_600;

/** The number of the interval that a time is in. */
export const intervalAt = (now: number): number => Math.max(0, Math.floor((now - EPOCH) / INTERVAL));

/**
 * The cursor of an answer, by which caches tell it from earlier ones: that of the interval, or, where the client has
 * come as far already, a later one by chance (section 10.1).
 */
export function cursorAfter(given: string | null, now: number, random: () => number): string {
  const current = BigInt(intervalAt(now));
  if (given === null || !/^\d{1,40}$/.test(given) || BigInt(given) < current) return String(current);
  const seconds = 1 + random() * (MAX_JITTER - 1);
  return String(BigInt(given) + BigInt(Math.max(1, Math.round((seconds * 1_000) / INTERVAL))));
}
