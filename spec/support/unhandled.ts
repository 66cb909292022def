import { config } from 'rxjs';
import { vi } from 'vitest';

/** What an action makes RxJS give to `config.onUnhandledError`, from timers that are not real. */
export async function unhandledBy(action: () => unknown): Promise<unknown[]> {
  const { onUnhandledError } = config;
  const unhandled: unknown[] = [];
  vi.useFakeTimers();
  config.onUnhandledError = (error) => unhandled.push(error);
  try {
    await action();
    await vi.runAllTimersAsync();
  } finally {
    config.onUnhandledError = onUnhandledError;
    vi.useRealTimers();
  }
  return unhandled;
}
