import { config } from 'rxjs';
import { vi } from 'vitest';

import { codeOf, type ModelReader, type Verdict } from './fuzz-model.js';

/** What `config.onUnhandledError` got. */
const reports: unknown[] = [];
/** RxJS reports from a timer. No real one is waited for; vitest's fake ones take quadratic time for so many. */
const timers: (() => void)[] = [];

/** To be called before programs are run; gives what undoes it. */
export function catchUnhandledErrors(): () => void {
  const { onUnhandledError } = config;
  const { stackTraceLimit } = Error;
  // Programs are refused a lot, and half of the time went into stack traces that nobody reads.
  Error.stackTraceLimit = 0;
  config.onUnhandledError = (error) => reports.push(error);
  vi.stubGlobal('setTimeout', (callback: () => void) => timers.push(callback));
  return () => {
    vi.unstubAllGlobals();
    config.onUnhandledError = onUnhandledError;
    Error.stackTraceLimit = stackTraceLimit;
  };
}

export function forgetReports(): void {
  reports.length = timers.length = 0;
}

/** Holds that what subscribers threw was reported, each once, and nothing but that and the errors they don't handle. */
export function checkReports(
  thrown: readonly unknown[],
  readers: readonly ModelReader[],
  verdict: Verdict,
): void {
  const expected = [...thrown];
  const possible: unknown[] = [];
  for (const { unhandledCode, unsure, stream } of readers) {
    if (unhandledCode === undefined) continue;
    if (!unsure) expected.push(unhandledCode);
    else if (stream?.end?.type === 'error') possible.push(unhandledCode, stream.end.code);
    else possible.push(unhandledCode);
  }
  for (const error of takeReports()) {
    const isIt = (each: unknown): boolean => each === error || each === codeOf(error);
    const among = expected.some(isIt) ? expected : possible;
    const index = among.findIndex(isIt);
    if (index < 0) verdict.fail('unhandled', `${codeOf(error)} was reported and never thrown`);
    else among.splice(index, 1);
  }
  if (expected.length > 0) verdict.fail('unhandled', `${JSON.stringify(expected)} were never reported`);
}

function takeReports(): unknown[] {
  for (const callback of timers.splice(0)) callback();
  return reports.splice(0);
}

/** The codes of what is reported only now, from microtasks: refusals that nobody watched for in all those programs. */
export async function takeLateReports(): Promise<string[]> {
  forgetReports();
  await Promise.resolve();
  return takeReports().map(codeOf);
}
