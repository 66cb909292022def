import { finalize } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { StreamError } from '../lib/errors.js';
import { InputFailure } from '../lib/input-failure.js';
import { codes, outcome } from './support/outcomes.js';
import { unhandledBy } from './support/unhandled.js';
import { noted } from './support/views.js';

const error = new StreamError('CANCELLED', 'stop');
const other = new StreamError('ABORTED', 'other');

/** A failure, and whether its input can write no more for another reason. */
function createFailure() {
  const state = { over: false };
  return { state, failure: new InputFailure(() => state.over) };
}

describe('The failure of an input', () => {
  it('is told to all who watch, and then it is over', () => {
    const { failure } = createFailure();
    const [first, second] = [noted(codes(failure.failed)), noted(codes(failure.failed))];
    expect(failure.told).toBe(false);
    failure.set(error);
    expect([first, second]).toEqual(Array(2).fill(['CANCELLED', '|']));
    expect(failure.told).toBe(true);
  });

  it('is told to who watches later', () => {
    const { failure } = createFailure();
    failure.set(error);
    expect(failure.told).toBe(false);
    expect(noted(codes(failure.failed))).toEqual(['CANCELLED', '|']);
    expect(failure.told).toBe(true);
  });

  it('is the first one', () => {
    const { failure } = createFailure();
    const seen = noted(codes(failure.failed));
    failure.set(error);
    failure.set(other);
    failure.over();
    expect(seen).toEqual(['CANCELLED', '|']);
    expect(failure.error).toBe(error);
  });

  it('is none where the input is over by itself', () => {
    const { failure, state } = createFailure();
    const seen = noted(failure.failed);
    state.over = true;
    failure.over();
    expect([seen, noted(failure.failed)]).toEqual([['|'], ['|']]);
    expect(failure.told).toBe(false);
  });

  it('is not told to who has left', () => {
    const { failure } = createFailure();
    const seen: unknown[] = [];
    failure.failed.subscribe((given) => seen.push(given)).unsubscribe();
    failure.set(error);
    expect([seen, failure.told]).toEqual([[], false]);
  });

  it('is told to who comes, and is not told again to who leaves, in a callback', () => {
    const { failure } = createFailure();
    const seen: string[] = [];
    failure.failed.subscribe(() => {
      second.unsubscribe();
      failure.failed.subscribe(({ code }) => seen.push(`late ${code}`));
    });
    const second = failure.failed.subscribe(({ code }) => seen.push(code));
    failure.set(error);
    expect(seen).toEqual(['late CANCELLED']);
  });

  it('is told to all though who watches throws', async () => {
    const { failure } = createFailure();
    const thrown = new Error('thrown');
    const unhandled = await unhandledBy(() => {
      failure.failed
        .pipe(
          finalize(() => {
            throw thrown;
          }),
        )
        .subscribe();
      const seen = noted(codes(failure.failed));
      failure.set(error);
      expect(seen).toEqual(['CANCELLED', '|']);
    });
    expect(unhandled).toMatchObject([{ errors: [thrown] }]);
  });

  describe('as a signal', () => {
    it('aborts it, whether it is asked for before or after', () => {
      const { failure } = createFailure();
      const signal = failure.signal(() => undefined);
      expect(failure.signal(() => other)).toBe(signal);
      failure.set(error);
      expect([signal.aborted, signal.reason, failure.told]).toEqual([true, error, true]);
      const { failure: late } = createFailure();
      late.set(error);
      expect(late.told).toBe(false);
      expect(late.signal(() => error).reason).toBe(error);
      expect(late.told).toBe(true);
    });

    it('keeps the reason of a stop that came before, which tells of that stop and of no other failure', () => {
      for (const [failed, told] of [
        [new StreamError('CANCELLED', 'stop'), true],
        [other, false],
      ] as const) {
        const { failure } = createFailure();
        const signal = failure.signal(() => error);
        expect(failure.told).toBe(false);
        failure.set(failed);
        expect([signal.reason, failure.told]).toEqual([error, told]);
      }
    });
  });

  describe('that a call could not tell', () => {
    it('is reported once, after what is running', async () => {
      const { failure } = createFailure();
      const unhandled = await unhandledBy(async () => {
        failure.set(error);
        failure.report(error);
        failure.report(other);
        expect(failure.told).toBe(false);
        await Promise.resolve();
        failure.report(other);
      });
      expect(unhandled).toEqual([error]);
    });

    it.each<[string, (failure: InputFailure) => unknown]>([
      ['watches', ({ failed }) => failed.subscribe()],
      ['asks for the signal', (failure) => failure.signal(() => failure.error)],
      ['is rejected with it', (failure) => outcome(() => failure.reject(failure.error!))],
    ])('is not reported where somebody %s, before or right after', async (_, watch) => {
      for (const early of [true, false]) {
        const { failure } = createFailure();
        const unhandled = await unhandledBy(() => {
          failure.set(error);
          if (early) void watch(failure);
          failure.report(error);
          if (!early) void watch(failure);
        });
        expect(unhandled).toEqual([]);
      }
    });

    it('is reported where somebody is rejected with another error', async () => {
      const { failure } = createFailure();
      const unhandled = await unhandledBy(async () => {
        failure.set(error);
        expect(await outcome(() => failure.reject(other))).toBe('ABORTED');
        failure.report(error);
      });
      expect(unhandled).toEqual([error]);
    });
  });
});
