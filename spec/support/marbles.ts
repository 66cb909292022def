import { configure } from 'rxjs-marbles';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

/**
 * rxjs-marbles has no entry for vitest. `frameworkMatcher` hands whole recordings to vitest, so a failure shows
 * both as a diff. (Its `observe()` passes vacuously under vitest: never use it.)
 */
export const { marbles } = configure({
  assert: (value: unknown, message: string) => {
    expect(value, message).toBeTruthy();
  },
  assertDeepEqual: (actual: unknown, expected: unknown) => {
    expect(actual).toStrictEqual(expected);
  },
  frameworkMatcher: true,
});

/** A plain test scheduler with vitest's assertion. */
export const testScheduler = (): TestScheduler =>
  new TestScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  });
