/**
 * A signal that comes so soon, in ms, after the first is the same: npm passes on to what it runs what that has had from
 * the terminal already.
 */
const SAME_MS = 500;

/** Waits for SIGTERM or SIGINT. The next one ends the process at once, as if nobody had waited. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const received = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      first ??= now;
      resolve();
      if (now === first || now - first < SAME_MS) return;
      for (const each of SIGNALS) process.off(each, received);
      process.kill(process.pid, signal);
    };
    for (const each of SIGNALS) process.on(each, received);
  });
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
