const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long, in ms, to wait after so many failures before: longer each time, and not as long as others do. */
export const backoff = (failures: number): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
